"""Build the documentation: the Markdown pages of docs/ and the reference of the library, as a static site.

    python tools/docs/build.py --out build/site

Nothing is fetched. A page that docs/navigation.json forgets, or a link that leads nowhere, is an error.
"""

import argparse
import json
import shutil
import sys
from html import escape
from pathlib import Path
from string import Template

import pages
import reference
from pages import FORMATTER, Problem

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"


def navigation(docs):
    """The parts of the site with their Markdown files, as docs/navigation.json lists them."""
    parts = json.loads((docs / "navigation.json").read_text(encoding="utf8"))
    named = {(docs / name).resolve() for part in parts for name in part["pages"]}
    forgotten = sorted(path.name for path in docs.rglob("*.md") if path.resolve() not in named)
    absent = sorted(path.name for path in named if not path.exists())
    if forgotten or absent:
        raise Problem(f"docs/navigation.json: forgets {forgotten}, names {absent} that do not exist")
    return parts


def address_of(docs, path):
    """Where a page ends up: its name in small letters, with its folder where it has one inside docs."""
    name = path.relative_to(docs) if path.is_relative_to(docs) else Path(path.name)
    return "-".join(name.with_suffix("").parts).lower() + ".html"


def collect(docs):
    """Every part of the site with its pages, the reference last."""
    parts = navigation(docs)
    files = {name: (docs / name).resolve() for part in parts for name in part["pages"]}
    addresses = {path: address_of(docs.resolve(), path) for path in files.values()}
    site = []
    for part in parts:
        sources = [files[name] for name in part["pages"]]
        site.append((part["title"], [pages.read(source, addresses[source], addresses) for source in sources]))
    described, missing = reference.make_pages()
    for name in missing:
        print(f"docs: {name} does not exist yet, so its reference is left out")
    return [*site, ("Reference", described)]


def menu(site, current):
    """The list of all pages, with the parts of the current one."""
    lines = []
    for title, members in site:
        lines.append(f"<h2>{escape(title)}</h2>\n<ul>")
        for page in members:
            here = ' class="here"' if page is current else ""
            lines.append(f'<li{here}><a href="{page.address}">{escape(page.title)}</a>')
            if page is current:
                lines.append(contents(page))
            lines.append("</li>")
        lines.append("</ul>")
    return "\n".join(lines)


def contents(page):
    """The second-level headings of a page as links."""
    links = [f'<li><a href="#{h.anchor}">{escape(h.text)}</a></li>' for h in page.headings if h.level == 2]
    return f"<ul>{''.join(links)}</ul>" if links else ""


def search_index(site):
    """What the search box looks through: every heading and every name of the reference, with its address."""
    found = []
    for _, members in site:
        for page in members:
            found.append([page.title, page.address, ""])
            found += [
                [h.text, f"{page.address}#{h.anchor}", page.title] for h in page.headings if h.level > 1
            ]
    return "const INDEX = " + json.dumps(found, ensure_ascii=False) + ";\n"


def write(site, out):
    """Write the site to a folder, which is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    template = Template((HERE / "theme" / "page.html").read_text(encoding="utf8"))
    for _, members in site:
        for page in members:
            text = template.substitute(title=escape(page.title), menu=menu(site, page), body=page.body)
            (out / page.address).write_text(text, encoding="utf8")
    for picture in DOCS.glob("*.svg"):
        shutil.copy(picture, out)
    style = (HERE / "theme" / "style.css").read_text(encoding="utf8")
    (out / "style.css").write_text(style + FORMATTER.get_style_defs(".code") + "\n", encoding="utf8")
    script = (HERE / "theme" / "search.js").read_text(encoding="utf8")
    (out / "search.js").write_text(search_index(site) + script, encoding="utf8")


def build(docs, out):
    """Build the site of a folder of Markdown; the pages that it has."""
    site = collect(docs)
    members = [page for _, part in site for page in part]
    pages.check_links(members)
    write(site, out)
    return members


def main(arguments=None):
    """Build the site and say what was built; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of Markdown (docs)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/site"), help="where the site goes (build/site)"
    )
    options = parser.parse_args(arguments)
    try:
        built = build(options.docs, options.out)
    except Problem as problem:
        print(f"docs: {problem}", file=sys.stderr)
        return 1
    print(f"docs: {len(built)} pages in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
