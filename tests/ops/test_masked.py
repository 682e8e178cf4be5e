"""`rushlight.masked` treats what a mask stops as if it were not there."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import masked

DATA = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
MASK = np.array([[True, False, True], [False, True, True]])


@pytest.mark.parametrize(
    ("name", "of_row"),
    [
        ("sum", np.sum),
        ("prod", np.prod),
        ("mean", np.mean),
        ("amax", np.max),
        ("amin", np.min),
        ("norm", np.linalg.norm),
        ("median", np.min),  # the lower of two
        ("logsumexp", lambda r: np.log(np.sum(np.exp(r)))),
        ("var", lambda r: np.var(r, ddof=1)),
        ("std", lambda r: np.std(r, ddof=1)),
    ],
)
def test_reductions_of_rows(name, of_row):
    result = getattr(masked, name)(rushlight.tensor(DATA), dim=1, mask=rushlight.tensor(MASK))
    assert np.allclose(result.numpy(), [of_row(row[m]) for row, m in zip(DATA, MASK)])


@pytest.mark.parametrize(("name", "sign"), [("softmax", 1), ("softmin", -1)])
def test_softmax_is_that_of_what_is_left(name, sign):
    result = getattr(masked, name)(rushlight.tensor(DATA), dim=1, mask=rushlight.tensor(MASK)).numpy()
    for row, mask, out in zip(DATA, MASK, result):
        expected = np.exp(sign * row[mask])
        assert np.allclose(out[mask], expected / expected.sum())


def test_what_is_stopped_gets_no_gradient():
    x = rushlight.tensor(DATA, requires_grad=True)
    masked.mean(x, mask=rushlight.tensor(MASK)).backward()
    assert np.allclose(x.grad.numpy(), MASK / MASK.sum())


def test_nothing_left():
    none = rushlight.zeros(2, 3, dtype=rushlight.bool)
    x = rushlight.tensor(DATA)
    assert masked.sum(x, 1, mask=none).tolist() == [0, 0]
    assert masked.mean(x, 1, mask=none).isnan().all()
    assert masked.amax(x, 1, mask=none).tolist() == [-float("inf")] * 2


def test_a_mask_must_be_one():
    x = rushlight.tensor(DATA)
    with pytest.raises(TypeError, match=r"torch\.bool"):
        masked.sum(x, mask=x)
    with pytest.raises(IndexError, match="dimensionality"):
        masked.sum(x, mask=rushlight.ones(1, 2, 3, dtype=rushlight.bool))
