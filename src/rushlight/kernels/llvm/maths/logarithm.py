"""Logarithms, the inverse hyperbolic functions and pow.

x = 2**k m with m in [sqrt(1/2), sqrt(2)); with f = m - 1 and s = f / (2 + f), log(1 + f) = f - f*f/2 + s
(f*f/2 + R) where R is a polynomial in s*s.  Float32's own log uses a polynomial in f and no division.
"""

from __future__ import annotations

import math

from ....runtime.ir import Function, Value, f32, f64
from .common import (
    INFINITY,
    NAN,
    absolute,
    copysign,
    float_bits,
    in_double,
    in_double_or_library,
    integer_bits,
    integer_bits_of,
    keep_zero,
    medium_precision,
    polynomial,
    split_f32,
    square_root,
)
from .exponential import LN2_F64, exp2

# (log(1 + f) - f + f*f/2) / f**3 on |f| <= 1/3: tools/fit_polynomials.py LOG_F32
LOG_F32 = (
    0.333333384329587,
    -0.2499982391636431,
    0.19999326734968045,
    -0.1667942386720166,
    0.14312373795399716,
    -0.12197811973555384,
    0.10665628399299949,
    -0.12836574322805053,
    0.12344151176782754,
)
# (2 atanh(s) / s - 2) / s**2 in s*s: LOG_F64 LOG_MEDIUM
LOG_F64 = (
    0.6666666666666737,
    0.3999999999939067,
    0.2857142874835665,
    0.22222197903240778,
    0.1818360186833862,
    0.15313025374570444,
    0.1480681414013192,
)
LOG_MEDIUM = (
    0.6666666563532869,
    0.40000339144216485,
    0.28536984884182914,
    0.2358935987295675,
)
LN2_F32 = split_f32(math.log(2))
SMALLEST_NORMAL = {32: 2.0**-126, 64: 2.0**-1022}
SUBNORMAL_SHIFT = {32: 25, 64: 54}
MANTISSA_BITS = {32: 23, 64: 52}
LOWEST_MANTISSA = {32: 2 / 3, 64: math.sqrt(0.5)}


def _split(f: Function, x: Value) -> tuple[Value, Value]:
    """k and m with x = 2**k m, m in [1, 2) times the lowest mantissa; subnormal numbers included."""
    width = x.type.bits
    shift, mantissa = SUBNORMAL_SHIFT[width], MANTISSA_BITS[width]
    subnormal = x < SMALLEST_NORMAL[width]
    normal = f.select(subnormal, x * 2.0**shift, x)
    bits = integer_bits(normal)
    k = bits - integer_bits_of(LOWEST_MANTISSA[width], x.type) >> mantissa
    m = float_bits(bits - (k << mantissa))
    exponent = k.convert("sitofp", f32 if width == 32 else f64)
    return exponent - f.select(subnormal, float(shift), exponent - exponent), m


def _with_special_values(f: Function, x: Value, result: Value) -> Value:
    """Infinity and NaN pass through, zero gives -infinity, negative numbers NaN."""
    result = f.select(x < INFINITY, result, x)
    result = f.select(x < 0.0, NAN, result)
    return f.select(x.equals(0.0), -INFINITY, result)


def _log_f32(f: Function, x: Value, lost: Value | None = None) -> Value:
    k, m = _split(f, x)
    g = m - 1.0
    tail = f.fma(polynomial(f, g, LOG_F32), g, -0.5) * (g * g)
    low = f.fma(k, LN2_F32[1], tail if lost is None else tail + lost)
    return _with_special_values(f, x, f.fma(k, LN2_F32[0], low + g))


def _log1p_small(f: Function, g: Value, lost: Value | None = None) -> tuple[Value, Value]:
    """log(1 + g) as g and a correction to add, for 1 + g in [sqrt(1/2), sqrt(2)) (float64)."""
    s = g / (g + 2.0)
    z = s * s
    half_square = g * g * 0.5
    low = f.fma(s, half_square + z * polynomial(f, z, LOG_MEDIUM if f.medium else LOG_F64), -half_square)
    return g, low if lost is None else low + lost


def _log_f64(f: Function, x: Value, lost: Value | None = None) -> Value:
    k, m = _split(f, x)
    high, low = _log1p_small(f, m - 1.0, lost)
    result = f.fma(k, LN2_F64[0], high + f.fma(k, LN2_F64[1], low))
    return _with_special_values(f, x, result)


