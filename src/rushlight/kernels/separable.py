"""Sums of a few elements along the last axes, by generated kernels: resizing, means of windows, borders.

    run(x, maps)

makes each element of the result a weighted sum of elements of `x`, where `maps` say for each of the last axes
which ones and with what weights. Where the answer is None, numpy does the work.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session
from . import invoke, policy
from .llvm import blocked
from .llvm import separable as generator
from .planning import Plans, build, up

DTYPES = {"f": "float32", "d": "float64", "B": "uint8"}
UNROLLED = (1, 2, 4)  # as many taps for every result are known to the kernel
PIECE_BYTES = 128 << 10  # columns of a block that are turned at once: what stays in the second-level cache
MOST_PIECE_BYTES = 4 << 20


class Map:
    """Along one axis: result `k` is the sum of those at `places[starts[k]:starts[k + 1]]`, times weights."""

    __slots__ = ("count", "places", "size", "starts", "weights")

    def __init__(self, size: int, starts: Any, places: Any, weights: Any, count: int) -> None:
        self.size, self.count = size, count
        self.starts, self.places, self.weights = starts.astype(np.int32), places.astype(np.int32), weights

    @classmethod
    def of_taps(cls, size: int, targets: Any, places: Any, weights: Any, count: int) -> Map:
        """Of taps in any order: each adds `weights` times element `places` to result `targets`."""
        order = np.argsort(targets, kind="stable")
        starts = np.searchsorted(targets[order], np.arange(count + 1))
        return cls(size, starts, places[order], weights[order], count)

    @property
    def targets(self) -> np.ndarray:
        return np.repeat(np.arange(self.count), np.diff(self.starts))

    def transposed(self) -> Map:
        """Each element gets what it gave."""
        return Map.of_taps(self.count, self.places, self.targets, self.weights, self.size)


class Divided(NamedTuple):
    """What results are divided by at the end: the product of a number for each place on each axis."""

    numbers: tuple[np.ndarray, ...]


def run(x: np.ndarray, key: Hashable, maps: Any) -> np.ndarray | None:
    """The result; `maps()` gives a map for each of the last axes, None for one that stays, and a `Divided`.

    It is asked once for arrays of one shape and dtype; `key` tells what it will say.
    """
    if type(x) is not np.ndarray or x.dtype.char not in DTYPES or not x.dtype.isnative:
        return None
    if policy.channels_last(x):
        return None
    if not (x.flags.c_contiguous and x.flags.aligned):
        x = x.copy(order="C")
    whole = (key, x.shape, x.dtype.char)
    plan = _plans.find(whole, x, maps)
    if plan is None:
        return None
    for step in plan:
        x = step(x)
    return x


def _plan(x: np.ndarray, maps: Any) -> list[_Step] | None:
    return _steps(x.shape, x.dtype, *maps()) if x.size else None


_plans = Plans("sums along axes", _plan)


def _steps(shape: tuple, dtype: np.dtype, maps: Sequence[Map | None], divided: Divided | None) -> Any:
    """The calls of kernels that do it: two axes at a time where the last two are both mapped."""
    along = {len(shape) - len(maps) + k: m for k, m in enumerate(maps) if m is not None}
    last = len(shape) - 1
    result = [along[axis].count if axis in along else n for axis, n in enumerate(shape)]
    if max(prod(shape), prod(result)) < policy.pixels_from():
        return None
    groups: list[tuple[int, ...]] = [(axis,) for axis in sorted(along, reverse=True)]
    if dtype != np.uint8 and last in along and last - 1 in along:
        groups[:2] = [(last - 1, last)]
    if not groups or max(prod(shape), 1) >= 1 << 31:
        return None
    steps = []
    for group in groups:
        given = [along[axis] for axis in group]
        after = list(shape)
        for axis, m in zip(group, given):
            after[axis] = m.count
        if not prod(after) or prod(after) >= 1 << 31:
            return None
        numbers = _numbers(divided, tuple(after), group, len(maps)) if group is groups[-1] else None
        down = given[0] if group[0] < last else None
        across = given[-1] if group[-1] == last else None
        step = _Step(dtype, shape, tuple(after), group[-1], down, across, numbers)
        if step.slot_bytes > MOST_PIECE_BYTES:
            return None
        steps.append(step)
        shape = tuple(after)
    return steps


def _numbers(divided: Divided | None, shape: tuple, group: tuple, count: int) -> Any:
    """The divisors of the rows and of the columns of the last step."""
    if divided is None:
        return None
    numbers, first = list(divided.numbers), len(shape) - count
    if group[-1] == len(shape) - 1 and count == 1:
        return np.ones(1), numbers[0]
    row = group[0] - first
    rest = np.ones(1)
    for axis in numbers[row + 1 :]:
        rest = np.multiply.outer(rest, axis).ravel()
    assert row == 0, "the first axis comes last"
    return numbers[0], rest


class _Step:
    """One call of a kernel."""

    __slots__ = ("address", "keep", "release", "shape", "slot_bytes", "tasks", "words")

    def __init__(
        self, dtype: np.dtype, before: tuple, after: tuple, axis: int, down: Any, across: Any, numbers: Any
    ) -> None:
        self.shape = after
        columns = prod(before[axis:]) if across is not None else prod(before[axis + 1 :])
        out_columns = prod(after[axis:]) if across is not None else columns
        height, out_height = (down.size, down.count) if down else (1, 1)
        rows = prod(after) // out_columns
        name = DTYPES[dtype.char]
        size = dtype.itemsize
        baked = generator.Shape(_unrolled(down), _unrolled(across), numbers is not None)
        self.address = build(
            f"{name}_{baked.down}_{baked.across}", "separable", (name, baked),
            lambda width: generator.separable_ir(name, width, baked),
        )  # fmt: skip
        lanes = session.host().vector_bytes // max(size, 4)
        tables, bits = _tables([down, across], name, lanes)
        pieces = _Pieces(across, out_columns, columns, lanes, max(size, 4))
        divisors = [None, None] if numbers is None else [np.resize(n, len(n) + lanes) for n in numbers]
        divisors = [d if d is None else d.astype(dtype) for d in divisors]
        self.keep = (*tables, pieces.table, *divisors)
        most = max(up(pieces.most, lanes), lanes)
        self.slot_bytes = 0 if across is None else up(2 * most * lanes * max(size, 4), blocked.LINE)
        task_rows = up(max(1, policy.PIXELS_TASK // max(columns, out_columns)), lanes if across else 1)
        self.tasks = -(-rows // task_rows)
        work = max(prod(before), prod(after))
        self.release = work >= policy.PIXELS_RELEASE_FROM
        self.words = (
            *(self.tasks, task_rows, rows, out_height, height, out_columns, columns),
            *(pieces.columns, most, most * max(size, 4), bits),
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = memory.empty(self.shape, x.dtype)
        threads = min(self.tasks, pool.get_num_threads())
        scratch = np.empty(blocked.HEADER + threads * self.slot_bytes + blocked.LINE, np.uint8)
        words = (scratch, threads, blocked.HEADER, self.slot_bytes, *self.words)
        invoke.load()(self.address, self.release, out, x, *self.keep, *words)
        return out


def _unrolled(m: Map | None) -> int | None:
    """How many taps each result has, where it is one of the numbers that kernels are made for; else 0."""
    if m is None:
        return None
    counts = np.diff(m.starts)
    return int(counts[0]) if counts[0] in UNROLLED and (counts == counts[0]).all() else 0


def _tables(maps: list[Map | None], dtype: str, lanes: int) -> tuple[list[np.ndarray | None], int]:
    """Starts, places and weights of the maps, and of weights in whole numbers the bits after the point."""
    found: list[np.ndarray | None] = []
    bits = 0
    for m in maps:
        if m is None:
            found += [None, None, None]
            continue
        weights = m.weights
        if dtype == "uint8":
            weights, bits = whole_weights(weights)
        taps = max(UNROLLED) * lanes  # a block of lanes may read further than there are results
        found += [
            np.concatenate([m.starts, np.repeat(m.starts[-1:], lanes)]),
            np.concatenate([m.places, np.repeat(m.places[-1:], taps)]),
            np.concatenate([weights, np.repeat(weights[-1:], taps)]).astype(
                np.int32 if dtype == "uint8" else dtype
            ),
        ]
    return found, bits


def whole_weights(weights: np.ndarray) -> tuple[np.ndarray, int]:
    """Weights as whole numbers below two bytes, and how many bits of them are after the point."""
    if weights.size and (weights == 1).all():
        return weights.astype(np.int64), 0  # each result is an element
    largest, bits = weights.max(initial=0), 0
    while bits < 22 and int(0.5 + largest * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    return np.trunc(weights * (1 << bits) + np.copysign(0.5, weights)).astype(np.int64), bits


class _Pieces:
    """The results of a row that are made at once, and which columns each such piece needs."""

    def __init__(self, across: Map | None, count: int, size: int, lanes: int, item: int) -> None:
        self.table, self.columns, self.most = None, count, 0
        if across is None:
            return
        shown = PIECE_BYTES // (lanes * item)
        self.columns = up(max(1, shown * count // max(size, 1)), lanes)
        rows = []
        for start in range(0, count, self.columns):
            first, last = across.starts[start], across.starts[min(start + self.columns, count)]
            places = across.places[first:last]
            rows.append((places.min(), places.max() + 1) if len(places) else (0, 1))
        self.table = np.array(rows, np.int32)
        self.most = int((self.table[:, 1] - self.table[:, 0]).max())
