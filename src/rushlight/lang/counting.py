"""Primitives that count: how often each integer occurs, how many points lie in each bin."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive
from .moves import adds
from .sorting import searchsorted

MANY = 8192  # elements, from which on a kernel that adds ones is quicker than numpy


@primitive
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights."""
    made = _counted_by_kernel(x, minlength) if weights is None and x.size >= MANY else None
    return np.bincount(x, weights, minlength) if made is None else made


def _counted_by_kernel(x: np.ndarray, minlength: int) -> np.ndarray | None:
    add = adds(x.size) if x.dtype == np.int64 and x.ndim == 1 else None
    if not add:
        return None
    counts = np.zeros(max(int(x.max()) + 1, minlength), np.int64)
    return counts if add(counts, np.broadcast_to(np.int64(1), x.shape), 0, x, 0, 8) else None


@primitive
def even_edges(low: float, high: float, bins: int, dtype: Any) -> Any:
    """The `bins + 1` edges of equal bins from `low` to `high`, symmetric about the middle."""
    dtype = np.dtype(dtype)
    low, high = dtype.type(low), dtype.type(high)
    step = (high - low) / dtype.type(bins)
    steps = np.arange(bins + 1).astype(dtype)
    return np.where(np.arange(bins + 1) <= bins // 2, low + step * steps, high - step * steps[::-1]).astype(
        dtype
    )


@primitive
def histogram(points: Any, edges: Any, weights: Any = None) -> Any:
    """How many points (rows of numbers) lie in each cell of a grid, or the sum of their weights.

    `edges` has the ascending edges of the bins along each axis; a bin has its left edge, and the last both.
    """
    shape = tuple(len(e) - 1 for e in edges)
    inside = np.ones(len(points), bool)
    for column, e in zip(points.T, edges):
        inside &= (column >= e[0]) & (column <= e[-1])
    if not inside.all():
        points, weights = points[inside], None if weights is None else weights[inside]
    bins = [_bins(c, e) for c, e in zip(points.T, edges)]
    flat = bins[0] if len(bins) == 1 else np.ravel_multi_index(bins, shape)
    return np.bincount(flat, weights, int(np.prod(shape))).reshape(shape)


def _bins(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Which bin each number lies in; all lie in one."""
    places = searchsorted.on_arrays(np.ascontiguousarray(edges), np.ascontiguousarray(x), True)
    places -= 1
    return np.minimum(places, len(edges) - 2, out=places)
