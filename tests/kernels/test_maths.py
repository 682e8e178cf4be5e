"""Vector functions stay within their documented error, and treat special values as numpy does.

The reference for float32 is numpy's float64 (exact enough by nine digits), for float64 mpmath.
"""

import math

import numpy as np
import pytest

from rushlight import kernels, lang
from rushlight.kernels import Node, input_node

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)

POINTS = 200_000
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0]
TINY = {
    "float32": [1e-45, -1e-45, 1.1754944e-38, -1e-39],
    "float64": [5e-324, -5e-324, 2.2250738585072014e-308, -1e-310],
}


def unary(op, dtype):
    return kernels.elementwise(Node(op, (input_node(0, dtype),), dtype), name=f"{op}_{dtype}")


def ulps(result, exact, dtype):
    """The distance from the exact value in units of its last place; 0 for the same special value."""
    exact = np.asarray(exact, dtype=np.longdouble)
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
        spacing = np.spacing(np.abs(rounded)).astype(np.longdouble)
        tiny = np.finfo(dtype).smallest_subnormal
        error = np.abs(result.astype(np.longdouble) - exact) / np.maximum(
            np.where(np.isfinite(spacing), spacing, tiny), tiny
        )
    same = (result == rounded) | (np.isnan(result) & np.isnan(rounded))
    return np.where(same, np.minimum(np.nan_to_num(error, nan=0.0), 0.5), np.nan_to_num(error, nan=np.inf))


def arguments(ranges, dtype, seed=0):
    random = np.random.default_rng(seed)
    parts = [np.array(SPECIAL + TINY[dtype])]
    for low, high in ranges:
        parts.append(random.uniform(low, high, POINTS))
    width = 38 if dtype == "float32" else 300
    exponents = 10.0 ** random.uniform(-width, width, POINTS // 4)
    parts += [exponents, -exponents]
    return np.concatenate(parts).astype(dtype)


def erf_reference(name):
    return lambda x: getattr(pytest.importorskip("scipy.special"), name)(x)


NEAR_ONE = [(-1, 1), (0.999, 1.001), (-1.001, -0.999)]
CASES = {  # op: (float64 reference, ranges of arguments, ulp in float32, ulp in float64)
    "exp": (np.exp, [(-104, 89), (-1, 1), (-745, 710)], 1.2, 1.0),
    "exp2": (np.exp2, [(-150, 128), (-1, 1), (-1075, 1024)], 1.4, 1.5),
    "expm1": (np.expm1, [(-20, 89), (-1, 1), (-0.01, 0.01), (-40, 710)], 1.6, 1.6),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x.astype(np.longdouble))), [(-100, 100), (-5, 5)], 2.0, 2.0),
    "tanh": (np.tanh, [(-10, 10), (-1, 1), (-0.01, 0.01)], 1.6, 2.0),
    "sinh": (np.sinh, [(-89, 89), (-1, 1), (-711, 711)], 0.51, 2.0),
    "cosh": (np.cosh, [(-89, 89), (-1, 1), (-711, 711)], 0.51, 2.0),
    "log": (np.log, [(0, 4), (0.9, 1.1), (0, 1e6)], 1.0, 1.0),
    "log2": (np.log2, [(0, 4), (0.9, 1.1), (0, 1e6)], 0.51, 1.0),
    "log10": (np.log10, [(0, 4), (0.9, 1.1), (0, 1e6)], 0.51, 1.0),
    "log1p": (np.log1p, [(-1, 4), (-0.01, 0.01), (0, 1e6)], 1.5, 1.5),
    "sin": (np.sin, [(-10, 10), (-1000, 1000), (-1e6, 1e6)], 1.5, 1.0),
    "cos": (np.cos, [(-10, 10), (-1000, 1000), (-1e6, 1e6)], 1.5, 1.0),
    "tan": (np.tan, [(-10, 10), (-1000, 1000), (-1e6, 1e6)], 0.8, 1.2),
    "asin": (np.arcsin, NEAR_ONE, 0.51, 1.2),
    "acos": (np.arccos, NEAR_ONE, 0.51, 1.2),
    "atan": (np.arctan, [(-1, 1), (-10, 10), (-1e6, 1e6)], 0.51, 1.2),
    "asinh": (np.arcsinh, [(-1, 1), (-10, 10), (-1e6, 1e6)], 0.51, 2.0),
    "acosh": (np.arccosh, [(1, 2), (1, 1.01), (1, 1e6)], 0.51, 2.0),
    "atanh": (np.arctanh, NEAR_ONE, 2.0, 2.0),
    "erf": (erf_reference("erf"), [(-4, 4), (-1, 1), (-0.01, 0.01)], 1.3, 2.0),
    "erfc": (erf_reference("erfc"), [(-4, 10.3), (-1, 1)], 0.6, 5.0),
    "sqrt": (np.sqrt, [(0, 100)], 0.5, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x.astype(np.longdouble)), [(0, 100)], 1.5, 1.5),
    "reciprocal": (lambda x: 1 / x.astype(np.longdouble), [(-100, 100)], 0.5, 0.5),
}


