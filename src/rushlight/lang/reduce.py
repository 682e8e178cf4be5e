"""Reductions along axes: `axis` is an int, a tuple of ints, or None for all of them."""

from __future__ import annotations

from math import prod as product
from typing import Any

import numpy as np

from ..runtime import settings
from . import witness
from .along import FOLDS, folded
from .dispatch import primitive
from .halves import is_half, narrowed, widened
from .places import in_short_rows
from .summation import total


def reduction(name: str, ufunc: np.ufunc) -> Any:
    """A primitive that folds one ufunc along axes."""

    def on_arrays(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if name in FOLDS and (x.size >= settings.kernels_from or is_half(x)):
            result = folded(name, x, axis, keepdims)
            if result is not None:
                return result
        result = ufunc.reduce(x, axis=axis, keepdims=keepdims)
        if witness.notes is not None:
            witness.folded(ufunc, x, axis, result)
        return result

    on_arrays.__name__ = name
    on_arrays.__doc__ = f"`{ufunc.__name__}` folded along `axis`."
    return primitive(on_arrays)


@primitive
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum along `axis`, in the dtype of `x`, as accurate as pairwise summation along every axis."""
    return total(x, axis, keepdims)


@primitive
def trace(x: Any) -> Any:
    """The sum of the diagonal of a matrix, added in double precision; of integers as int64."""
    if x.dtype.kind in "biu":
        return x.trace(dtype=np.int64)
    return np.asarray(x.trace(dtype=np.complex128 if x.dtype.kind == "c" else np.float64), x.dtype)


@primitive
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The average along `axis` of numbers with a fraction, rounded once."""
    if is_half(x):
        result = folded("mean", x, axis, keepdims)
        return narrowed(mean.on_arrays(widened(x), axis, keepdims), x.dtype) if result is None else result
    whole, number = total(x, axis, keepdims), count.on_arrays(x, axis)
    result = whole / number
    if witness.notes is not None:
        witness.divided(whole, number, result)
    return result


@primitive
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product along `axis`, in the dtype of `x`."""
    large = x.size >= settings.kernels_from or is_half(x)
    if large and (result := folded("prod", x, axis, keepdims)) is not None:
        return result
    if is_half(x):
        return narrowed(prod.on_arrays(widened(x), axis, keepdims), x.dtype)
    axes = axis if isinstance(axis, tuple) else (axis,)
    while axes[-1] in (-1, x.ndim - 1) and x.shape[-1] > FOLDED:
        x = _folded(x)
    result = np.multiply.reduce(x, axis=axis, dtype=x.dtype, keepdims=keepdims)
    if witness.notes is not None:
        witness.folded(np.multiply, x, axis, result)
    return result


FOLDED = 64  # longer rows are multiplied half by half, which needs no product to wait for the last


def _folded(x: np.ndarray) -> np.ndarray:
    """Half as many factors with the same product."""
    half = x.shape[-1] // 2
    halves = x[..., :half] * x[..., half : 2 * half]
    if x.shape[-1] % 2:
        halves[..., 0] *= x[..., -1]
    return halves


amax = reduction("amax", np.maximum)
amin = reduction("amin", np.minimum)
any = reduction("any", np.logical_or)
all = reduction("all", np.logical_and)


@primitive
def count(x: Any, axis: Any = None) -> Any:
    """How many elements go into one result of a reduction along `axis`."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return product([x.shape[a] for a in axes])


@primitive
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many elements along `axis` are not zero."""
    return np.asarray(np.count_nonzero(x, axis=axis))  # before numpy 2.3 an int


@primitive
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first largest element (or the first NaN) is."""
    made = in_short_rows("amax", x, axis, keepdims)
    return x.argmax(axis, keepdims=keepdims) if made is None else made


@primitive
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first smallest element (or the first NaN) is."""
    made = in_short_rows("amin", x, axis, keepdims)
    return x.argmin(axis, keepdims=keepdims) if made is None else made


@primitive
def bits_folded(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The exclusive or of the bits of the elements as 64-bit numbers."""
    wide = np.float64 if x.dtype.kind not in "iub" else np.int64 if x.dtype.kind != "u" else np.uint64
    bits = np.ascontiguousarray(x.astype(wide)).view(np.uint64).reshape(x.shape)
    return np.bitwise_xor.reduce(bits, axis=axis, keepdims=keepdims)
