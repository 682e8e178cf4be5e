"""Pools by generated kernels. Each function answers None where it does not apply, and numpy does the work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .llvm import blocked
from .llvm import pooling as generator
from .planning import Plans, build

MOST_TAPS = 25
MOST_STEP = 4
TASK_ELEMENTS = 1 << 14  # elements of a task: some microseconds
RELEASE_ELEMENTS = 1 << 17  # elements from which on other Python threads may run
DTYPES = {"f": "float32", "d": "float64"}
LINE = 64


def largest(x: np.ndarray, windows: Sequence[Any]) -> np.ndarray | None:
    """The largest element of each window."""
    plan = _plan("max", x, windows)
    return None if plan is None else _pool(plan, x, None)


def largest_and_where(x: np.ndarray, windows: Sequence[Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """The largest element of each window, and its place in the plane."""
    plan = _plan("argmax", x, windows)
    if plan is None:
        return None
    places = memory.empty(plan.shape, np.int64)
    return _pool(plan, x, places), places


def mean(x: np.ndarray, windows: Sequence[Any], divisor: Any) -> np.ndarray | None:
    """The sum of each window by a whole number."""
    if type(divisor) is not int or all(w.whole for w in windows):
        return None  # a product with ones is quicker where there is one window
    plan = _plan("mean", x, windows)
    return None if plan is None else _pool(plan, x, None, divisor)


def mean_back(g: np.ndarray, windows: Sequence[Any], divisor: Any) -> np.ndarray | None:
    """Each element's share of its windows, where they lie side by side or their stride is one."""
    if type(divisor) is not int:
        return None
    windows = tuple(map(_of_one_size, windows))
    if _side_by_side(windows):
        shape = (*g.shape[: -len(windows)], *(w.size for w in windows))
        plan = _plan("share", g, windows, shape)
        return None if plan is None else _pool(plan, None, g, divisor)
    if not all(w.kernel and w.stride == w.dilation == 1 and w.padding < w.kernel for w in windows):
        return None
    turned = tuple(w._replace(size=w.count, count=w.size, padding=w.kernel - 1 - w.padding) for w in windows)
    plan = _plan("mean", g, turned)
    return None if plan is None else _pool(plan, g, None, divisor)


def _side_by_side(windows: Sequence[Any]) -> bool:
    """Is each element in just one window?"""
    return all(w.kernel == w.stride and w.kernel * w.count == w.size and not w.padding for w in windows)


def back_to_largest(
    g: np.ndarray, x: np.ndarray, windows: Sequence[Any], rectified: bool = False
) -> np.ndarray | None:
    """The gradient of `x` for that of its windows' largest elements, where windows lie side by side.

    If it is `rectified`, then that of what a ReLU has made `x` of.
    """
    if not _side_by_side(windows):
        return None
    plan = _plan("rectified back" if rectified else "back", x, windows)
    if plan is None or type(g) is not np.ndarray or g.dtype != x.dtype or not g.flags.aligned:
        return None
    return _pool(plan, x, np.ascontiguousarray(g))


