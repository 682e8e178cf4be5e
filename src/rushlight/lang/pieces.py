"""Primitives that cut arrays into pieces, join them and turn them round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..runtime import memory, settings
from .along import memory_order
from .dispatch import primitive
from .memory import FROM, put
from .movement import restrided


@primitive
def pick(x: Any, index: tuple) -> Any:
    """A view: `x[index]` with numbers, forward slices, None and Ellipsis."""
    part = x[index]
    return part if type(part) is np.ndarray else x[(*index, ...)]  # a view, where numpy would give a number


@primitive
def place(x: Any, shape: Sequence[int], index: tuple) -> Any:
    """Zeros of `shape` with `x` where `pick` of the same index would look."""
    whole = memory.zeros(shape, x.dtype)
    whole[index] = x
    return whole


@primitive
def zeros_of(x: Any, shape: Sequence[int]) -> Any:
    """Zeros of another shape in the dtype of `x`."""
    return np.zeros(shape, x.dtype)


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
    return _joined(arrays, dim)


def _joined(arrays: Any, dim: int) -> np.ndarray:
    """`np.concatenate`, by the kernels for copies where there is much to copy, into row-major memory."""
    if (
        sum([a.size for a in arrays]) < FROM * settings.kernels_from
        or not _alike(arrays, dim)
        or _images_of_channels(arrays)
    ):
        return np.concatenate(arrays, dim)
    first, dim = arrays[0], dim % arrays[0].ndim
    shape = (*first.shape[:dim], sum(a.shape[dim] for a in arrays), *first.shape[dim + 1 :])
    out = memory.empty(shape, first.dtype)
    start = 0
    for a in arrays:
        end = start + a.shape[dim]
        put(out[(slice(None),) * dim + (slice(start, end),)], a)
        start = end
    return out


def _alike(arrays: Any, dim: int) -> bool:
    """Are they of one type and, along the other axes, of one shape?"""
    first = arrays[0]
    if not -first.ndim <= dim < first.ndim:
        return False
    around = [(a.dtype, a.ndim, a.shape[: dim % first.ndim], a.shape[dim % first.ndim + 1 :]) for a in arrays]
    return all(one == around[0] for one in around)


def _images_of_channels(arrays: Any) -> bool:
    """Do the channels lie together in memory in all of these? Then they are to do so in the result."""
    orders = {memory_order(a) for a in arrays}
    return len(orders) == 1 and orders != {tuple(range(arrays[0].ndim))} and arrays[0].ndim in (4, 5)


@primitive
def stack(arrays: Any, dim: int) -> Any:
    """Arrays side by side along a new axis."""
    lead = (slice(None),) * (dim % (arrays[0].ndim + 1))
    parts = [a[(*lead, None)] for a in arrays]
    first = arrays[0]
    if first.flags.c_contiguous or sum(a.size for a in arrays) >= FROM * settings.kernels_from:
        return _joined(parts, len(lead))
    out = np.empty((*first.shape[: len(lead)], len(parts), *first.shape[len(lead) :]), first.dtype)
    return np.concatenate(parts, len(lead), out=out)


@primitive
def flip(x: Any, dims: Sequence[int]) -> Any:
    """Axes in the opposite order."""
    return np.flip(x, tuple(dims)).copy(order="K")


@primitive
def roll(x: Any, shifts: Sequence[int], dims: Sequence[int] | None) -> Any:
    """Elements shifted along axes; those that fall off come back at the other end."""
    return np.roll(x, tuple(shifts), tuple(dims)) if dims else np.roll(x, tuple(shifts))


@primitive
def tril(x: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix."""
    return _triangle(x, np.tri(*x.shape[-2:], k=diagonal, dtype=bool))


@primitive
def triu(x: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix."""
    return _triangle(x, ~np.tri(*x.shape[-2:], k=diagonal - 1, dtype=bool))


def _triangle(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out = np.zeros(x.shape, x.dtype)
    np.copyto(out, x, where=mask)
    return out
