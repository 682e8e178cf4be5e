"""Running sums, products and extremes along an axis, with generated kernels.

    scan("add", x, 1)  # cumsum
    scan("max", x, 0)  # cummax: values, and where the last of the largest so far is

None where numpy is to do it.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..lang import witness
from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .llvm import blocked, scanning

DTYPES = {"f": "float32", "d": "float64", "l": "int64", "q": "int64"}


def scan(op: str, x: np.ndarray, axis: int) -> Any:
    """The running result of `op` (add, mul, max, min) along `axis`; with places for the last two."""
    dtype = DTYPES.get(x.dtype.char)
    if not x.size or not x.ndim or dtype is None or not session.available():
        return None
    axis %= x.ndim
    outer, length, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    source = x.reshape(outer, length, inner)
    in_vectors = 2 if inner > 1 else 1 if op in scanning.EXTREMES else None
    gaps = in_vectors is not None and source.strides[in_vectors] != x.itemsize
    if not source.flags.aligned or gaps:
        source = np.ascontiguousarray(source)
    try:
        address = _code(op, dtype, inner > 1)
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for scans: {reason}")
        return None
    out = memory.empty(x.shape, x.dtype)
    places = memory.empty(x.shape, np.dtype(np.int64)) if op in scanning.EXTREMES else None
    blocks = -(-inner // (scanning.VECTORS * session.host().vector_bytes // 8))
    rows = outer if op in scanning.EXTREMES else -(-outer // scanning.ROWS)
    items = outer * blocks if inner > 1 else rows
    tasks = min(items, policy.SCAN_TASKS) if x.size >= policy.SCAN_PARALLEL_FROM else 1
    threads = min(tasks, pool.get_num_threads())
    scratch = np.empty(blocked.HEADER + blocked.LINE, np.uint8)
    steps = (length * inner * x.itemsize, inner * x.itemsize, *source.strides[:2])
    words = (scratch, threads, 0, 0, tasks, length, inner, blocks, items, *steps, outer)
    arguments = (address, x.size >= policy.SCAN_RELEASE_FROM, out, places, source, *words)
    invoke.load()(*arguments)
    if witness.notes is not None:
        witness.called(invoke.load(), arguments, *(a for a in (out, places, scratch) if a is not None))
    return out if places is None else (out, places)


@lru_cache(maxsize=32)
def _code(op: str, dtype: str, columns: bool) -> int:
    machine = session.host()
    return invoke.built(
        f"scan_{op}_{'columns' if columns else 'rows'}_{dtype}",
        (op, dtype, columns, machine.level, machine.vector_bytes),
        lambda: scanning.scanning_ir(op, dtype, columns, machine.level, machine.vector_bytes),
    )
