"""Primitives that move elements without changing them. Those that can, return views."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dispatch import primitive
from .summation import total


@primitive
def reshape(x: Any, shape: Sequence[int]) -> Any:
    """The same elements in another shape: a view where the strides allow it, else a copy."""
    return x.reshape(shape)


@primitive
def permute(x: Any, dims: Sequence[int]) -> Any:
    """Axes in another order."""
    return x.transpose(dims)


@primitive
def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """Two axes swapped."""
    return x.swapaxes(dim0, dim1) if x.ndim else x[...]


@primitive
def expand(x: Any, shape: Sequence[int]) -> Any:
    """Broadcast to `shape` without copying: repeated elements share memory."""
    shape = tuple(shape)
    lead = len(shape) - x.ndim
    strides = (0,) * lead + tuple(
        0 if n == 1 and m != 1 else s for n, m, s in zip(x.shape, shape[lead:], x.strides)
    )
    if x.flags.c_contiguous and x.dtype.num < 24:  # numpy's own types: the array is a buffer by itself
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return np.ndarray(shape, x.dtype, _memory(x), _offset(x), strides)


@primitive
def sum_to(x: Any, shape: Sequence[int]) -> Any:
    """The opposite of broadcasting: sums over the axes that `shape` lacks or has as one."""
    shape = tuple(shape)
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1
    )
    return total(x, axes, True).reshape(shape)


def restrided(x: np.ndarray, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """A view that starts where `x` does, with other lengths and strides (in bytes)."""
    return np.ndarray(tuple(shape), x.dtype, _memory(x), _offset(x), tuple(strides))


def root(x: np.ndarray) -> np.ndarray:
    """The array that owns the memory `x` looks at."""
    while type(x.base) is np.ndarray:
        x = x.base
    return x


def _by_interface(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]


def _by_layout(x: np.ndarray) -> int:
    return _pointer_at(id(x) + _HEAD).value  # type: ignore[return-value]


# numpy's public ways cost more than a microsecond; in CPython the pointer is right behind the object's head
_pointer_at, _HEAD, _sample = ctypes.c_void_p.from_address, object.__basicsize__, np.empty(1)
_quick = sys.implementation.name == "cpython" and _by_layout(_sample) == _by_interface(_sample)
address = _by_layout if _quick else _by_interface
address.__doc__ = "Where the first element lies."


def _memory(x: np.ndarray) -> np.ndarray:
    """All the memory behind `x` as bytes: what views with other strides are cut from."""
    owner = root(x)
    if owner.flags.c_contiguous:
        return owner.reshape(-1).view(np.uint8)
    return owner.ravel("K").view(np.uint8) if owner.base is None else _bytes_of(owner)


def _bytes_of(x: np.ndarray) -> np.ndarray:
    """The span of a strided array as bytes; for memory that somebody else owns."""
    extent = sum((n - 1) * s for n, s in zip(x.shape, x.strides)) + x.itemsize if x.size else 0
    return np.lib.stride_tricks.as_strided(x, (extent // x.itemsize,), (x.itemsize,)).view(np.uint8)


def _offset(x: np.ndarray) -> int:
    return address(x) - address(root(x))


@primitive
def as_strided(x: Any, shape: Sequence[int], strides: Sequence[int], offset: int) -> Any:
    """A view of the memory behind `x`; strides and offset count elements of the whole storage."""
    size = x.itemsize
    return np.ndarray(tuple(shape), x.dtype, _memory(x), offset * size, tuple(s * size for s in strides))


def offset_of(x: np.ndarray) -> int:
    """How many elements into its storage `x` starts."""
    return _offset(x) // x.itemsize


@primitive
def insert(x: Any, dim: int) -> Any:
    """A view with a new axis of length one."""
    return x.reshape(
        (*x.shape[:dim], 1, *x.shape[dim:])
    )  # unlike x[None], this gives the new axis PyTorch's stride


@primitive
def drop(x: Any, dims: Sequence[int]) -> Any:
    """A view without some axes of length one."""
    return x[(*(0 if d in dims else slice(None) for d in range(x.ndim)), ...)]


@primitive
def reinterpret(x: Any, dtype: Any) -> Any:
    """A view that reads the same bytes as another type; the last axis grows or shrinks accordingly."""
    new = np.dtype(getattr(dtype, "np", dtype))
    try:
        return x.view(new)
    except ValueError as error:
        raise RuntimeError(
            f"view(dtype): self.size(-1) must be divisible and self.stride(-1) must be 1 to view {x.dtype} "
            f"(of {x.itemsize} bytes) as "
            f"{new} (of {new.itemsize}), but the shape is {list(x.shape)} with strides "
            f"{[s // x.itemsize for s in x.strides]}. "
            f"Use .contiguous() first if the strides are the problem. ({error})"
        ) from None


@primitive
def share_memory(x: Any, y: Any) -> bool:
    """May the two have an element in common?"""
    return np.may_share_memory(x, y)
