"""The gamma function, its logarithm's derivatives, and its incomplete forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .series import Chebyshev, by_region, horner, special_primitive

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _bernoulli(count: int) -> list[float]:
    """B2, B4, B6, ..."""
    from fractions import Fraction

    b = [Fraction(1)]
    for m in range(1, 2 * count + 1):
        b.append(-sum(math.comb(m + 1, k) * b[k] for k in range(m)) / Fraction(m + 1))
    return [float(v) for v in b[2::2]]


_B = _bernoulli(12)
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_B[:9], 1)]
_DIGAMMA = [b / (2 * k) for k, b in enumerate(_B[:9], 1)]
LARGE = 8.0  # from here on the expansions at infinity are exact to the last bits


# ---- log gamma

_between_zeros = Chebyshev(lambda z: math.lgamma(1 + z) / (z * (z - 1)), 0, 1, 23)


def _after_one(z: Any) -> Any:
    """lgamma(1 + z) for `z` from 0 to 1."""
    return z * (z - 1) * _between_zeros(z) + 0.0


def _correction(x: Any) -> Any:
    """What Stirling's formula lacks."""
    return horner(_STIRLING, 1 / (x * x)) / x


def _lgamma_large(x: Any) -> Any:
    with_log = (x - 0.5) * np.log(x) - x + HALF_LOG_2PI + _correction(x)
    return np.where(x > 1e300, np.where(np.isinf(x), np.inf, x * (np.log(x) - 1)), with_log)


def _lgamma_middle(x: Any) -> Any:
    """From 2 to `LARGE`: down to [1, 2] by the recurrence, whose product is near 1 near the zero."""
    product = np.ones_like(x)
    for _ in range(int(LARGE) - 2):
        above = x > 2
        x = np.where(above, x - 1, x)
        product = np.where(above, product * x, product)
    return np.log1p(product - 1) + _after_one(x - 1)


def _lgamma_negative(x: Any) -> Any:
    """By reflection; infinite at the whole numbers."""
    sine = np.abs(np.sin(np.pi * (x - np.round(x))))
    return np.where(sine == 0, np.inf, math.log(math.pi) - np.log(sine) - _lgamma(1 - x))


def _lgamma(x: Any) -> Any:
    return by_region(
        x,
        ((x > 0) & (x < 1), lambda x: _after_one(x) - np.log(x)),
        ((x >= 1) & (x <= 2), lambda x: _after_one(x - 1)),
        ((x > 2) & (x < LARGE), _lgamma_middle),
        (x >= LARGE, _lgamma_large),
        ((x <= 0) & ~np.isinf(x), _lgamma_negative),
        (x == -np.inf, lambda x: -x),
    )


@special_primitive
def lgamma(x: Any) -> Any:
    """The logarithm of the magnitude of the gamma function."""
    return _lgamma(x)


# ---- digamma, zeta, polygamma


def _digamma_positive(x: Any) -> Any:
    total = np.zeros_like(x)
    for _ in range(int(LARGE)):
        small = x < LARGE
        total = np.where(small, total - 1 / x, total)
        x = np.where(small, x + 1, x)
    square = 1 / (x * x)
    return total + np.log(x) - 0.5 / x - square * horner(_DIGAMMA, square)


def _digamma_negative(x: Any) -> Any:
    part = x - np.round(x)
    return np.where(part == 0, np.nan, _digamma_positive(1 - x) - np.pi / np.tan(np.pi * part))


@special_primitive
def digamma(x: Any) -> Any:
    """The slope of `lgamma`."""
    return by_region(
        x,
        (x > 0, _digamma_positive),
        (x == 0, lambda x: np.copysign(np.inf, -x)),
        ((x < 0) & ~np.isinf(x), _digamma_negative),
    )


def _zeta_positive(s: Any, q: Any) -> Any:
    """Terms one by one as far as 10, then Euler and Maclaurin's expansion of the rest."""
    total = np.zeros_like(s)
    for k in range(10):
        total += (q + k) ** -s
    start = q + 10
    power = start**-s
    total += power * (start / (s - 1) + 0.5)
    factor = s * power / start
    for k, b in enumerate(_B, 1):
        total += factor * (b / math.factorial(2 * k))
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (start * start)
    return total


def _zeta(s: Any, q: Any) -> Any:
    s, q = np.broadcast_arrays(s, q)
    result = np.full(s.shape, np.nan)
    right = (s > 1) & (q > 0)
    result[right] = _zeta_positive(s[right], q[right])
    left = (s > 1) & (q < 0) & (s == np.floor(s))
    if left.any():
        s2, q2 = s[left], q[left]
        part = q2 - np.floor(q2)
        passed = _zeta_positive(s2, 1 - part) - _zeta_positive(
            s2, 1 - q2
        )  # the terms below zero, but for their sign
        result[left] = _zeta_positive(s2, part) + np.where(s2 % 2 == 0, passed, -passed)
    result[(s > 1) & (q <= 0) & (q == np.floor(q))] = np.inf
    result[s == 1] = np.inf
    return result


@special_primitive
def zeta(s: Any, q: Any) -> Any:
    """Hurwitz's zeta function: the sum of (q + k) ** -s over k = 0, 1, 2, ..."""
    return _zeta(s, q)


# ---- the incomplete gamma function


