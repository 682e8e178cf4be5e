"""Markdown pages as HTML: headings that can be linked to, coloured code, links that are checked."""

import itertools
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

FORMATTER = HtmlFormatter(nowrap=True)


class Problem(Exception):
    """Something in the documentation that its writer has to mend."""


@dataclass
class Heading:
    """A heading of a page: its level, its text, and the name that a link to it uses."""

    level: int
    text: str
    anchor: str


@dataclass
class Page:
    """A page of the site: where it comes from, where it goes, its title, its HTML and its headings."""

    source: Path
    address: str
    title: str
    body: str
    headings: list[Heading] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def coloured(code, language, _attributes):
    """A code block as HTML; what follows the language (`raises`, `no-run: why`) is for the tests."""
    try:
        lexer = get_lexer_by_name(language or "text", stripall=False)
    except ClassNotFound as problem:
        raise Problem(f"no such language for a code block: {language!r}") from problem
    return f'<pre class="code">{highlight(code, lexer, FORMATTER)}</pre>\n'


READER = MarkdownIt("commonmark", {"html": False, "highlight": coloured}).enable("table")


def anchor_of(text, taken):
    """The name of a heading in links: its words with dashes, made unique on its page."""
    base = re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    taken.add(name)
    return name


def read(source, address, addresses):
    """A Markdown file as a page. `addresses` tells where the files of the site end up, by resolved path."""
    tokens = READER.parse(source.read_text(encoding="utf8"))
    page = Page(source, address, source.stem, "")
    taken = set()
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            anchor = anchor_of(plain(inside), taken)
            token.attrSet("id", anchor)
            page.headings.append(Heading(int(token.tag[1]), plain(inside), anchor))
    for token in tokens:
        if token.type == "inline":
            token.children = [direct(child, page, addresses) for child in token.children]
    if page.headings and page.headings[0].level == 1:
        page.title = page.headings[0].text
    page.body = READER.renderer.render(tokens, READER.options, {})
    return page


def plain(inline):
    """The words of a line without its marks."""
    return "".join(child.content for child in inline.children if child.type in ("text", "code_inline"))


def direct(token, page, addresses):
    """A link of a page, turned to where its target is on the site."""
    if token.type != "link_open":
        return token
    target = str(token.attrGet("href"))
    if re.match(r"[a-z]+:", target):
        return token
    name, _, anchor = target.partition("#")
    file = (page.source.parent / name).resolve() if name else page.source.resolve()
    if file in addresses:
        token.attrSet("href", addresses[file] + (f"#{anchor}" if anchor else ""))
        page.links.append(str(token.attrGet("href")))
    elif file.exists():
        token.attrs.pop("href")  # a file of the repository that is not on the site: its name, without a link
    else:
        raise Problem(f"{page.source}: the link to {target} leads nowhere")
    return token


def check_links(pages):
    """Refuse a link to a heading that is not there."""
    anchors = {page.address: {heading.anchor for heading in page.headings} for page in pages}
    for page in pages:
        for link in page.links:
            address, _, anchor = link.partition("#")
            if anchor and anchor not in anchors[address]:
                raise Problem(f"{page.source}: there is no heading #{anchor} in {address}")


def fragment(text):
    """A piece of Markdown, a docstring say, as HTML."""
    return READER.render(text)


def signature(text):
    """A signature as coloured HTML, on one line where it is short."""
    return f'<code class="signature">{escape(text)}</code>'
