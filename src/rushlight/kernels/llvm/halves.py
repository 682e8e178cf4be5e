"""Half precision in vectors: float16 and bfloat16 lie in memory as 16 bits, and are float32 in registers.

Both are rounded to the nearest, ties to even, denormals included. bfloat16 is the upper half of a float32, so
shifts and one addition do it on every machine. (The instruction of AVX-512 takes denormals for zero.)
"""

from __future__ import annotations

from ...runtime.ir import Value, f16, f32, i16, i32

ODD = 16  # the place of a bfloat16's last bit in a float32
ALMOST_HALF = 0x7FFF  # of that bit; with the bit itself, ties go to even
QUIET = 0x40  # keeps a NaN from becoming infinite when its lower bits are cut off


def widened(bits: Value, dtype: str) -> Value:
    """The float32 of 16 bits in memory."""
    if dtype == "float16":
        return bits.bitcast(f16).convert("fpext", f32)
    return (bits.convert("zext", i32) << ODD).bitcast(f32)


def narrowed(value: Value, dtype: str) -> Value:
    """The 16 bits of the nearest number."""
    if dtype == "float16":
        return value.convert("fptrunc", f16).bitcast(i16)
    bits = value.bitcast(i32)
    last = bits.lshr(ODD)
    nearest = (bits + ALMOST_HALF + (last & 1)).lshr(ODD)
    rounded = value.function.select(value.compare("uno", value), last | QUIET, nearest)
    return rounded.convert("trunc", i16)


def rounded(value: Value, dtype: str) -> Value:
    """A float32 with no more digits than are stored."""
    return widened(narrowed(value, dtype), dtype)
