"""The error function, the normal distribution, and their inverses."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .dispatch import elementwise_primitive
from .series import Chebyshev, by_region, horner, special_primitive

SQRT_HALF = math.sqrt(0.5)
TWO_OVER_SQRT_PI, SQRT_2, LOG_2 = 2 / math.sqrt(math.pi), math.sqrt(2), math.log(2)

# erf(x) / x in powers of x², for |x| < 1
_ERF = [TWO_OVER_SQRT_PI * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(19)]


def _scaled_by_sum(x: float) -> float:
    """exp(x²) erfc(x): the midpoint rule for its integral, and the residue that the rule leaves at i x."""
    h = 0.5
    points = (np.arange(14) + 0.5) * h
    whole = 2 * x * h / math.pi * np.sum(np.exp(-points * points) / (x * x + points * points))
    return float(whole + 2 * math.exp(x * x - 2 * math.pi * x / h) / (math.exp(-2 * math.pi * x / h) + 1))


CENTRE = 4.0  # [0, inf) becomes [-1, 1] by t = (x - CENTRE) / (x + CENTRE)


def _scaled_at(t: float) -> float:
    x = CENTRE * (1 + t) / (1 - t)
    return (1 + 2 * x) * (_scaled_by_sum(x) if x < 6 else _scaled_far(x))


def _scaled_far(x: float) -> float:
    """exp(x²) erfc(x) for large x, by its continued fraction."""
    below = x
    for k in range(60, 0, -1):
        below = x + k / 2 / below
    return 1 / (math.sqrt(math.pi) * below)


_scaled = Chebyshev(_scaled_at, -1, 1, 28)


def _erfcx_positive(x: Any) -> Any:
    t = np.where(np.isinf(x), 1.0, (x - CENTRE) / (x + CENTRE))
    return _scaled(t) / (1 + 2 * x)


def _exp_minus_square(x: Any) -> Any:
    """exp(-x²) without the rounding of x²."""
    x = np.minimum(np.abs(x), 30.0)  # from 27.3 on it is zero
    short = x.astype(np.float32).astype(np.float64)
    return np.exp(-short * short) * np.exp((short - x) * (short + x))


def _near(x: Any) -> Any:
    return x * horner(_ERF, x * x)


def _tail(x: Any) -> Any:
    """erfc(x) for positive x."""
    return _erfcx_positive(x) * _exp_minus_square(x)


def _erf_far(x: Any) -> Any:
    return np.copysign(1 - _tail(np.minimum(np.abs(x), 7.0)), x)


def _erf(x: Any) -> Any:
    size = np.abs(x)
    return by_region(x, (size < 1, _near), (size >= 1, _erf_far))


def _erfc(x: Any) -> Any:
    return by_region(
        x,
        (np.abs(x) < 0.5, lambda x: 1 - _near(x)),
        (x >= 0.5, _tail),
        (x <= -0.5, lambda x: 2 - _tail(-x)),
    )


def _erfcx(x: Any) -> Any:
    return by_region(
        x, (x >= 0, _erfcx_positive), (x < 0, lambda x: 2 / _exp_minus_square(x) - _erfcx_positive(-x))
    )


# ---- inverses: a rough start, then Newton's method


def _rough_erfinv(log_rest: Any) -> Any:
    """Within 0.002 of erfinv(y), from log(1 - y²)."""
    a = 0.147
    b = 2 / (math.pi * a) + log_rest / 2
    return np.sqrt(np.maximum(np.sqrt(b * b - log_rest / a) - b, 0))


def _erfinv_middle(y: Any) -> Any:
    x = np.copysign(_rough_erfinv(np.log1p(-y * y)), y)
    for _ in range(3):
        step = (_erf(x) - y) * np.exp(x * x) / TWO_OVER_SQRT_PI
        x = x - step / (1 + x * step)
    return x


def _erfcinv_tail(q: Any) -> Any:
    """Where erfc is `q`, below one half: Newton's method on its logarithm, which is nearly a parabola."""
    goal = np.log(q)
    x = _rough_erfinv(goal + np.log(2 - q))
    for _ in range(4):
        scaled = _erfcx_positive(x)
        x = x + (np.log(scaled) - x * x - goal) * scaled / TWO_OVER_SQRT_PI
    return x


