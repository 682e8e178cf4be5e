"""Pools: largest elements and where they are, means, and back."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from rushlight.kernels import pooling, winners
from rushlight.lang.windows import Windows, firsts, lengths, window_argmax
from rushlight.runtime import settings

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from . import family

SPECIAL = (np.nan, np.inf, -np.inf, -0.0)
ELEMENTS = 20_000


def _window(draw: Draw, taps: int, most: int) -> Windows:
    """Windows along one axis, most often like those of networks."""
    dilation = draw.one(1, 1, 1, 2)
    padding = draw.number(0, taps // 2)
    reach = (taps - 1) * dilation + 1
    size = max(1, reach - 2 * padding) + draw.size(max(1, most)) - 1
    stride = taps if draw.chance(0.5) else draw.number(1, 4)
    room = size + 2 * padding - reach
    count = room // stride + 1
    if room % stride and draw.chance(0.3) and count * stride < size + padding:
        count += 1  # the last window sticks out
    return Windows(size, count, taps, stride, padding, dilation)


def _call(draw: Draw, special: bool = True) -> tuple[np.ndarray, tuple[Windows, ...]]:
    """An array with few different values, so that there are equal ones, and windows over its last axes."""
    taps = draw.one((2, 2), (3, 3), (draw.number(1, 5), draw.number(1, 5)))[: draw.one(1, 2, 2, 2)]
    windows: list[Windows] = []
    for k in taps:
        windows.append(_window(draw, k, 40 if not windows else 90))
    planes = max(1, ELEMENTS // int(np.prod([w.size for w in windows])))
    shape = (draw.size(min(planes, 12)), draw.size(max(1, min(planes // 12, 12))), *(w.size for w in windows))
    values = np.rint(2 * draw.values(shape, draw.one("float32", "float32", "float64")))
    for value in SPECIAL if special and draw.chance(0.4) else ():
        values[draw.random.random(shape) < 0.05] = value
    return draw.guarded(values), tuple(windows)


def _taps(x: np.ndarray, windows: tuple[Windows, ...], fill: Any) -> tuple[np.ndarray, np.ndarray]:
    """What each window sees, taps in the last axis, and where in the plane; -1 where there is nothing."""
    lead, count = x.shape[: x.ndim - len(windows)], len(windows)
    seen, where = [], []
    for tap in product(*(range(w.kernel) for w in windows)):
        at = [np.arange(w.count) * w.stride - w.padding + k * w.dilation for w, k in zip(windows, tap)]
        inside = [(a >= 0) & (a < w.size) for a, w in zip(at, windows)]
        place, mask = np.zeros((1,) * count, np.int64), np.ones((1,) * count, bool)
        for axis, (a, ok, w) in enumerate(zip(at, inside, windows)):
            shape = [-1 if k == axis else 1 for k in range(count)]
            place, mask = place * w.size + np.where(ok, a, 0).reshape(shape), mask & ok.reshape(shape)
        values = x.reshape(*lead, -1)[..., place]
        seen.append(np.where(mask, values, fill))
        where.append(np.where(mask, place, -1))
    return np.stack(seen, -1), np.stack(where, -1)


def _largest(x: np.ndarray, windows: tuple[Windows, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each window and its place: the first such, or the last NaN."""
    seen, where = _taps(x, windows, -np.inf)
    nan = np.isnan(seen)
    level = np.where(where < 0, -2.0, np.where(nan, np.inf, 0.0))
    best = np.where(nan.any(-1), np.nan, seen.max(-1, where=~nan, initial=-np.inf))
    first = ((seen == best[..., None]) & (where >= 0)).argmax(-1)
    last = seen.shape[-1] - 1 - nan[..., ::-1].argmax(-1)
    chosen = np.where(nan.any(-1), last, first)
    return best, np.take_along_axis(np.broadcast_to(where, level.shape), chosen[..., None], -1)[..., 0]


@family("pools: the largest")
def largest(draw: Draw) -> bool:
    x, windows = _call(draw)
    made = draw.run(pooling.largest_and_where if draw.chance(0.7) else pooling.largest, x, windows)
    if made is None:
        return False
    values, places = _largest(x, windows)
    if isinstance(made, tuple):
        same(made[1], places)
        made = made[0]
    same(made, values.astype(x.dtype))
    return True


