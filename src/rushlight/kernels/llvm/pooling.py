"""Pools over planes: the largest element of each window, where it is, or the sum, with columns in the lanes.

Each tap of a window is one vector for a row of windows: every `step`-th element of a row of the plane. What
lies outside of the plane is masked. The scatter puts gradients back where the largest elements were.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, constant, i1, i32, i64, lane_numbers, ptr
from .blocked import Kernel, Machine, Words
from .lowering import store

WORDS = (
    *("out", "x", "g", "divisor", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "planes", "task_planes", "height", "width", "rows", "columns"),
    *("row_step", "tap_rows", "top", "left", "channels"),
)
SCATTER_WORDS = (
    *("out", "x", "places", "wrong", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "rows", "task_rows", "count", "size"),
)


class Shape(NamedTuple):
    """What is baked into a kernel."""

    kind: str  # "max", "argmax", "mean", "back" from maxima, a "share", or a sum with weights of a "filter"
    rows: int  # taps
    columns: int
    step: int  # columns from one window to the next
    spread: int  # columns from one tap to the next
    padded: bool  # does a window reach outside of the plane?
    rectified: bool = False  # do gradients go back through a ReLU, whose results the elements are?


def pooling_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    m = kernel.machine
    with kernel.phase("pool", "tasks") as (f, words, task, _):
        low = task * words["task_planes"]
        high = f.minimum(low + words["task_planes"], words["planes"])
        with f.loop(low, high) as plane, f.loop(0, words["columns"], m.lanes) as column:
            first = column * shape.step - words["left"]
            masks = Masks(f, m, shape, words["width"], first)
            kept = [m.below(f, words["columns"] - column)]
            if shape.kind in ("back", "share"):
                kept += [m.below(f, words["width"] - first - k * m.lanes) for k in range(shape.step)]
            with f.loop(0, words["rows"]) as row:
                window = _Window(f, m, words, shape, plane, row, first, masks)
                window.put((plane * words["rows"] + row) * words["columns"] + column, row, column, kept)
    return kernel.finish()


class Masks:
    """Which elements of a row are in the plane, for each vector that the taps of a row of windows need."""

    def __init__(self, f: Function, m: Machine, shape: Shape, width: Value, first: Value) -> None:
        self.by_start = {}
        for start in sorted({start for tap in range(shape.columns) for start in starts(m, shape, tap)}):
            column = first + start
            inside = m.below(f, width - column)
            if shape.padded:
                inside = inside & (m.below(f, 0 - column) ^ 1)
            self.by_start[start] = inside


def starts(m: Machine, shape: Shape, tap: int) -> list[int]:
    """Where the vectors begin that together hold a tap of all windows, from the first window's first tap."""
    offset = tap * shape.spread // shape.step * shape.step
    return [offset + k * m.lanes for k in range(shape.step)]


class Reader:
    """Vectors of one tap for all windows of a row; each vector of the plane is loaded once."""

    def __init__(self, f: Function, m: Machine, shape: Shape, masks: Masks, outside: float) -> None:
        self.f, self.m, self.shape, self.masks, self.outside = f, m, shape, masks, outside
        self.loaded: dict[tuple[int, int], Value] = {}

    def load(self, line: Value, inside: Value, tap: tuple[int, int]) -> Value:
        """Tap (row, column); `line` is where the row's first window has its first tap."""
        shape, vectors = self.shape, []
        for start in starts(self.m, shape, tap[1]):
            if (tap[0], start) not in self.loaded:
                self.loaded[tap[0], start] = self._load_vector(line, inside, start)
            vectors.append(self.loaded[tap[0], start])
        return every(self.f, vectors, tap[1] * shape.spread % shape.step)

    def _load_vector(self, line: Value, inside: Value, start: int) -> Value:
        f, m = self.f, self.m
        mask = self.masks.by_start[start]
        if self.shape.padded:
            mask = mask & f.splat(inside, m.lanes)
        value = m.load(f, line, start * m.size, mask)
        if self.shape.padded and self.outside:
            return f.select(mask, value, f.constant(m.vector, self.outside))
        return value