def log(f: Function, x: Value) -> Value:
    """The natural logarithm: 0.9 ulp."""
    return _log_f32(f, x) if x.type.bits == 32 else _log_f64(f, x)


def _log_to_base(f: Function, x: Value, factor: tuple[float, float], per_k: tuple[float, float]) -> Value:
    """k * per_k + log(m) * factor, the product carried in two parts."""
    k, m = _split(f, x)
    g, low = _log1p_small(f, m - 1.0)
    head = g + low
    rest = (g - head) + low
    product = head * factor[0]
    lost = f.fma(head, factor[0], -product)
    lost = f.fma(head, factor[1], f.fma(rest, factor[0], lost))
    main = f.fma(k, per_k[0], product)
    carried = f.fma(k, per_k[0], -main) + product
    return _with_special_values(f, x, main + (carried + f.fma(k, per_k[1], lost)))


@in_double
def log2(f: Function, x: Value) -> Value:
    """The logarithm to base 2: 1 ulp."""
    return _log_to_base(f, x, (1.4426950408889634, 2.0355273740931033e-17), (1.0, 0.0))


@in_double
def log10(f: Function, x: Value) -> Value:
    """The logarithm to base 10: 1 ulp."""
    factor = (0.4342944819032518, 1.098319650216765e-17)
    return _log_to_base(f, x, factor, (0.3010299956639812, -2.8037281277851704e-18))


def log1p(f: Function, x: Value) -> Value:
    """log(1 + x), exact for small x: 1.5 ulp."""
    return keep_zero(f, x, _log1p_sum(f, x))


def _log1p_sum(f: Function, x: Value, rest: Value | None = None) -> Value:
    """log(1 + x + rest) for a rest far smaller than x."""
    total = x + 1.0
    rounded = total - 1.0
    lost = (1.0 - (total - rounded)) + (x - rounded)
    lost = (lost if rest is None else lost + rest) / total
    return _log_f32(f, total, lost) if x.type.bits == 32 else _log_f64(f, total, lost)


LARGE = 2.0**28  # from here on 1 is lost beside the square


@in_double
def asinh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic sine: 0.51 ulp in float32, 2 ulp in float64."""
    size = absolute(f, x)
    square = size * size
    result = log1p(f, size + square / (square_root(f, square + 1.0) + 1.0))
    if f.medium:  # the square of a float32 is never too large
        return copysign(f, f.select(size.equals(INFINITY), size, result), x)
    large = _log_f64(f, size) + LN2_F64[0]
    return copysign(f, f.select(size > LARGE, large, result), x)


@in_double
def acosh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic cosine: 0.51 ulp in float32, 2 ulp in float64."""
    above = x - 1.0
    result = log1p(f, above + square_root(f, f.fma(above, above, above + above)))
    if not f.medium:
        result = f.select(x > LARGE, _log_f64(f, x) + LN2_F64[0], result)
    return f.select(x < 1.0, NAN, result)


def atanh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic tangent, half of log(1 + 2x / (1 - x)): 2 ulp."""
    size = absolute(f, x)
    bottom = 1.0 - size
    lost = (1.0 - bottom) - size
    quotient = (size + size) / bottom
    rest = (f.fma(-quotient, bottom, size + size) - quotient * lost) / bottom
    return copysign(f, keep_zero(f, size, _log1p_sum(f, quotient, rest) * 0.5), x)


@in_double_or_library("pow")
def pow(f: Function, x: Value, y: Value) -> Value:
    """x**y with C's special cases: 0.51 ulp."""
    size = absolute(f, x)
    with medium_precision(f, False):  # an error here is multiplied by the result's exponent
        logarithm = log2(f, size)
    result = exp2(f, y * logarithm)
    result = f.select(y.equals(0.0) | size.equals(1.0), 1.0, result)
    whole = f.intrinsic("trunc", y).equals(y)
    half = y * 0.5
    odd = whole & f.intrinsic("trunc", half).differs(half)
    result = f.select(odd, copysign(f, result, x), result)
    no_real_root = (x < 0.0) & (x > -INFINITY) & (whole ^ True) & y.differs(0.0)
    result = f.select(no_real_root, NAN, result)
    either_nan = x.compare("uno", y) & (y.equals(0.0) | x.equals(1.0)) ^ x.compare("uno", y)
    return f.select(either_nan, x + y, result)
