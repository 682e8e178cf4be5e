"""The largest elements of windows of any kind by a generated kernel; None where numpy does the work."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, pool, session
from . import invoke, policy
from .llvm import blocked
from .llvm import winners as generator
from .planning import Plans, build, up

DTYPES = {"f": "float32", "d": "float64"}
MOST_BYTES = 8 << 20  # of a block of planes, for each thread
LEAST_VECTOR = 16  # bytes


def find(
    x: np.ndarray, windows: Sequence[Any], tables: Any, places: bool
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """The largest elements and, if asked for, their places in the plane.

    `tables(w)` gives for each window along an axis where it starts and how many elements it has there.
    """
    if type(x) is not np.ndarray or not x.dtype.isnative or policy.channels_last(x):
        return None
    key = (x.dtype.char, x.shape, windows, places)
    plan = _plans.find(key, x, windows, tables, places)
    return None if plan is None else plan(x)


def _plan(x: np.ndarray, windows: Sequence[Any], tables: Any, places: bool) -> _Plan | None:
    if x.dtype.char not in DTYPES or not x.size or x.size < policy.pixels_from():
        return None
    if len(windows) > generator.AXES:
        return None
    rows = [np.stack(tables(w), -1).astype(np.int32) for w in windows]
    if any(len(r) == 0 or r[:, 1].min() < 1 for r in rows):
        return None  # a window without elements
    plan = _Plan(x, windows, rows, places)
    return plan if plan.slot_bytes <= MOST_BYTES else None


_plans = Plans("windows", _plan)


class _Plan:
    __slots__ = ("address", "places", "release", "shape", "slot_bytes", "tables", "tasks", "words")

    def __init__(self, x: np.ndarray, windows: Sequence[Any], rows: list[np.ndarray], places: bool) -> None:
        lead = x.shape[: x.ndim - len(windows)]
        self.shape, self.places = (*lead, *(w.count for w in windows)), places
        planes, plane, count = prod(lead), prod(w.size for w in windows), prod(w.count for w in windows)
        size, host = x.itemsize, session.host().vector_bytes
        lanes = max(LEAST_VECTOR // size, min(host // size, 1 << (planes - 1).bit_length()))
        dtype = DTYPES[x.dtype.char]
        self.address = build(
            f"{dtype}_{lanes}{'_places' if places else ''}", "winners", (dtype, lanes, places),
            lambda _: generator.winners_ir(dtype, lanes * size, places),
        )  # fmt: skip
        values_at = up(plane, lanes) * lanes * size
        places_at = values_at + up(count, lanes) * lanes * size
        self.slot_bytes = up(places_at + up(count, lanes) * lanes * size, blocked.LINE)
        none = generator.AXES - len(windows)
        self.tables = np.concatenate([np.array([[0, 1]] * none, np.int32).reshape(-1, 2), *rows])
        self.tasks = -(-planes // lanes)
        self.release = x.size >= policy.PIXELS_RELEASE_FROM
        sizes = [1] * none + [w.size for w in windows]
        self.words = (
            *(self.tasks, planes, plane, count, values_at, places_at),
            *([1] * none + [w.count for w in windows]),
            *([1] * none + [w.dilation for w in windows]),
            *sizes[1:],
        )

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if not (x.flags.c_contiguous and x.flags.aligned):
            x = x.copy(order="C")
        out = memory.empty(self.shape, x.dtype)
        places = memory.empty(self.shape, np.int64) if self.places else None
        threads = min(self.tasks, pool.get_num_threads())
        size = blocked.HEADER + threads * self.slot_bytes + blocked.LINE
        scratch = memory.empty((size,), np.uint8)
        words = (scratch, threads, blocked.HEADER, self.slot_bytes, *self.words)
        invoke.load()(self.address, self.release, out, places, x, self.tables, *words)
        return out, places
