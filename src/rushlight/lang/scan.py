"""Primitives that keep every step along an axis: cumulative sums, products, extremes; linear recurrences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import settings
from .dispatch import primitive

WIDE = {
    "f": np.float64,
    "c": np.complex128,
}  # running totals are kept in double precision, as PyTorch does on the CPU


def _by_kernel(op: str, x: np.ndarray, axis: int) -> Any:
    """The result of a kernel, or None."""
    if x.size < settings.formulas_from:
        return None
    from ..kernels import scanning

    return scanning.scan(op, x, axis)


def _accumulate(ufunc: np.ufunc, x: np.ndarray, axis: int) -> np.ndarray:
    made = _by_kernel("add" if ufunc is np.add else "mul", x, axis)
    if made is not None:
        return made
    wide = WIDE.get(x.dtype.kind)
    if wide is None or x.dtype == wide:
        return ufunc.accumulate(x, axis, x.dtype)
    running = x.astype(wide)
    return ufunc.accumulate(running, axis, out=running).astype(x.dtype)


@primitive
def cumsum(x: Any, axis: int) -> Any:
    """The sum of the elements so far, along `axis`, in the dtype of `x`."""
    return _accumulate(np.add, x, axis)


@primitive
def cumprod(x: Any, axis: int) -> Any:
    """The product of the elements so far, along `axis`, in the dtype of `x`."""
    return _accumulate(np.multiply, x, axis)


@primitive
def cummax(x: Any, axis: int) -> Any:
    """The largest element so far along `axis`, and where it (the last of equals) is."""
    return _running_extreme(np.maximum, np.greater_equal, x, axis)


@primitive
def cummin(x: Any, axis: int) -> Any:
    """The smallest element so far along `axis`, and where it (the last of equals) is."""
    return _running_extreme(np.minimum, np.less_equal, x, axis)


def _running_extreme(
    extreme: np.ufunc, reaches: np.ufunc, x: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    made = _by_kernel("max" if extreme is np.maximum else "min", x, axis)
    if made is not None:
        return made
    values = extreme.accumulate(x, axis)
    here = reaches(x, values)
    if x.dtype.kind == "f":
        here |= np.isnan(x)
    if x.ndim == 1:
        starts = np.flatnonzero(here)
        return values, np.repeat(starts, np.diff(starts, append=x.size))
    places = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - 1 - axis % x.ndim))
    return values, np.maximum.accumulate(np.where(here, places, 0), axis)


@primitive
def logcumsumexp(x: Any, axis: int) -> Any:
    """The logarithm of the sum of the exponentials so far, along `axis`, without overflow."""
    if x.dtype.kind != "c":
        made = _log_of_sums(x, axis) if x.size >= MANY and x.dtype.char in "ef" else None
        return np.logaddexp.accumulate(x, axis, np.float64).astype(x.dtype) if made is None else made
    steps = np.moveaxis(x, axis, 0).astype(np.complex128)
    for k in range(1, len(steps)):
        steps[k] = _logaddexp_complex(steps[k - 1], steps[k])
    return np.moveaxis(steps, 0, axis).astype(x.dtype)


MANY = 256  # elements, from which on a few passes are quicker than a function for each
CLOSE = 64  # to the largest: what double precision loses of that is nothing to single precision


def _log_of_sums(x: np.ndarray, axis: int) -> np.ndarray | None:
    """The same by one exponential and one logarithm of each element, if all are close to each other."""
    top = float(np.maximum.reduce(x, None))
    if not top - float(np.minimum.reduce(x, None)) < CLOSE:
        return None
    gaps = np.subtract(x, top, dtype=np.float64)
    sums = cumsum.on_arrays(np.exp(gaps, out=gaps), axis)  # type: ignore[attr-defined]
    np.log(sums, out=sums)
    sums += top
    made = sums.astype(x.dtype)
    first = (slice(None),) * (axis % x.ndim) + (slice(1),)
    made[first] = x[first]
    return made


def _logaddexp_complex(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    swap = a.real < b.real
    high, low = np.where(swap, b, a), np.where(swap, a, b)
    result = high + np.log1p(np.exp(low - high))
    same = np.isinf(high.real) & (high.real == low.real)  # the difference of the two is no number
    return np.where(same, np.where(high.real < 0, high.real, np.log(np.exp(high) + np.exp(low))), result)


@primitive
def recurrence(terms: Any, factors: Any, axis: int, backwards: bool = False) -> Any:
    """s[i] = terms[i] + factors[i] * s[i - 1] along `axis`; with s[i + 1] when `backwards`."""
    s, f = np.moveaxis(terms, axis, 0).copy(), np.moveaxis(factors, axis, 0).copy()
    if backwards:
        s, f = s[::-1], f[::-1]
    step = 1
    while step < len(s):
        s[step:] += f[step:] * s[:-step]
        f[step:] = f[step:] * f[:-step]
        step *= 2
    return np.moveaxis(s[::-1] if backwards else s, 0, axis)


@primitive
def shift(x: Any, axis: int, by: int, fill: Any = 0) -> Any:
    """Elements moved `by` places along `axis`; those moved out are lost, the places left free get `fill`."""
    result = np.full_like(x, fill, subok=False)
    if abs(by) < x.shape[axis]:
        lead = (slice(None),) * (axis % x.ndim)
        result[(*lead, slice(max(by, 0), min(by, 0) or None))] = x[
            (*lead, slice(max(-by, 0), min(-by, 0) or None))
        ]
    return result