@family("pools: means")
def mean(draw: Draw) -> bool:
    x, windows = _call(draw, special=False)
    divisor = draw.number(1, 30)
    made = draw.run(pooling.mean, x, windows, divisor)
    if made is None:
        return False
    seen, _ = _taps(x.astype("f8"), windows, 0.0)
    near(
        made,
        seen.sum(-1) / divisor,
        rounding_of_sums(np.abs(seen).sum(-1) / divisor, seen.shape[-1], x.dtype),
    )
    return True


@family("pools: back to the largest")
def back(draw: Draw) -> bool:
    taps = (draw.number(1, 3), draw.number(1, 4)) if draw.chance(0.4) else draw.one((2, 2), (3, 3), (1, 2))
    counts = draw.size(20), draw.size(40)
    windows = tuple(Windows(k * n, n, k, k) for k, n in zip(taps, counts))
    shape = (draw.size(6), draw.size(4), *(w.size for w in windows))
    dtype = draw.one("float32", "float64")
    x = np.rint(2 * draw.values(shape, dtype))
    for value in SPECIAL if draw.chance(0.4) else ():
        x[draw.random.random(shape) < 0.05] = value
    x = draw.guarded(x)
    g = draw.values((*shape[:2], *counts), dtype)
    g = draw.guarded(g)
    rectified = draw.chance(0.5)
    made = draw.run(pooling.back_to_largest, g, x, windows, rectified)
    if made is None:
        return False
    values, places = _largest(x, windows)
    places = places.reshape(*shape[:2], -1)
    if rectified:
        g = np.where(values <= 0, 0, g)
    exact = np.zeros((*shape[:2], windows[0].size * windows[1].size), dtype)
    np.put_along_axis(exact, places, g.reshape(places.shape), -1)
    same(made, exact.reshape(shape))
    return True


@family("pools: elements added at their places")
def add_at(draw: Draw) -> bool:
    rows, count, size = draw.size(60), draw.size(200), draw.size(200)
    dtype = draw.one("float32", "float64")
    x = draw.dense((rows, count), dtype)
    places = draw.guarded(draw.random.integers(0, size, (rows, count)))
    wrong, adds = draw.chance(0.05), draw.chance(0.7)
    if wrong:
        places[draw.number(0, rows - 1), draw.number(0, count - 1)] = draw.one(-1, size, 1 << 40)
    made = draw.run(pooling.add_at, x, places, size, adds)
    if wrong:
        assert made is None
        return True
    if made is None:
        return False
    if not adds:
        exact = np.zeros((rows, size), dtype)
        np.put_along_axis(exact, places, x, -1)
        same(made, exact)
        return True
    exact, magnitude = np.zeros((2, rows, size))
    row = np.arange(rows)[:, None]
    np.add.at(exact, (row, places), x)
    np.add.at(magnitude, (row, places), np.abs(x))
    near(made, exact, rounding_of_sums(magnitude, count, dtype))
    return True


@family("pools: the largest of any windows")
def winners_(draw: Draw) -> bool:
    rank = draw.number(1, 3)
    windows = []
    for k in range(rank):
        if draw.chance(0.4):
            size = draw.size(12 if k else 9)
            windows.append(Windows(size, draw.number(1, size + 2), 0))
        else:
            windows.append(_window(draw, draw.number(1, 4), 12 if k else 9))
    shape = (draw.size(20), draw.size(3), *(w.size for w in windows))
    values = np.rint(2 * draw.values(shape, draw.one("float32", "float64")))
    for value in SPECIAL if draw.chance(0.4) else ():
        values[draw.random.random(shape) < 0.05] = value
    x, places = draw.guarded(values), draw.chance(0.7)
    made = draw.run(winners.find, x, tuple(windows), lambda w: (firsts(w), lengths(w)), places)
    winners._plans.forget()  # tables lie in memory of this case
    if made is None:
        return False
    before = settings.set_kernel_mode("off")
    exact = window_argmax.on_arrays(values, tuple(windows))
    settings.set_kernel_mode(before)
    same(made[0], exact[0])
    if places:
        same(made[1], exact[1])
    return True