class _Window:
    """A row of windows: what was found up to now."""

    def __init__(self, f: Function, m: Machine, words: Words, shape: Shape, plane, row, first, masks) -> None:
        self.f, self.m, self.words, self.shape = f, m, words, shape
        self.first = first
        self.plane = words.pointer("x").offset(plane * words["height"] * words["width"] * m.size)
        self.row = row * words["row_step"] - words["top"]
        self.weighted = shape.kind in ("filter", "turned filter")
        self.summed = self.weighted or shape.kind == "mean"
        self.reader = Reader(f, m, shape, masks, 0.0 if self.summed else float("-inf"))
        self.best = m.zero(f) if self.summed else f.constant(m.vector, float("-inf"))
        if self.weighted:
            self._start_from_bias(plane % words["channels"])
        if shape.kind == "argmax":
            self.places = self._first_places()
        self.higher: list[Value] = []
        if shape.kind != "share":
            for tap in range(shape.rows):
                self._add_row(tap)

    def _start_from_bias(self, channel: Value) -> None:
        f, m, words, shape = self.f, self.m, self.words, self.shape
        self.filter = words.pointer("g").offset(channel * (shape.rows * shape.columns * m.size))
        start = f.variable(m.vector, 0)
        with f.when(words["divisor"].differs(0)):
            start.set(m.spread(f, words.pointer("divisor").offset(channel * m.size)))
        self.best = start.get()

    def _first_places(self) -> Value:
        """Of the first element of each window that is in the plane."""
        lines = i32.vector(self.m.lanes)
        columns = self._columns(0)
        if self.shape.padded:
            columns = self.f.select(columns < 0, constant(lines, 0), columns)
        row = self.f.maximum(self.row, 0) * self.words["width"]
        return columns + self.f.splat(row.convert("trunc", i32), self.m.lanes)

    def _columns(self, tap: int) -> Value:
        start = (self.first + tap * self.shape.spread).convert("trunc", i32)
        numbers = Value(self.f, i32.vector(self.m.lanes), lane_numbers(i32.vector(self.m.lanes)).text)
        return self.f.splat(start, self.m.lanes) + numbers * self.shape.step

    def _add_row(self, tap: int) -> None:
        f, words = self.f, self.words
        row = self.row + words["tap_rows"] * tap
        inside = row.compare("ult", words["height"])
        near = f.select(inside, row, 0) if self.shape.padded else row
        line = self.plane.offset((near * words["width"] + self.first) * self.m.size)
        for column in range(self.shape.columns):
            self._add(self.reader.load(line, inside, (tap, column)), row, (tap, column))

    def _add(self, value: Value, row: Value, tap: tuple[int, int]) -> None:
        f, m = self.f, self.m
        if self.shape.kind == "mean":
            self.best = self.best + value
            return
        if self.weighted:
            weight = m.spread(f, self.filter, self._number_of_weight(*tap) * m.size)
            self.best = f.fma(value, weight, self.best)
            return
        higher = (value > self.best) | value.compare("uno", value)
        self.best = f.select(higher, value, self.best)
        if self.shape.kind == "argmax":
            line = (row * self.words["width"]).convert("trunc", i32)
            here = self._columns(tap[1]) + f.splat(line, m.lanes)
            self.places = f.select(higher, here, self.places)
        if self.shape.kind == "back":
            self.higher.append(higher)

    def _number_of_weight(self, row: int, column: int) -> int:
        number, shape = row * self.shape.columns + column, self.shape
        return number if shape.kind == "filter" else shape.rows * shape.columns - 1 - number

    def put(self, place: Value, row: Value, column: Value, kept: list[Value]) -> None:
        """What was found, to element `place` of the results; `kept` are the lanes of windows that exist, and
        of vectors of their elements.
        """
        f, m, words, kind = self.f, self.m, self.words, self.shape.kind
        if kind in ("back", "share"):
            self._put_back(words.pointer("g").offset(place * m.size), row, column, *kept)
            return
        m.store(f, self._result(), words.pointer("out").offset(place * m.size), 0, kept[0])
        if kind == "argmax":
            wide = self.places.convert("sext", i64)
            store(f, wide, words.pointer("g").offset(place * 8), "int64", kept[0])

    def _put_back(self, g: Value, row: Value, column: Value, kept: Value, *inside: Value) -> None:
        """The gradient of each window at its largest element, or shared by all; windows lie side by side."""
        f, m, words, shape = self.f, self.m, self.words, self.shape
        gradient, zero = m.load(f, g, 0, kept), m.zero(f)
        if shape.kind == "share":
            gradient = self._quotient(gradient)
        if shape.rectified:
            gradient = f.select(self.best.compare("ole", zero), zero, gradient)
        winners = self._winners()
        plane = (self.plane.convert("ptrtoint", i64) - words["x"] + words["out"]).convert("inttoptr", ptr)
        start = column * shape.step
        for r in range(shape.rows):
            line = plane.offset(((row * shape.rows + r) * words["width"] + start) * m.size)
            vectors = [gradient] * shape.columns
            if shape.kind == "back":
                taps = winners[r * shape.columns : (r + 1) * shape.columns]
                vectors = [f.select(tap, gradient, zero) for tap in taps]
            for k, vector in enumerate(in_turns(f, vectors)):
                m.store(f, vector, line, k * m.bytes, inside[k])

    def _winners(self) -> list[Value]:
        """For each tap the windows of which it is the largest: nothing after it is higher. If none is, as
        among negative infinities, it is the first.
        """
        if not self.higher:
            return []
        *before, last = self.higher
        found, later = [last], last
        for higher in reversed(before):
            found.append(higher & (later ^ 1))
            later = higher | later
        found[-1] = found[-1] | (later ^ 1)
        return found[::-1]

    def _result(self) -> Value:
        if self.shape.kind != "mean":
            return self.best  # the others have no divisor
        return self._quotient(self.best)

    def _quotient(self, vector: Value) -> Value:
        divisor = self.words["divisor"].convert("sitofp", self.m.scalar)
        return vector / self.f.splat(divisor, self.m.lanes)


