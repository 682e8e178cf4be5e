"""Borders around arrays: filled with a value, or with what the array continues as."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels import separable as _kernels
from .dispatch import primitive

Pads = Sequence[
    tuple[int, int]
]  # for each axis, how much is added before and after; negative numbers cut off


@primitive
def pad_constant(x: Any, pads: Pads, value: Any) -> Any:
    """`x` with a border of `value`. The gradient is the same with the pads negated and a border of zeros."""
    shape = tuple(n + low + high for n, (low, high) in zip(x.shape, pads))
    inside = tuple(slice(max(low, 0), n - max(high, 0)) for n, (low, high) in zip(shape, pads))
    kept = tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, pads))
    if inside == tuple(slice(0, n) for n in shape):
        return x[kept].copy()
    out = np.zeros(shape, x.dtype) if value == 0 else np.full(shape, value, x.dtype)
    out[inside] = x[kept]
    return out


@primitive
def pad_continued(x: Any, pads: Pads, mode: str) -> Any:
    """`x` continued at its borders: mirrored ("reflect"), by its edge ("replicate") or round ("circular")."""
    made = _kernels.run(x, ("continued", mode, *pads), lambda: (_maps(x.shape, pads, mode), None))
    if made is not None:
        return made
    for axis, (low, high) in enumerate(pads):
        if low or high:
            x = np.take(x, _sources(mode, x.shape[axis], low, high), axis)
    return x


@primitive
def pad_continued_back(g: Any, shape: Sequence[int], pads: Pads, mode: str) -> Any:
    """The transpose of `pad_continued`: each element of the border is added to where it came from."""
    made = _kernels.run(
        g,
        ("folded", mode, *pads),
        lambda: ([m and m.transposed() for m in _maps(shape, pads, mode)], None),
    )
    if made is not None:
        return made
    for axis in reversed(range(len(pads))):
        if any(pads[axis]):
            g = _fold_borders(g, axis, shape[axis], pads[axis], mode)
    return g


def _maps(shape: Sequence[int], pads: Pads, mode: str) -> list[_kernels.Map | None]:
    """For kernels: each element is one of those before."""
    made: list[_kernels.Map | None] = []
    for n, (low, high) in zip(shape, pads):
        places = _sources(mode, n, low, high)
        every = np.arange(len(places))
        made.append(_kernels.Map(n, every, places, np.ones(len(every)), len(every)) if low or high else None)
    return made


def _fold_borders(g: np.ndarray, axis: int, size: int, pads: tuple[int, int], mode: str) -> np.ndarray:
    low, high = pads
    shape = (*g.shape[:axis], size, *g.shape[axis + 1 :])
    out = np.zeros(shape, g.dtype) if low < 0 or high < 0 else np.empty(shape, g.dtype)
    target, source = out.swapaxes(0, axis), g.swapaxes(0, axis)
    first = min(max(low, 0), len(source))  # what is no border: from here
    last = max(len(source) - max(high, 0), first)
    target[max(-low, 0) : max(-low, 0) + last - first] = source[first:last]
    places = _sources(mode, size, low, high)
    for k in (*range(first), *range(last, len(source))):
        target[places[k]] += source[k]
    return out


@lru_cache(maxsize=1024)
def _sources(mode: str, size: int, low: int, high: int) -> np.ndarray:
    """Where each element along a padded axis comes from."""
    places = np.arange(-low, size + high)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    if mode == "circular":
        start, end = (
            max(-low, 0),
            size - max(-high, 0),
        )  # goes round in what is left when something is cut off
        return start + (places - start) % max(end - start, 1)
    return (size - 1) - abs((size - 1) - abs(places))
