"""The code blocks of a Markdown page, and their execution as one program.

A ```python block runs; a ```text block right after it is what it must print. The blocks of a page share their
names. After the word python may stand, to say how a block is meant:

    ```python raises          it ends in an error; a text block after it holds `TypeOfError: message`
    ```python no-run: why     it is not run, for a reason that is given

`python -m support.markdown PAGE` runs a page in a process of its own.
"""

import contextlib
import io
import itertools
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(?P<marks>```+|~~~+)\s*(?P<word>[\w+-]*)\s*(?P<rest>.*)$")


@dataclass
class Block:
    """A code block: its language, what stands after it, its text, and the line its text starts on."""

    language: str
    mark: str
    text: str
    line: int
    expected: "Block | None" = None

    @property
    def runs(self):
        """Whether the block is a program to run."""
        return self.language == "python" and not self.mark.startswith("no-run")


def blocks(text):
    """All fenced blocks of a page, in order; a text block is what the python block before it must print."""
    found, opened = [], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened = fence["marks"], Block(fence["word"], fence["rest"].strip(), "", number + 1)
        elif opened is not None and fence and fence["marks"] == opened[0] and not fence["word"]:
            found.append(opened[1])
            opened = None
        elif opened is not None:
            opened[1].text += line + "\n"
    if opened is not None:
        raise ValueError(f"the block that starts at line {opened[1].line - 1} is never closed")
    for before, after in itertools.pairwise(found):
        if before.language == "python" and after.language == "text":
            before.expected = after
    return found


class Failure(AssertionError):
    """A page that does not do what it says, with the file and line."""


def run_page(page):
    """Run all python blocks of a page as one program, and hold what they print against what the page says."""
    path = Path(page)
    module, caller = types.ModuleType("__main__"), sys.modules["__main__"]
    ran = 0
    sys.modules["__main__"] = module  # where pickle looks for the classes of a page
    try:
        for block in blocks(path.read_text(encoding="utf8")):
            check_mark(path, block)
            if block.runs:
                run_block(path, block, vars(module))
                ran += 1
    finally:
        sys.modules["__main__"] = caller
    return ran


def check_mark(path, block):
    """Refuse a word after ```python that means nothing, and a block left out without a reason."""
    if block.language == "python" and not re.fullmatch(r"|raises|no-run: \S.*", block.mark):
        problem = "say `raises`, or `no-run: ` and the reason"
        raise Failure(f"{path}:{block.line - 1}: ```python {block.mark}: {problem}")


def run_block(path, block, names):
    """Run one block; its lines keep the numbers that they have in the page, so a traceback points into it."""
    printed = io.StringIO()
    code = "\n" * (block.line - 1) + block.text
    error = None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, str(path), "exec"), names)
        except Exception as problem:
            error = problem
    if error is not None and block.mark != "raises":
        raise Failure(f"{path}:{line_of(error, path, block)}: {said(error)}") from error
    if error is None and block.mark == "raises":
        raise Failure(f"{path}:{block.line}: the block says that it raises an error, and it does not")
    compare(path, block, printed.getvalue() + (said(error) if error else ""))


def said(error):
    """An error as the last line of a traceback shows it."""
    return f"{type(error).__name__}: {error}"


def line_of(error, path, block):
    """The line of the page where an error arose."""
    if isinstance(error, SyntaxError):
        return error.lineno
    traceback, line = error.__traceback__, block.line
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def compare(path, block, printed):
    """Hold what a block printed against the text block after it, if there is one."""
    if block.expected is None:
        return
    wanted, got = tidy(block.expected.text), tidy(printed)
    if wanted != got:
        where = f"{path}:{block.expected.line}"
        raise Failure(f"{where}: the block at line {block.line} prints\n{got}\nand the page says\n{wanted}")


def tidy(text):
    """A text without the spaces that no reader sees."""
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


if __name__ == "__main__":
    try:
        print(run_page(sys.argv[1]))
    except Failure as failure:
        sys.exit(str(failure))
