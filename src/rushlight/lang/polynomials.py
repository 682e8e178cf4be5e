"""Orthogonal polynomials, by the recurrence from the two before each, or by angles inside (-1, 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dispatch import elementwise_primitive

MOST_STEPS = 100_000
ANGLES_FROM = (
    9  # from this degree on Chebyshev polynomials inside (-1, 1) are computed as what they are: cosines
)


class Family:
    """p0 = 1, p1 = first(x), p(k+1) = following(x, k, p(k), p(k-1)); 0 for negative degrees."""

    def __init__(self, name: str, first: Any, following: Any, by_angle: Any = None) -> None:
        self.name, self.by_angle = name, by_angle
        self.first, self.following = first, following

    def __call__(self, x: Any, n: Any) -> Any:
        dtype = x.dtype if hasattr(x, "dtype") else n.dtype
        x, n = np.broadcast_arrays(np.asarray(x, dtype), np.trunc(n))
        unknown = ~(np.abs(n) < 2.0**63)  # as a 64-bit integer that is a negative number
        n = np.where(unknown, -1, n)
        result = np.where(n < 0, 0, np.where(n == 0, 1, np.nan)).astype(dtype)
        steps = n > 0
        if self.by_angle is not None:
            inside = (np.abs(x) < 1) & (n >= ANGLES_FROM)
            angle = np.arccos(x[inside])
            result[inside] = self.by_angle(n[inside], angle)
            steps &= ~inside
        self._climb(result, steps, x, n)
        return result

    def _climb(self, result: np.ndarray, steps: np.ndarray, x: Any, n: Any) -> None:
        """Goes from degree to degree, as long as some are above and not yet NaN.

        In double precision, but with the overflow of the type of the result.
        """
        x, n, most = x[steps].astype(np.float64), n[steps], np.finfo(result.dtype).max
        values = np.full_like(x, np.nan)
        before, current = np.ones_like(x), self.first(x)
        k = 1
        while n.size and k <= MOST_STEPS:
            np.copyto(values, current, where=n == k)
            if not np.any((n > k) & ~np.isnan(current)):
                break
            before, current = current, self.following(x, k, current, before)
            np.copyto(current, np.copysign(np.inf, current), where=np.abs(current) > most)
            k += 1
        else:
            if n.size:
                raise RuntimeError(
                    f"{self.name}: degrees up to {MOST_STEPS} are computed, but one is {n.max():.0f}"
                )
        result[steps] = values


def family(name: str, *rules: Any, argument: Callable[..., Any] | None = None) -> None:
    """Declares the primitive of a family, of `argument(x)`."""
    polynomials = Family(name, *rules)

    def on_arrays(x: Any, n: Any) -> Any:
        return polynomials(x if argument is None else argument(x), n)

    elementwise_primitive(name, on_arrays)


def _chebyshev(x: Any, k: int, p: Any, before: Any) -> Any:
    return (x + x) * p - before


CHEBYSHEV = {
    "t": (lambda x: x, lambda n, angle: np.cos(n * angle)),
    "u": (lambda x: x + x, lambda n, angle: np.sin((n + 1) * angle) / np.sin(angle)),
    "v": (lambda x: x + x - 1, lambda n, angle: np.cos((n + 0.5) * angle) / np.cos(angle / 2)),
    "w": (lambda x: x + x + 1, lambda n, angle: np.sin((n + 0.5) * angle) / np.sin(angle / 2)),
}
for _kind, (_first, _by_angle) in CHEBYSHEV.items():
    family(f"chebyshev_polynomial_{_kind}", _first, _chebyshev, _by_angle)
    family(
        f"shifted_chebyshev_polynomial_{_kind}", _first, _chebyshev, _by_angle, argument=lambda x: x + x - 1
    )

family("hermite_polynomial_h", lambda x: x + x, lambda x, k, p, before: (x + x) * p - 2 * k * before)
family("hermite_polynomial_he", lambda x: x, lambda x, k, p, before: x * p - k * before)
family(
    "laguerre_polynomial_l",
    lambda x: 1 - x,
    lambda x, k, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1),
)
family(
    "legendre_polynomial_p",
    lambda x: x,
    lambda x, k, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1),
)
