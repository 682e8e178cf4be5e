"""Fused multiply-add, `a * b + c` rounded once: which PyTorch's compiled samplers use and numpy lacks."""

import numpy as np

# The 29 bits that a float64 has below a float32, and their pattern half-way between two float32 numbers.
_LOST_BITS = np.int64((1 << 29) - 1)
_HALF_WAY = np.int64(1 << 28)
_SPLITTER = 134217729.0  # 2**27 + 1 cuts a float64 in two halves of 26 bits


def fma32(factors, scale, offset):
    """float32 array: `factors * scale + offset` with one rounding; scale and offset are float32 numbers."""
    product = factors.astype(np.float64)
    product *= np.float64(scale)  # exact: 24 bits times 24 bits
    if offset == 0:
        return product.astype(np.float32) + np.float32(0)
    total = product + np.float64(offset)
    _untie(total, product, np.float64(offset))
    return total.astype(np.float32)


def _untie(total, product, offset):
    """Move sums that look half-way between float32 numbers, but were rounded to there, off the middle."""
    tied = (total.view(np.int64) & _LOST_BITS) == _HALF_WAY
    if tied.any():
        ties = np.flatnonzero(tied)
        _, error = _two_sum(product.flat[ties], offset)
        total.flat[ties] = _nudge(total.flat[ties], error, where=error != 0)


def fma64(factors, scale, offset):
    """float64 array: `factors * scale + offset` with one rounding."""
    scale, offset = np.float64(scale), np.float64(offset)
    product = factors * scale
    if offset == 0:
        return product + 0.0
    if abs(scale) > 1e150 or abs(offset) > 1e150:  # the exact products below would overflow
        return product + offset
    product_error = _product_error(factors, scale, product)
    low, low_error = _two_sum(product_error, offset)
    high, high_error = _two_sum(product, low)
    return high + _sum_to_odd(low_error, high_error)


def _product_error(a, b, product):
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(x):
    scaled = x * _SPLITTER
    high = scaled - (scaled - x)
    return high, x - high


def _two_sum(a, b):
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _sum_to_odd(a, b):
    """a + b, or where inexact its neighbour with an odd last bit, so that rounding again is harmless."""
    total, error = _two_sum(a, b)
    even = (total.view(np.int64) & 1) == 0
    return _nudge(total, error, where=(error != 0) & even)


def _nudge(values, direction, where):
    """The neighbour of each value towards the sign of `direction`, where asked."""
    return np.where(where, np.nextafter(values, np.copysign(np.inf, direction)), values)
