"""Products of one to three rows with columns that lie along the memory: linear layers of few samples.

They wait for memory alone: each thread reads some columns at once from one end to the other, asking for what
comes next ahead of time. An element is the sum of the same chains of additions whatever is done beside it.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, i64, void
from .blocked import Kernel, Machine, Words

WORDS = (
    *("out", "a", "b", "start", "extra", "factors"),
    *("scratch", "threads", "shared_bytes", "slot_bytes"),
    *("inner", "columns", "a_row", "b_column", "out_row", "start_row", "extra_row"),
    *("epilogue", "tasks", "task_columns"),
)
OPERANDS = 3  # of an epilogue: the result, which is read too, and another array


class Shape(NamedTuple):
    """What is baked into a kernel."""

    rows: int
    columns: int  # that are read at once
    vectors: int  # of each column at once: as many sums, added at the end
    ahead: int  # bytes


def low_product_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, task, _):
        low = task * words["task_columns"]
        high = f.minimum(low + words["task_columns"], words["columns"])
        whole = low + (high - low) // shape.columns * shape.columns
        with f.loop(low, whole, shape.columns) as column:
            _columns(f, m, words, shape, column)
        with f.loop(whole, high) as column:
            _columns(f, m, words, shape._replace(columns=1), column)
        with f.when(words["epilogue"].differs(0)):
            for row in range(shape.rows):
                _finish(f, m, words, row, low, high - low)
    return kernel.finish()


def _columns(f: Function, m: Machine, words: Words, shape: Shape, column: Value) -> None:
    """The products of all rows with some columns."""
    step, inner = shape.vectors * m.lanes, words["inner"]
    rows = [words.pointer("a").offset(words["a_row"] * r) for r in range(shape.rows)]
    columns = [words.pointer("b").offset((column + c) * words["b_column"]) for c in range(shape.columns)]
    sums = [
        [[f.variable(m.vector, 0) for _ in range(shape.vectors)] for _ in rows] for _ in range(shape.columns)
    ]

    def add(at: Value, vector: int, mask: Value | None = None) -> None:
        factors = [m.load(f, row.offset(at), vector * m.bytes, mask) for row in rows]
        for place, totals in zip(columns, sums):
            elements = m.load(f, place.offset(at), vector * m.bytes, mask)
            for factor, total in zip(factors, totals):
                total[vector].set(f.fma(elements, factor, total[vector].get()))

    whole = inner // step * step
    with f.loop(0, whole, step) as k:
        for place in columns:
            for line in range(0, shape.vectors * m.bytes, 64):
                f.prefetch(place.offset(k * m.size + (shape.ahead + line)))
        for vector in range(shape.vectors):
            add(k * m.size, vector)
    with f.loop(whole, inner, m.lanes) as k:
        add(k * m.size, 0, m.below(f, inner - k))
    for c, totals in enumerate(sums):
        for r, parts in enumerate(totals):
            _put(f, m, words, r, column + c, _total(f, [part.get() for part in parts]))


def _total(f: Function, parts: list[Value]) -> Value:
    """The sum of all lanes of all parts, halves at a time."""
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2])] + parts[len(parts) & ~1 :]
    (total,) = parts
    while total.type.lanes > 2:
        half = total.type.lanes // 2
        low, high = (f.shuffle(total, None, list(range(k, k + half))) for k in (0, half))
        total = low + high
    return f.extract(total, 0) + f.extract(total, 1)


def _put(f: Function, m: Machine, words: Words, row: int, column: Value, total: Value) -> None:
    at = column * m.size
    result = f.variable(total.type, total)
    with f.when(words["start"].differs(0)):
        start = words.pointer("start").offset(words["start_row"] * row + at)
        result.set(f.load(total.type, start) + total)
    f.store(result.get(), words.pointer("out").offset(words["out_row"] * row + at))


def _finish(f: Function, m: Machine, words: Words, row: int, column: Value, count: Value) -> None:
    """Runs the epilogue on what a task has made of a row."""
    places, masks = f.stack(8 * OPERANDS, 8), f.stack(8 * OPERANDS, 8)
    at = column * m.size
    out = words.pointer("out").offset(words["out_row"] * row + at)
    extra = words.pointer("extra").offset(words["extra_row"] * row + at)
    for k, place in enumerate((out, out, extra)):
        f.store(place, places, 8 * k)
        f.store(f.constant(i64, -1), masks, 8 * k)
    f.call_pointer(words.pointer("epilogue"), void, places, masks, words.pointer("factors"), count)
