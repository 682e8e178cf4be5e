"""Elements along an axis by an array of indices, with generated kernels: gather, scatter, and sums of both.

    take(out, x, dim, index)    out[i, j] = x[index[i, j], j]   (for `dim` 0 of two)
    put(x, values, dim, index)  x[index[i, j], j] = values[i, j]
    add(x, values, dim, index)  x[index[i, j], j] += values[i, j]

Each answers whether it did it: where the answer is no, numpy does. What has no axis of its own in the index
(a vector that names rows) is broadcast to the shape of the near array. Where an index repeats, values are put
or added in the order of the indices, whatever the number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import pool, session, settings
from . import invoke, policy
from .llvm import blocked, indexing

MOVED = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}
ADDED = ("float32", "float64", "int32", "int64")
ROW_FROM = 4  # elements of a row that is moved in vectors
PIECE = 64  # elements of a row that a task is worth
SOURCES = tuple(
    f"rushlight.{name}"
    for name in ("runtime.ir", *(f"kernels.llvm.{k}" for k in ("blocked", "indexing", "lowering")))
)
MOST_PLANS = 1024
_plans: dict[tuple, Any] = {}
settings.when_changed.append(_plans.clear)


def take(out: np.ndarray, x: np.ndarray, dim: int, index: np.ndarray) -> bool:
    """Fills `out` with the elements that `index` names along an axis of `x`."""
    return _run("take", x, out, dim, index)


def put(x: np.ndarray, values: np.ndarray, dim: int, index: np.ndarray) -> bool:
    """Puts `values` where `index` says along an axis of `x`; of several for one place the last stays."""
    return _run("put", x, values, dim, index)


def add(x: np.ndarray, values: np.ndarray, dim: int, index: np.ndarray) -> bool:
    """Adds `values` where `index` says along an axis of `x`."""
    return _run("add", x, values, dim, index)


def _run(mode: str, far: np.ndarray, near: np.ndarray, dim: int, index: np.ndarray) -> bool:
    if near.size < policy.INDEXED_FROM * settings.kernels_from or not _takes(mode, far, near, index):
        return False
    layouts = (far.shape, near.shape, index.shape, far.strides, near.strides, index.strides)
    key = (mode, far.dtype.char, dim, *layouts)
    plan = _plans.get(key, key)
    if plan is key:
        if len(_plans) >= MOST_PLANS:
            _plans.clear()
        plan = _plans[key] = _plan(mode, far, near, dim, index)
    if plan is None:
        return False
    written, read = (near, far) if mode == "take" else (far, near)
    if np.may_share_memory(written, read) or np.may_share_memory(written, index):
        return False
    scratch, outside = np.empty(blocked.HEADER + blocked.LINE, np.uint8), np.zeros(1, np.int64)
    threads = min(plan.tasks, pool.get_num_threads())
    words = (scratch, threads, 0, 0, plan.tasks, *plan.words)
    invoke.load()(plan.address, plan.release, far, near, index, outside, *words)
    if outside[0]:
        raise IndexError(f"an index is out of bounds for an axis of size {far.shape[dim]}")
    return True


def _takes(mode: str, far: np.ndarray, near: np.ndarray, index: np.ndarray) -> bool:
    """Are these plain numbers of one dtype, and indices of 64 bits?"""
    return (
        far.dtype == near.dtype
        and index.dtype == np.int64
        and (
            far.dtype.name in ADDED if mode == "add" else far.itemsize in MOVED and far.dtype.kind in "biufc"
        )
        and far.flags.aligned
        and near.flags.aligned
        and index.flags.aligned
    )


def _fit(far: tuple, near: tuple, index: tuple, dim: int) -> bool:
    """Does each near element have an index, and a place in the far array on all other axes?"""
    if len(far) != len(near) or not far or index not in (near, near[dim : dim + 1]):
        return False
    return all(n <= m for k, (n, m) in enumerate(zip(near, far)) if k != dim)


class Axis(NamedTuple):
    """One axis of the walk: length, the steps of the three arrays in bytes, and whether indices name it."""

    length: int
    far: int
    near: int
    index: int
    named: bool = False

    def cut(self, parts: int) -> tuple[Axis, Axis]:
        """The axis as two: `parts` of equal length, and what lies in each."""
        n = self.length // parts
        return Axis(parts, self.far * n, self.near * n, self.index * n, self.named), self._replace(length=n)


ONE = Axis(1, 0, 0, 0)


class _Plan(NamedTuple):
    address: int
    release: bool
    tasks: int
    words: tuple[int, ...]


def _plan(mode: str, far: np.ndarray, near: np.ndarray, dim: int, index: np.ndarray) -> _Plan | None:
    if settings.kernel_mode == "off" or not session.available() or not near.size or not far.size:
        return None
    if not _fit(far.shape, near.shape, index.shape, dim):
        return None
    size = far.itemsize
    axes = _axes(far, near, dim, _wide(index, near.ndim, dim))
    inner = axes[-1]
    rows = (
        not inner.index and inner.far == inner.near == size and inner.length >= ROW_FROM and not inner.named
    )
    axes = _shared(axes, mode == "take", near.size, rows)
    if len(axes) > indexing.AXES:
        return None
    axes = [axes[0], *[ONE] * (indexing.AXES - len(axes)), *axes[1:]]  # tasks share the first
    try:
        address = _code(mode, far.dtype.name if mode == "add" else MOVED[size], rows)
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for indices: {reason}")
        return None
    tasks = axes[0].length if near.size >= policy.INDEXED_PARALLEL_FROM else 1
    words = (far.shape[dim], far.strides[dim], *(axis[k] for k in range(4) for axis in axes))
    return _Plan(address, near.size >= policy.INDEXED_RELEASE_FROM, min(tasks, policy.INDEXED_TASKS), words)


def _wide(index: np.ndarray, ndim: int, dim: int) -> tuple[int, ...]:
    """The steps of the indices along all axes: a vector lies along `dim`."""
    if index.ndim == ndim:
        return tuple(step if n > 1 else 0 for step, n in zip(index.strides, index.shape))
    return tuple(index.strides[0] if k == dim else 0 for k in range(ndim))


def _axes(far: np.ndarray, near: np.ndarray, dim: int, index_strides: tuple[int, ...]) -> list[Axis]:
    """The axes of the walk, the near array's largest step first; what can be joined is."""
    every = [
        Axis(n, 0 if k == dim else far.strides[k], near.strides[k], index_strides[k], k == dim)
        for k, n in enumerate(near.shape)
        if n != 1
    ]
    axes: list[Axis] = []
    for axis in sorted(every, key=lambda axis: (-abs(axis.near), -abs(axis.far))):
        last = axes[-1] if axes else None
        joins = last and not last.named and not axis.named
        if last and joins and last[1:4] == tuple(axis.length * step for step in axis[1:4]):
            axes[-1] = axis._replace(length=last.length * axis.length)
        else:
            axes.append(axis)
    return axes or [ONE]


