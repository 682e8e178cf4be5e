"""sin, cos, tan and their inverses.

x = j pi/2 + r with |r| <= pi/4; float32 does the reduction in float64, float64 with pi/2 in three parts.
Arguments too large for that go to the C library, lane by lane.
"""

from __future__ import annotations

import math

from ....runtime.ir import Function, Value, f32, f64, i1, i32
from .common import (
    absolute,
    copysign,
    float_bits,
    in_double,
    integer_bits,
    keep_zero,
    polynomial,
    round_to_integer,
    square_root,
    where_rare,
)

# (sin(r) - r) / r**3 and (cos(r) - 1 + r*r/2) / r**4 in r*r:
# tools/fit_polynomials.py SIN_F32 COS_F32 SIN_F64 COS_F64
SIN_F32 = (-0.16666666641550887, 0.008333329376095776, -0.00019839331489946812, 2.7182783193374847e-06)
COS_F32 = (0.041666646831760516, -0.0013887365489648707, 2.4438190368656062e-05)
SIN_F64 = (
    -0.16666666666666666,
    0.008333333333333323,
    -0.00019841269841255066,
    2.7557319214188906e-06,
    -2.5052104911142404e-08,
    1.6058366565611945e-10,
    -7.578694585999418e-13,
)
COS_F64 = (
    0.041666666666666664,
    -0.0013888888888888874,
    2.4801587301571476e-05,
    -2.7557319215365703e-07,
    2.0876754363629687e-09,
    -1.1470292955456749e-11,
    4.738094082604237e-14,
)
# (atan(x) - x) / x**3 in x*x for |x| <= tan(pi/8), (asin(x) - x) / x**3 for |x| <= 1/2:
# ATAN_F64 ASIN_F64 ATAN_MEDIUM ASIN_MEDIUM
ATAN_F64 = (
    -0.3333333333333333,
    0.19999999999999887,
    -0.14285714285695775,
    0.11111111109589933,
    -0.09090909017077099,
    0.07692305384824645,
    -0.06666617802372238,
    0.058816306889031666,
    -0.052555980045314754,
    0.04705781307968216,
    -0.04055712104851063,
    0.029623608104324822,
    -0.012990812858046747,
)
ASIN_F64 = (
    0.16666666666666763,
    0.07499999999970146,
    0.044642857175248477,
    0.03038194267683269,
    0.02237221586707802,
    0.017351596131959666,
    0.013981011567670676,
    0.01139734609340098,
    0.010789042100849543,
    0.003673181219491602,
    0.02178834366665171,
    -0.021113606543444494,
    0.03270029570682622,
)
ATAN_MEDIUM = (
    -0.33333332521019554,
    0.19999905618734146,
    -0.14282052211537222,
    0.11045201456907047,
    -0.0847894020515658,
    0.04749273843629169,
)
ASIN_MEDIUM = (
    0.1666665988932853,
    0.07500510471526207,
    0.04451573608860202,
    0.03181789682952221,
    0.014400296045470695,
    0.03756986792996779,
)
HALF_PI = (math.pi / 2, 6.123233995736766e-17)
# pi/2 in parts of 33 bits, so that products with a whole number below 2**20 are exact
HALF_PI_PARTS = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
LARGEST = {32: 2.0**28, 64: 1.0e6}


def _reduce_f32(f: Function, x: Value) -> tuple[Value, Value]:
    """r, and j as an integer."""
    wide = x.convert("fpext", f64)
    j, whole = round_to_integer(f, wide, 2 / math.pi)
    r = f.fma(j, -HALF_PI[1], f.fma(j, -HALF_PI[0], wide))
    return r.convert("fptrunc", f32), whole.convert("trunc", i32)


