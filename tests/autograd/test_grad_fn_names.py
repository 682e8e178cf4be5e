"""`grad_fn` has PyTorch's names: learners print tensors, and compare what they see with their notes."""

from pathlib import Path

import pytest

import rushlight

CASES = Path(__file__).with_name("grad_fn_names.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def scope():
    """The tensors that the expressions are about."""
    rushlight.manual_seed(0)
    shapes = {"x": (4, 4), "o": (1, 4), "b": (3, 4, 4), "c": (1, 2, 6, 6), "w": (3, 2, 3, 3)}
    names = {name: rushlight.rand(*shape, requires_grad=True) for name, shape in shapes.items()}
    names |= {"i": rushlight.tensor([0, 1]), "l": rushlight.tensor([0, 1, 2, 3])}
    names["g"] = rushlight.zeros(4, 4, dtype=rushlight.int64)
    return names | {"torch": rushlight, "nn": rushlight.nn, "F": rushlight.nn.functional}


@pytest.mark.filterwarnings("ignore")  # some of the expressions are deprecated ones
@pytest.mark.parametrize("case", CASES)
def test_names_are_those_pytorch_shows(case, scope):
    name, expression = case.split(" <- ")
    result = eval(expression, dict(scope))
    assert result.grad_fn.name() == name
    assert f"grad_fn=<{name}>" in repr(result)
    assert repr(result.grad_fn).startswith(f"<{name} object at ")
