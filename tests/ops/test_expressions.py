"""Operators that programs seldom call, as one-line programs with PyTorch's answers beside ours."""

from pathlib import Path

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F

torch = pytest.importorskip("torch")

LINES = (Path(__file__).parent / "expressions.txt").read_text(encoding="utf8").splitlines()


def evaluated(library, functional, expression):
    library.manual_seed(0)
    scope = {
        "torch": library,
        "F": functional,
        "x": library.arange(12.0).reshape(3, 4) / 12,
        "v": library.ones(5),
        "m": library.tensor([[True, False, True], [False, True, False]]),
        "s": library.tensor(1.0),
    }
    return eval(expression, scope)


def flat(value):
    """Numbers and texts of a nested result, in order."""
    if hasattr(value, "resolve_conj"):
        return [np.asarray(value.resolve_conj().detach().numpy())]
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


@pytest.mark.parametrize("expression", LINES, ids=range(len(LINES)))
@pytest.mark.filterwarnings("ignore")
def test_the_answer_is_pytorchs(expression):
    got, expected = evaluated(rushlight, F, expression), evaluated(torch, torch.nn.functional, expression)
    assert len(flat(got)) == len(flat(expected))
    for a, b in zip(flat(got), flat(expected)):
        if isinstance(b, np.ndarray):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
        else:
            assert a == b