def _reduce_f64(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """r, what it lost in rounding, and j as an integer."""
    j, whole = round_to_integer(f, x, 2 / math.pi)
    first = f.fma(j, -HALF_PI_PARTS[0], x)
    r = f.fma(j, -HALF_PI_PARTS[1], first)
    lost = f.fma(j, -HALF_PI_PARTS[1], first - r)
    total = f.fma(j, -HALF_PI_PARTS[2], r)
    return total, f.fma(j, -HALF_PI_PARTS[2], r - total) + lost, whole


def _sin_cos_f32(f: Function, r: Value) -> tuple[Value, Value]:
    z = r * r
    sine = f.fma(polynomial(f, z, SIN_F32) * z, r, r)
    cosine = f.fma(f.fma(polynomial(f, z, COS_F32), z, -0.5), z, 1.0)
    return sine, cosine


def _sin_cos_f64(f: Function, r: Value, lost: Value) -> tuple[tuple[Value, Value], tuple[Value, Value]]:
    """sin and cos of r + lost, each as a value and a small correction to add."""
    z = r * r
    half = z * 0.5
    cosine = 1.0 - half
    sine_rest = f.fma(polynomial(f, z, SIN_F32 if f.medium else SIN_F64) * z, r, f.fma(-half, lost, lost))
    cosine_rest = f.fma(
        polynomial(f, z, COS_F32 if f.medium else COS_F64), z * z, ((1.0 - cosine) - half) - r * lost
    )
    return (r, sine_rest), (cosine, cosine_rest)


def _quarter_turns(f: Function, x: Value, turns: int) -> Value:
    """sin(x + turns * pi/2) for x that is not too large."""
    if x.type.bits == 32:
        r, j = _reduce_f32(f, x)
        sine, cosine = _sin_cos_f32(f, r)
    else:
        r, lost, j = _reduce_f64(f, x)
        sine, cosine = (high + low for high, low in _sin_cos_f64(f, r, lost))
    j = j + turns
    result = f.select(j.convert("trunc", i1), cosine, sine)
    sign = (j & 2) << (x.type.bits - 2)
    return float_bits(integer_bits(result) ^ sign)


def _too_large(f: Function, x: Value) -> Value:
    return absolute(f, x) > LARGEST[x.type.bits]


def sin(f: Function, x: Value) -> Value:
    """The sine: 1.5 ulp in float32, 1 ulp in float64."""
    return where_rare(f, _too_large(f, x), keep_zero(f, x, _quarter_turns(f, x, 0)), "sin", x)


def cos(f: Function, x: Value) -> Value:
    """The cosine: 1.5 ulp in float32, 1 ulp in float64."""
    return where_rare(f, _too_large(f, x), _quarter_turns(f, x, 1), "cos", x)


@in_double
def _tan(f: Function, x: Value) -> Value:
    r, lost, j = _reduce_f64(f, x)
    sine, cosine = _sin_cos_f64(f, r, lost)
    odd = j.convert("trunc", i1)
    above, below = _exact_sum(*sine), _exact_sum(*cosine)
    top = [f.select(odd, -c, s) for s, c in zip(above, below, strict=True)]
    bottom = [f.select(odd, s, c) for s, c in zip(above, below, strict=True)]
    quotient = top[0] / bottom[0]
    rest = f.fma(-quotient, bottom[0], top[0]) + (top[1] - quotient * bottom[1])
    return quotient + rest / bottom[0]


def _exact_sum(high: Value, low: Value) -> tuple[Value, Value]:
    total = high + low
    return total, low - (total - high)


def tan(f: Function, x: Value) -> Value:
    """The tangent: 1 ulp."""
    large = absolute(f, x) > LARGEST[64]
    return where_rare(f, large, keep_zero(f, x, _tan(f, x)), "tan", x)


def _atan_positive(f: Function, top: Value, bottom: Value) -> Value:
    """atan(top / bottom) for numbers >= 0 with top <= bottom, bottom > 0 (float64)."""
    beyond = top > bottom * (math.sqrt(2) - 1)
    x = f.select(beyond, top - bottom, top) / f.select(beyond, top + bottom, bottom)
    z = x * x
    tail = polynomial(f, z, ATAN_MEDIUM if f.medium else ATAN_F64) * z
    base = f.select(beyond, math.pi / 4, z - z)
    base_rest = f.select(beyond, HALF_PI[1] / 2, z - z)
    return base + (x + f.fma(tail, x, base_rest))


@in_double
def atan(f: Function, x: Value) -> Value:
    """The inverse tangent: 1 ulp."""
    size = absolute(f, x)
    one = f.constant(x.type, 1.0)
    steep = size > 1.0
    inner = _atan_positive(f, f.select(steep, one, size), f.select(steep, size, one))
    inner = f.select(size.equals(math.inf), 0.0, inner)
    result = f.select(steep, HALF_PI[0] - (inner - HALF_PI[1]), inner)
    return copysign(f, result, x)


@in_double
def atan2(f: Function, y: Value, x: Value) -> Value:
    """The angle of the point (x, y), with C's special cases: 1.5 ulp."""
    height, width = absolute(f, y), absolute(f, x)
    steep = height > width
    top, bottom = f.select(steep, width, height), f.select(steep, height, width)
    both_infinite = top.equals(math.inf)
    top, bottom = (f.select(both_infinite, 1.0, v) for v in (top, bottom))
    safe = f.select(bottom.equals(0.0), 1.0, bottom)
    inner = _atan_positive(f, top, safe)
    inner = f.select(bottom.equals(math.inf), 0.0, inner)
    inner = f.select(steep, HALF_PI[0] - (inner - HALF_PI[1]), inner)
    negative = integer_bits(x) < 0
    result = f.select(negative, math.pi - (inner - 2 * HALF_PI[1]), inner)
    return f.select(x.compare("uno", y), x + y, copysign(f, result, y))


def _asin_tail(f: Function, z: Value) -> Value:
    return polynomial(f, z, ASIN_MEDIUM if f.medium else ASIN_F64) * z


@in_double
def asin(f: Function, x: Value) -> Value:
    """The inverse sine: 1 ulp; asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)) beyond 1/2."""
    size = absolute(f, x)
    large = size > 0.5
    z = f.select(large, (1.0 - size) * 0.5, x * x)
    root = f.select(large, square_root(f, z), size)
    tail = _asin_tail(f, z) * root
    lost = f.fma(-root, root, z) / (root + root)
    far = HALF_PI[0] - 2.0 * (root + (tail + lost - HALF_PI[1] / 2))
    result = f.select(large, f.select(size.equals(1.0), HALF_PI[0], far), root + tail)
    return copysign(f, result, x)


@in_double
def acos(f: Function, x: Value) -> Value:
    """The inverse cosine: 1 ulp."""
    size = absolute(f, x)
    large = size > 0.5
    z = f.select(large, (1.0 - size) * 0.5, x * x)
    root = f.select(large, square_root(f, z), x)
    tail = _asin_tail(f, z) * root
    near = HALF_PI[0] - (root - (HALF_PI[1] - tail))
    lost = f.select(z > 0.0, f.fma(-root, root, z) / (root + root), 0.0)
    twice = 2.0 * (root + (tail + lost))
    far = f.select(x < 0.0, math.pi - (twice - 2 * HALF_PI[1]), twice)
    return f.select(large, far, near)
