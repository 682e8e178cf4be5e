"""Plans for products of one to three rows with columns along the memory, as linear layers have them."""

from __future__ import annotations

from collections.abc import Sequence

from .llvm import blocked
from .llvm import low_products as generator
from .planning import LINE, build, up

MOST_ROWS = 3
COLUMNS_AT_ONCE = 2
VECTORS = {1: 4, 2: 2, 3: 2}  # of a column at once, by rows
AHEAD = 1024  # bytes
TASK_BYTES = 256 << 10  # of the matrix, about as many as a thread reads in 10 microseconds
LEAST_TASKS = 8
SCRATCH = blocked.HEADER + 2 * LINE


def applies(rows: int, item: int, a_inner: int, b_inner: int) -> bool:
    """Are these few rows, and do both sides lie along the dimension that is summed?"""
    return rows <= MOST_ROWS and a_inner == b_inner == item


def planned(dtype: str, sizes: Sequence[int], steps: dict[str, int]) -> tuple[int, int, tuple[int, ...]]:
    """The address of the kernel, its tasks and its words; `sizes` are rows, inner and columns."""
    rows, inner, columns = sizes
    shape = generator.Shape(rows, COLUMNS_AT_ONCE, VECTORS[rows], AHEAD)
    address = build(
        f"{dtype}_{rows}",
        "low_products",
        (dtype, shape),
        lambda width: generator.low_product_ir(dtype, width, shape),
    )
    some = max(1, min(TASK_BYTES // max(1, steps["b_column"]), -(-columns // LEAST_TASKS)))
    task_columns = up(some, shape.columns)
    tasks = -(-columns // task_columns)
    w = {"inner": inner, "columns": columns, "tasks": tasks, "task_columns": task_columns, **steps}
    names = generator.WORDS[generator.WORDS.index("slot_bytes") + 1 :]
    return address, tasks, tuple(w.get(name, 0) for name in names)
