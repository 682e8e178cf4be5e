"""Regions of memory seen through strides: what a view looks at of its base, whatever kind of view it is."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from .dispatch import primitive
from .movement import offset_of


class Geometry(NamedTuple):
    """How a view lies in its base. Strides and the distance of the first elements are in bytes."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any
    view_shape: tuple[int, ...]
    view_strides: tuple[int, ...]
    offset: int
    view_dtype: Any


class _Frame:
    """Memory for the base and the view of a geometry, and both of them in it."""

    def __init__(self, geometry: Geometry) -> None:
        shape, strides, dtype, view_shape, view_strides, offset, view_dtype = geometry
        start = min(offset, 0)
        end = max(_extent(shape, strides, dtype), offset + _extent(view_shape, view_strides, view_dtype))
        self.memory = np.zeros(-(-(end - start) // 16) * 16, np.uint8)  # whole elements of any type
        self.whole = np.ndarray(shape, dtype, self.memory, -start, strides)
        self.part = np.ndarray(view_shape, view_dtype, self.memory, offset - start, view_strides)
        self.first = offset - start


def _extent(shape: tuple, strides: tuple, dtype: Any) -> int:
    return sum((n - 1) * s for n, s in zip(shape, strides)) + dtype.itemsize if 0 not in shape else 0


def overlaps(shape: tuple, strides: tuple, itemsize: int) -> bool:
    """May two elements of an array with these strides share memory? (No is certain.)"""
    reach = itemsize
    for stride, n in sorted((s, n) for s, n in zip(strides, shape) if n != 1):
        if stride < reach:
            return prod(shape) > 0
        reach = stride * n if stride else reach
    return False


def _positions(geometry: Geometry, shape: tuple, strides: tuple, first: int) -> np.ndarray:
    """Where in memory, counted in elements of the view, each element of an array lies."""
    item = geometry.view_dtype.itemsize
    places = np.full(shape, first // item)
    for k, (n, s) in enumerate(zip(shape, strides)):
        places += (np.arange(n) * (s // item)).reshape((n,) + (1,) * (len(shape) - k - 1))
    return places


def _window(whole: np.ndarray, geometry: Geometry) -> np.ndarray | None:
    """The view of this geometry straight in `whole`, where that is laid out as the base is; else None."""
    if whole.strides != geometry.strides or not whole.flags.c_contiguous or whole.dtype != geometry.dtype:
        return None
    extent = _extent(geometry.view_shape, geometry.view_strides, geometry.view_dtype)
    if geometry.offset < 0 or geometry.offset + extent > whole.nbytes:
        return None
    memory = whole.reshape(-1).view(np.uint8)
    return np.ndarray(
        geometry.view_shape, geometry.view_dtype, memory, geometry.offset, geometry.view_strides
    )


@primitive
def region(x: Any, geometry: Geometry) -> Any:
    """What a view with this geometry sees of `x`."""
    window = _window(x, geometry)
    if window is not None:
        return window.copy()
    frame = _Frame(geometry)
    frame.whole[...] = x
    return frame.part.copy()


@primitive
def region_put(x: Any, value: Any, geometry: Geometry) -> Any:
    """`x` with the region replaced by `value`."""
    frame = _Frame(geometry)
    frame.whole[...] = x
    frame.part[...] = value
    return frame.whole.copy()


@primitive
def region_clear(x: Any, geometry: Geometry) -> Any:
    """`x` with zeros in the region."""
    out = x.copy()
    window = _window(out, geometry)
    if window is not None:
        window[...] = 0
        return out
    frame = _Frame(geometry)
    frame.whole[...] = x
    frame.part[...] = 0
    return frame.whole.copy()


@primitive
def region_add(value: Any, geometry: Geometry) -> Any:
    """Zeros, with `value` added to the region: elements that a view shows several times get the sum."""
    if not overlaps(geometry.view_shape, geometry.view_strides, geometry.view_dtype.itemsize):
        out = np.zeros(geometry.shape, geometry.dtype)
        window = _window(out, geometry)
        if window is not None:
            window[...] = value
            return out
    frame = _Frame(geometry)
    if overlaps(geometry.view_shape, geometry.view_strides, geometry.view_dtype.itemsize):
        cells = frame.memory.view(geometry.view_dtype)
        places = _positions(geometry, geometry.view_shape, geometry.view_strides, frame.first)
        np.add.at(cells, places.ravel(), value.ravel())
    else:
        frame.part[...] = value
    return frame.whole / _shares(geometry, frame) if _shared(geometry) else frame.whole.copy()


def _shared(geometry: Geometry) -> bool:
    return (
        overlaps(geometry.shape, geometry.strides, geometry.dtype.itemsize)
        and geometry.dtype == geometry.view_dtype
    )


def _shares(geometry: Geometry, frame: _Frame) -> np.ndarray:
    """Among how many elements of the base each of them has to share what came to their memory."""
    first = -min(geometry.offset, 0)
    places = _positions(geometry, geometry.shape, geometry.strides, first)
    counts = np.bincount(places.ravel(), minlength=frame.memory.size // geometry.dtype.itemsize)
    return np.maximum(counts, 1)[places].astype(geometry.dtype)


def strided_geometry(x: np.ndarray, shape: tuple, strides: tuple, offset: int) -> Geometry:
    """How the view of the memory of `x` with these strides and offset, counted in elements, lies in `x`."""
    item = x.itemsize
    return Geometry(
        x.shape,
        x.strides,
        x.dtype,
        shape,
        tuple(s * item for s in strides),
        (offset - offset_of(x)) * item,
        x.dtype,
    )
