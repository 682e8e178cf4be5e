"""Windows over the last axes of an array: sums and maxima over them, and their transposes.

A pool over several axes is one along each: the window of a rectangle is the product of those of its sides.
Each tap (the k-th element of every window) is one slice of the array, so that numpy works on whole arrays.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels import copying
from ..kernels import pooling as _kernels
from ..kernels import separable as _separable
from ..kernels import winners as _winners
from ..runtime import memory
from .dispatch import primitive
from .index import add_flat, add_rows
from .summation import total

MANY_ROWS = 96
FEW_COLUMNS = 7  # windows of a row that are too few for the lanes of a vector
Where = Any  # a slice or an array of positions along an axis


class Windows(NamedTuple):
    """`count` windows of `kernel` elements on an axis of `size`; what lies outside of it does not count.

    A `kernel` of 0 means windows that part the axis evenly (adaptive pools); they may differ in length.
    """

    size: int
    count: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def whole(self) -> bool:
        """Is there one window, of all elements?"""
        return self.count == 1 and (
            self.kernel == 0 or (self.kernel == self.size and not self.padding and self.dilation == 1)
        )

    @property
    def disjoint(self) -> bool:
        """Does no element belong to two windows?"""
        if self.kernel == 0:
            return self.size % self.count == 0
        return self.stride > (self.kernel - 1) * self.dilation


@lru_cache(maxsize=4096)
def taps(windows: Windows) -> list[tuple[Where, Where]]:
    """For each tap: which windows have it, and where on the axis it lies for them."""
    return _even_taps(windows) if windows.kernel == 0 else _regular_taps(windows)


def _regular_taps(w: Windows) -> list[tuple[slice, slice]]:
    found = []
    for k in range(w.kernel):
        offset = k * w.dilation - w.padding
        first = max(-(offset // w.stride), 0)
        last = min((w.size - 1 - offset) // w.stride, w.count - 1)
        if first <= last:
            start = offset + first * w.stride
            found.append(
                (slice(first, last + 1), slice(start, start + (last - first) * w.stride + 1, w.stride))
            )
    return found


def _even_taps(w: Windows) -> list[tuple[Where, Where]]:
    if w.size % w.count == 0:
        step = w.size // w.count
        return _regular_taps(Windows(w.size, w.count, step, step))
    starts, lengths = even_windows(w.size, w.count)
    having = [np.flatnonzero(lengths > k) for k in range(lengths.max())]
    return [(h if len(h) < w.count else slice(0, w.count), starts[h] + k) for k, h in enumerate(having)]


def even_windows(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows of an adaptive pool start, and how long they are."""
    places = np.arange(count)
    starts = places * size // count
    return starts, -(-(places + 1) * size // count) - starts


@lru_cache(maxsize=1024)
def lengths(windows: Windows) -> np.ndarray:
    """How many elements each window has."""
    counts = np.zeros(windows.count, np.int64)
    for have, _ in taps(windows):
        counts[have] += 1
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=1024)
def firsts(windows: Windows) -> np.ndarray:
    """The first element that each window has."""
    places = np.zeros(windows.count, np.int64)
    for have, where in reversed(taps(windows)):
        places[have] = np.arange(windows.size)[where]
    return places


def _at(axis: int, where: Where) -> tuple:
    return (slice(None),) * axis + (where,)


# ---- sums


@primitive
def window_mean(x: Any, windows: tuple[Windows, ...], divisor: Any = "present") -> Any:
    """The sum of each window by a `divisor`; `windows` are those along each of the last axes.

    "present" divides by the number of elements, "padded" counts the padding too, and a number is itself.
    """
    if x.dtype.kind == "f" and all(w.whole for w in windows):
        return _quotient(_whole_sum(x, len(windows)), divisors(windows, divisor))
    made = _kernels.mean(x, windows, divisors(windows, divisor))
    if made is not None:
        return made
    made = _separable.run(x, ("mean", windows, divisor), lambda: (_maps(windows), _divided(windows, divisor)))
    if made is not None:
        return made
    for axis, w in enumerate(windows, x.ndim - len(windows)):
        x = _sum_along(x, axis, w)
    return _quotient(x, divisors(windows, divisor))


@primitive
def window_mean_back(g: Any, windows: tuple[Windows, ...], divisor: Any = "present") -> Any:
    """The transpose of `window_mean`: each element gets its share of every window that it belongs to."""
    if g.dtype.kind == "f" and all(w.whole for w in windows):
        shape = (*g.shape[: -len(windows)], *(w.size for w in windows))
        share = _quotient(g, divisors(windows, divisor))
        return copying.filled(memory.empty(shape, g.dtype), np.broadcast_to(share, shape))
    made = _kernels.mean_back(g, windows, divisors(windows, divisor))
    if made is not None:
        return made
    made = _separable.run(g, ("shares", windows, divisor), lambda: (_shares(windows, divisor), None))
    if made is not None:
        return made
    g = _quotient(g, divisors(windows, divisor))
    for axis, w in reversed([*enumerate(windows, g.ndim - len(windows))]):
        g = _spread_along(g, axis, w)
    return g


