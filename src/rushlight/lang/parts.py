"""The parts of a floating point number, and its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive
from .movement import restrided


@primitive
def frexp(x: Any) -> Any:
    """Mantissa and exponent of 2; infinities and NaN have exponent 0."""
    wide = x if x.dtype.itemsize > 2 else x.astype(np.float32)
    mantissa, exponent = np.frexp(wide)
    return mantissa.astype(x.dtype), np.where(np.isfinite(wide), exponent, 0).astype(np.int32)


@primitive
def nan_to_num(x: Any, nan: float | None, posinf: float | None, neginf: float | None) -> Any:
    """NaN and the infinities replaced; for complex numbers, in both parts."""
    if np.iscomplexobj(x):
        pairs = np.ascontiguousarray(x).view(x.real.dtype)
        return nan_to_num(pairs, nan, posinf, neginf).view(x.dtype).reshape(x.shape)
    limits = np.finfo(x.dtype)
    chosen = [d if v is None else v for v, d in ((nan, 0.0), (posinf, limits.max), (neginf, limits.min))]
    return np.nan_to_num(x, nan=chosen[0], posinf=chosen[1], neginf=chosen[2])


@primitive
def next_stored(x: Any, y: Any) -> Any:
    """`nextafter` for half precision: bit patterns without the sign are in the order of the numbers."""
    bits = x.view(np.int16).astype(np.int32)
    place = np.where(bits < 0, -(bits & 0x7FFF), bits)
    wide, goal = x.astype(np.float32), y.astype(np.float32)
    place = place + (goal > wide) - (goal < wide)
    negative = (place < 0) | ((place == 0) & (bits < 0))
    moved = np.where(negative, np.abs(place) | 0x8000, place).astype(np.uint16).view(x.dtype)
    unordered = np.isnan(wide) | np.isnan(goal)
    return np.where(
        unordered, np.asarray(np.nan, np.float32).astype(x.dtype), np.where(wide == goal, y, moved)
    )


@primitive
def complex(real: Any, imag: Any) -> Any:
    """Complex numbers of their parts."""
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    result = np.empty(shape, np.result_type(real.dtype, np.complex64))
    result.real, result.imag = real, imag
    return result


@primitive
def as_pairs(x: Any) -> Any:
    """Complex numbers seen as pairs of real ones, along one more axis."""
    part = x.real
    return restrided(part, (*x.shape, 2), (*x.strides, part.itemsize))


@primitive
def from_pairs(x: Any) -> Any:
    """Pairs along the last axis seen as complex numbers."""
    if x.ndim == 0 or x.shape[-1] != 2:
        raise RuntimeError(
            f"view_as_complex: Tensor must have a last dimension of size 2, but its shape is {list(x.shape)}"
        )
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"view_as_complex is only supported for floating point tensors, but got a tensor of {x.dtype}"
        )
    size = x.itemsize
    if x.strides[-1] != size or any(s % (2 * size) for s in x.strides[:-1]):
        raise RuntimeError(
            "view_as_complex: Tensor must have stride 1 in its last dimension, and even strides in the others"
        )
    return x.view(np.result_type(x.dtype, np.complex64)).reshape(x.shape[:-1])


@primitive
def put_where(x: Any, mask: Any, values: Any) -> Any:
    """A copy of `x` with `values`, one after the other, where `mask` is true."""
    result = x.copy()
    result[mask] = values
    return result
