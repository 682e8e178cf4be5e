"""Reductions, softmax and its relatives along any axes of arrays that lie in memory in any order."""

from __future__ import annotations

import numpy as np

from rushlight.lang.along import Along, folded
from rushlight.ops import softmax

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from . import family

ELEMENTS = 30_000
DTYPES = ("float32", "float64", "int32", "int64")


def _array(draw: Draw, dtype: str, special: tuple = ()) -> np.ndarray:
    """Dense memory with its axes in any order."""
    rank = draw.number(1, 4)
    shape = draw.shape(rank, ELEMENTS)
    if draw.chance(0.02):
        shape = (draw.number(65_000, 70_000), draw.number(1, 3))[:rank]
    order = draw.random.permutation(len(shape)) if draw.chance(0.4) else np.arange(len(shape))
    return draw.dense([shape[d] for d in order], dtype, special).transpose(np.argsort(order))


def _axes(draw: Draw, x: np.ndarray) -> tuple[int, ...]:
    return tuple(d for d in range(x.ndim) if draw.chance(0.5)) or (draw.number(0, x.ndim - 1),)


@family("reductions along axes")
def reductions(draw: Draw) -> bool:
    name, dtype = draw.one("sum", "sum", "prod", "amax", "amin"), draw.one(*DTYPES)
    x = _array(draw, dtype, (np.nan, np.inf, -np.inf, -0.0) if draw.chance(0.2) else ())
    axes = _axes(draw, x)
    made = draw.run(folded, name, x, axes, True)
    if made is None:
        return False
    with np.errstate(all="ignore"):
        if name in ("amax", "amin") or dtype.startswith("int"):
            operation = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min}[name]
            same(np.asarray(made), operation(x, axis=axes, keepdims=True).astype(dtype))
            return True
        wide = x.astype(np.longdouble)
        count = x.size // max(1, np.asarray(made).size)
        exact = getattr(np, name)(wide, axis=axes, keepdims=True)
        size = np.abs(wide).sum(axes, keepdims=True) if name == "sum" else count * np.abs(exact)
        near(np.asarray(made), exact, rounding_of_sums(size, count, dtype))
    return True


FORMULAS: dict[str, Along] = {
    "softmax": softmax._softmax,
    "log_softmax": softmax._log_softmax,
    "softmax_slope": softmax._softmax_slope,
    "log_softmax_slope": softmax._log_softmax_slope,
}


def _exact(name: str, axes: tuple, x: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    if name == "softmax_slope":
        return x * other - other * (x * other).sum(axes, keepdims=True)
    if name == "log_softmax_slope":
        return x - np.exp(other) * x.sum(axes, keepdims=True)
    gap = x - x.max(axes, keepdims=True)
    total = np.exp(gap).sum(axes, keepdims=True)
    return np.exp(gap) / total if name == "softmax" else gap - np.log(total)


@family("softmax and its relatives along axes")
def formulas(draw: Draw) -> bool:
    name, dtype = draw.one(*FORMULAS), draw.one("float32", "float64")
    x = _array(draw, dtype, (np.nan, -np.inf) if draw.chance(0.15) and "slope" not in name else ())
    axes = _axes(draw, x)
    axes = axes[:1] if draw.chance(0.7) else axes
    other = None
    if "slope" in name:
        order = np.argsort([-s for s in x.strides], kind="stable")
        values = np.abs(draw.values([x.shape[d] for d in order], dtype)) * 0.1
        other = draw.guarded(values.astype(dtype)).transpose(np.argsort(order))
    arguments = (x,) if other is None else (x, other)
    made = draw.run(FORMULAS[name].by_kernel, axes, *arguments)
    if made is None:
        return False
    wide = [a.astype(np.longdouble) for a in arguments]
    with np.errstate(all="ignore"):
        exact = _exact(name, axes, *wide, *([None] if other is None else []))
    count = int(np.prod([x.shape[d] for d in axes]))
    finite = np.where(np.isfinite(wide[0]), np.abs(wide[0]), 0)
    if "slope" in name:
        size = finite + (finite if name == "log_softmax_slope" else finite * wide[1]).sum(axes, keepdims=True)
        near(made, exact, 4 * rounding_of_sums(size, count, dtype))
    else:
        size = (np.abs(np.where(np.isfinite(exact), exact, 0)) + 1e-30) * (8 + finite.max(initial=0))
        near(made, exact, 4 * np.finfo(dtype).eps * (size if name == "softmax" else size + 8 + finite))
    return True
