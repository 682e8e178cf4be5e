"""`finfo` and `iinfo`: the limits of the number types."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .dtype import FLOATING, dtype, get_default_dtype

# of each small type: bits of the mantissa, the largest and the smallest normal number, the decimal resolution
_SMALL = {
    "bfloat16": (7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 0.01),
    "float8_e4m3fn": (3, 448.0, 2.0**-6, 1.0),
    "float8_e5m2": (2, 57344.0, 2.0**-14, 1.0),
    "float8_e4m3fnuz": (3, 240.0, 2.0**-7, 1.0),
    "float8_e5m2fnuz": (2, 57344.0, 2.0**-15, 1.0),
}


class finfo:
    """The limits of a floating point type: `eps`, `max`, `min`, `tiny`, `resolution`, `bits`."""

    def __new__(cls, type: Any = None) -> finfo:
        return _finfo(get_default_dtype() if type is None else type)

    bits: int
    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    resolution: float
    dtype: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:.6g}, min={self.min:.6g}, max={self.max:.6g}, "
            f"eps={self.eps:.6g}, "
            f"smallest_normal={self.smallest_normal:.6g}, tiny={self.tiny:.6g}, dtype={self.dtype})"
        )


@cache
def _finfo(d: Any) -> finfo:
    if not isinstance(d, dtype) or d.category < FLOATING:
        raise TypeError(
            f"torch.finfo() requires a floating point input type, got {d!r}. Use torch.iinfo for integers"
        )
    d = d.to_real()
    new = object.__new__(finfo)
    new.bits, new.dtype = d.itemsize * 8, d.name
    if d.name in _SMALL:
        digits, new.max, new.tiny, new.resolution = _SMALL[d.name]
        new.eps = 2.0**-digits
    else:
        info = np.finfo(d.np)
        new.eps, new.max, new.tiny, new.resolution = (
            float(x) for x in (info.eps, info.max, info.tiny, info.resolution)
        )
    new.min, new.smallest_normal = -new.max, new.tiny
    return new


class iinfo:
    """The limits of an integer type: `min`, `max`, `bits`."""

    bits: int
    max: int
    min: int
    dtype: str

    def __new__(cls, type: Any) -> iinfo:
        return _iinfo(type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


@cache
def _iinfo(d: Any) -> iinfo:
    if not isinstance(d, dtype) or d.category != 1:
        raise TypeError(
            f"torch.iinfo() requires an integer input type, got {d!r}. Use torch.finfo for floating point "
            "types"
        )
    info = np.iinfo(d.np)
    new = object.__new__(iinfo)
    new.bits, new.min, new.max, new.dtype = int(info.bits), int(info.min), int(info.max), d.name
    return new
