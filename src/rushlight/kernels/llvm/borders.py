"""Rows of planes with borders: each row is one of the rows before, its middle copied, its ends gathered."""

from __future__ import annotations

from ...runtime.ir import Function, Value, i32, i64
from .blocked import Kernel, Words
from .lowering import MEMORY, first_lanes, load, store

WORDS = (
    *("out", "x", "lines", "places", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "task_rows", "rows", "out_lines", "in_lines", "out_width", "width"),
    *("first", "last", "from"),  # of a row, what is copied, and where that begins before
)


class _Elements:
    """A dtype, and the vectors of it."""

    def __init__(self, dtype: str, vector_bytes: int) -> None:
        self.type = MEMORY[dtype]
        self.size = self.type.size
        self.lanes = vector_bytes // self.size


def borders_ir(dtype: str, vector_bytes: int) -> str:
    elements = _Elements(dtype, vector_bytes)
    kernel = Kernel(elements, WORDS)  # type: ignore[arg-type]
    with kernel.phase("rows", "tasks") as (f, words, task, _):
        low = task * words["task_rows"]
        with f.loop(low, f.minimum(low + words["task_rows"], words["rows"])) as row:
            _Row(f, words, elements, dtype, row).run()
    return kernel.finish()


class _Row:
    def __init__(self, f: Function, words: Words, elements: _Elements, dtype: str, row: Value) -> None:
        self.f, self.words, self.elements, self.dtype = f, words, elements, dtype
        plane, line = row // words["out_lines"], row % words["out_lines"]
        at = f.load(i32, words.pointer("lines").offset(line * i32.size)).convert("sext", i64)
        size = elements.size
        self.source = words.pointer("x").offset((plane * words["in_lines"] + at) * words["width"] * size)
        self.target = words.pointer("out").offset(row * words["out_width"] * size)

    def run(self) -> None:
        words = self.words
        self._copy(words["first"], words["last"], words["from"])
        for low, high in ((0, words["first"]), (words["last"], words["out_width"])):
            with self.f.loop(low, high) as k:
                self._take(k)

    def _copy(self, first: Value, last: Value, start: Value) -> None:
        f, size, lanes = self.f, self.elements.size, self.elements.lanes
        source, target, count = (
            self.source.offset(start * size),
            self.target.offset(first * size),
            last - first,
        )
        whole = count & -lanes
        with f.loop(0, whole, lanes) as k:
            store(f, load(f, source.offset(k * size), self.dtype, lanes), target.offset(k * size), self.dtype)
        with f.loop(whole, count, lanes) as k:
            mask = first_lanes(f, count - k, lanes)
            value = load(f, source.offset(k * size), self.dtype, lanes, mask)
            store(f, value, target.offset(k * size), self.dtype, mask)

    def _take(self, k: Value) -> None:
        f, size = self.f, self.elements.size
        place = f.load(i32, self.words.pointer("places").offset(k * i32.size)).convert("sext", i64)
        f.store(f.load(self.elements.type, self.source.offset(place * size)), self.target.offset(k * size))
