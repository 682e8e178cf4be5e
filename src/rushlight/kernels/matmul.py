"""Products of matrices by generated kernels: which arrays they are for, and the numbers they are called with.

`product` answers None when it does not apply, and numpy does the work then. Which way is taken depends on
types, sizes and layouts alone, and each element is summed in the same order for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session, settings
from . import graph, invoke, kernel, low_products, policy
from .convolution_plans import LINE, SUMS, build, up
from .llvm import blocked, matmul

MOST_PLANS = 4096
MOST_BATCH_DIMS = 2
MOST_DEPTH = 512  # of the inner dimension packed at once
MOST_TASK_TILES = 16  # tiles of rows in a task: packed, they fill half of a second-level cache
FEW_TASKS = 8  # into which rows are parted, so that threads end together
ENOUGH_TASKS = 24  # into which rows and columns are
LEAST_PANELS = 8  # of columns in a task, which packs its rows for them
LOW_ROWS, LOW_DEPTH = 32, 32  # so few rows wait for memory: read in runs along it, and not deep
FEW_ROWS = 96  # up to which the right side is packed by the task that needs it
SHARED_BYTES = 8 << 20  # of the right side packed for all tasks
Sizes = tuple[int, ...]
_BYTES = np.dtype(np.uint8)
_plans: dict[tuple, Any] = {}


class Epilogue(NamedTuple):
    """What becomes of each element of a product: `f(element)`, or `f(element, other)` with those of `extra`.

    `f` is an element-wise kernel, `factors` are the numbers that it takes.
    """

    f: Any
    extra: np.ndarray | None = None
    factors: tuple[float, ...] = ()


class Plan(NamedTuple):
    """A kernel and its words."""

    shape: Sizes  # of the result
    address: int
    release: bool
    threads: int  # at most so many
    shared_bytes: int
    slot_bytes: int
    words: Sizes


def product(
    a: np.ndarray, b: np.ndarray, start: np.ndarray | None = None, epilogue: Epilogue | None = None
) -> np.ndarray | None:
    """`f(start + a @ b)` for matrices in the last two axes, or None.

    `start` and the epilogue's array are broadcast to the product. Without an epilogue there is no `f`.
    """
    key: tuple = (a.dtype, a.shape, a.strides, b.dtype, b.shape, b.strides)
    extra = factors = None
    if start is not None:
        key += (start.dtype, start.shape, start.strides)
    if epilogue is not None:
        extra, factors = epilogue.extra, np.array(epilogue.factors)
        key += (epilogue.f,) if extra is None else (epilogue.f, extra.dtype, extra.shape, extra.strides)
    plan = _plans.get(key, _plans)
    if plan is _plans:  # not looked for yet
        plan = _keep(key, a, b, start, epilogue)
    if plan is None:
        return None
    shape, address, release, threads, shared, slot, words = plan
    if threads > 1:
        threads = min(threads, pool.get_num_threads())
    out = memory.empty(shape, a.dtype)
    scratch = memory.empty((shared + threads * slot,), _BYTES)
    arrays = out, a, b, start, extra, factors, scratch
    invoke.load()(address, release, *arrays, threads, shared, slot, *words)
    return out


def added(array: np.ndarray, factor: float, scale: float) -> Epilogue | None:
    """What makes a product `factor * array + scale * product`; a factor of zero leaves `array` out."""
    factors = (scale, factor) if factor else (scale,)
    kernel = _scaling(array.dtype.name, len(factors) > 1)
    return kernel and Epilogue(kernel, array if factor else None, factors)


@cache
def _scaling(dtype: str, adds: bool) -> Any:
    """The kernel of `scale * x`, or of `scale * x + factor * y`; None where there are none."""
    x, y = (graph.input_node(k, dtype) for k in range(2))
    scale, factor = (graph.scalar_node(k, dtype) for k in range(2))
    node = graph.Node("mul", (x, scale), dtype)
    if adds:
        node = graph.Node("add", (node, graph.Node("mul", (y, factor), dtype)), dtype)
    return kernel.elementwise(node, "scaled") if kernel.supports(node) else None


def _keep(
    key: tuple, a: np.ndarray, b: np.ndarray, start: np.ndarray | None, epilogue: Epilogue | None
) -> Plan | None:
    """The plan for a key, worked out when it is first needed."""
    plan = None
    try:
        extra = None if epilogue is None else epilogue.extra
        if settings.kernel_mode != "off" and session.available() and _plain(a, b, start, extra):
            plan = _plan(a, b, start, epilogue)
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for products: {reason}")
    if len(_plans) >= MOST_PLANS:
        _plans.clear()
    _plans[key] = plan
    return plan


def _plain(a: np.ndarray, *others: np.ndarray | None) -> bool:
    """Are all of them ordinary arrays of one floating-point type?"""
    known = a.dtype.char in "fd" and a.dtype.isnative
    same = (x for x in (a, *others) if x is not None)
    return known and all(type(x) is np.ndarray and x.dtype == a.dtype and x.flags.aligned for x in same)


# ---- plans


class _Sides(NamedTuple):
    """Sizes of a product of batches, with the bytes from one matrix, row or column to the next."""

    rows: int
    inner: int
    columns: int
    batch: Sizes
    a: Sizes  # steps: batch dimensions, rows, inner
    b: Sizes  # batch dimensions, inner, columns
    start: Sizes  # batch dimensions, rows, columns
    extra: Sizes  # the same


def _plan(a: np.ndarray, b: np.ndarray, start: np.ndarray | None, epilogue: Epilogue | None) -> Plan | None:
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        return None
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    work = prod(batch) * rows * inner * columns
    if not work or not policy.product_worthwhile(work, rows):
        return None
    shape, item = (*batch, rows, columns), a.itemsize
    steps_a, steps_b = (_steps(x, (*batch, *x.shape[-2:])) for x in (a, b))
    added = start, None if epilogue is None else epilogue.extra
    steps_added = [(0,) * len(shape) if x is None else _steps(x, shape) for x in added]
    dense = item in steps_a[-2:] and item in steps_b[-2:]
    dense = dense and all(x is None or steps[-1] == item for x, steps in zip(added, steps_added))
    sides = _merged(_Sides(rows, inner, columns, batch, steps_a, steps_b, *steps_added))
    body = 0 if epilogue is None else epilogue.f.__self__.body
    if dense and not sides.batch and low_products.applies(sides.rows, item, sides.a[-1], sides.b[-2]):
        return _low_words(sides, shape, a.dtype, work, body)
    if not dense or len(sides.batch) > MOST_BATCH_DIMS or not policy.product_has_tiles(rows, columns):
        return None
    return _words(sides, shape, a.dtype, work, body)


def _steps(x: np.ndarray, shape: Sizes) -> Sizes:
    """Bytes to the next element in each dimension of `shape`; dense where one has a single element."""
    steps = list(np.broadcast_to(x, shape).strides)
    if shape[-1] == 1:
        steps[-1] = x.itemsize
    if shape[-2] == 1:
        steps[-2] = x.itemsize * (shape[-1] if steps[-1] == x.itemsize else 1)
    return tuple(steps)


def _merged(sides: _Sides) -> _Sides:
    """The same product with as few dimensions of the batch as can be; rows take in what follows them."""
    rows, inner, columns, batch, a, b, *added = sides
    batch_steps = list(_merged_batch(batch, tuple(zip(*(x[:-2] for x in (a, b, *added))))))
    if batch_steps:
        length, (step_a, step_b, *steps) = batch_steps[-1]
        if step_b == 0 and rows == 1 and 0 < a[-1] <= a[-2]:
            a = *a[:-2], step_a, a[-1]
            added = [(*x[:-2], step, x[-1]) for x, step in zip(added, steps)]
        follows = all(step == rows * x[-2] for x, step in zip((a, *added), (step_a, *steps)))
        if step_b == 0 and follows:
            rows *= length
            batch_steps.pop()
    lengths = tuple(length for length, _ in batch_steps)
    kept = (tuple(steps[k] for _, steps in batch_steps) for k in range(2 + len(added)))
    return _Sides(rows, inner, columns, lengths, *((*lead, *x[-2:]) for lead, x in zip(kept, (a, b, *added))))


def _merged_batch(batch: Sizes, steps: Sequence[Sizes]) -> Iterator[tuple[int, Sizes]]:
    """Lengths of a batch and steps along them; neighbours that can be walked as one are one."""
    current: tuple[int, Sizes] | None = None
    for length, step in zip(batch, steps):
        if length == 1:
            continue
        if current is not None and all(s == t * length for s, t in zip(current[1], step)):
            current = current[0] * length, step
            continue
        if current is not None:
            yield current
        current = length, step
    if current is not None:
        yield current


def _words(sides: _Sides, shape: Sizes, dtype: np.dtype, work: int, epilogue: int) -> Plan:
    host = session.host()
    sums, item, lanes = SUMS[host.level], dtype.itemsize, host.vector_bytes // dtype.itemsize
    rows, inner, columns, batch = sides[:4]
    vectors = 1 if columns <= lanes else 2
    tile_rows, tile_columns = sums // vectors, vectors * lanes
    w = {"rows": rows, "inner": inner, "columns": columns, "out_row": columns * item}
    w |= _batch_words(sides, rows * columns * item)
    w["a_row"], w["a_inner"] = sides.a[-2:]
    w["b_inner"], w["b_column"] = sides.b[-2:]
    w["start_row"], w["extra_row"], w["epilogue"] = sides.start[-2], sides.extra[-2], epilogue
    low = rows <= LOW_ROWS and w["b_column"] == item
    w["depth"] = up(-(-inner // -(-inner // (LOW_DEPTH if low else MOST_DEPTH))), lanes)
    w["panel_bytes"] = up(inner, matmul.UNROLL) * tile_columns * item
    w |= _shares(w, prod(batch), tile_rows, tile_columns)
    shared = blocked.HEADER + w["packs"] * w["panel_bytes"] + 2 * LINE
    left = up(w["task_rows"], tile_rows) * w["depth"]
    slot = up((left + (w["depth"] + 1) * tile_columns) * item, LINE) + 4 * LINE
    how = sums, vectors
    address = build(
        f"{dtype.name}_{vectors}",
        "matmul",
        (dtype.name, *how),
        lambda width: matmul.matmul_ir(dtype.name, width, *how),
    )
    threads = min(max(w["tasks"], w["packs"]), policy.product_threads(work))
    words = tuple(w.get(name, 0) for name in matmul.WORDS[matmul.WORDS.index("slot_bytes") + 1 :])
    return Plan(shape, address, work >= policy.PRODUCT_RELEASE, threads, shared, slot, words)


def _low_words(sides: _Sides, shape: Sizes, dtype: np.dtype, work: int, epilogue: int) -> Plan:
    steps = {"a_row": sides.a[-2], "b_column": sides.b[-1], "out_row": sides.columns * dtype.itemsize}
    steps |= {"start_row": sides.start[-2], "extra_row": sides.extra[-2], "epilogue": epilogue}
    address, tasks, words = low_products.planned(dtype.name, sides[:3], steps)
    threads = min(tasks, policy.product_threads(work))
    return Plan(shape, address, work >= policy.PRODUCT_RELEASE, threads, low_products.SCRATCH, 0, words)


def _batch_words(sides: _Sides, matrix_bytes: int) -> dict[str, int]:
    length = (1, *sides.batch)[-1]
    steps = {side: getattr(sides, side)[:-2] for side in ("a", "b", "start", "extra")}
    w = {"batch_length": length, "out_outer": length * matrix_bytes, "out_batch": matrix_bytes}
    for side, (by_outer, by_inner) in ((side, (0, 0, *found)[-2:]) for side, found in steps.items()):
        w |= {f"{side}_outer": by_outer, f"{side}_batch": by_inner}
    return w


def _shares(w: dict[str, int], matrices: int, tile_rows: int, tile_columns: int) -> dict[str, int]:
    """How the work is parted into tasks, and whether the right side is packed before them or by them.

    Packed before, each task is some rows; else a matrix of the batch, or some columns of a low one.
    """
    rows, panels = w["rows"], -(-w["columns"] // tile_columns)
    most_rows = MOST_TASK_TILES * tile_rows
    if matrices == 1 and rows > FEW_ROWS:
        part_panels = max(1, min(panels, SHARED_BYTES // w["panel_bytes"]))
        task_rows = min(most_rows, up(-(-rows // FEW_TASKS), tile_rows))
        packs = part_panels
        column_tasks = min(-(-part_panels // LEAST_PANELS), -(-ENOUGH_TASKS // -(-rows // task_rows)))
    else:
        part_panels, packs = panels, 0
        task_rows = min(most_rows, rows)
        column_tasks = min(panels, -(-FEW_TASKS // (matrices * -(-rows // task_rows))))
    row_tasks = -(-rows // task_rows)
    task_panels = -(-part_panels // column_tasks)
    return {
        "parts": -(-panels // part_panels),
        "part_columns": part_panels * tile_columns,
        "packs": packs,
        "row_tasks": row_tasks,
        "task_rows": task_rows,
        "column_tasks": column_tasks,
        "task_columns": task_panels * tile_columns,
        "tasks": matrices * row_tasks * column_tasks,
    }


def forget() -> None:
    """Looks again for kernels at the next call: the kernel mode has changed."""
    _plans.clear()


settings.when_changed.append(forget)