@lru_cache(maxsize=1024)
def divisors(windows: tuple[Windows, ...], divisor: Any) -> Any:
    """What the sums are divided by: a number where it is the same for all windows, else an array."""
    if not isinstance(divisor, str):
        return divisor
    found = np.ones((), np.int64)
    for w in windows:
        found = found[..., None] * (lengths(w) if divisor == "present" else _padded_lengths(w))
    return int(found.flat[0]) if found.size and (found == found.flat[0]).all() else found


def _padded_lengths(w: Windows) -> np.ndarray:
    starts = np.arange(w.count) * w.stride - w.padding
    return np.minimum(starts + w.kernel, w.size + w.padding) - starts


def _quotient(x: np.ndarray, divisor: Any) -> np.ndarray:
    if x.dtype.kind in "iu":  # towards zero
        return np.sign(x) * np.sign(divisor) * (abs(x) // abs(divisor))
    if type(divisor) is np.ndarray:
        divisor = divisor.astype(x.dtype)
    return x if type(divisor) is int and divisor == 1 else x / divisor


def _maps(windows: tuple[Windows, ...]) -> list[_separable.Map]:
    """For kernels: each window is a sum of its elements."""
    made = []
    for w in windows:
        everything, every = np.arange(w.count), np.arange(w.size)
        targets, places = (
            np.concatenate(part) for part in zip(*((everything[h], every[p]) for h, p in taps(w)))
        )
        made.append(_separable.Map.of_taps(w.size, targets, places, np.ones(len(targets)), w.count))
    return made


def _divided(windows: tuple[Windows, ...], divisor: Any) -> _separable.Divided:
    """The divisor of each window as a product of numbers along the axes."""
    if isinstance(divisor, str):
        return _separable.Divided(
            tuple(lengths(w) if divisor == "present" else _padded_lengths(w) for w in windows)
        )
    first, *rest = (np.ones(w.count) for w in windows)
    return _separable.Divided((first * divisor, *rest))


def _shares(windows: tuple[Windows, ...], divisor: Any) -> list[_separable.Map]:
    made = _maps(windows)
    for m, numbers in zip(made, _divided(windows, divisor).numbers):
        m.weights = 1 / np.repeat(numbers, np.diff(m.starts))
    return [m.transposed() for m in made]


def _whole_sum(x: np.ndarray, count: int) -> np.ndarray:
    """The sum over the last axes. Of many rows as a product with ones, which has no cost for each row."""
    lead, size = x.shape[:-count], prod(x.shape[-count:])
    rows = x.reshape(prod(lead), size)
    if len(rows) < MANY_ROWS:
        return total(rows, 1, False).reshape(*lead, *[1] * count)
    return np.matmul(rows, np.ones(size, x.dtype)).reshape(*lead, *[1] * count)


def _sum_along(x: np.ndarray, axis: int, windows: Windows) -> np.ndarray:
    if windows.whole:
        return np.add.reduce(x, axis, dtype=x.dtype, keepdims=True)
    steps = taps(windows)
    if steps and steps[0][0] == slice(0, windows.count):
        out, steps = x[_at(axis, steps[0][1])].copy("K"), steps[1:]
    else:
        out = np.zeros((*x.shape[:axis], windows.count, *x.shape[axis + 1 :]), x.dtype)
    for have, where in steps:
        out[_at(axis, have)] += x[_at(axis, where)]
    return out


def _spread_along(g: np.ndarray, axis: int, windows: Windows) -> np.ndarray:
    shape = (*g.shape[:axis], windows.size, *g.shape[axis + 1 :])
    if windows.whole:
        return np.broadcast_to(g, shape).copy()
    out = np.zeros(shape, g.dtype)
    for have, where in taps(windows):
        if isinstance(where, slice):
            out[_at(axis, where)] += g[_at(axis, have)]
        else:
            add_rows(out, axis, where, g[_at(axis, have)])
    return out


# ---- maxima


@primitive
def window_max(x: Any, windows: tuple[Windows, ...]) -> Any:
    """The largest element of each window; NaN where there is one."""
    made = largest_by_kernel(x, windows)
    if made is not None:
        return made
    for axis, w in enumerate(windows, x.ndim - len(windows)):
        x = _max_along(x, axis, w)
    return x


@primitive
def window_argmax(x: Any, windows: tuple[Windows, ...]) -> Any:
    """The largest element of each window and its place in the plane: the first such, or the last NaN."""
    made = _largest(x, windows, True)
    if made is not None:
        return made
    nan = x.dtype.kind == "f" and bool(np.isnan(np.add.reduce(x, None)) and np.isnan(x).any())
    small = prod(w.size for w in windows) < 1 << 31
    places, step = np.zeros((1,) * x.ndim, np.int32 if small else np.int64), 1
    for axis, w in reversed([*enumerate(windows, x.ndim - len(windows))]):
        line = (np.arange(w.size, dtype=places.dtype) * step).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        x, places = _argmax_along(x, places + line, axis, w, nan)
        step *= w.size
    return x, np.broadcast_to(places, x.shape).astype(np.int64)


@primitive
def window_max_back(g: Any, x: Any, windows: tuple[Windows, ...]) -> Any:
    """The gradient of `x` for the gradient `g` of `window_max`: each element goes to where it came from."""
    made = _kernels.back_to_largest(g, x, windows)
    if made is not None:
        return made
    count = len(windows)
    places = window_argmax.on_arrays(x, windows)[1]
    g, places = (a.reshape(*a.shape[:-count], prod(a.shape[-count:])) for a in (g, places))
    disjoint = all(w.disjoint for w in windows)
    return add_flat_at.on_arrays(g, places, prod(x.shape[-count:]), disjoint).reshape(x.shape)


def mean_by_kernel(x: np.ndarray, windows: tuple[Windows, ...], divisor: Any) -> np.ndarray | None:
    """`window_mean`, or None where it takes more than a kernel."""
    return _kernels.mean(x, windows, divisors(windows, divisor))


def largest_by_kernel(x: np.ndarray, windows: tuple[Windows, ...]) -> np.ndarray | None:
    """`window_max`, or None where numpy is to do it."""
    made = _largest(x, windows, False)
    return None if made is None else made[0]


def _largest(x: Any, windows: tuple[Windows, ...], places: bool) -> Any:
    """By kernels: columns of windows in the lanes, or planes where the windows of a row are few or uneven."""
    wide = windows[-1].count >= FEW_COLUMNS or prod(x.shape[: x.ndim - len(windows)]) < FEW_COLUMNS
    for by_planes in (not wide, wide):
        if by_planes:
            made = _winners.find(x, windows, _starts_and_lengths, places)
        elif places:
            made = _kernels.largest_and_where(x, windows)
        else:
            values = _kernels.largest(x, windows)
            made = None if values is None else (values, None)
        if made is not None:
            return made
    return None


def _starts_and_lengths(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    return firsts(w), lengths(w)


def lowest(dtype: np.dtype) -> Any:
    """What no value is below."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _max_along(x: np.ndarray, axis: int, windows: Windows) -> np.ndarray:
    out = _first_element(x, axis, windows)
    for have, where in taps(windows)[1:] if _covers(windows) else taps(windows):
        out[_at(axis, have)] = np.maximum(out[_at(axis, have)], x[_at(axis, where)])
    return out


def _argmax_along(x: np.ndarray, places: np.ndarray, axis: int, windows: Windows, nan: bool) -> Any:
    spread = np.broadcast_to(places, x.shape)
    best, found = _first_element(x, axis, windows), _first_of(spread, axis, windows)
    for have, where in taps(windows)[1:] if _covers(windows) else taps(windows):
        here, there = _at(axis, have), _at(axis, where)
        value, old = x[there], found[here]
        higher = value > best[here]
        if nan:
            higher |= np.isnan(value)
        best[here] = np.maximum(best[here], value)
        found[here] = old + (spread[there] - old) * higher  # no branches to mispredict
    return best, found


def _covers(windows: Windows) -> bool:
    """Have all windows their first tap?"""
    steps = taps(windows)
    return bool(steps) and steps[0][0] == slice(0, windows.count)


def _first_of(x: np.ndarray, axis: int, windows: Windows) -> np.ndarray:
    """A new array of the first element of each window."""
    if _covers(windows):
        return x[_at(axis, taps(windows)[0][1])].copy("K")
    return x.take(firsts(windows), axis)


def _first_element(x: np.ndarray, axis: int, windows: Windows) -> np.ndarray:
    """The first element of each window, or what is below all others for a window without any."""
    out = _first_of(x, axis, windows)
    empty = np.flatnonzero(lengths(windows) == 0)
    if empty.size:
        out[_at(axis, empty)] = lowest(x.dtype)
    return out


# ---- elements that a pool took


@primitive
def put_flat(x: Any, index: Any, size: int) -> Any:
    """Along the last axis, `size` zeros with each element of `x` where `index` says; the last one stays."""
    made = _kernels.add_at(x, index, size, False)
    if made is not None:
        return made
    out = np.zeros((*x.shape[:-1], size), x.dtype)
    np.put_along_axis(out, index, x, -1)
    return out


@primitive
def add_flat_at(x: Any, index: Any, size: int, disjoint: bool = False) -> Any:
    """Like `put_flat`, with elements for one place added; `disjoint` promises that there are none."""
    made = _kernels.add_at(x, index, size)
    if made is not None:
        return made
    if disjoint:
        return put_flat.on_arrays(x, index, size)
    rows = prod(x.shape[:-1])
    places = (index.reshape(rows, index.shape[-1]) + np.arange(rows)[:, None] * size).ravel()
    out = np.zeros((*x.shape[:-1], size), x.dtype)
    add_flat(out, places, x.ravel())
    return out
