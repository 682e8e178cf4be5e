"""Polynomials that make themselves, through a slow exact formula's values at Chebyshev's points.

No tables of constants: a special function is declared by an integral or a series that is right but slow, on
an interval where it is smooth. At first use it is evaluated at a few dozen points, which takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dispatch import elementwise_primitive


def special_primitive(function: Callable[..., Any]) -> Any:
    """A primitive whose function is written for float64 arrays; other types are computed so and rounded."""

    def on_arrays(*operands: Any) -> Any:
        dtype = next(x.dtype for x in operands if hasattr(x, "dtype"))
        return np.asarray(function(*(np.asarray(x, np.float64) for x in operands))).astype(dtype, copy=False)

    on_arrays.__doc__ = function.__doc__
    return elementwise_primitive(function.__name__, on_arrays)


class Chebyshev:
    """The polynomial through a function's values at Chebyshev's points of [low, high]."""

    def __init__(self, function: Callable[..., Any], low: float, high: float, degree: int) -> None:
        self.function, self.low, self.high, self.degree = function, low, high, degree
        self.coefficients: Any = None

    def __call__(self, x: Any) -> Any:
        if self.coefficients is None:
            self.coefficients = self._fit()
        return clenshaw(self.coefficients, (x * 2 - (self.high + self.low)) / (self.high - self.low))

    def powers(self) -> list[float]:
        """The same polynomial in powers of the variable scaled to [-1, 1]: half the work, at low degrees."""
        return list(np.polynomial.chebyshev.cheb2poly(self._fit()))

    def _fit(self) -> list[Any]:
        n = self.degree + 1
        angles = np.pi * (np.arange(n) + 0.5) / n
        points = (np.cos(angles) * (self.high - self.low) + (self.high + self.low)) / 2
        values = np.array([self.function(p) for p in points])
        c = [2 / n * np.sum(values * np.cos(k * angles)) for k in range(n)]
        return [c[0] / 2, *c[1:]]


def clenshaw(coefficients: list[Any], t: Any) -> Any:
    """A sum of Chebyshev polynomials at `t`, from the highest down."""
    twice = t * 2
    above, sum_ = 0.0, np.zeros_like(t) + coefficients[-1]
    for c in reversed(coefficients[1:-1]):
        above, sum_ = sum_, sum_ * twice - above + c
    return sum_ * t - above + coefficients[0]


def horner(coefficients: list[float], x: Any) -> Any:
    """A sum of powers of `x`, from the highest down."""
    result = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result *= x
        result += c
    return result


def by_region(x: np.ndarray, *regions: tuple[Any, Callable[..., Any]], others: float = np.nan) -> Any:
    """Each function on its part of `x`; `others` where no condition holds."""
    x = np.asarray(x)
    out = np.full(x.shape, others)
    for where, function in regions:
        if where.all():
            return function(x)
        if where.any():
            out[where] = function(x[where])
    return out


def bell_integral(function: Callable[..., Any], width: float = 6.5, step: float = 1 / 64) -> Any:
    """The integral of exp(-v²) function(v) over the real line; here the trapezoidal rule is exact."""
    v = np.arange(-width, width + step, step)
    return step * np.sum(np.exp(-v * v) * function(v))
