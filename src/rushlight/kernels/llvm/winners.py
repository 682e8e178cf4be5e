"""The largest element of windows of any kind, with planes in the lanes: adaptive pools, volumes, small ones.

A block of as many planes as a vector has lanes is turned round, so that one vector holds an element of each.
Then a window is a loop over vectors, whatever its place and length along each axis.
"""

from __future__ import annotations

from typing import Any

from ...runtime.ir import Function, Value, i32, i64
from .blocked import Kernel, Machine, Words, read_planes, write_planes
from .lowering import store

WORDS = (
    *("out", "places", "x", "tables", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "planes", "plane", "windows", "values_at", "places_at"),
    *("count0", "count1", "count2", "step0", "step1", "step2", "size1", "size2"),
)
AXES = 3


class _Places(Machine):
    """Places in as many bits as the elements have, in memory of 64."""

    def __init__(self, m: Machine) -> None:
        self.dtype, self.size, self.lanes = "int64", i64.size, m.lanes
        self.scalar = {i32.size: i32, i64.size: i64}[m.size]
        self.vector, self.bytes = self.scalar.vector(m.lanes), m.lanes * i64.size

    def store(
        self, f: Function, value: Value, place: Value, offset: Any = 0, mask: Value | None = None
    ) -> None:
        store(f, value.convert("sext", i64), place.offset(offset), "int64", mask)


def winners_ir(dtype: str, vector_bytes: int, places: bool) -> str:
    """Values, and if asked for `places` in the plane: of the first of several, or of the last NaN."""
    m = Machine(dtype, vector_bytes)
    kernel = Kernel(m, WORDS)
    with kernel.phase("windows", "tasks") as (f, words, task, scratch):
        first = task * m.lanes
        _Block(f, m, words, first, f.minimum(words["planes"] - first, m.lanes), scratch, places).run()
    return kernel.finish()


class _Block:
    """The windows of a block of planes, the first `valid` of which exist."""

    def __init__(
        self, f: Function, m: Machine, words: Words, first: Value, valid: Value, scratch: Value, places: bool
    ) -> None:
        self.f, self.m, self.words, self.first, self.valid = f, m, words, first, valid
        self.turned, self.values = scratch, scratch.offset(words["values_at"])
        self.places = scratch.offset(words["places_at"]) if places else None
        self.lines = _Places(m).vector

    def run(self) -> None:
        f, m, words = self.f, self.m, self.words
        x = words.pointer("x").offset(self.first * words["plane"] * m.size)
        read_planes(
            f, m, x, words["plane"] * m.size, words["plane"], self.valid,
            lambda k, vector: f.store(vector, self.turned.offset(k * m.bytes)),
        )  # fmt: skip
        counts = [words[f"count{axis}"] for axis in range(AXES)]
        with f.loop(0, counts[0]) as a, f.loop(0, counts[1]) as b, f.loop(0, counts[2]) as c:
            at = (f.constant(i64, 0), counts[0], counts[0] + counts[1])
            rows = [self._window(start + k) for start, k in zip(at, (a, b, c))]
            self._find((a * counts[1] + b) * counts[2] + c, rows)
        self._write(m, self.values, m.bytes, "out")
        if self.places is not None:
            self._write(_Places(m), self.places, self.lines.size, "places")

    def _window(self, number: Value) -> tuple[Value, Value]:
        """Where along an axis a window starts, and how many elements it has."""
        row = self.words.pointer("tables").offset(number * (2 * i32.size))
        low, count = (self.f.load(i32, row, k * i32.size).convert("sext", i64) for k in (0, 1))
        return low, count

    def _find(self, number: Value, rows: list[tuple[Value, Value]]) -> None:
        f, m, words = self.f, self.m, self.words
        (low0, many0), (low1, many1), (low2, many2) = rows
        best = f.variable(m.vector, float("-inf"))
        height, width = words["size1"], words["size2"]
        first = (low0 * height + low1) * width + low2
        found = f.variable(self.lines, self._in_all(first))
        with f.loop(0, many0) as i, f.loop(0, many1) as j:
            plane = low0 + i * words["step0"]
            line = (plane * height + low1 + j * words["step1"]) * width + low2
            with f.loop(0, many2) as k:
                place = line + k * words["step2"]
                value = f.load(m.vector, self.turned.offset(place * m.bytes))
                higher = (value > best.get()) | value.compare("uno", value)
                best.set(f.select(higher, value, best.get()))
                if self.places is not None:
                    here = self._in_all(place)
                    found.set(f.select(higher, here, found.get()))
        f.store(best.get(), self.values.offset(number * m.bytes))
        if self.places is not None:
            f.store(found.get(), self.places.offset(number * self.lines.size))

    def _in_all(self, place: Value) -> Value:
        return self.f.splat(place.convert("trunc", self.lines.scalar), self.m.lanes)

    def _write(self, m: Machine, source: Value, pitch: int, name: str) -> None:
        f, words = self.f, self.words
        count = words["windows"]
        place = words.pointer(name).offset(self.first * count * m.size)
        vector = m.vector
        write_planes(
            f, m, lambda k: f.load(vector, source.offset(k * pitch)), place, count * m.size, count, self.valid
        )
