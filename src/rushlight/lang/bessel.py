"""Bessel functions of order 0 and 1, and Airy's function.

Near zero each is a power series. Far away each is a slowly varying factor times an elementary function; the
factor is an integral over exp(-v²), made a polynomial in 1/x at first use (see `series`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .series import Chebyshev, bell_integral, by_region, horner, special_primitive

GAMMA, SQRT_PI = 0.5772156649015329, math.sqrt(math.pi)
TERMS = 34


def _factorials(order: int) -> list[float]:
    """1 / (k! (k + order)!), the coefficients of all these series."""
    return [1 / (math.factorial(k) * math.factorial(k + order)) for k in range(TERMS)]


def _harmonic(k: int) -> float:
    return math.fsum(1 / j for j in range(1, k + 1))


_I = [_factorials(0), _factorials(1)]
_J = [[c * (-1) ** k for k, c in enumerate(series)] for series in _I]
_LOG = [  # what is left of K and Y beside the logarithm
    [c * _harmonic(k) for k, c in enumerate(_I[0])],
    [c * (_harmonic(k) + _harmonic(k + 1) - 2 * GAMMA) for k, c in enumerate(_I[1])],
]
_LOG_ALTERNATING = [[c * (-1) ** k for k, c in enumerate(series)] for series in _LOG]


def _quarter_square(x: Any) -> Any:
    return x * x * 0.25


def _series_i(order: int, x: Any) -> Any:
    return horner(_I[order], _quarter_square(x)) * (x / 2) ** order


def _series_j(order: int, x: Any) -> Any:
    return horner(_J[order], _quarter_square(x)) * (x / 2) ** order


# ---- modified: i and k, times exp(-|x|) and exp(x)


def _i_by_integral(order: int) -> Callable[[float], float]:
    """sqrt(x) exp(-x) I(x) at x = 8 / t: the mean of exp(x (cos θ - 1)) cos(order θ) over a circle."""
    half_angles = np.pi * (np.arange(8192) + 0.5) / 16384

    def factor(t: float) -> float:
        x = I_FAR / t
        return math.sqrt(x) * float(
            np.mean(np.exp(-2 * x * np.sin(half_angles) ** 2) * np.cos(2 * order * half_angles))
        )

    return factor


def _k_by_integral(order: int) -> Callable[[float], float]:
    """sqrt(x) exp(x) K(x) at x = 2 / t."""

    def factor(t: float) -> float:
        return float(_far_integral(order, t / (2 * K_FAR)).real) * math.sqrt(math.pi / 2)

    return factor


def _far_integral(order: int, scale: complex) -> complex:
    """The mean of (1 + scale v²) ** (order - 1/2) with the weight exp(-v²) v ** (2 order)."""
    whole = SQRT_PI if order == 0 else SQRT_PI / 2
    return bell_integral(lambda v: v ** (2 * order) * (1 + scale * v * v) ** (order - 0.5)) / whole


I_FAR, K_FAR, J_FAR = 8.0, 2.0, 5.0
_far_i = [Chebyshev(_i_by_integral(n), 0, 1, 40) for n in (0, 1)]
_far_k = [Chebyshev(_k_by_integral(n), 0, 1, 34) for n in (0, 1)]


def _scaled_i(order: int, x: Any) -> Any:
    """exp(-|x|) I(x)"""
    size = np.abs(x)
    value = by_region(
        size,
        (size < I_FAR, lambda x: _series_i(order, x) * np.exp(-x)),
        (size >= I_FAR, lambda x: _far_i[order](I_FAR / x) / np.sqrt(x)),
    )
    return np.copysign(value, x) if order else value


def _full_i(order: int, x: Any) -> Any:
    size = np.abs(x)
    far = lambda x: np.exp(x / 2) * (_far_i[order](I_FAR / x) / np.sqrt(x)) * np.exp(x / 2)  # noqa: E731
    value = by_region(
        size,
        (size < I_FAR, lambda x: _series_i(order, x)),
        ((size >= I_FAR) & (size < 2000), far),
        ((size >= 2000) & ~np.isinf(size), lambda x: x * np.inf),
    )
    return np.copysign(value, x) if order else value


def _near_k(order: int, x: Any) -> Any:
    logarithm, rest = np.log(x / 2), horner(_LOG[order], _quarter_square(x))
    if order == 0:
        return rest - (logarithm + GAMMA) * _series_i(0, x)
    return 1 / x + logarithm * _series_i(1, x) - x / 4 * rest


def _scaled_k(order: int, x: Any) -> Any:
    """exp(x) K(x)"""
    return by_region(
        x,
        ((x > 0) & (x < K_FAR), lambda x: _near_k(order, x) * np.exp(x)),
        (x >= K_FAR, lambda x: _far_k[order](K_FAR / x) / np.sqrt(x)),
        (x == 0, lambda x: np.full(x.shape, np.inf)),
    )


def _full_k(order: int, x: Any) -> Any:
    return by_region(
        x,
        ((x > 0) & (x < K_FAR), lambda x: _near_k(order, x)),
        (x >= K_FAR, lambda x: _far_k[order](K_FAR / x) / np.sqrt(x) * np.exp(-x)),
        (x == 0, lambda x: np.full(x.shape, np.inf)),
    )


# ---- waves: j and y


def _wave(order: int, part: Callable[[complex], float], power: int) -> Chebyshev:
    """One part of the amplitude of the wave, as a function of w = (J_FAR / x)²."""

    def factor(w: float) -> float:
        t = math.sqrt(w)
        return part(_far_integral(order, 0.5j * t / J_FAR)) / t**power

    return Chebyshev(factor, 0, 1, 30)


_in_phase = [_wave(n, lambda z: z.real, 0) for n in (0, 1)]
_out_of_phase = [_wave(n, lambda z: z.imag, 1) for n in (0, 1)]


def _waves(order: int, x: Any) -> tuple[Any, Any]:
    """J and Y for large x."""
    t = J_FAR / x
    p, q = _in_phase[order](t * t), _out_of_phase[order](t * t) * t
    sine, cosine = np.sin(x), np.cos(x)
    c, s = (cosine + sine, sine - cosine) if order == 0 else (sine - cosine, -sine - cosine)
    size = 1 / np.sqrt(np.pi * x)
    return size * (p * c - q * s), size * (p * s + q * c)


def _j(order: int, x: Any) -> Any:
    size = np.abs(x)
    value = by_region(
        size,
        (size < J_FAR, lambda x: _series_j(order, x)),
        ((size >= J_FAR) & ~np.isinf(size), lambda x: _waves(order, x)[0]),
    )
    return np.where(np.signbit(x), -value, value) if order else value


def _near_y(order: int, x: Any) -> Any:
    logarithm, rest = np.log(x / 2), horner(_LOG_ALTERNATING[order], _quarter_square(x))
    if order == 0:
        return ((logarithm + GAMMA) * _series_j(0, x) - rest) * (2 / math.pi)
    return (logarithm * _series_j(1, x) - 1 / x - x / 4 * rest) * (2 / math.pi)


def _y(order: int, x: Any) -> Any:
    return by_region(
        x,
        ((x > 0) & (x < J_FAR), lambda x: _near_y(order, x)),
        ((x >= J_FAR) & ~np.isinf(x), lambda x: _waves(order, x)[1]),
        (x == 0, lambda x: np.full(x.shape, -np.inf)),
    )


# ---- Airy's function

_AI_0, _AI_SLOPE = 3 ** (-2 / 3) / math.gamma(2 / 3), -(3 ** (-1 / 3)) / math.gamma(1 / 3)
AIRY_NEAR, AIRY_WAVES = 2.0, 4.0  # the series is used from -AIRY_WAVES to AIRY_NEAR


def _airy_coefficients(first: float, offset: int) -> list[float]:
    """Each term of the solutions of y'' = x y is the one before, times x³ / (n (n - 1))."""
    c = [first]
    for k in range(1, 24):
        n = 3 * k + offset
        c.append(c[-1] / (n * (n - 1)))
    return c


_AIRY = [_airy_coefficients(_AI_0, 0), _airy_coefficients(_AI_SLOPE, 1)]


def _airy_near(x: Any) -> Any:
    cube = x * x * x
    return horner(_AIRY[0], cube) + x * horner(_AIRY[1], cube)


def _airy_factor(root: complex) -> complex:
    """The integral of exp(-root u²) cos(u³ / 3), over that of exp(-root u²)."""
    scale = root.real**-0.5
    turn = 1j * root.imag / root.real
    wanted = bell_integral(lambda v: np.exp(-turn * v * v) * np.cos((v * scale) ** 3 / 3), 6.5, 1 / 256)
    return wanted * np.sqrt(root / root.real) / SQRT_PI


_ZETA_NEAR, _ZETA_WAVES = (2 / 3 * x**1.5 for x in (AIRY_NEAR, AIRY_WAVES))


def _decay(t: float) -> float:
    return _airy_factor(complex((1.5 * _ZETA_NEAR / t) ** (1 / 3))).real


def _oscillation(t: float) -> complex:
    return _airy_factor((1.5 * _ZETA_WAVES / t) ** (1 / 3) * np.exp(1j * math.pi / 6))


_airy_decay, _airy_wave = Chebyshev(_decay, 0, 1, 30), Chebyshev(_oscillation, 0, 1, 30)


def _airy_positive(x: Any) -> Any:
    depth = 2 / 3 * x * np.sqrt(x)
    return np.where(
        x > 1e200, 0.0, _airy_decay(_ZETA_NEAR / depth) * np.exp(-depth) / (2 * SQRT_PI * np.sqrt(np.sqrt(x)))
    )


def _airy_negative(x: Any) -> Any:
    z = -x
    phase = 2 / 3 * z * np.sqrt(z)
    amplitude = _airy_wave(_ZETA_WAVES / phase + 0j)
    turned = phase - math.pi / 4
    return (np.cos(turned) * amplitude.real + np.sin(turned) * amplitude.imag) / (
        SQRT_PI * np.sqrt(np.sqrt(z))
    )


@special_primitive
def airy_ai(x: Any) -> Any:
    """Airy's function Ai."""
    near = (x <= AIRY_NEAR) & (x >= -AIRY_WAVES)
    return by_region(
        x,
        (near, _airy_near),
        ((x > AIRY_NEAR) & ~np.isinf(x), _airy_positive),
        ((x < -AIRY_WAVES) & ~np.isinf(x), _airy_negative),
    )