class Plan:
    """A kernel, its words, and the shape of its result."""

    __slots__ = ("address", "release", "shape", "tasks", "words")

    def __init__(self, kind: str, dtype: str, shape: tuple, windows: Sequence[Any], size: int) -> None:
        down, across = windows
        self.shape = (*shape[:-2], down.count, across.count)
        *rectified, kind = kind.split()
        reaches_out = any(map(_reaches_out, windows))
        baked = generator.Shape(
            *(kind, down.kernel, across.kernel, across.stride, across.dilation, reaches_out, bool(rectified))
        )
        self.address = build(
            "_".join([*rectified, kind, f"{down.kernel}x{across.kernel}"]),
            "pooling",
            (dtype, baked),
            lambda width: generator.pooling_ir(dtype, width, baked),
        )
        planes = prod(shape[:-2])
        task_planes = max(1, TASK_ELEMENTS // (down.size * across.size))
        self.tasks = -(-planes // task_planes)
        self.release = size >= RELEASE_ELEMENTS
        self.words = (
            *(self.tasks, planes, task_planes, down.size, across.size, down.count, across.count),
            *(down.stride, down.dilation, down.padding, across.padding),
        )


def _pool(plan: Plan, x: np.ndarray | None, other: np.ndarray | None, divisor: int = 0) -> np.ndarray:
    out = memory.empty(plan.shape, (other if x is None else x).dtype)
    scratch = np.empty(blocked.HEADER + LINE, np.uint8)
    threads = min(plan.tasks, pool.get_num_threads())
    invoke.load()(plan.address, plan.release, out, x, other, divisor, scratch, threads, 0, 0, *plan.words)
    return out


def _plan(kind: str, x: np.ndarray, windows: Sequence[Any], shape: tuple = ()) -> Plan | None:
    """The plan for planes of this shape, that of `x` unless given; None where numpy does the work."""
    if type(x) is not np.ndarray or not x.flags.c_contiguous or not x.flags.aligned:
        return None
    key = (kind, x.dtype.char, shape or x.shape, windows)
    return _plans.find(key, kind, x.dtype, shape or x.shape, windows)


def _make_plan(kind: str, dtype: np.dtype, shape: tuple, windows: Sequence[Any]) -> Plan | None:
    size, rank, whole = prod(shape), len(shape), shape
    if not dtype.isnative or dtype.char not in DTYPES or not size or size < policy.pixels_from():
        return None
    windows = tuple(map(_of_one_size, windows))
    if len(windows) not in (1, 2) or not all(map(_regular, windows)):
        return None
    if len(windows) == 1:
        one = windows[0]._replace(size=1, count=1, kernel=1, stride=1, padding=0, dilation=1)
        shape, windows = (*shape[:-1], 1, shape[-1]), (one, *windows)
    down, across = windows
    if (
        down.kernel * across.kernel > MOST_TAPS
        or across.stride > MOST_STEP
        or down.size * across.size >= 1 << 31
    ):
        return None
    plan = Plan(kind, DTYPES[dtype.char], shape, windows, size)
    if rank < len(plan.shape):
        plan.shape = (*plan.shape[:-2], plan.shape[-1])
    if kind in ("back", "rectified back", "share"):
        plan.shape = whole
    return plan


_plans = Plans("pools", _make_plan)


def _of_one_size(w: Any) -> Any:
    """Windows that part an axis evenly as those of one size that they are."""
    if w.kernel or w.size % w.count:
        return w
    return w._replace(kernel=w.size // w.count, stride=w.size // w.count)


def _reaches_out(w: Any) -> bool:
    """Does one of the windows have elements outside?"""
    return w.padding > 0 or (w.count - 1) * w.stride + (w.kernel - 1) * w.dilation >= w.size


def _regular(w: Any) -> bool:
    """Windows of one size, none of which lies wholly outside; dilated ones only where none reaches out."""
    if w.kernel < 1 or (w.dilation > 1 and _reaches_out(w)):
        return False
    return w.padding < w.kernel and (w.count - 1) * w.stride - w.padding < w.size


# ---- back


@lru_cache(maxsize=4)
def _scatter(dtype: str, adds: bool) -> int:
    name, write = ("add" if adds else "put"), generator.scatter_ir
    return build(f"{name}_{dtype}", "pooling", (dtype, adds), lambda width: write(dtype, width, adds))


def add_at(x: np.ndarray, places: np.ndarray, size: int, adds: bool = True) -> np.ndarray | None:
    """Along the last axis, `size` zeros to which each element of `x` is added at its place, or where it is
    put: of several for one place the last.
    """
    if type(x) is not np.ndarray or x.dtype.char not in DTYPES or places.dtype != np.int64:
        return None
    if (
        not x.size
        or max(x.size, prod(x.shape[:-1]) * size) < policy.pixels_from()
        or x.shape != places.shape
        or settings.kernel_mode == "off"
    ):
        return None
    if not (x.dtype.isnative and x.flags.aligned and session.available()):
        return None
    dtype = DTYPES[x.dtype.char]
    try:
        address = _scatter(dtype, adds)
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for pools: {reason}")
        return None
    x, places = np.ascontiguousarray(x), np.ascontiguousarray(places)
    rows, count = prod(x.shape[:-1]), x.shape[-1]
    out, wrong = memory.empty((*x.shape[:-1], size), x.dtype), np.zeros(1, np.int64)
    task_rows = max(1, TASK_ELEMENTS // max(count, size))
    tasks = -(-rows // task_rows)
    scratch = np.empty(blocked.HEADER + LINE, np.uint8)
    words = (min(tasks, pool.get_num_threads()), 0, 0, tasks, rows, task_rows, count, size)
    invoke.load()(address, out.size >= RELEASE_ELEMENTS, out, x, places, wrong, scratch, *words)
    return None if wrong[0] else out
