"""Pairs of uniform numbers into pairs of normal ones, with the roundings of PyTorch's vector code.

PyTorch fills float32 and half tensors with its own polynomials for log, sin and cos (the classic Cephes ones), each
step a fused multiply-add. Here float32 values travel in float64 arrays, where a product of two is exact and a sum is
rounded far below float32, so that one conversion afterwards gives the fused result.
"""

import numpy as np

from . import libm

_TWO_PI = np.float32(2 * np.pi)
_LOG_COEFFICIENTS = [
    float(np.float32(c))
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
]
_SIN_COEFFICIENTS = [float(np.float32(c)) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
_COS_COEFFICIENTS = [
    float(np.float32(c)) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
]
# ln 2 and pi / 4, each as a short leading part and corrections, so that multiples of the leading part are exact.
_LN2_HIGH, _LN2_LOW = 0.693359375, float(np.float32(-2.12194440e-4))
_QUARTER_PI = [float(np.float32(c)) for c in (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)]
_QUARTERS_PER_RADIAN = np.float32(4 / np.pi)
_SQRT_HALF = np.float32(0.707106781186547524)


def normal_pairs32(radial, angular):
    """Two float32 arrays of standard normal numbers from two float32 arrays of uniform ones in [0, 1)."""
    radius = np.sqrt(np.float32(-2) * _log(np.float32(1) - radial))
    sine, cosine = _sin_cos(_TWO_PI * angular)
    return radius * cosine, radius * sine


def normal_pairs64(radial, angular):
    """The same in float64, where PyTorch calls the C library."""
    shape = radial.shape
    radius = np.sqrt(-2.0 * libm.log((1.0 - radial).ravel())).reshape(shape)
    angle = 2 * np.pi * angular
    return radius * np.cos(angle), radius * np.sin(angle)


def _rounded(wide):
    return wide.astype(np.float32).astype(np.float64)


def _fma(a, b, c):
    wide = a * b
    wide += c
    return _rounded(wide)


def _horner(x, coefficients):
    result = _fma(x, coefficients[0], coefficients[1])
    for coefficient in coefficients[2:]:
        result = _fma(result, x, coefficient)
    return result


def _log(x):
    mantissa, exponent = _split_exponent(x)
    wide = mantissa.astype(np.float64)
    square = _rounded(wide * wide)
    tail = _rounded(_horner(wide, _LOG_COEFFICIENTS) * wide)
    tail = _fma(tail, square, _rounded(exponent * _LN2_LOW))
    tail = _fma(square, -0.5, tail)
    result = _rounded(wide + tail)
    result += exponent * _LN2_HIGH
    return result.astype(np.float32)


def _split_exponent(x):
    """x = (1 + m) * 2**e with m in [sqrt(1/2) - 1, sqrt(2) - 1); m as float32, e as float64."""
    bits = x.view(np.int32)
    mantissa = ((bits & np.int32(0x7FFFFF)) | np.int32(0x3F000000)).view(np.float32)
    low = mantissa < _SQRT_HALF
    exponent = (bits >> np.int32(23)) - np.int32(126) - low
    mantissa += mantissa * low - np.float32(1)
    return mantissa, exponent.astype(np.float64)


def _sin_cos(angle):
    """Sine and cosine of float32 angles in [0, 2 pi]."""
    octant = (angle * _QUARTERS_PER_RADIAN).astype(np.int32)
    octant += 1
    octant &= ~1
    count = octant.astype(np.float64)
    rest = angle.astype(np.float64)
    for part in _QUARTER_PI:
        rest = _fma(count, -part, rest)
    square = _rounded(rest * rest)
    sine = _fma(_rounded(_horner(square, _SIN_COEFFICIENTS) * square), rest, rest).astype(np.float32)
    cosine = _rounded(_horner(square, _COS_COEFFICIENTS) * square)
    cosine = _fma(cosine, square, -0.5 * square).astype(np.float32)
    cosine += np.float32(1)
    return _by_octant(sine, cosine, octant)


def _by_octant(sine, cosine, octant):
    swap = (octant & np.int32(2)).astype(bool)
    signs = octant << np.int32(29)
    sines = np.where(swap, cosine, sine).view(np.int32) ^ (signs & np.int32(-(2**31)))
    cosines = np.where(swap, sine, cosine).view(np.int32) ^ (
        (signs ^ (octant << np.int32(30))) & np.int32(-(2**31))
    )
    return sines.view(np.float32), cosines.view(np.float32)
