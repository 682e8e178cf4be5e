"""The number formats samplers write: what they compute in, what they are stored as, and their limits."""

from functools import cache
from typing import NamedTuple

import numpy as np


class FloatFormat(NamedTuple):
    """A floating-point format by name, with the precision PyTorch computes its samples in."""

    name: str
    compute: type
    digits: int
    largest: float
    smallest: float

    def store(self, values):
        """`values` rounded to this format; bfloat16 stays in rounded float32 where ml_dtypes is missing."""
        if self.name == "float64":
            return np.asarray(values, np.float64)
        # PyTorch converts doubles to the half types by way of float32, with the two roundings that implies.
        narrow = np.asarray(values).astype(np.float32, copy=False)
        if self.name == "float16":
            with np.errstate(over="ignore"):
                return narrow.astype(np.float16)
        if self.name == "bfloat16":
            return _to_bfloat16(narrow)
        return narrow

    def storage(self):
        """The numpy dtype that `store` returns."""
        if self.name == "bfloat16":
            return bfloat16_dtype() or np.dtype(np.float32)
        return np.dtype(self.name)

    def round(self, number):
        """One Python number rounded to this format, as a Python float."""
        return float(self.store(np.array([number], np.float64))[0])


FLOATS = {
    "float64": FloatFormat("float64", np.float64, 53, float(np.finfo(np.float64).max), 2.0**-1022),
    "float32": FloatFormat("float32", np.float32, 24, float(np.finfo(np.float32).max), 2.0**-126),
    "float16": FloatFormat("float16", np.float32, 11, 65504.0, 2.0**-14),
    "bfloat16": FloatFormat("bfloat16", np.float32, 8, 255.0 * 2.0**120, 2.0**-126),
}
COMPLEX_PARTS = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
SIGNED = {"int8": 7, "int16": 15, "int32": 31, "int64": 63}
UNSIGNED = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}


def float_format(dtype, operation):
    """The FloatFormat called `dtype`, or an error that names the operation which needs one."""
    try:
        return FLOATS[dtype]
    except (KeyError, TypeError):
        raise NotImplementedError(
            f'"{operation}" not implemented for {dtype!r}: expected one of {", ".join(FLOATS)}'
        ) from None


def from_parts(parts, dtype):
    """Complex numbers from an array of their real and imaginary parts in a last axis of two.

    numpy has no complex number of two halves, so "complex32" comes as complex64 holding rounded parts.
    """
    wide = parts.astype(np.float64 if dtype == "complex128" else np.float32, copy=False)
    return np.ascontiguousarray(wide).view(np.complex128 if dtype == "complex128" else np.complex64)[..., 0]


def _to_bfloat16(values):
    extended = bfloat16_dtype()
    if extended is not None:
        return values.astype(extended)
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    rounded &= np.uint32(0xFFFF0000)
    return np.where(np.isnan(values), values, rounded.view(np.float32))


@cache
def bfloat16_dtype():
    """The numpy dtype of bfloat16, or None where ml_dtypes is not installed."""
    try:
        import ml_dtypes
    except ImportError:
        return None
    return np.dtype(ml_dtypes.bfloat16)
