"""Every Python block of the README and of the documentation runs, and prints what the page says."""

import os

import pytest

from support.markdown import Failure, blocks, run_page
from support.paths import ROOT, SOURCE, run_python

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def with_blocks(pages):
    """The pages that have something to run."""
    return [page for page in pages if any(block.runs for block in blocks(page.read_text(encoding="utf8")))]


@pytest.mark.parametrize("page", with_blocks(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page, monkeypatch, tmp_path):
    monkeypatch.chdir(
        tmp_path
    )  # pages may save files, and declare operators: a process and a folder for each
    path = os.pathsep.join(map(str, (SOURCE, ROOT / "tests")))
    done = run_python("-W", "error", "-m", "support.markdown", page, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def written(folder, *lines):
    """A page with the given lines."""
    page = folder / "page.md"
    page.write_text("\n".join(lines), encoding="utf8")
    return page


def test_blocks_of_a_page_share_their_names(tmp_path):
    assert (
        run_page(written(tmp_path, "```python", "a = 1", "```", "then", "```python", "assert a", "```")) == 2
    )


def test_an_error_names_the_file_and_the_line(tmp_path):
    page = written(tmp_path, "# Title", "", "```python", "a = 1", "b = a / 0", "```")
    with pytest.raises(Failure, match=r"page\.md:5: ZeroDivisionError"):
        run_page(page)


def test_a_syntax_error_names_the_file_and_the_line(tmp_path):
    with pytest.raises(Failure, match=r"page\.md:3: SyntaxError"):
        run_page(written(tmp_path, "```python", "a = 1", "a = = 2", "```"))


def test_the_text_block_after_is_what_must_be_printed(tmp_path):
    right = ["```python", "print(6 * 7)", "```", "", "```text", "42", "```"]
    assert run_page(written(tmp_path, *right)) == 1
    with pytest.raises(Failure, match=r"page\.md:6: the block at line 2 prints\n42\nand the page says\n43"):
        run_page(written(tmp_path, *right[:5], "43", "```"))


def test_a_block_that_raises_shows_its_message(tmp_path):
    page = written(tmp_path, "```python raises", "{}[1]", "```", "```text", "KeyError: 1", "```")
    assert run_page(page) == 1
    with pytest.raises(Failure, match="it does not"):
        run_page(written(tmp_path, "```python raises", "1", "```"))


def test_a_block_is_left_out_only_with_a_reason(tmp_path):
    assert run_page(written(tmp_path, "```python no-run: needs a camera", "1 / 0", "```")) == 0
    for mark in "no-run", "no-run:", "norun":
        with pytest.raises(Failure, match=r"page\.md:1"):
            run_page(written(tmp_path, f"```python {mark}", "1 / 0", "```"))


def test_a_block_left_open_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="line 2 is never closed"):
        run_page(written(tmp_path, "text", "```python", "1"))