# ---- the primitives


def _named(name: str, function: Callable[..., Any], order: int) -> Any:
    def on_arrays(x: Any) -> Any:
        return function(order, x)

    on_arrays.__name__ = name
    return special_primitive(on_arrays)


i0, i1 = (_named(f"i{n}", _full_i, n) for n in (0, 1))
i0e, i1e = (_named(f"i{n}e", _scaled_i, n) for n in (0, 1))
modified_bessel_k0, modified_bessel_k1 = (_named(f"modified_bessel_k{n}", _full_k, n) for n in (0, 1))
scaled_modified_bessel_k0, scaled_modified_bessel_k1 = (
    _named(f"scaled_modified_bessel_k{n}", _scaled_k, n) for n in (0, 1)
)
bessel_j0, bessel_j1 = (_named(f"bessel_j{n}", _j, n) for n in (0, 1))
bessel_y0, bessel_y1 = (_named(f"bessel_y{n}", _y, n) for n in (0, 1))
modified_bessel_i0, modified_bessel_i1 = (_named(f"modified_bessel_i{n}", _full_i, n) for n in (0, 1))


@special_primitive
def spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, which is 1 at 0 and 0 at infinity."""
    return by_region(
        x,
        (x == 0, np.ones_like),
        (np.isinf(x), np.zeros_like),
        ((x != 0) & ~np.isinf(x), lambda x: np.sin(x) / x),
    )
