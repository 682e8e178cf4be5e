"""Sums, means and maxima of bags of a table's rows, with generated kernels; see `llvm.bags`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .llvm import bags as generator
from .llvm import blocked

Array = np.ndarray


def sums(
    table: Array, index: Array, ends: Array, share: Array | None, mean: bool, padding: int
) -> tuple[Array, Array] | None:
    """Each bag's sum or mean of rows times shares, and how many rows it has; None where numpy is to do it.

    Bag k has the places from `ends[k]` to `ends[k + 1]` of `index`; those that name `padding` do not count.
    """
    found = _run("sum", table, index, ends, share, mean, padding)
    return found and (found[0], found[1])


def maxima(table: Array, index: Array, ends: Array, padding: int) -> tuple[Array, Array, Array] | None:
    """Each bag's largest of each column, its size, and the first row that has it (-1 in empty bags)."""
    return _run("max", table, index, ends, None, False, padding)


def _run(
    mode: str, table: Array, index: Array, ends: Array, share: Array | None, mean: bool, padding: int
) -> tuple[Array, Array, Array] | None:
    columns = table.shape[1]
    work, count = len(index) * columns, len(ends) - 1
    if count < 1 or not columns or not _takes(table, index, ends, share, work):
        return None
    address = _code(mode, table.dtype.char)
    if not address:
        return None
    out, sizes = memory.empty((count, columns), table.dtype), np.empty(count, np.int64)
    largest = np.empty((count, columns) if mode == "max" else (0,), np.int64)
    step = table.itemsize
    if share is None:
        share, step = np.ones(1, table.dtype), 0
    threads = pool.get_num_threads() if work >= policy.INDEXED_PARALLEL_FROM else 1
    tasks = min(count, threads * policy.INDEXED_TASKS) if threads > 1 else 1
    scratch = np.empty(blocked.HEADER + blocked.LINE, np.uint8)
    words = (scratch, min(threads, tasks), 0, 0, tasks, count, len(index), columns, table.strides[0], step)
    release = work >= policy.INDEXED_RELEASE_FROM
    invoke.load()(
        address, release, table, index, ends, share, out, sizes, largest, *words, padding, int(mean)
    )
    return out, sizes, largest


def _takes(table: Array, index: Array, ends: Array, share: Array | None, work: int) -> bool:
    """Are these arrays as the kernels read them, and enough for one?"""
    if table.dtype.char not in "fd" or not table.dtype.isnative or work < policy.bags_from():
        return False
    if not table.flags.aligned or (table.strides[1] != table.itemsize and table.shape[1] > 1):
        return False
    if share is not None and (share.dtype != table.dtype or not share.flags.carray):
        return False
    return index.dtype == ends.dtype == np.int64 and index.flags.carray and ends.flags.carray


@lru_cache(maxsize=8)
def _code(mode: str, char: str) -> int:
    """The address of a kernel for a type; 0 where there is none."""
    if settings.kernel_mode == "off" or not session.available():
        return 0
    width, dtype = session.host().vector_bytes, np.dtype(char).name
    try:
        return invoke.built(
            f"bags_{mode}", (mode, dtype, width), lambda: generator.bags_ir(mode, dtype, width)
        )
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for bags: {reason}")
        return 0


settings.when_changed.append(_code.cache_clear)
