"""exp and what is built on it: exp2, expm1, sigmoid, tanh, sinh, cosh.

x = n ln2 + r with |r| <= ln2/2; e**r = 1 + r + r*r*q(r); the scale 2**n is put on in two halves so that
results below the smallest normal number come out right. AVX-512 looks up 2**(k/16) in a register: there n is
a number of sixteenths, and r so small that two coefficients less will do.
"""

from __future__ import annotations

import math

from ....runtime.ir import Function, Value, constant, i8, i16, i32
from .common import (
    ROUNDERS,
    absolute,
    clamp,
    copysign,
    float_bits,
    has_tables,
    in_double,
    integer_bits,
    integer_bits_of,
    keep_zero,
    look_up,
    polynomial,
    round_to_integer,
    split_f32,
)

# (e**r - 1 - r) / r**2 on |r| <= ln2/2: tools/fit_polynomials.py EXP_F32 EXP_F64 EXP_MEDIUM
EXP_F32 = (
    0.5000000093820298,
    0.16666519331457172,
    0.04166620836553542,
    0.008368850391281131,
    0.0013950376148263767,
)
EXP_SIXTEENTH_F32 = (0.5000161953966369, 0.16667058055798406)  # the same on |r| <= ln2/32
EXP_F64 = (
    0.5,
    0.16666666666666685,
    0.04166666666666673,
    0.008333333333316723,
    0.0013888888888858532,
    0.00019841269897116656,
    2.480158737359644e-05,
    2.7557234165996785e-06,
    2.7557233466895747e-07,
    2.5112268028513617e-08,
    2.0926913668380064e-09,
)
EXP_MEDIUM = (
    0.5000000076120216,
    0.16666666859052526,
    0.041666274031026664,
    0.00833326465656926,
    0.0013945855704238673,
    0.00019918250416215113,
)
# (tanh(x) - x) / x**3 in x*x for |x| < 0.5625: TANH_F32
TANH_F32 = (
    -0.33333314565401695,
    0.13332472699274045,
    -0.0538393599707642,
    0.021014669521162207,
    -0.006189115761528191,
)
LOG2_E = 1 / math.log(2)
LN2_F32 = split_f32(math.log(2))
LN2_F64 = (math.log(2), 2.3190468138462996e-17)
SIXTEENTHS = tuple(2.0 ** (k / 16) for k in range(16))
EXP_RANGE = {32: (-104.0, 89.0), 64: (-746.0, 710.0)}
EXP2_RANGE = {32: (-151.0, 129.0), 64: (-1076.0, 1025.0)}
EXPONENT = {32: (127, 23), 64: (1023, 52)}  # bias, mantissa bits


def _coefficients(f: Function, r: Value) -> tuple[float, ...]:
    if r.type.bits == 32:
        return EXP_F32
    return EXP_MEDIUM if f.medium else EXP_F64


def _tail(f: Function, r: Value) -> Value:
    return polynomial(f, r, _coefficients(f, r))


def _of_small(f: Function, r: Value) -> Value:
    """e**r."""
    return polynomial(f, r, (1.0, 1.0, *_coefficients(f, r)))


def _reduce(f: Function, x: Value) -> tuple[Value, Value, Value, Value]:
    """n as float and as integer, r, and what r lost in rounding."""
    high, low = LN2_F32 if x.type.bits == 32 else LN2_F64
    n, exponent = round_to_integer(f, x, LOG2_E)
    exact = f.fma(n, -high, x)
    r = f.fma(n, -low, exact)
    return n, exponent, r, f.fma(n, -low, exact - r)


def power_of_two(f: Function, exponent: Value) -> Value:
    """2**exponent for an integer exponent of a normal number."""
    bias, mantissa = EXPONENT[exponent.type.bits]
    return float_bits(exponent + bias << mantissa)


