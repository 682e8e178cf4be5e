"""Arrays made longer or shorter along an axis: nearest, linear and cubic interpolation, antialiasing filters.

Along one axis a new element is a weighted sum of a few old ones. The k-th of them, for all new elements at
once, is a tap: which elements have it, where it is, and with what weight. The transpose has taps too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..kernels import separable as _kernels
from .dispatch import primitive

Tap = tuple[
    Any, np.ndarray, Any
]  # places in the result (slice or array), places in the source, weights or None


class Resampling(NamedTuple):
    """How an axis of `size` becomes one of `count`, whose elements are a `step` of old ones apart."""

    size: int
    count: int
    mode: str  # "nearest", "nearest-exact", "linear", "cubic"
    step: float
    align_corners: bool = False
    antialias: bool = False


@primitive
def resample(x: Any, plan: tuple[Resampling, ...]) -> Any:
    """The array at its new sizes; `plan` is for the last axes."""
    made = _kernels.run(x, plan, lambda: (_maps(plan, x.dtype.char), None))
    if made is not None:
        return made
    in_bytes = x.dtype == np.uint8 and not plan[0].mode.startswith("nearest")
    for axis, r in reversed([*enumerate(plan, x.ndim - len(plan))]):
        if not _is_identity(r):
            x = (
                _weighted_bytes(x, axis, r)
                if in_bytes
                else _weighted(x, axis, r.count, taps_of(r, x.dtype.char))
            )
    return x


@primitive
def resample_back(g: Any, plan: tuple[Resampling, ...]) -> Any:
    """The transpose of `resample`: each element gets what it gave, by the same weights."""
    made = _kernels.run(g, ("back", plan), lambda: (_maps(plan, g.dtype.char, True), None))
    if made is not None:
        return made
    for axis, r in enumerate(plan, g.ndim - len(plan)):
        if not _is_identity(r):
            g = _weighted(g, axis, r.size, taps_back(r, g.dtype.char))
    return g


def _maps(plan: tuple[Resampling, ...], dtype: str, back: bool = False) -> list[_kernels.Map | None]:
    """The same for kernels."""
    real = np.float32 if dtype == "f" else np.float64  # whole numbers are made of the weights of bytes
    made = [None if _is_identity(r) else _map(r, real, dtype == "B") for r in plan]
    return [m.transposed() if m and back else m for m in made]


def _map(r: Resampling, real: Any, joined: bool) -> _kernels.Map:
    """The taps of a resampling; if asked for, `joined` where several are for one place."""
    if r.antialias:
        starts, lengths, weights = _filter(r, real)
        has = np.arange(len(weights))[:, None] < lengths
        places = (starts + np.arange(len(weights))[:, None]).T[has.T]
        return _kernels.Map(
            r.size, np.concatenate([[0], lengths.cumsum()]), places, weights.T[has.T], r.count
        )
    taps = _few_taps(r, real)
    places = np.stack([place for place, _ in taps])
    weights = np.stack([np.ones(r.count) if weight is None else weight for _, weight in taps])
    for k in range(len(taps) - 1) if joined else ():
        again = places[k] == places[k + 1]
        weights[k + 1] += weights[k] * again
        weights[k] *= ~again
    starts = np.arange(r.count + 1) * len(taps)
    return _kernels.Map(r.size, starts, places.T.ravel(), weights.T.ravel(), r.count)


def _is_identity(r: Resampling) -> bool:
    return r.size == r.count and (r.step == 1 or r.align_corners)


def _weighted(x: np.ndarray, axis: int, count: int, taps: list[Tap]) -> np.ndarray:
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    lead, tail = (slice(None),) * axis, (-1,) + (1,) * (x.ndim - axis - 1)
    out = None
    for have, where, weight in taps:
        part = x.take(where, axis)
        if weight is not None:
            part *= weight.reshape(tail)
        if out is None and part.shape[axis] == count:  # all have it
            out = part
            continue
        out = np.zeros(shape, x.dtype) if out is None else out
        out[(*lead, have)] += part
    return np.zeros(shape, x.dtype) if out is None else out


def _weighted_bytes(x: np.ndarray, axis: int, r: Resampling) -> np.ndarray:
    """Pixels of one byte: weights are whole multiples of a power of two, sums are rounded after each axis."""
    matrix, bits = _byte_weights(r)
    total = np.matmul(np.moveaxis(x, axis, -1).astype(np.float64), matrix)  # whole numbers below 2**53: exact
    rounded = np.clip((total.astype(np.int64) + (1 << (bits - 1))) >> bits, 0, 255)
    return np.ascontiguousarray(np.moveaxis(rounded.astype(np.uint8), -1, axis))


@lru_cache(maxsize=64)
def _byte_weights(r: Resampling) -> tuple[np.ndarray, int]:
    """The weight of each old element in each new one as a whole number, and the bits after the point."""
    made = _map(r, np.float64, True)
    whole, bits = _kernels.whole_weights(made.weights)
    weights = np.zeros((r.size, r.count))
    np.add.at(weights, (made.places, made.targets), whole)
    return weights, bits


# ---- taps


@lru_cache(maxsize=256)
def taps_of(r: Resampling, dtype: str) -> list[Tap]:
    """The taps of a resampling; places and weights are worked out in the precision of the elements."""
    real = np.float64 if dtype == "d" else np.float32
    if r.antialias:
        return _filtered(r, real)
    return [(slice(0, r.count), place, weight) for place, weight in _few_taps(r, real)]


def _few_taps(r: Resampling, real: Any) -> list[tuple[np.ndarray, Any]]:
    """Places and weights of taps that every new element has."""
    if r.mode.startswith("nearest"):
        return [(_nearest(r, real), None)]
    places = _places(r, real)
    if r.mode == "linear":
        first = np.minimum(places.astype(np.int64), r.size - 1)
        share = np.clip(places - first, 0, 1).astype(real)
        return [(first, 1 - share), (np.minimum(first + 1, r.size - 1), share)]
    first = np.minimum(np.floor(places).astype(np.int64), r.size - 1)
    share = np.clip(places - first, 0, 1).astype(real)
    near = {k: np.clip(first + k, 0, r.size - 1) for k in (-1, 0, 1, 2)}
    return [(place, cubic(share - k, -0.75).astype(real)) for k, place in near.items()]


def _nearest(r: Resampling, real: Any) -> np.ndarray:
    places = np.arange(r.count, dtype=real)
    if r.mode == "nearest-exact":
        places = places + real(0.5)
    return np.minimum((places * real(r.step)).astype(np.int64), r.size - 1)


def _places(r: Resampling, real: Any) -> np.ndarray:
    """Where each new element lies among the old ones."""
    line = np.arange(r.count, dtype=real)
    if r.align_corners:
        return line * real((r.size - 1) / (r.count - 1) if r.count > 1 else 0)
    places = real(r.step) * (line + real(0.5)) - real(0.5)
    return places if r.mode == "cubic" else np.maximum(places, 0)


def cubic(x: Any, a: float) -> Any:
    """The cubic convolution kernel at distance `x`; `a` is its slope at distance one."""
    x = abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _filtered(r: Resampling, real: Any) -> list[Tap]:
    starts, lengths, weights = _filter(r, real)
    having = [np.flatnonzero(lengths > k) for k in range(len(weights))]
    return [(as_slice(h), starts[h] + k, weights[k, h]) for k, h in enumerate(having)]


def _filter(r: Resampling, real: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A filter as wide as the distance of the new elements, so that what is lost does not alias.

    Where each new element has its first tap, how many it has, and the weights [taps, elements].
    """
    step = ((r.size - 1) / (r.count - 1) if r.count > 1 else 0.0) if r.align_corners else r.step
    step = float(real(step))
    stretch = max(step, 1.0)
    support = (1 if r.mode == "linear" else 2) * stretch
    centres = step * (np.arange(r.count) + 0.5)
    starts = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    lengths = np.minimum((centres + support + 0.5).astype(np.int64), r.size) - starts
    offsets = np.arange(lengths.max())[:, None]
    distance = (offsets + starts - centres + 0.5) / stretch
    weights = np.maximum(1 - abs(distance), 0) if r.mode == "linear" else cubic(distance, -0.5)
    weights = np.where(offsets < lengths, weights, 0)
    total = weights.sum(0)
    return starts, lengths, (weights / np.where(total == 0, 1, total)).astype(real)


def as_slice(places: np.ndarray) -> Any:
    """A slice where the places follow one another: numpy is much quicker with those."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


@lru_cache(maxsize=256)
def taps_back(r: Resampling, dtype: str) -> list[Tap]:
    """The taps of the transpose."""
    everything = np.arange(r.count)
    taps = taps_of(r, dtype)
    targets = np.concatenate([where for _, where, _ in taps])
    sources = np.concatenate([everything[have] for have, _, _ in taps])
    weights = None if taps[0][2] is None else np.concatenate([weight for *_, weight in taps])
    order = np.argsort(targets, kind="stable")
    targets, sources = targets[order], sources[order]
    starts = np.searchsorted(targets, np.arange(r.size + 1))
    counts = np.diff(starts)
    found = []
    for k in range(counts.max(initial=0)):
        have = np.flatnonzero(counts > k)
        entries = starts[have] + k
        weight = None if weights is None else weights[order][entries]
        found.append((as_slice(have), sources[entries], weight))
    return found
