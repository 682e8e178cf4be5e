"""Losses of small arrays, whose results generated code makes by itself."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import small_losses

from ..check import near
from ..draw import Draw
from . import family

SPECIAL = (np.nan, np.inf, -np.inf)
ROUNDING = {"float32": 1e-5, "float64": 1e-13}


@family("small losses")
def losses(draw: Draw) -> bool:
    dtype, mean = draw.one("float32", "float64"), draw.chance(0.5)
    rows = draw.size(200)
    shape = rows, draw.size(max(1, min(300, 4096 // rows)))
    if draw.chance(0.5):
        return _squares(draw, draw.dense(shape, dtype), mean)
    return _labels(draw, draw.dense(shape, dtype, SPECIAL if draw.chance(0.15) else ()), mean)


def _near(made, exact, dtype: str) -> None:
    exact = np.asarray(exact)
    near(np.asarray(made), exact, ROUNDING[dtype] * max(1.0, float(np.abs(exact).max(initial=0))))


def _squares(draw: Draw, x: np.ndarray, mean: bool) -> bool:
    dtype, count = x.dtype.name, x.size if mean else 1
    t, g = draw.dense(x.shape, dtype), draw.dense((), dtype)
    calls = small_losses.of(x)
    made = draw.run(calls.squares, x, t, mean)
    if made is None:
        return False
    gap = x.astype("f8") - t
    _near(made, (gap**2).sum() / count, dtype)
    needs = draw.chance(0.7), draw.chance(0.7)
    back = draw.run(calls.squares_back, g, x, t, mean, needs)
    for one, sign, need in zip(back, (1, -1), needs):
        assert (one is not None) == need
        if need:
            _near(one, sign * 2 * gap * float(g) / count, dtype)
    return True


def _labels(draw: Draw, x: np.ndarray, mean: bool) -> bool:
    rows, classes = x.shape
    labels = draw.guarded(draw.random.integers(0, classes, rows))
    wrong = draw.chance(0.1)
    if wrong:
        labels[draw.number(0, rows - 1)] = draw.one(-100, -1, classes, 1 << 40)
    calls = small_losses.of(x)
    made = draw.run(calls.labels, x, labels, mean)
    if wrong:
        assert made is None
        return True
    with np.errstate(all="ignore"):
        e = np.exp(x.astype("f8") - x.max(1, keepdims=True))
        p, at = e / e.sum(1, keepdims=True), (np.arange(rows), labels)
        each = -np.log(p[at])
    assert (made is None) == (not np.isfinite(each).all())
    if made is None:
        return True  # numpy says what it is
    _near(made[0], each.mean() if mean else each.sum(), x.dtype.name)
    p[at] -= 1
    _near(made[1], p, x.dtype.name)
    g = draw.dense((), x.dtype.name)
    back = draw.run(calls.labels_back, g, made[1], mean)
    _near(back, p * float(g) / (rows if mean else 1), x.dtype.name)
    return True
