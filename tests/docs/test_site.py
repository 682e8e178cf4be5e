"""The docs build into a site whose links lead somewhere, and a reference in the library's words."""

import json
import re
import subprocess
import sys

import pytest

from support.paths import ROOT, SOURCE
from support.tools import load_tool

pytest.importorskip("markdown_it")
pytest.importorskip("pygments")


def build(out, *arguments):
    """What the builder did, in a process of its own."""
    command = [sys.executable, str(ROOT / "tools/docs/build.py"), "--out", str(out), *map(str, arguments)]
    environment = {"PYTHONPATH": str(SOURCE), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of this repository."""
    out = tmp_path_factory.mktemp("site")
    done = build(out)
    assert done.returncode == 0, done.stderr
    return out


def test_every_link_of_the_site_leads_to_a_page(site):
    pages = list(site.glob("*.html"))
    assert len(pages) > 3
    for page in pages:
        text = page.read_text(encoding="utf8")
        for target in re.findall(r'(?:href|src)="([^"]*)"', text):
            name, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", name):
                continue
            linked = site / name if name else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert not anchor or f'id="{anchor}"' in linked.read_text(encoding="utf8"), (
                f"{page.name}: {target}"
            )


def test_the_reference_describes_the_library(site):
    text = (site / "reference-rushlight.html").read_text(encoding="utf8")
    for name in "tensor", "add", "tanh", "matmul", "manual_seed":
        assert f'id="rushlight.{name}"' in text
    assert "0x" not in re.sub(r"<p>.*?</p>", "", text, flags=re.S)  # no addresses in signatures


def test_every_name_of_the_reference_is_described(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools/docs"))
    described = load_tool("docs/reference.py")
    spaces = {path: described.resolve(path) for path in described.NAMESPACES}
    listed = [entry for path, space in spaces.items() if space for entry in described.entries(path, space)]
    assert len(listed) > 100
    assert [entry.name for entry in listed if not entry.text] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page):
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text(encoding="utf8"))
    assert [
        name for name in named if not (ROOT / name).exists() and not (SOURCE / "rushlight" / name).exists()
    ] == []


def written(folder, pages, navigation):
    """A folder of documentation."""
    docs = folder / "docs"
    docs.mkdir()
    for name, text in pages.items():
        (docs / name).write_text(text, encoding="utf8")
    (docs / "navigation.json").write_text(json.dumps(navigation), encoding="utf8")
    return docs


GUIDE = [{"title": "Guide", "pages": ["index.md"]}]


@pytest.mark.parametrize(
    ("pages", "navigation", "said"),
    [
        ({"index.md": "# A\n[b](gone.md)"}, GUIDE, "the link to gone.md leads nowhere"),
        ({"index.md": "# A\n[b](#gone)"}, GUIDE, "no heading #gone"),
        ({"index.md": "# A", "b.md": "# B"}, GUIDE, "forgets ['b.md']"),
        ({}, GUIDE, "names ['index.md'] that do not exist"),
        ({"index.md": "# A\n```klingon\nx\n```"}, GUIDE, "no such language"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, pages, navigation, said):
    done = build(tmp_path / "out", "--docs", written(tmp_path, pages, navigation))
    assert done.returncode == 1
    assert said in done.stderr


def test_links_between_pages_and_headings_hold(tmp_path):
    pages = {"index.md": "# A\n[b](b.md#two-words)", "b.md": "# B\n## Two words\n## Two words\n[a](index.md)"}
    docs = written(tmp_path, pages, [{"title": "Guide", "pages": ["index.md", "b.md"]}])
    done = build(tmp_path / "out", "--docs", docs)
    assert done.returncode == 0, done.stderr
    assert 'href="b.html#two-words"' in (tmp_path / "out/index.html").read_text(encoding="utf8")
    assert 'id="two-words-2"' in (tmp_path / "out/b.html").read_text(encoding="utf8")
