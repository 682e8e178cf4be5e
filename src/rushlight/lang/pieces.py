"""Primitives that cut arrays into pieces, join them and turn them round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..runtime import memory
from .dispatch import primitive
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
    return np.concatenate(arrays, dim)


@primitive
def stack(arrays: Any, dim: int) -> Any:
    """Arrays side by side along a new axis."""
    lead = (slice(None),) * (dim % (arrays[0].ndim + 1))
    parts = [a[(*lead, None)] for a in arrays]
    first = arrays[0]
    if first.flags.c_contiguous:
        return np.concatenate(parts, len(lead))
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
