"""The program of `make demo` learns what PyTorch learns from the same seed, as the README shows."""

import re

import pytest

from support.paths import ROOT, run_python

# what the same program prints on PyTorch 2.13
LOSSES = [0.7192, 0.2320, 0.0888, 0.0459, 0.0286, 0.0201]
RIGHT = [54.75, 95.25, 99.75, 100.0, 100.0, 100.0]


@pytest.fixture(scope="module")
def printed():
    """The output of the example."""
    done = run_python(ROOT / "examples/first_steps.py")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curve_is_that_of_pytorch(printed):
    rows = re.findall(r"step +\d+ +loss ([\d.]+) +right +([\d.]+)%", printed)
    assert [float(loss) for loss, _ in rows] == pytest.approx(LOSSES, abs=2e-4)
    assert [float(right) for _, right in rows] == pytest.approx(RIGHT, abs=0.26)  # one point of the 400


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md"])
def test_the_readme_shows_its_picture(printed, document):
    shown = next(re.finditer(r"```text\n(step.*?)```", (ROOT / document).read_text(encoding="utf8"), re.S))[1]
    assert points(shown) == points(printed)


def points(text):
    """The places of both arms in the picture; the boundary between them may move by a rounding."""
    return [re.sub(r"[^xo]", " ", line).rstrip() for line in text.strip().splitlines()[8:]]