def _erfcinv(q: Any) -> Any:
    """Where erfc is `q`, from 0 to 1."""
    return by_region(
        q,
        (q >= 0.5, lambda q: _erfinv_middle(1 - q)),
        ((q > 0) & (q < 0.5), _erfcinv_tail),
        (q == 0, lambda q: np.full(q.shape, np.inf)),
    )


def _erfinv(y: Any) -> Any:
    size = np.abs(y)
    return by_region(
        y,
        (size < 0.5, _erfinv_middle),
        ((size >= 0.5) & (size <= 1), lambda y: np.copysign(_erfcinv(1 - np.abs(y)), y)),
    )


# ---- erf in single precision: gelu lives on it


@cache
def _single() -> tuple[list[float], list[float]]:
    """erf(x) / x by powers of 2 x² - 1 for x up to 1; exp(x²) erfc(x) by powers of 2 / (1 + x) up to 4."""
    near = Chebyshev(lambda z: math.erf(math.sqrt(z)) / math.sqrt(z), 0, 1, 8)
    far = Chebyshev(lambda t: _scaled_by_sum(2 / t - 1), 0.4, 1, 9)
    return near.powers(), far.powers()


def _erf_single(x: Any) -> Any:
    near, far = _single()
    size = np.minimum(np.abs(x.astype(np.float64)), 4.0)
    square = size * size
    small = size * horner(near, square * 2 - 1)
    t = 2 / (np.maximum(size, 1.0) + 1)
    large = 1 - horner(far, (t * 2 - 1.4) / 0.6) * np.exp(-square)
    return np.copysign(np.where(size < 1, small, large), x).astype(np.float32)


# up to so many elements a call of the C library for each is quicker than a polynomial for all
FEW = {"f": 256, "d": 1024}


def _erf_of_type(x: Any) -> Any:
    """The error function."""
    x = np.asarray(x)
    if x.dtype.char not in FEW:
        x = x.astype(np.float64)
    if x.size <= FEW[x.dtype.char]:
        return _one_by_one(math.erf, x)
    return _erf_single(x) if x.dtype == np.float32 else np.asarray(_erf(x))


def _one_by_one(function: Any, x: np.ndarray) -> np.ndarray:
    """A function of Python's floats for each element."""
    return np.fromiter(map(function, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)


erf = elementwise_primitive("erf", _erf_of_type)


def _normal_below(x: Any) -> Any:
    return (_erf_of_type(x * SQRT_HALF) + 1) * 0.5


# how probable it is that a normal variable is below x: `ndtr` without care for the digits of small ones
normal_below = elementwise_primitive("normal_below", _normal_below)


@special_primitive
def erfc(x: Any) -> Any:
    """1 - erf(x), exact where that is small."""
    return _one_by_one(math.erfc, x) if x.size <= FEW["d"] else _erfc(x)


@special_primitive
def erfcx(x: Any) -> Any:
    """exp(x²) erfc(x)."""
    return _erfcx(x)


@special_primitive
def erfinv(y: Any) -> Any:
    """Where erf is `y`."""
    return _erfinv(y)


@special_primitive
def ndtr(x: Any) -> Any:
    """How probable it is that a normal variable is below `x`."""
    return _erfc(x / -SQRT_2) / 2


@special_primitive
def log_ndtr(x: Any) -> Any:
    """The logarithm of `ndtr`, exact far below zero too."""
    return by_region(
        x,
        (x < -1, lambda x: np.log(_erfcx_positive(x / -SQRT_2)) - LOG_2 - x * x / 2),
        (x >= -1, lambda x: np.log1p(_erfc(x / SQRT_2) / -2)),
    )


@special_primitive
def ndtri(p: Any) -> Any:
    """Which number a normal variable is below with probability `p`."""
    return by_region(
        p,
        (p < 0.5, lambda p: -SQRT_2 * _erfcinv(p * 2)),
        (p >= 0.5, lambda p: SQRT_2 * _erfcinv((1 - p) * 2)),
    )