_LOG_TAIL = [(-1) ** (k + 1) / k for k in range(2, 12)]


def _log1p_less(u: Any) -> Any:
    """log(1 + u) - u, without cancellation near zero."""
    small = np.where(np.abs(u) < 0.02, u, 0.0)
    return np.where(np.abs(u) < 0.02, small * small * horner(_LOG_TAIL, small), np.log1p(u) - u)


def _density(a: Any, x: Any) -> Any:
    """x**a exp(-x) / gamma(a + 1), without the cancellation of large logarithms."""
    large = np.exp(a * _log1p_less((x - a) / a) - _correction(np.maximum(a, LARGE))) / np.sqrt(2 * np.pi * a)
    return np.where(a >= LARGE, large, np.exp(a * np.log(x) - x - _lgamma(a + 1)))


def _lower_by_series(a: Any, x: Any) -> Any:
    term, total, k = np.ones_like(a), np.ones_like(a), 0
    while np.any(term > total * 1e-17) and k < 10000:
        k += 1
        term = term * x / (a + k)
        total = total + term
    return total * _density(a, x)


def _upper_near_zero(a: Any, x: Any) -> Any:
    """For `x` up to 1, where a small `a` leaves next to nothing of 1 - igamma."""
    term, total = -x, np.zeros_like(a)
    for k in range(1, 20):
        total = total + term / (a + k)
        term = term * -x / (k + 1)
    lead = a * np.log(x) - _lgamma(a + 1)
    return -np.expm1(lead) - np.exp(lead) * a * total


def _upper_by_fraction(a: Any, x: Any) -> Any:
    """Lentz's way through the continued fraction."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = np.full_like(a, 1 / tiny), 1 / b
    value, k = d, 0
    while k < 10000:
        k += 1
        factor = -k * (k - a)
        b = b + 2
        d = 1 / _away_from_zero(factor * d + b, tiny)
        c = _away_from_zero(b + factor / c, tiny)
        value = value * c * d
        if np.all(np.abs(c * d - 1) < 1e-16):
            break
    return value * _density(a, x) * a


def _away_from_zero(x: Any, tiny: float) -> Any:
    return np.where(np.abs(x) < tiny, tiny, x)


MANY = 200.0  # from this `a` on the tails are integrated: the series would take hundreds of terms


def _tail_by_quadrature(a: Any, x: Any) -> Any:
    """The probability beyond `x`, away from `a`: Gauss and Legendre's rule over a dozen deviations."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    deviation = np.sqrt(a)
    end = np.where(
        x > a,
        np.maximum(a + 11.5 * deviation, x + 6 * deviation),
        np.maximum(0, np.minimum(a - 7.5 * deviation, x - 5 * deviation)),
    )
    half = (end - x) / 2
    a_, x_ = a[..., None], x[..., None]
    u = half[..., None] * (nodes + 1) / x_  # from x to x (1 + u)
    exponent = a_ * _log1p_less(u) + (a_ - x_) * u
    return np.abs(half) / x * np.sum(weights * np.exp(exponent) / (1 + u), -1) * _density(a, x) * a


def _incomplete(a: Any, x: Any, upper: bool) -> Any:
    a, x = np.broadcast_arrays(a, x)
    lower, whole = np.full(a.shape, np.nan), np.full(a.shape, False)
    good = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    series = good & (a < MANY) & (x <= np.maximum(a, 1))
    fraction = good & (a < MANY) & ~series
    many = good & (a >= MANY)
    zero = series & upper & (x <= 1) & (a < 1)
    series &= ~zero
    lower[series] = _lower_by_series(a[series], x[series])
    for where, tail in (
        (zero, _upper_near_zero),
        (fraction, _upper_by_fraction),
        (many, _tail_by_quadrature),
    ):
        lower[where] = tail(a[where], x[where]) if where.any() else 0
    whole[zero | fraction | (many & (x > a))] = True  # these hold the upper part so far
    positive = ~(a <= 0) & ~(x < 0)
    edges = [(np.isinf(x), 1.0), (np.isinf(a), 0.0), (np.isinf(a) & np.isinf(x), np.nan), (x == 0, 0.0)]
    for where, value in edges:  # later ones win
        lower[positive & where] = value
    lower[(a == 0) & (x > 0)] = 1.0
    return np.where(whole != upper, 1 - lower, lower)


@special_primitive
def igamma(a: Any, x: Any) -> Any:
    """The share of the gamma integral up to `x`."""
    return _incomplete(a, x, False)


@special_primitive
def igammac(a: Any, x: Any) -> Any:
    """The share of the gamma integral beyond `x`."""
    return _incomplete(a, x, True)


@special_primitive
def gamma_slope(a: Any, x: Any) -> Any:
    """How a gamma number `x` of concentration `a` moves with `a`, its probability held: -(dP/da) / density.

    The difference of the smaller of both tails, in float64: right to about 1e-7.
    """
    x = np.maximum(x, 2.0**-1000)
    step = 1e-4 * a
    upper = (_incomplete(a + step, x, True) - _incomplete(a - step, x, True)) / (2 * step)
    lower = (_incomplete(a + step, x, False) - _incomplete(a - step, x, False)) / (2 * step)
    density = np.exp((a - 1) * np.log(x) - x - _lgamma(a))
    return np.where(x > a, upper, -lower) / density