def every(f: Function, vectors: list[Value], first: int) -> Value:
    """From vectors in a row, as many elements as one has: `first` and each that is their number further."""
    lanes, step = vectors[0].type.lanes, len(vectors)
    if step == 1:
        return vectors[0]
    wanted = [first + k * step for k in range(lanes)]
    pick = [w if w < 2 * lanes else 0 for w in wanted]
    made = f.shuffle(vectors[0], vectors[1], pick)
    for number, vector in enumerate(vectors[2:], 2):
        low = number * lanes
        made = f.shuffle(
            made, vector, [k if w < low else lanes + (w - low) % lanes for k, w in enumerate(wanted)]
        )
    return made


def in_turns(f: Function, vectors: list[Value]) -> list[Value]:
    """As many vectors, with the elements of these in turns: the opposite of `every`."""
    lanes, count = vectors[0].type.lanes, len(vectors)
    made = []
    for part in range(count):
        wanted = [divmod(part * lanes + k, count) for k in range(lanes)]  # lane, and of which vector
        whole = vectors[0]
        for number in range(count):
            pick = [lanes + lane if which == number else k for k, (lane, which) in enumerate(wanted)]
            whole = f.shuffle(whole, vectors[number], pick)
        made.append(whole)
    return made


# ---- back


def scatter_ir(dtype: str, vector_bytes: int, adds: bool = True) -> str:
    """Rows of zeros to which elements are added at places, or where they are put, the last one for a place to
    stay; a place outside of a row sets `wrong`.
    """
    kernel = Kernel(Machine(dtype, vector_bytes), SCATTER_WORDS)
    m = kernel.machine
    with kernel.phase("scatter", "tasks") as (f, words, task, _):
        low = task * words["task_rows"]
        high = f.minimum(low + words["task_rows"], words["rows"])
        size, count = words["size"], words["count"]
        wrong = f.variable(i1, 0)
        with f.loop(low, high) as row:
            out = words.pointer("out").offset(row * size * m.size)
            with f.loop(0, size, m.lanes) as k:
                m.store(f, m.zero(f), out.offset(k * m.size), 0, m.below(f, size - k))
            x, places = words.pointer("x").offset(row * count * m.size), row * count * 8
            places = words.pointer("places").offset(places)
            with f.loop(0, count) as k:
                at = f.load(i64, places.offset(k * 8))
                inside = at.compare("ult", size)
                with f.either(inside) as (yes, no):
                    with yes:
                        place = out.offset(at * m.size)
                        element = f.load(m.scalar, x.offset(k * m.size))
                        f.store(f.load(m.scalar, place) + element if adds else element, place)
                    with no:
                        wrong.set(1)
        with f.when(wrong.get()):
            f.store(f.constant(i64, 1), words.pointer("wrong"))
    return kernel.finish()
