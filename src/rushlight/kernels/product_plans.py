"""Products of batches of matrices as kernels see them: steps, and how the work is parted into tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .planning import up

MOST_BATCH_DIMS = 2
MOST_TASK_TILES = 16  # tiles of rows in a task: packed, they fill half of a second-level cache
FEW_TASKS = 8  # into which rows are parted, so that threads end together
ENOUGH_TASKS = 24  # into which rows and columns are
LEAST_PANELS = 8  # of columns in a task, which packs its rows for them
FEW_ROWS = 96  # up to which the right side is packed by the task that needs it
SHARED_BYTES = 8 << 20  # of the right side packed for all tasks
Sizes = tuple[int, ...]


class Plan(NamedTuple):
    """A kernel and its words."""

    shape: Sizes  # of the result
    address: int
    release: bool
    threads: int  # at most so many
    shared_bytes: int
    slot_bytes: int
    words: Sizes


class Sides(NamedTuple):
    """Sizes of a product of batches, with the bytes from one matrix, row or column to the next."""

    rows: int
    inner: int
    columns: int
    batch: Sizes
    a: Sizes  # steps: batch dimensions, rows, inner
    b: Sizes  # batch dimensions, inner, columns
    start: Sizes  # batch dimensions, rows, columns
    extra: Sizes  # the same


def alike(codes: str, a: np.ndarray, *others: np.ndarray | None) -> bool:
    """Are all of them ordinary arrays of one of the types with these letters?"""
    same = (x for x in (a, *others) if x is not None)
    known = a.dtype.char in codes and a.dtype.isnative
    return known and all(type(x) is np.ndarray and x.dtype == a.dtype and x.flags.aligned for x in same)


def steps_of(x: np.ndarray, shape: Sizes) -> Sizes:
    """Bytes to the next element in each dimension of `shape`; dense where one has a single element."""
    steps = list(np.broadcast_to(x, shape).strides)
    if shape[-1] == 1:
        steps[-1] = x.itemsize
    if shape[-2] == 1:
        steps[-2] = x.itemsize * (shape[-1] if steps[-1] == x.itemsize else 1)
    return tuple(steps)


def merged(sides: Sides) -> Sides:
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
    return Sides(rows, inner, columns, lengths, *((*lead, *x[-2:]) for lead, x in zip(kept, (a, b, *added))))


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


def batch_words(sides: Sides, matrix_bytes: int) -> dict[str, int]:
    length = (1, *sides.batch)[-1]
    steps = {side: getattr(sides, side)[:-2] for side in ("a", "b", "start", "extra")}
    w = {"batch_length": length, "out_outer": length * matrix_bytes, "out_batch": matrix_bytes}
    for side, (by_outer, by_inner) in ((side, (0, 0, *found)[-2:]) for side, found in steps.items()):
        w |= {f"{side}_outer": by_outer, f"{side}_batch": by_inner}
    return w


def shares(w: dict[str, int], matrices: int, tile_rows: int, tile_columns: int) -> dict[str, int]:
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
