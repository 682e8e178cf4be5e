"""Copies and fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import memory, settings
from .along import memory_order
from .dispatch import primitive
from .moves import moves
from .single import set_all

FROM = 2  # times the elements of other kernels: from here on copies are made by kernels, in kept memory
STRAIGHT_FROM = 16  # the same for copies that move everything as it lies, which numpy is good at


def put(out: np.ndarray, x: np.ndarray) -> None:
    """Fills `out` with `x`, which has its shape and no memory of it."""
    if x.size >= FROM * settings.kernels_from and type(x) is np.ndarray:
        from ..kernels import copying

        if copying.put(out, x):
            return
    found = moves(x.size)
    if not found or not found.copy(out, x, out.itemsize):
        np.copyto(out, x)


def row_major(x: np.ndarray) -> np.ndarray:
    """A copy whose elements lie in memory row after row."""
    times = STRAIGHT_FROM if x.flags.c_contiguous else FROM
    if x.size < times * settings.kernels_from or x.dtype.hasobject:
        return x.copy(order="C")
    out = memory.empty(x.shape, x.dtype)
    put(out, x)
    return out


@primitive
def copy(x: Any) -> Any:
    """The same values in memory of their own."""
    if x.size < FROM * settings.kernels_from or x.flags.c_contiguous:
        return row_major(x) if x.flags.c_contiguous else x.copy(order="C" if 0 in x.strides else "K")
    order = memory_order(x)
    if 0 in x.strides or min(x.strides) < 0:
        return row_major(x)
    return row_major(x.transpose(order)).transpose(np.argsort(order))


@primitive
def contiguous(x: Any) -> Any:
    """The same values in row-major memory of their own."""
    return row_major(x)


def filled(shape: Any, dtype: np.dtype, value: Any) -> np.ndarray:
    """A new array with `value`, which the type can hold, everywhere."""
    out = memory.empty(shape, dtype)
    if type(value) in (int, float, bool):
        return set_all(out, value)
    out.fill(value)
    return out


@primitive
def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`."""
    return np.zeros(x.shape, x.dtype)


@primitive
def ones_like(x: Any) -> Any:
    """Ones of the shape and dtype of `x`."""
    return filled(x.shape, x.dtype, 1)


@primitive
def full_like(x: Any, value: Any) -> Any:
    """`value` everywhere, in the shape and dtype of `x`."""
    return filled(x.shape, x.dtype, value)
