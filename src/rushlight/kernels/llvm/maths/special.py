"""The error function and its complement."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import chebyshev

from ....runtime.ir import Function, Value, i32
from .common import (
    ROUNDERS,
    absolute,
    copysign,
    has_tables,
    in_double,
    look_up,
    per_lane,
    polynomial,
    polynomial_in_halves,
)
from .exponential import exp, exp_normal

# erf(x) / x - 1 in x*x for |x| <= 0.93, log(erfc(x)) + x on [0.9, 4.05]:
# tools/fit_polynomials.py ERF_F32 ERFC_LOG_F32
ERF_F32 = (
    0.12837916664235324,
    -0.37612633697248626,
    0.11283693943123849,
    -0.026859270803632717,
    0.005200634304591493,
    -0.0008137437223098902,
    8.34522264530582e-05,
)
ERFC_LOG_F32 = (
    -0.00017751239774502813,
    -0.12774948273841125,
    -0.6370598997834571,
    -0.10403721838423698,
    0.02227701203504453,
    -0.0030555867307261834,
    0.00019717937141871996,
)
# log(erfc(t / sqrt(2)) / 2) + t for 0 <= t <= 5.6: NORMAL_LOG_F32 (1.1e-9 of the function itself)
NORMAL_LOG_F32 = (
    -0.6931471784108101,
    0.2021152640265123,
    -0.3183076271041011,
    -0.03634636156247815,
    0.004806518713648662,
    8.299557807282325e-06,
    -0.00019594845693079058,
    5.1605610896141776e-05,
    -6.565795978222931e-06,
    3.513004068766939e-07,
)
NORMAL_RANGE = 5.6
NORMAL_STEP = 99 / 256  # 14.5 of them reach 5.6
# log(exp(t*t) erfc(t) / u) in u = 2 / (2 + t) for 0 <= t <= 10.3: ERFCX_LOG (1.1e-10)
ERFCX_LOG = (
    -1.2655027118258206,
    0.9996754247887366,
    0.37999577808736823,
    0.03793898075920882,
    0.18531354673508427,
    -1.2661792567362091,
    3.2001925957072586,
    -6.8329835452824685,
    10.117195260340154,
    -9.542153653638694,
    5.622202054966462,
    -1.9739195607490216,
    0.36136491246193697,
    -0.023139825502575463,
)


def erf(f: Function, x: Value) -> Value:
    """The error function: 1.2 ulp in float32, the C library's in float64."""
    if x.type.bits == 64:
        return per_lane(f, "erf", x)
    size = absolute(f, x)
    square = size * size
    small = f.fma(polynomial(f, square, ERF_F32), size, size)
    t = f.select(size > 4.0, 4.0, size)
    large = 1.0 - exp_normal(f, polynomial(f, t, ERFC_LOG_F32) - t)
    return copysign(f, f.select(size < 0.92, small, large), x)


def erfc(f: Function, x: Value) -> Value:
    """1 - erf(x) without cancellation: 1 ulp in float32, the C library's in float64."""
    if x.type.bits == 64:
        return per_lane(f, "erfc", x)
    return _erfc(f, x)


def normal_below(f: Function, x: Value) -> Value:
    """How probable it is that a normal variable is below x: one branch, which gelu wants to be quick.

    float32: 2 ulp above zero, 2e-6 of the value or 1.1e-8 below; float64: half of the C library's erfc.
    """
    if x.type.bits == 64:
        return per_lane(f, "erfc", x * -math.sqrt(0.5)) * 0.5
    size = absolute(f, x)
    above = _normal_above_by_table(f, size) if has_tables(f, x) else _normal_above(f, size)
    return f.select(x > 0.0, 1.0 - above, above)


def _normal_above(f: Function, size: Value) -> Value:
    t = f.select(size > NORMAL_RANGE, NORMAL_RANGE, size)
    result = exp_normal(f, polynomial_in_halves(f, t, NORMAL_LOG_F32) - t)
    return f.select(size > NORMAL_RANGE, 0.0, result)


def _normal_above_by_table(f: Function, size: Value) -> Value:
    """The coefficients of one of sixteen polynomials, by how many steps are nearest to `size`."""
    t = f.select(size > 15 * NORMAL_STEP, 15 * NORMAL_STEP, size)
    shifted = f.fma(t, 1 / NORMAL_STEP, ROUNDERS[32])
    r = f.fma(shifted - ROUNDERS[32], -NORMAL_STEP, t)
    columns = [look_up(f, column, shifted.bitcast(i32)) for column in zip(*_normal_pieces(), strict=True)]
    result = columns[-1]
    for column in columns[-2::-1]:
        result = f.fma(result, r, column)
    return result


def _normal_pieces() -> list[tuple[float, ...]]:
    """A polynomial for each step, with the function's values at Chebyshev's points around; the last is 0."""
    pieces = [_normal_piece(k * NORMAL_STEP) for k in range(15)]
    return [*pieces, (0.0,) * len(pieces[0])]


def _normal_piece(middle: float) -> tuple[float, ...]:
    def above(s):
        return np.array([math.erfc((middle + t * NORMAL_STEP / 2) * math.sqrt(0.5)) / 2 for t in s])

    powers = chebyshev.cheb2poly(chebyshev.chebinterpolate(above, 6))
    return tuple(float(c) / (NORMAL_STEP / 2) ** k for k, c in enumerate(powers))


@in_double
def _erfc(f: Function, x: Value) -> Value:
    size = absolute(f, x)
    t = f.select(size > 10.3, 10.3, size)
    u = 2.0 / (t + 2.0)
    positive = u * exp(f, f.fma(-t, t, polynomial(f, u, ERFCX_LOG)))
    return f.select(x < 0.0, 2.0 - positive, positive)
