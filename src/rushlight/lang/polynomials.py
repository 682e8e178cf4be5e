"""Orthogonal polynomials, each by the recurrence that makes the next one of two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .series import special_primitive

MOST_STEPS = 100_000


def recurrence(
    name: str,
    first: Callable[..., Any],
    following: Callable[..., Any],
    argument: Callable[..., Any] = lambda x: x,
) -> Any:
    """A family with p0 = 1, p1 = first(x), p(k+1) = following(x, k, p(k), p(k-1)); 0 for negative degrees."""

    def on_arrays(x: Any, n: Any) -> Any:
        x, n = np.broadcast_arrays(argument(x), np.trunc(n))
        result = np.where(n == 0, np.where(np.isnan(x), x, 1.0), np.where(n < 0, 0.0, np.nan))
        before, current = np.ones_like(x), first(x)
        wanted = n[np.isfinite(n)]
        top = int(wanted.max()) if wanted.size else 0
        if top > MOST_STEPS:
            raise RuntimeError(f"{name}: degrees up to {MOST_STEPS} are computed, but one is {top}")
        for k in range(1, top + 1):
            result = np.where(n == k, current, result)
            before, current = current, following(x, k, current, before)
        return result

    on_arrays.__name__ = name
    on_arrays.__doc__ = f"The polynomial of the family {name} of degree `n`, rounded towards zero, at `x`."
    return special_primitive(on_arrays)


def _chebyshev(x: Any, k: int, p: Any, before: Any) -> Any:
    return 2 * x * p - before


def _shifted(x: Any) -> Any:
    return 2 * x - 1


_FIRST = {"t": lambda x: x, "u": lambda x: 2 * x, "v": lambda x: 2 * x - 1, "w": lambda x: 2 * x + 1}
for _kind, _first in _FIRST.items():
    recurrence(f"chebyshev_polynomial_{_kind}", _first, _chebyshev)
    recurrence(f"shifted_chebyshev_polynomial_{_kind}", _first, _chebyshev, _shifted)

recurrence("hermite_polynomial_h", lambda x: 2 * x, lambda x, k, p, before: 2 * (x * p - k * before))
recurrence("hermite_polynomial_he", lambda x: x, lambda x, k, p, before: x * p - k * before)
recurrence(
    "laguerre_polynomial_l",
    lambda x: 1 - x,
    lambda x, k, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1),
)
recurrence(
    "legendre_polynomial_p", lambda x: x, lambda x, k, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1)
)
