"""Weighted sums along rows and columns of planes: each result is made of a few elements.

A map of an axis is a list of taps for each result: where on the axis, and with what weight. Columns come
first, with whole rows in vectors. Then blocks of as many rows as a vector has lanes are turned round in
registers, so that a vector holds an element of each row; there a result is a sum of vectors for any taps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...runtime.ir import Function, Value, i8, i32, i64
from .blocked import Kernel, Machine, Words, read_planes, write_planes
from .lowering import load, store

WORDS = (
    *("out", "x", "down_starts", "down_places", "down_weights", "starts", "places", "weights", "pieces"),
    *("row_divisors", "divisors", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "task_rows", "rows", "out_height", "height", "out_width", "width"),
    *("piece_columns", "most_columns", "pitch", "bits"),
)
TOGETHER = 4  # vectors of a row that are summed at once


class Shape(NamedTuple):
    """What is baked into a kernel: taps of every result down and across; 0: any number, None: no map."""

    down: int | None
    across: int | None
    divided: bool  # by a divisor for each row and one for each column


class Numbers(Machine):
    """Sums of floats."""

    def add(self, f: Function, total: Value | None, value: Value, weight: Value) -> Value:
        return value * weight if total is None else f.fma(value, weight, total)

    def start(self, f: Function, count: Value) -> Value:
        """What nothing can be told from when it is added to; zero where nothing is."""
        nothing, neutral = (f.constant(self.scalar, zero) for zero in (0.0, -0.0))
        return f.splat(f.select(count > 0, neutral, nothing), self.lanes)

    def result(self, f: Function, total: Value, bits: Value) -> Value:
        return total


class Bytes(Machine):
    """Sums of bytes with whole weights, rounded after so many bits, in 32 bits meanwhile."""

    def __init__(self, vector_bytes: int) -> None:
        self.dtype, self.scalar, self.size, self.bytes = "uint8", i32, 1, vector_bytes
        self.lanes = vector_bytes // i32.size
        self.vector = i32.vector(self.lanes)

    def load(self, f: Function, place: Value, offset: Any = 0, mask: Value | None = None) -> Value:
        return load(f, place.offset(offset), "uint8", self.lanes, mask).convert("zext", i32)

    def store(
        self, f: Function, value: Value, place: Value, offset: Any = 0, mask: Value | None = None
    ) -> None:
        store(f, value.convert("trunc", i8), place.offset(offset), "uint8", mask)

    def add(self, f: Function, total: Value | None, value: Value, weight: Value) -> Value:
        return value * weight if total is None else total + value * weight

    def start(self, f: Function, count: Value) -> Value:
        return f.constant(self.vector, 0)

    def result(self, f: Function, total: Value, bits: Value) -> Value:
        half = (f.constant(i64, 1) << bits) >> 1
        rounded = total + f.splat(half.convert("trunc", i32), self.lanes)
        whole = rounded >> f.splat(bits.convert("trunc", i32), self.lanes)
        return f.minimum(f.maximum(whole, f.constant(self.vector, 0)), f.constant(self.vector, 255))


def separable_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    m = Bytes(vector_bytes) if dtype == "uint8" else Numbers(dtype, vector_bytes)
    kernel = Kernel(m, WORDS)
    with kernel.phase("map", "tasks") as (f, words, task, scratch):
        low = task * words["task_rows"]
        high = f.minimum(low + words["task_rows"], words["rows"])
        if shape.across is None:
            _map_columns(f, m, words, shape, low, high)
        else:
            with f.loop(low, high, m.lanes) as row:
                _Block(f, m, words, shape, row, f.minimum(high - row, m.lanes), scratch).run()
    return kernel.finish()


class _Taps:
    """The taps of one result: their places and weights."""

    def __init__(
        self, f: Function, m: Any, words: Words, count: int, result: Value, prefix: str = ""
    ) -> None:
        self.f, self.m, self.count = f, m, count
        self.places, self.weights = words.pointer(prefix + "places"), words.pointer(prefix + "weights")
        if count:
            self.low = result * count
        else:
            starts = words.pointer(prefix + "starts").offset(result * i32.size)
            self.low, self.high = (f.load(i32, starts, k * i32.size).convert("sext", i64) for k in (0, 1))

    def _place(self, k: Value) -> Value:
        return self.f.load(i32, self.places.offset(k * i32.size)).convert("sext", i64)

    def _weight(self, k: Value) -> Value:
        return self.f.splat(
            self.f.load(self.m.scalar, self.weights.offset(k * self.m.scalar.size)), self.m.lanes
        )

    def sums(self, read: Any, vectors: int = 1) -> list[Value]:
        """Of the vectors that `read(place, number)` gives."""
        f, m = self.f, self.m
        if self.count:
            totals: list = [None] * vectors
            for tap in range(self.count):
                place, weight = self._place(self.low + tap), self._weight(self.low + tap)
                totals = [m.add(f, total, read(place, v), weight) for v, total in enumerate(totals)]
            return totals
        start = m.start(f, self.high - self.low)
        running = [f.variable(m.vector, start) for _ in range(vectors)]
        with f.loop(self.low, self.high) as k:
            place, weight = self._place(k), self._weight(k)
            for v, total in enumerate(running):
                total.set(m.add(f, total.get(), read(place, v), weight))
        return [total.get() for total in running]


def _map_columns(f: Function, m: Any, words: Words, shape: Shape, low: Value, high: Value) -> None:
    """Rows of the result, each a sum of whole rows."""
    with f.loop(low, high) as row:
        column = _Column(f, m, words, shape, row)
        out = words.pointer("out").offset(row * words["width"] * m.size)
        divisor = _row_divisor(f, m, words, row) if shape.divided else None

        def put(start: Value, vector: Value, mask: Value | None, out=out, divisor=divisor) -> None:
            if divisor is not None:
                divisors = m.load(f, words.pointer("divisors"), start * m.size, mask)
                vector = vector / (divisors * divisor)
            m.store(f, m.result(f, vector, words["bits"]), out, start * m.size, mask)

        column.each(f.constant(i64, 0), words["width"], put)


def _row_divisor(f: Function, m: Any, words: Words, row: Value) -> Value:
    return m.spread(f, words.pointer("row_divisors"), row % words["out_height"] * m.size)


class _Column:
    """One row of the result of the map down the columns."""

    def __init__(self, f: Function, m: Any, words: Words, shape: Shape, row: Value) -> None:
        self.f, self.m, self.width = f, m, words["width"]
        plane, line = row // words["out_height"], row % words["out_height"]
        self.x = words.pointer("x").offset(plane * words["height"] * self.width * m.size)
        assert shape.down is not None
        self.taps = _Taps(f, m, words, shape.down, line, "down_")

    def each(self, low: Value, high: Value, put: Any) -> None:
        """`put(column, vector, mask)` from column `low` to `high`."""
        f, lanes = self.f, self.m.lanes
        step = TOGETHER * lanes
        whole = low + (high - low) // step * step
        most = f.select(high - whole > lanes, high, whole)  # more than a vector is left
        for start, end, vectors, masked in (
            (low, whole, TOGETHER, 0),
            (whole, most, TOGETHER, 1),
            (most, high, 1, 1),
        ):
            with f.loop(start, end, vectors * lanes) as column:
                masks: list = [None] * vectors
                if masked:
                    masks = [self.m.below(f, high - column - k * lanes) for k in range(vectors)]
                for k, vector in enumerate(self.taps.sums(self._reader(column, masks), vectors)):
                    put(column + k * lanes, vector, masks[k])

    def _reader(self, start: Value, masks: list) -> Any:
        m = self.m

        def read(place: Value, number: int) -> Value:
            line = self.x.offset((place * self.width + start) * m.size)
            return m.load(self.f, line, number * m.lanes * m.size, masks[number])

        return read


class _Block:
    """As many rows of the result as a vector has lanes, the first `valid` of which exist."""

    def __init__(
        self, f: Function, m: Any, words: Words, shape: Shape, row: Value, valid: Value, scratch: Value
    ) -> None:
        self.f, self.m, self.words, self.shape = f, m, words, shape
        self.row, self.valid = row, valid
        self.turned = scratch  # for each column a vector of rows
        self.lines = scratch.offset(words["most_columns"] * m.vector.size)  # rows that were made of columns

    def run(self) -> None:
        f, words = self.f, self.words
        with f.loop(0, words["out_width"], words["piece_columns"]) as start:
            piece = words.pointer("pieces").offset(start // words["piece_columns"] * (2 * i32.size))
            low, high = (f.load(i32, piece, k * i32.size).convert("sext", i64) for k in (0, 1))
            self._turn(low, high)
            self._put(start, f.minimum(words["piece_columns"], words["out_width"] - start), low)

    def _turn(self, low: Value, high: Value) -> None:
        """The columns of the block that the piece is made of."""
        f, m, words = self.f, self.m, self.words
        if self.shape.down is None:
            pitch = words["width"] * m.size
            place = words.pointer("x").offset(self.row * pitch + low * m.size)
        else:
            pitch, place = words["pitch"], self.lines
            with f.loop(0, self.valid) as line:
                into = place.offset(line * pitch)
                column = _Column(f, m, words, self.shape, self.row + line)
                column.each(
                    low, high, lambda k, vector, mask: m.store(f, vector, into, (k - low) * m.size, mask)
                )
        size = m.vector.size
        read_planes(
            f, m, place, pitch, high - low, self.valid,
            lambda k, vector: f.store(vector, self.turned.offset(k * size)),
        )  # fmt: skip

    def _put(self, start: Value, count: Value, low: Value) -> None:
        f, m, words = self.f, self.m, self.words
        pitch = words["out_width"] * m.size
        rows = None
        if self.shape.divided:  # the table goes on with those of the next plane
            first = self.row % words["out_height"] * m.size
            rows = m.load(f, words.pointer("row_divisors"), first)

        def get(k: Value) -> Value:
            assert self.shape.across is not None
            taps = _Taps(f, m, words, self.shape.across, start + k)
            size = m.vector.size
            (total,) = taps.sums(lambda place, _: f.load(m.vector, self.turned.offset((place - low) * size)))
            if rows is not None:
                divisor = m.spread(f, words.pointer("divisors"), (start + k) * m.size)
                total = total / (rows * divisor)
            return m.result(f, total, words["bits"])

        place = words.pointer("out").offset(self.row * pitch + start * m.size)
        write_planes(f, m, get, place, pitch, count, self.valid)