def _scale(f: Function, value: Value, n: Value, exponent: Value) -> Value:
    """value * 2**n, also into the subnormal numbers."""
    if has_tables(f, value):
        return _scaled_at_once(f, value, n)
    half = exponent >> 1
    return value * power_of_two(f, half) * power_of_two(f, exponent - half)


# ---- by sixteenths


def _sixteenths(f: Function, x: Value, factor: float) -> tuple[Value, Value]:
    """x * factor rounded to sixteenths, and a number whose last four bits count them beyond a whole."""
    rounder = ROUNDERS[32] / 16
    shifted = f.fma(x, factor, rounder)
    return shifted - rounder, shifted.bitcast(i32)


def _of_sixteenths(f: Function, n: Value, bits: Value, r: Value) -> Value:
    """e**r * 2**n for a small r, also into the subnormal numbers."""
    power = look_up(f, SIXTEENTHS, bits)
    first, second = EXP_SIXTEENTH_F32
    return _scaled_at_once(f, f.fma(power * r, f.fma(f.fma(r, second, first), r, 1.0), power), n)


def _scaled_at_once(f: Function, value: Value, n: Value) -> Value:
    """value * 2**n for n rounded down, by an instruction of AVX-512."""
    if n.type.lanes == 8:
        return f.call("llvm.x86.avx512.mask.scalef.ps.256", n.type, value, n, value, constant(i8, -1))
    every, rounding = constant(i16, -1), constant(i32, 4)
    return f.call("llvm.x86.avx512.mask.scalef.ps.512", n.type, value, n, value, every, rounding)


def _exp_by_table(f: Function, x: Value) -> Value:
    n, bits = _sixteenths(f, x, LOG2_E)
    high, low = LN2_F32
    return _of_sixteenths(f, n, bits, f.fma(n, -low, f.fma(n, -high, x)))


# ---- the functions


def exp(f: Function, x: Value) -> Value:
    """e**x: 1.1 ulp in float32, 1 ulp in float64."""
    return _exp_within(f, clamp(f, x, *EXP_RANGE[x.type.bits]))


def exp_of_negative(f: Function, x: Value) -> Value:
    """e**x for arguments that are known not to be above zero, or NaN."""
    return _exp_within(f, _not_too_low(f, x))


def _not_too_low(f: Function, x: Value) -> Value:
    lowest = EXP_RANGE[x.type.bits][0]
    return f.select(x < lowest, lowest, x)


def _exp_within(f: Function, x: Value) -> Value:
    if has_tables(f, x):
        return _exp_by_table(f, x)
    return _exp_by_polynomial(f, x)


def _exp_by_polynomial(f: Function, x: Value) -> Value:
    """e**x: 0.9 ulp, for functions that lose more."""
    n, exponent, r, _ = _reduce(f, x)
    return _scale(f, _of_small(f, r), n, exponent)


def exp_normal(f: Function, x: Value) -> Value:
    """e**x for arguments whose results are normal numbers, known beforehand: no limits to look after."""
    if has_tables(f, x):
        return _exp_by_table(f, x)
    _, exponent, r, _ = _reduce(f, x)
    return float_bits(integer_bits(_of_small(f, r)) + (exponent << EXPONENT[x.type.bits][1]))


def exp_near(f: Function, x: Value) -> Value:
    """e**x in float32 with as few steps as there can be, for |x| up to 86: 1 ulp near zero, 5 at the ends."""
    shifted, r = _reduce_near(f, x, 1.0)
    return float_bits(integer_bits(_of_small(f, r)) + (shifted << EXPONENT[32][1]))


def expm1_twice(f: Function, x: Value) -> Value:
    """e**2x - 1 in float32 for x between -20 and 0, like `exp_near`."""
    shifted, r = _reduce_near(f, x, 2.0)
    tail = polynomial(f, r, tuple(c * 2.0 ** (k + 2) for k, c in enumerate(EXP_F32)))
    scale = float_bits((shifted << EXPONENT[32][1]) + integer_bits_of(1.0, x.type))
    return f.fma(scale, f.fma(r * r, tail, r + r), scale - 1.0)


