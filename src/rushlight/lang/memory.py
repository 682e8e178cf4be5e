"""Copies, fills, and regions of memory seen through strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def copy(x: Any) -> Any:
    """The same values in memory of their own."""
    return x.copy(order="K")


@primitive
def contiguous(x: Any) -> Any:
    """The same values in row-major memory of their own."""
    return x.copy(order="C")


@primitive
def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`."""
    return np.zeros(x.shape, x.dtype)


@primitive
def ones_like(x: Any) -> Any:
    """Ones of the shape and dtype of `x`."""
    return np.ones(x.shape, x.dtype)


@primitive
def full_like(x: Any, value: Any) -> Any:
    """`value` everywhere, in the shape and dtype of `x`."""
    return np.full(x.shape, value, x.dtype)


class _Frame:
    """A copy of `x` laid out in memory as the base of a view, and the part of it that the view looks at."""

    def __init__(self, x: np.ndarray | None, geometry: tuple, dtype: Any) -> None:
        shape, strides, view_shape, view_strides, offset, view_dtype = geometry
        size = np.dtype(dtype).itemsize
        extent = sum((n - 1) * s for n, s in zip(shape, strides)) + size if 0 not in shape else 0
        memory = np.zeros(max(extent, 0), np.uint8)
        self.whole = np.ndarray(shape, dtype, memory, 0, strides)
        if x is not None:
            self.whole[...] = x
        same = np.dtype(view_dtype).itemsize == size
        self.part = np.ndarray(view_shape, dtype if same else view_dtype, memory, offset, view_strides)


@primitive
def region(x: Any, geometry: tuple) -> Any:
    """What a view with this geometry sees of `x`."""
    return _Frame(x, geometry, x.dtype).part.copy()


@primitive
def region_put(x: Any, value: Any, geometry: tuple) -> Any:
    """`x` with the region replaced by `value`."""
    frame = _Frame(x, geometry, x.dtype)
    frame.part[...] = value
    return frame.whole.copy()


@primitive
def region_add(value: Any, geometry: tuple) -> Any:
    """Zeros, with `value` added to the region: elements that a view shows several times get the sum."""
    shape, strides, *view, _ = geometry
    frame = _Frame(None, (shape, strides, *view, value.dtype.str), value.dtype)
    index = _Frame(np.arange(int(np.prod(shape))).reshape(shape), _rescaled(geometry, value.itemsize), np.int64).part
    flat = np.zeros(int(np.prod(shape)), value.dtype)
    np.add.at(flat, index.ravel(), value.ravel())
    return flat.reshape(frame.whole.shape)


def _rescaled(geometry: tuple, itemsize: int) -> tuple:
    """The geometry for elements of eight bytes."""
    shape, strides, view_shape, view_strides, offset, _ = geometry
    scale = lambda s: tuple(x // itemsize * 8 for x in s)  # noqa: E731
    return shape, scale(strides), view_shape, scale(view_strides), offset // itemsize * 8, "<i8"
