"""Arrays continued at their borders by a generated kernel: each element of the result is one of those before.

    take(x, key, places)

`places()` gives for each of the last axes, two or more, where its elements come from. Where the answer is
None, numpy does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import prod

import numpy as np

from ..runtime import memory, pool
from . import invoke, policy
from .llvm import blocked
from .llvm import borders as generator
from .planning import Plans, build

MOVED = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}


def take(x: np.ndarray, key: Hashable, places: Callable[[], Sequence[np.ndarray]]) -> np.ndarray | None:
    """`x` with its last axes made of other places; `key` tells what `places` will say."""
    if type(x) is not np.ndarray or x.itemsize not in MOVED or x.dtype.kind not in "biufc":
        return None
    if policy.channels_last(x):
        return None
    whole = (key, x.shape, x.dtype)
    plan = _plans.find(whole, x, places)
    return None if plan is None else plan(x)


def _plan(x: np.ndarray, places: Callable[[], Sequence[np.ndarray]]) -> _Plan | None:
    if not x.size:
        return None
    along = list(places())
    after = (*x.shape[: x.ndim - len(along)], *map(len, along))
    if not policy.pixels_from() <= prod(after) < 1 << 31:
        return None
    return _Plan(x, along, after)


_plans = Plans("borders", _plan)


class _Plan:
    __slots__ = ("address", "release", "shape", "tables", "tasks", "words")

    def __init__(self, x: np.ndarray, along: list[np.ndarray], after: tuple) -> None:
        *outer, across = along
        lines = np.zeros(1, np.int64)
        for axis, sources in zip(range(x.ndim - len(along), x.ndim - 1), outer):
            lines = (lines[:, None] * x.shape[axis] + sources).ravel()
        first, last = _middle(across)
        self.shape, self.address = after, _address(MOVED[x.itemsize])
        self.tables = lines.astype(np.int32), across.astype(np.int32)
        rows = prod(after[:-1])
        task_rows = max(1, policy.PIXELS_TASK // after[-1])
        self.tasks = -(-rows // task_rows)
        self.release = prod(after) >= policy.PIXELS_RELEASE_FROM
        in_lines = prod(x.shape[x.ndim - len(along) : -1])
        numbers = (self.tasks, task_rows, rows, len(lines), in_lines, after[-1], x.shape[-1])
        self.words = (*numbers, first, last, int(across[first]) if last > first else 0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if not (x.flags.c_contiguous and x.flags.aligned):
            x = x.copy(order="C")
        out = memory.empty(self.shape, x.dtype)
        scratch = np.empty(blocked.HEADER + blocked.LINE, np.uint8)
        threads = min(self.tasks, pool.get_num_threads())
        invoke.load()(self.address, self.release, out, x, *self.tables, scratch, threads, 0, 0, *self.words)
        return out


def _middle(places: np.ndarray) -> tuple[int, int]:
    """The longest run of places that follow one another."""
    ends = [0, *(np.flatnonzero(np.diff(places) != 1) + 1), len(places)]
    return max(pairwise(ends), key=lambda run: run[1] - run[0])


@lru_cache(maxsize=4)
def _address(dtype: str) -> int:
    return build(dtype, "borders", (dtype,), lambda width: generator.borders_ir(dtype, width))