@pytest.mark.parametrize("op", CASES)
def test_float32_error(op):
    reference, ranges, allowed, _ = CASES[op]
    x = arguments(ranges, "float32")
    out = np.empty_like(x)
    unary(op, "float32")(out, x)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.float64))
    error = ulps(out, exact, np.float32)
    worst = int(np.argmax(error))
    assert error[worst] <= allowed, (
        f"{op}({x[worst]!r}) = {out[worst]!r}, exactly {exact[worst]!r}: {error[worst]} ulp"
    )


MPMATH = {
    "exp2": lambda mp, x: mp.mpf(2) ** x,
    "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)),
    "log2": lambda mp, x: mp.log(x, 2),
    "log10": lambda mp, x: mp.log10(x),
    "rsqrt": lambda mp, x: 1 / mp.sqrt(x),
    "reciprocal": lambda mp, x: 1 / x,
}


def exact_float64(op, x):
    """The exact value as a long double, for arguments where it is real and finite."""
    mp = pytest.importorskip("mpmath").mp
    mp.prec = 160
    function = MPMATH.get(op) or (lambda mp, x: getattr(mp, op)(x))
    values = (function(mp, mp.mpf(float(v))) for v in x)
    return np.array([_long_double(mp, v) for v in values])


def _long_double(mp, value):
    if abs(value) > mp.mpf(2) ** 1024 or value == 0:
        return np.longdouble(np.inf) * np.sign(float(value)) if value else np.longdouble(0)
    high = float(value)
    return (
        np.longdouble(high) + np.longdouble(float(value - high))
        if math.isfinite(high)
        else np.longdouble(high)
    )


def in_domain(op, x):
    if op in ("asin", "acos", "atanh"):
        return np.abs(x) < 1 if op == "atanh" else np.abs(x) <= 1
    if op in ("log", "log2", "log10", "sqrt", "rsqrt"):
        return x > 0
    if op == "log1p":
        return x > -1
    return x >= 1 if op == "acosh" else np.ones(x.shape, bool)


@pytest.mark.parametrize("op", CASES)
def test_float64_error(op):
    _, ranges, _, allowed = CASES[op]
    random = np.random.default_rng(1)
    x = np.concatenate([random.uniform(low, high, 700) for low, high in ranges])
    x = x[in_domain(op, x)]
    out = np.empty_like(x)
    unary(op, "float64")(out, x)
    exact = exact_float64(op, x)
    representable = np.abs(exact) < np.finfo(np.float64).max
    error = np.where(representable, ulps(out, exact, np.float64), 0)
    worst = int(np.argmax(error))
    assert error[worst] <= allowed, (
        f"{op}({x[worst]!r}) = {out[worst]!r}, exactly {exact[worst]!r}: {error[worst]} ulp"
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", CASES)
def test_special_values(op, dtype):
    """Infinities, NaN, zeros with their sign: exactly numpy's answer."""
    reference = CASES[op][0]
    x = np.array(SPECIAL[:7], dtype)
    out = np.empty_like(x)
    unary(op, dtype)(out, x)
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(x), dtype)
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    defined = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(out)[defined], np.signbit(expected)[defined])


SPECIAL_PAIRS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    2.5,
    math.inf,
    -math.inf,
    math.nan,
    1e30,
    -1e30,
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("op", "reference"),
    [("pow", np.power), ("atan2", np.arctan2), ("fmod", np.fmod), ("remainder", lang.remainder)],
)
def test_two_arguments(op, reference, dtype):
    random = np.random.default_rng(2)
    a, b = (v.ravel().astype(dtype) for v in np.meshgrid(SPECIAL_PAIRS, SPECIAL_PAIRS))
    a = np.concatenate([a, random.uniform(0, 10, 5000).astype(dtype), random.normal(size=5000).astype(dtype)])
    b = np.concatenate(
        [b, random.uniform(-20, 20, 5000).astype(dtype), random.normal(size=5000).astype(dtype)]
    )
    kernel = kernels.elementwise(Node(op, (input_node(0, dtype), input_node(1, dtype)), dtype), name=op)
    out = kernel(np.empty_like(a), a, b)
    with np.errstate(all="ignore"):
        if op in ("pow", "atan2"):
            expected = reference(a.astype(np.longdouble), b.astype(np.longdouble)).astype(dtype)
        else:
            expected = reference(a, b)
    np.testing.assert_allclose(out, expected, rtol=1.3e-7 if dtype == "float32" else 4e-16, atol=0)
    same_sign = np.signbit(out) == np.signbit(expected)
    assert same_sign[~np.isnan(expected)].all()


def test_normal_below_is_exact_above_zero_and_small_below():
    special = pytest.importorskip("scipy.special")
    x = np.linspace(-8, 8, 400_001, dtype=np.float32)
    found = unary("normal_below", "float32")(np.empty_like(x), x).astype(np.float64)
    exact = special.ndtr(x.astype(np.float64))
    error = np.abs(found - exact)
    assert (error[x >= 0] <= 2 * np.spacing(exact[x >= 0].astype(np.float32))).all()
    assert (error[x < 0] <= 2e-6 * exact[x < 0] + 1.1e-8).all()
    edges = np.array([-np.inf, np.inf, np.nan, 0.0, -0.0], np.float32)
    found = unary("normal_below", "float32")(np.empty_like(edges), edges)
    np.testing.assert_array_equal(found, np.array([0, 1, np.nan, 0.5, 0.5], np.float32))
