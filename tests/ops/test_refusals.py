"""Bad input is refused with PyTorch's kind of error, and with a message that says what is wrong.

`refused_by_pytorch.txt` has the expressions, each with the built-in exception that PyTorch raises for it.
"""

import builtins
from pathlib import Path

import pytest

import rushlight
import rushlight.nn.functional as F

LINES = (Path(__file__).parent / "refused_by_pytorch.txt").read_text(encoding="utf8").splitlines()
CASES = [tuple(line.split(": ", 1)) for line in LINES]


def names(torch, functional):
    torch.manual_seed(0)
    return {
        "torch": torch,
        "F": functional,
        "x": torch.arange(12.0).reshape(3, 4) / 12,
        "v": torch.ones(5),
        "i": torch.tensor([0, 1]),
        "m": torch.ones(3, 4, dtype=torch.bool),
        "s": torch.tensor(1.0),
    }


@pytest.mark.parametrize(("kind", "expression"), CASES, ids=[c[1] for c in CASES])
@pytest.mark.filterwarnings("ignore")
def test_refused(kind, expression):
    with pytest.raises(getattr(builtins, kind)) as caught:
        eval(expression, names(rushlight, F))
    assert len(str(caught.value)) > 15, "a message says what was wrong"


@pytest.mark.filterwarnings("ignore")
def test_the_record_is_pytorchs():
    torch = pytest.importorskip("torch")
    for kind, expression in CASES:
        with pytest.raises(getattr(builtins, kind)):
            eval(expression, names(torch, torch.nn.functional))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("torch.ones(3, 4) @ torch.ones(5, 6)", ("3x4", "5x6", "4", "5")),
        ("F.cross_entropy(x, torch.ones(3))", ("Long", "float32", ".long()")),
        ("F.cross_entropy(x, torch.tensor([0, 1, 9]))", ("9", "4 classes", "0 to 3")),
        ("torch.sum(x, dim=5)", ("[-2, 1]", "5")),
        ("torch.gather(x)", ("missing", "dim")),
        ("x[7]", ("7", "3")),
        ("torch.ones(2) + torch.ones(3)", ("2", "3", "dimension 0")),
        ("torch.ones(2, dtype=torch.int64).requires_grad_()", ("floating point", ".float()")),
    ],
)
def test_messages_teach(expression, words):
    with pytest.raises(Exception) as caught:
        eval(expression, names(rushlight, F))
    missing = [w for w in words if w not in str(caught.value)]
    assert not missing, str(caught.value)