def _shared(axes: list[Axis], any_order: bool, elements: int, rows: bool) -> list[Axis]:
    """The axis whose parts are tasks comes first: not the named one, where indices may meet at one place."""
    axes = axes if len(axes) > 1 else [ONE, *axes]
    if elements < policy.INDEXED_PARALLEL_FROM:
        return axes
    for k, axis in enumerate(axes[:-1]):
        if axis.length > 1 and (any_order or not axis.named):
            return [axis, *axes[:k], *axes[k + 1 :]]
    last = axes[-1]
    if last.named and not any_order:
        return [ONE, *axes]
    first, rest = last.cut(_parts(last.length, PIECE if rows else 1))
    return [first, *axes[:-1], rest]


def _parts(length: int, least: int) -> int:
    """Into how many equal parts of at least so many elements a row is cut."""
    fitting = (n for n in range(policy.INDEXED_TASKS, 0, -1) if not length % n and length // n >= least)
    return next(fitting, 1)


@lru_cache(maxsize=32)
def _code(mode: str, dtype: str, rows: bool) -> int:
    machine = session.host()
    return invoke.built(
        f"{mode}_{'rows' if rows else 'elements'}_{dtype}",
        (mode, dtype, rows, machine.level, machine.vector_bytes),
        lambda: indexing.indexing_ir(mode, dtype, rows, machine.level, machine.vector_bytes),
        SOURCES,
    )
