"""Pairs of uniform numbers into pairs of normal ones, with the roundings of PyTorch's vector code.

PyTorch fills float32 and half tensors with the classic Cephes polynomials for log, sin and cos, most steps
being fused multiply-adds. The formulas stand here once, for any arithmetic: `Float32` runs them on numpy
arrays, and `kernels.py` on the values of a kernel under construction.
"""

import numpy as np

from . import libm


def _float32(*numbers):
    return [float(np.float32(number)) for number in numbers]


(_TWO_PI, _QUARTERS_PER_RADIAN, _SQRT_HALF) = _float32(2 * np.pi, 4 / np.pi, 0.5**0.5)
_LOG = _float32(
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_SIN = _float32(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = _float32(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
# ln 2 and pi / 4 as a short leading part, whose multiples are exact, and corrections.
_LN2_HIGH, _LN2_LOW = _float32(0.693359375, -2.12194440e-4)
_QUARTER_PI = _float32(0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)
_SIGN = -(2**31)


class Float32:
    """float32 arithmetic on numpy arrays, with the fused multiply-add that numpy lacks."""

    sqrt = staticmethod(np.sqrt)
    select = staticmethod(np.where)

    @staticmethod
    def fma(a, b, c):
        """a * b + c rounded once, but for one case in 2**29 where float64 rounds the sum to a tie."""
        wide = np.multiply(a, b, dtype=np.float64)
        wide += c
        return wide.astype(np.float32)

    @staticmethod
    def bits(x):
        return x.view(np.int32)

    @staticmethod
    def number(bits):
        return bits.view(np.float32)

    @staticmethod
    def truncate(x):
        return x.astype(np.int32)

    @staticmethod
    def to_float(x):
        return x.astype(np.float32)


def normal_pair(a, radial, angular):
    """Two standard normal numbers from two uniform ones in [0, 1), in the arithmetic `a`."""
    radius = a.sqrt(_log(a, 1.0 - radial) * -2.0)
    sine, cosine = _sin_cos(a, angular * _TWO_PI)
    return radius * cosine, radius * sine


def _log(a, x):
    exponent, mantissa = _split(a, x)
    square = mantissa * mantissa
    tail = _polynomial(a, mantissa, _LOG) * mantissa
    tail = a.fma(tail, square, exponent * _LN2_LOW)
    tail = a.fma(square, -0.5, tail)
    return a.fma(exponent, _LN2_HIGH, mantissa + tail)


def _split(a, x):
    """x = 2**e * (1 + m) with sqrt(1/2) <= 1 + m < sqrt(2), for positive normal numbers."""
    bits = a.bits(x)
    mantissa = a.number((bits & 0x7FFFFF) | 0x3F000000)
    exponent = a.to_float((bits >> 23) - 126)
    low = mantissa < _SQRT_HALF
    mantissa = a.select(low, mantissa + mantissa, mantissa)
    return a.select(low, exponent - 1.0, exponent), mantissa - 1.0


def _sin_cos(a, angle):
    """Sine and cosine of angles in [0, 2 pi]."""
    octant = (a.truncate(angle * _QUARTERS_PER_RADIAN) + 1) & -2
    count = a.to_float(octant)
    for part in _QUARTER_PI:
        angle = a.fma(count, -part, angle)
    square = angle * angle
    sine = a.fma(_polynomial(a, square, _SIN) * square, angle, angle)
    cosine = a.fma(_polynomial(a, square, _COS) * square, square, square * -0.5) + 1.0
    straight = (octant & 2) < 1
    sine_sign = (octant << 29) & _SIGN
    cosine_sign = ((octant << 29) ^ (octant << 30)) & _SIGN
    return (
        a.number(a.bits(a.select(straight, sine, cosine)) ^ sine_sign),
        a.number(a.bits(a.select(straight, cosine, sine)) ^ cosine_sign),
    )


def _polynomial(a, x, coefficients):
    result = a.fma(x, coefficients[0], coefficients[1])
    for coefficient in coefficients[2:]:
        result = a.fma(result, x, coefficient)
    return result


def normal_pair64(radial, angular):
    """The same for float64 arrays, where PyTorch calls the C library."""
    radius = np.sqrt(-2.0 * libm.log(1.0 - radial))
    angle = 2 * np.pi * angular
    return radius * np.cos(angle), radius * np.sin(angle)
