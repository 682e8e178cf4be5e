"""Bags of rows of a table: for each bag the sum or the mean of its rows, or the largest of each column.

A task is some bags. Columns go in groups of a few vectors, which stay in registers while the rows of the bag
pass by.
"""

from __future__ import annotations

from collections.abc import Callable

from ...runtime.ir import Function, Value, i64
from .blocked import LINE, Kernel, Machine, Words
from .lowering import store

WORDS = (
    *("table", "index", "offsets", "share", "out", "sizes", "largest"),
    *("scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "bags", "places", "columns", "pitch", "share_step", "padding", "mean"),
)
AHEAD = 8  # places, of which the rows are on their way
WIDTHS = {"sum": (16, 4, 1), "max": (2, 1)}  # vectors of a group, where there are 32 registers
WIDTHS_OF_FEW = {"sum": (8, 2, 1), "max": (1,)}


def bags_ir(mode: str, dtype: str, vector_bytes: int) -> str:
    """`mode` is sum, with a factor for each place and a mean where the call says so, or max."""
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    m = kernel.machine
    widths = (WIDTHS if vector_bytes == 64 else WIDTHS_OF_FEW)[mode]
    group = _sums if mode == "sum" else _maxima
    with kernel.phase("bags", "tasks") as (f, words, task, _):
        low, high = (words["bags"] * t // words["tasks"] for t in (task, task + 1))
        with f.loop(low, high) as bag:
            rows = _Rows(f, m, words, bag)
            f.store(rows.count(), words.pointer("sizes").offset(bag * 8))
            start, whole = f.constant(i64, 0), words["columns"] // m.lanes
            for width in widths:
                end = start + (whole - start) // width * width
                with f.loop(start, end, width) as block:
                    group(rows, block * m.lanes, width, None)
                start = end
            rest = words["columns"] - whole * m.lanes
            with f.when(rest > 0):
                group(rows, whole * m.lanes, 1, m.below(f, rest))
    return kernel.finish()


class _Rows:
    """The rows of one bag."""

    def __init__(self, f: Function, m: Machine, words: Words, bag: Value) -> None:
        self.f, self.m, self.words, self.bag = f, m, words, bag
        self.low = f.load(i64, words.pointer("offsets").offset(bag * 8))
        self.high = f.load(i64, words.pointer("offsets").offset(bag * 8 + 8))
        self.padding, self.size = words["padding"], f.variable(i64, 0)

    def each(self, body: Callable[[Value, Value], None]) -> None:
        """`body(place, row)` for the numbers of all rows that count."""
        f, index = self.f, self.words.pointer("index")
        with f.loop(self.low, self.high) as place:
            row = f.load(i64, index.offset(place * 8))
            with f.when(row.differs(self.padding)):
                body(place, row)

    def count(self) -> Value:
        self.each(lambda place, row: self.size.set(self.size.get() + 1))
        return self.size.get()

    def load(self, row: Value, column: Value, width: int, mask: Value | None) -> list[Value]:
        start = self.words.pointer("table").offset(row * self.words["pitch"] + column * self.m.size)
        return [self.m.load(self.f, start, k * self.m.bytes, mask) for k in range(width)]

    def fetch(self, place: Value, column: Value, width: int) -> None:
        """Has the row that comes some places later brought to the caches."""
        f, words = self.f, self.words
        later = f.minimum(place + AHEAD, self.high - 1)
        row = f.load(i64, words.pointer("index").offset(later * 8))
        start = words.pointer("table").offset(row * words["pitch"] + column * self.m.size)
        for line in range(0, width * self.m.bytes, LINE):
            f.prefetch(start.offset(line))

    def store(self, vectors: list[Value], column: Value, mask: Value | None) -> None:
        out = self.words.pointer("out").offset((self.bag * self.words["columns"] + column) * self.m.size)
        for k, vector in enumerate(vectors):
            self.m.store(self.f, vector, out, k * self.m.bytes, mask)


def _sums(rows: _Rows, column: Value, width: int, mask: Value | None) -> None:
    f, m, words = rows.f, rows.m, rows.words
    totals = [f.variable(m.vector, 0) for _ in range(width)]
    share, step = words.pointer("share"), words["share_step"]

    def add(place: Value, row: Value) -> None:
        rows.fetch(place, column, width)
        factor = m.spread(f, share.offset(place * step))
        for total, vector in zip(totals, rows.load(row, column, width, mask)):
            total.set(f.fma(factor, vector, total.get()))

    rows.each(add)
    divides = words["mean"].differs(0) & (rows.size.get() > 1)
    count = f.select(divides, rows.size.get(), f.constant(i64, 1)).convert("sitofp", m.scalar)
    divisor = f.splat(count, m.lanes)
    rows.store([total.get() / divisor for total in totals], column, mask)


def _maxima(rows: _Rows, column: Value, width: int, mask: Value | None) -> None:
    """The first largest element of each column, and its row: -1 where the bag is empty."""
    f, m, words = rows.f, rows.m, rows.words
    numbers = i64.vector(m.lanes)
    best = [f.variable(m.vector, 0) for _ in range(width)]
    which = [f.variable(numbers, -1) for _ in range(width)]

    def compare(place: Value, row: Value) -> None:
        here = f.splat(row, m.lanes)
        for top, number, vector in zip(best, which, rows.load(row, column, width, mask)):
            better = (vector > top.get()) | (number.get() < 0)
            top.set(f.select(better, vector, top.get()))
            number.set(f.select(better, here, number.get()))

    rows.each(compare)
    rows.store([top.get() for top in best], column, mask)
    place = words.pointer("largest").offset((rows.bag * words["columns"] + column) * 8)
    for k, number in enumerate(which):
        store(f, number.get(), place.offset(k * m.lanes * 8), "int64", mask)
