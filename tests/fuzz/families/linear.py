"""Products of small matrices, as linear layers make them, and their gradients."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import linear

from ..check import near, rounding_of_sums
from ..draw import Draw
from . import family

SPECIAL = (np.nan, np.inf, -0.0, 1e-40)


def _sizes(draw: Draw) -> tuple[int, int, int, str]:
    inner = draw.number(0, 3) if draw.chance(0.1) else draw.size(64)
    columns = draw.size(max(1, min(64, linear.MOST_WEIGHTS // max(inner, 1))))
    rows = draw.size(max(1, min(200, linear.MOST_PRODUCTS // max(inner * columns, 1))))
    return rows, inner, columns, draw.one("float32", "float64")


def _product(made: np.ndarray, a: np.ndarray, b: np.ndarray, plus: np.ndarray | None = None) -> None:
    """Is it `a @ b + plus`?"""
    with np.errstate(invalid="ignore"):
        exact, size = a.astype("f8") @ b.astype("f8"), np.abs(a).astype("f8") @ np.abs(b).astype("f8")
        if plus is not None:
            exact, size = exact + plus, size + np.abs(plus)
    near(made, exact, rounding_of_sums(size, a.shape[1] + 1, made.dtype))


@family("linear")
def forward(draw: Draw) -> bool:
    rows, inner, columns, dtype = _sizes(draw)
    x = draw.dense((rows, inner), dtype, SPECIAL if draw.chance(0.2) else ())
    w = draw.dense((columns, inner), dtype)
    bias = draw.dense((columns,), dtype) if draw.chance(0.5) else None
    made = draw.run(linear.forward, x, w, bias)
    if made is not None:
        _product(made, x, w.T, bias)
    return made is not None


@family("linear, gradients")
def backward(draw: Draw) -> bool:
    rows, inner, columns, dtype = _sizes(draw)
    special = SPECIAL if draw.chance(0.2) else ()
    x, w = draw.dense((rows, inner), dtype), draw.dense((columns, inner), dtype)
    g = draw.dense((rows, columns), dtype, special)
    needs = tuple(draw.chance(0.8) for _ in range(3))
    made = draw.run(linear.backward, g, x, w, needs)
    if made is None:
        return False
    assert [part is not None for part in made] == list(needs)
    for part, a, b in zip(made, (g, g.T, np.ones((1, rows))), (w, x, g)):
        if part is not None:
            _product(part if part.ndim == 2 else part[None], a, b)
    return True
