"""Primitives that cut arrays into pieces, join them and turn them round."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from ..runtime import memory
from .along import memory_order
from .dispatch import primitive
from .memory import put, row_major
from .movement import restrided
from .moves import moves

CHANNELS_IN = (4, 5)  # dimensions of images and volumes
FURTHEST = 1 << 62
WHOLE, BACKWARDS = slice(None), slice(None, None, -1)


@primitive
def pick(x: Any, index: tuple) -> Any:
    """A view: `x[index]` with numbers, forward slices, None and Ellipsis."""
    part = x[index]
    return part if type(part) is np.ndarray else x[(*index, ...)]  # a view, where numpy would give a number


@primitive
def place(x: Any, shape: Sequence[int], index: tuple) -> Any:
    """Zeros of `shape` with `x` where `pick` of the same index would look."""
    whole = memory.zeros(shape, x.dtype)
    put(pick.on_arrays(whole, index), x)
    return whole


@primitive
def zeros_of(x: Any, shape: Sequence[int]) -> Any:
    """Zeros of another shape in the dtype of `x`."""
    return memory.zeros(tuple(shape), x.dtype)


@primitive
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A view of a diagonal of two axes, which becomes the last axis."""
    dim1, dim2 = dim1 % x.ndim, dim2 % x.ndim
    rows, columns = x.shape[dim1], x.shape[dim2]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    start = [slice(None)] * x.ndim
    if length:  # an empty diagonal has no first element to start from
        start[dim1], start[dim2] = slice(max(-offset, 0), None), slice(max(offset, 0), None)
    x = x[tuple(start)]
    others = [i for i in range(x.ndim) if i not in (dim1, dim2)]
    strides = [x.strides[i] for i in others] + [x.strides[dim1] + x.strides[dim2]]
    return restrided(x, [x.shape[i] for i in others] + [length], strides)


@primitive
def diagonal_place(x: Any, shape: Sequence[int], offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Zeros of `shape` with `x` on a diagonal."""
    whole = np.zeros(shape, x.dtype)
    diagonal.on_arrays(whole, offset, dim1, dim2)[...] = x
    return whole


@primitive
def unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    """A view of all windows along an axis; the place within the window becomes the last axis."""
    if x.ndim == 0:
        return restrided(x, (size,), (x.itemsize,))
    shape, strides = list(x.shape), list(x.strides)
    shape[dimension] = (x.shape[dimension] - size) // step + 1
    strides[dimension] *= step
    return restrided(x, [*shape, size], [*strides, x.strides[dimension]])


@primitive
def unfold_add(x: Any, shape: Sequence[int], dimension: int, size: int, step: int) -> Any:
    """Zeros of `shape` with windows added where `unfold` would cut them."""
    whole = np.zeros(shape, x.dtype)
    windows = unfold.on_arrays(whole, dimension, size, step)
    if step >= size:
        windows[...] = x
        return whole
    for k in range(size):
        windows[..., k] += x[..., k]
    return whole


@primitive
def cat(arrays: Any, dim: int) -> Any:
    """Arrays one after the other along an axis."""
    return _joined(arrays if type(arrays) is list else list(arrays), dim)


def _joined(arrays: list[np.ndarray], dim: int) -> np.ndarray:
    first = arrays[0]
    dim = dim + first.ndim if dim < 0 else dim
    found = moves(first.size * len(arrays))
    length = found.extent(arrays, dim) if found else None
    if length is not None and not (first.ndim in CHANNELS_IN and _images_of_channels(arrays)):
        shape = first.shape
        out = memory.empty((*shape[:dim], length, *shape[dim + 1 :]), first.dtype)
        if found.join(out, arrays, first.itemsize, dim, 0):
            return out
    return np.concatenate(arrays, dim)


def _images_of_channels(arrays: Any) -> bool:
    """Do the channels lie together in memory in all of these? Then they are to do so in the result."""
    if arrays[0].flags.c_contiguous:
        return False
    orders = {memory_order(a) for a in arrays}
    return len(orders) == 1 and orders != {tuple(range(arrays[0].ndim))}


@primitive
def stack(arrays: Any, dim: int) -> Any:
    """Arrays side by side along a new axis."""
    arrays = arrays if type(arrays) is list else list(arrays)
    first = arrays[0]
    dim = dim + first.ndim + 1 if dim < 0 else dim
    out = memory.empty((*first.shape[:dim], len(arrays), *first.shape[dim:]), first.dtype)
    found = moves(out.size) if dim <= first.ndim else None
    if found and found.join(out, arrays, first.itemsize, dim, 1):
        return out
    return np.stack(arrays, dim, out=out)


@primitive
def flip(x: Any, dims: Sequence[int]) -> Any:
    """Axes in the opposite order."""
    chosen = [d % x.ndim for d in dims]
    turned = x[tuple([BACKWARDS if d in chosen else WHOLE for d in range(x.ndim)])] if dims else x
    if not x.flags.c_contiguous or not (found := moves(x.size)):
        return turned.copy(order="K") if dims else x.copy(order="K")
    out = memory.empty(x.shape, x.dtype)
    return out if found.copy(out, turned, x.itemsize) else turned.copy(order="K")


@primitive
def roll(x: Any, shifts: Sequence[int], dims: Sequence[int] | None) -> Any:
    """Elements shifted along axes; those that fall off come back at the other end."""
    if not dims:
        return _rolled(x.reshape(-1), list(shifts), [0]).reshape(x.shape)
    return _rolled(x, list(shifts), list(dims))


def _rolled(x: np.ndarray, shifts: list[int], dims: list[int]) -> np.ndarray:
    by = [0] * x.ndim
    for shift, dim in zip(shifts, dims):
        by[dim] += shift
    parts = [_rolled_parts(n, k % n) if n else [] for n, k in zip(x.shape, by)]
    moved = [d for d, pieces in enumerate(parts) if len(pieces) > 1]
    out = memory.empty(x.shape, x.dtype)
    if len(moved) == 1 and (found := moves(x.size)):
        lead, axis = (WHOLE,) * moved[0], moved[0]
        turned = [x[(*lead, source)] for _, source in reversed(parts[axis])]
        if found.join(out, turned, x.itemsize, axis, 0):
            return out
    for corner in product(*parts):
        put(out[tuple([target for target, _ in corner])], x[tuple([source for _, source in corner])])
    return out


def _rolled_parts(n: int, by: int) -> list[tuple[slice, slice]]:
    """Where what lies along an axis goes to, and where it comes from."""
    if not by:
        return [(WHOLE, WHOLE)]
    return [(slice(by, None), slice(None, n - by)), (slice(None, by), slice(n - by, None))]


@primitive
def tril(x: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix."""
    made = _triangle(x, diagonal + 1, 1)
    return np.tril(x, diagonal) if made is None else made


@primitive
def triu(x: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix."""
    made = _triangle(x, diagonal, 0)
    return np.triu(x, diagonal) if made is None else made


def _triangle(x: np.ndarray, before: int, lower: int) -> np.ndarray | None:
    """What lies in the first `before` columns of row 0 (one more in each row), or behind; None: for numpy."""
    found = moves(x.size)
    if not found or not -FURTHEST < before < FURTHEST:
        return None
    out = memory.empty(x.shape, x.dtype)
    return out if found.triangle(out, row_major_or_same(x), x.itemsize, before, lower) else None


def row_major_or_same(x: np.ndarray) -> np.ndarray:
    """`x`, or a copy whose elements lie row after row."""
    return x if x.flags.c_contiguous else row_major(x)
