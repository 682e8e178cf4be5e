"""Borders around arrays: filled with a value, or with what the array continues as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels import borders as _borders_kernel
from ..kernels import separable as _kernels
from ..runtime import memory
from .dispatch import primitive
from .memory import put
from .movement import expand

Pads = Sequence[
    tuple[int, int]
]  # for each axis, how much is added before and after; negative numbers cut off
ALL = (slice(None),) * 64
FEW = 4096  # elements that are filled as a whole rather than round the middle


@primitive
def pad_constant(x: Any, pads: Pads, value: Any) -> Any:
    """`x` with a border of `value`. The gradient is the same with the pads negated and a border of zeros."""
    out, inside = _with_room(x, pads)
    if out.size < FEW:
        out.fill(value)
    else:
        filler = np.asarray(value).astype(x.dtype)
        for border in _borders(out.shape, inside):
            part = out[border]
            put(part, expand.on_arrays(filler, part.shape))
    kept = tuple([slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, pads)])
    put(out[inside], x[kept])
    return out


def _with_room(x: np.ndarray, pads: Pads) -> tuple[np.ndarray, tuple[slice, ...]]:
    """Memory for the padded array, and where in it the elements of `x` lie that are not cut off."""
    shape = tuple([n + low + high for n, (low, high) in zip(x.shape, pads)])
    inside = tuple([slice(max(low, 0), n - max(high, 0)) for n, (low, high) in zip(shape, pads)])
    return memory.empty(shape, x.dtype), inside


def _borders(shape: tuple[int, ...], inside: tuple[slice, ...]) -> Iterator[tuple[slice, ...]]:
    """What lies around `inside`, in pieces that do not meet."""
    for axis, (n, kept) in enumerate(zip(shape, inside)):
        lead = inside[:axis]
        if kept.start > 0:
            yield *lead, slice(0, kept.start)
        if kept.stop < n:
            yield *lead, slice(kept.stop, n)


@primitive
def pad_continued(x: Any, pads: Pads, mode: str) -> Any:
    """`x` continued at its borders: mirrored ("reflect"), by its edge ("replicate") or round ("circular")."""
    made = _borders_kernel.take(x, (mode, *pads), lambda: _places(x.shape, pads, mode))
    if made is not None:
        return made
    if any(low < 0 or high < 0 for low, high in pads):
        for axis, (low, high) in enumerate(pads):
            if low or high:
                x = np.take(x, _sources(mode, x.shape[axis], low, high), axis)
        return x
    out, inside = _with_room(x, pads)
    put(out[inside], x)
    for axis, (low, high) in enumerate(pads):
        for target, source in _continuations(mode, x.shape[axis], low, high):
            part = out[(*ALL[:axis], target, *inside[axis + 1 :])]
            from_ = out[(*ALL[:axis], source, *inside[axis + 1 :])]
            put(part, from_ if mode != "replicate" else expand.on_arrays(from_, part.shape))
    return out


def _continuations(mode: str, size: int, low: int, high: int) -> Iterator[tuple[slice, slice]]:
    """The two borders of an axis whose middle is filled, and where in the middle they come from."""
    end = low + size
    sources = {
        "reflect": (slice(2 * low, low, -1), slice(end - 2, end - 2 - high if end - 2 >= high else None, -1)),
        "replicate": (slice(low, low + 1), slice(end - 1, end)),
        "circular": (slice(size, size + low), slice(low, low + high)),
    }[mode]
    if low:
        yield slice(0, low), sources[0]
    if high:
        yield slice(end, end + high), sources[1]


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


def _places(shape: Sequence[int], pads: Pads, mode: str) -> list[np.ndarray]:
    """Where elements come from, along each axis from the first that is padded on."""
    first = next((axis for axis, pad in enumerate(pads) if any(pad)), len(pads) - 1)
    return [_sources(mode, n, *pad) for n, pad in zip(shape[first:], pads[first:])]


def _maps(shape: Sequence[int], pads: Pads, mode: str) -> list[_kernels.Map | None]:
    """For kernels: each element is one of those before."""
    made: list[_kernels.Map | None] = []
    for n, (low, high) in zip(shape, pads):
        places = _sources(mode, n, low, high)
        every = np.arange(len(places))
        made.append(
            _kernels.Map.of_taps(n, every, places, np.ones(len(every)), len(every)) if low or high else None
        )
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
