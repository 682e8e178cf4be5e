"""Sums that keep their accuracy.

numpy adds pairwise along the axis that is contiguous in memory, but one after another along any other, where
rounding errors grow with the length. So long sums across rows are cut into blocks, and the sums of the blocks
are added in turn.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

RUN = 256  # so many numbers are added one after another at most
NARROW = 512  # matrices with fewer columns are summed over their rows by a product with ones


def total(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of `x` along `axis` (a number, several, or None for all), in the dtype of `x`."""
    if x.size <= RUN or x.dtype.kind not in "fc" or (axis is None and x.flags.forc):
        return np.add.reduce(x, axis, x.dtype, None, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(sorted(a % x.ndim for a in axes))
    trailing = axes == tuple(range(x.ndim - len(axes), x.ndim))
    if trailing and x.flags.c_contiguous:
        return np.add.reduce(x, axes, x.dtype, None, keepdims)
    if axes == tuple(range(len(axes))) and x.flags.c_contiguous:
        result = _over_rows(x.reshape(prod(x.shape[: len(axes)]), -1)).reshape(x.shape[len(axes) :])
    else:
        result = _blockwise(x, axes)
    return np.expand_dims(result, axes) if keepdims else result


def _over_rows(x: np.ndarray) -> np.ndarray:
    """The sum of the rows of a contiguous matrix."""
    rows, columns = x.shape
    if columns > NARROW or rows < 16:
        return _blockwise(x, (0,))
    ones = np.ones(min(rows, RUN), x.dtype)
    if rows <= RUN:
        return np.matmul(ones, x)
    whole = rows - rows % RUN
    result = _over_rows(np.matmul(ones, x[:whole].reshape(-1, RUN, columns)))
    return result + np.matmul(ones[: rows - whole], x[whole:]) if whole < rows else result


def _blockwise(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    """The sum along `axes`, in blocks along the longest of those that numpy would go through step by step."""
    inner = min((a for a in range(x.ndim) if x.shape[a] > 1), key=lambda a: abs(x.strides[a]), default=0)
    outer = [a for a in axes if a != inner]
    steps = prod(x.shape[a] for a in outer)
    if steps <= RUN:
        return np.add.reduce(x, axes, x.dtype)
    longest = max(outer, key=x.shape.__getitem__)
    length = x.shape[longest]
    block = max(2, RUN * length // steps)
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