def _reduce_near(f: Function, x: Value, factor: float) -> tuple[Value, Value]:
    """An integer whose low bits are n, the one nearest to factor * x / ln2, and x - n ln2 / factor."""
    shifted = f.fma(x, factor * LOG2_E, ROUNDERS[32])
    return integer_bits(shifted), f.fma(shifted - ROUNDERS[32], -math.log(2) / factor, x)


def exp2(f: Function, x: Value) -> Value:
    """2**x: 1.3 ulp."""
    x = clamp(f, x, *EXP2_RANGE[x.type.bits])
    if has_tables(f, x):
        n, bits = _sixteenths(f, x, 1.0)
        return _of_sixteenths(f, n, bits, (x - n) * math.log(2))
    n, exponent = round_to_integer(f, x, 1.0)
    return _scale(f, _of_small(f, (x - n) * math.log(2)), n, exponent)


def expm1_normal(f: Function, x: Value) -> Value:
    """e**x - 1 for x below the overflow of e**x / 2; the last product is done on half the scale."""
    _, exponent, r, lost = _reduce(f, x)
    small = r + f.fma(r * r, _tail(f, r), lost)
    half_scale = power_of_two(f, exponent - 1)
    return f.fma(half_scale, small, half_scale - 0.5) * 2.0


EXPM1_RANGE = {32: (-20.0, 89.0), 64: (-40.0, 710.0)}


def expm1(f: Function, x: Value) -> Value:
    """e**x - 1, exact for small x: 1.5 ulp."""
    return keep_zero(f, x, expm1_normal(f, clamp(f, x, *EXPM1_RANGE[x.type.bits])))


def sigmoid(f: Function, x: Value) -> Value:
    """1 / (1 + e**-x), from e**-|x| so that nothing overflows: 1.5 ulp."""
    e = _exp_by_polynomial(f, _not_too_low(f, -absolute(f, x)))
    negative = x < 0.0
    top, bottom = f.select(negative, e, 1.0), e + 1.0
    quotient = top / bottom
    lost = f.fma(-quotient, bottom, top) - quotient * (e - (bottom - 1.0))
    return f.fma(lost, f.select(negative, 1.0 - quotient, quotient), quotient)


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent: 1.5 ulp."""
    size = absolute(f, x)
    if x.type.bits == 64:
        e = expm1_normal(f, f.select(size > 20.0, 40.0, size + size))
        bottom = e + 2.0
        quotient = e / bottom
        lost = f.fma(-quotient, bottom, e) - quotient * (e - (bottom - 2.0))
        result = f.fma(lost, (1.0 - quotient) * 0.5, quotient)
    else:
        square = x * x
        small = f.fma(polynomial(f, square, TANH_F32) * square, size, size)
        large = 1.0 - 2.0 / (exp(f, size + size) + 1.0)
        result = f.select(size < 0.5625, small, large)
    return copysign(f, result, x)


@in_double
def sinh(f: Function, x: Value) -> Value:
    """The hyperbolic sine, half of e + e / (e + 1) with e = e**|x| - 1: 2 ulp."""
    size = absolute(f, x)
    e = expm1_normal(f, f.select(size > 709.0, 709.0, size))
    result = (e + e / (e + 1.0)) * 0.5
    huge = _half_exp(f, size)
    return copysign(f, f.select(size > 709.0, huge, result), x)


@in_double
def cosh(f: Function, x: Value) -> Value:
    """The hyperbolic cosine: 2 ulp."""
    half = _half_exp(f, absolute(f, x))
    return half + 0.25 / half


def _half_exp(f: Function, x: Value) -> Value:
    """e**x / 2 where e**x itself may overflow (float64, x >= 0)."""
    _, exponent, r, _ = _reduce(f, clamp(f, x, 0.0, 712.0))
    value = _of_small(f, r)
    half = exponent >> 1
    return value * power_of_two(f, half) * power_of_two(f, exponent - half - 1)
