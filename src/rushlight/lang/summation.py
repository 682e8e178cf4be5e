"""Sums that keep their accuracy.

numpy adds pairwise along the axis that is contiguous in memory, but one after another along any other, where
rounding errors grow with the length. So long sums across rows are cut into blocks, and the sums of the blocks
are added in turn.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..runtime import settings
from . import witness
from .along import folded
from .halves import HALVES, narrowed, widened

RUN = 128  # the length of a product with ones, within which BLAS adds as it likes
STEPS = 32  # so many numbers are added one after another at most
SMALL = 1 << 14  # up to this size numpy's own way is the quickest
NARROW = 512  # matrices with fewer columns are summed over their rows by a product with ones
LONG = 4096  # contiguous sums from here on are products with ones too, which BLAS does at the speed of memory


def total(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of `x` along `axis` (a number, several, or None for all), in the dtype of `x`."""
    if x.dtype.char in HALVES:
        result = folded("sum", x, axis, keepdims)
        return narrowed(total(widened(x), axis, keepdims), x.dtype) if result is None else result
    if x.size <= RUN or x.dtype.kind not in "fc":
        return _reduced(x, axis, keepdims)
    if x.size >= settings.kernels_from and (result := folded("sum", x, axis, keepdims)) is not None:
        return result
    if axis is None and x.flags.forc:
        result = _of_all(x.ravel("K"))
        return result.reshape((1,) * x.ndim) if keepdims else result
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if x.size <= SMALL and prod([x.shape[a] for a in axes]) <= RUN:
        return _reduced(x, axes, keepdims)
    axes = tuple(sorted(a % x.ndim for a in axes))
    kept = x.ndim - len(axes)
    if x.flags.c_contiguous and axes == tuple(range(kept, x.ndim)):
        result = _within_rows(x.reshape(-1, prod(x.shape[kept:]))).reshape(x.shape[:kept])
    elif x.flags.c_contiguous and axes == tuple(range(len(axes))):
        result = _over_rows(x.reshape(-1, prod(x.shape[len(axes) :]))).reshape(x.shape[len(axes) :])
    else:
        result = _blockwise(x, axes)
    return np.expand_dims(result, axes) if keepdims else result


def _reduced(x: np.ndarray, axis: Any, keepdims: bool = False) -> Any:
    """numpy's own sum, noted where somebody learns from it."""
    result = np.add.reduce(x, axis, x.dtype, None, keepdims)
    if witness.notes is not None:
        witness.folded(np.add, x, axis, result)
    return result


def whole_total(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of truths or of integers of less than 64 bits, in 64 bits."""
    if x.size >= settings.kernels_from and (result := folded("whole_sum", x, axis, keepdims)) is not None:
        return result
    return np.add.reduce(x, axis, np.int64, None, keepdims)


def _within_rows(x: np.ndarray) -> np.ndarray:
    """The sum of each row of a contiguous matrix."""
    rows, columns = x.shape
    if x.size < LONG or columns < 32:
        return _reduced(x, 1)
    if columns <= 8 * RUN:
        return np.matmul(x, np.ones(columns, x.dtype))
    whole = columns - columns % RUN
    partial = np.matmul(x[:, :whole].reshape(rows, -1, RUN), np.ones(RUN, x.dtype))
    return np.add.reduce(partial, 1, x.dtype) + np.add.reduce(x[:, whole:], 1, x.dtype)


def _of_all(x: np.ndarray) -> Any:
    """The sum of a contiguous vector."""
    if x.size < LONG:
        return _reduced(x, 0)
    whole = x.size - x.size % RUN
    result = np.add.reduce(np.matmul(x[:whole].reshape(-1, RUN), np.ones(RUN, x.dtype)))
    return result + np.add.reduce(x[whole:])


def _over_rows(x: np.ndarray) -> np.ndarray:
    """The sum of the rows of a contiguous matrix."""
    rows, columns = x.shape
    if columns > NARROW or rows < 16:
        return _blockwise(x, (0,))
    ones = _ones(min(rows, RUN), x.dtype)
    if rows <= RUN:
        return np.dot(ones, x)
    whole = rows - rows % RUN
    result = _over_rows(np.matmul(ones, x[:whole].reshape(-1, RUN, columns)))
    return result + np.matmul(ones[: rows - whole], x[whole:]) if whole < rows else result


_rows_of_ones: dict[np.dtype, np.ndarray] = {}


def _ones(count: int, dtype: np.dtype) -> np.ndarray:
    """That many ones; nobody writes to them."""
    kept = _rows_of_ones.get(dtype)
    if kept is None:
        kept = _rows_of_ones[dtype] = np.ones(RUN, dtype)
    return kept[:count]


def _blockwise(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    """The sum along `axes`, in blocks along the longest of those that numpy would go through step by step."""
    inner = min((a for a in range(x.ndim) if x.shape[a] > 1), key=lambda a: abs(x.strides[a]), default=0)
    outer = [a for a in axes if a != inner]
    steps = prod(x.shape[a] for a in outer)
    if steps <= STEPS:
        return _reduced(x, axes)
    longest = max(outer, key=x.shape.__getitem__)
    length = x.shape[longest]
    if steps > STEPS * length:
        return _blockwise(_blockwise(x, (longest,)), tuple(a - (a > longest) for a in axes if a != longest))
    block = max(2, STEPS * length // steps)
    whole = length - length % block
    if whole == 0:
        return np.add.reduce(x, axes, x.dtype)
    partial = _partial_sums(x, axes, longest, block, whole)
    place = longest - sum(a < longest for a in axes)
    result = _blockwise(partial, (place,))
    if whole < length:
        result = result + _blockwise(x[(slice(None),) * longest + (slice(whole, None),)], axes)
    return result


def _partial_sums(x: np.ndarray, axes: tuple[int, ...], longest: int, block: int, whole: int) -> np.ndarray:
    """The sums of blocks along the axis `longest`, which the result keeps; the other `axes` are gone."""
    head = x[(slice(None),) * longest + (slice(whole),)]
    head = head.reshape(*x.shape[:longest], whole // block, block, *x.shape[longest + 1 :])
    within = tuple(a if a < longest else a + 1 for a in axes)
    return np.add.reduce(head, within, x.dtype)
