"""Samples of images and volumes at any places, and both gradients, with points in the lanes.

Along each axis a point has taps: a place, its weight, and how that changes with the coordinate. A corner is
one tap of each axis; a sample is the sum over corners. What lies outside is read nowhere and counts as zero.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from ...runtime.ir import Function, Value, i32, i64
from .blocked import Kernel, Machine, Words
from .pooling import every, in_turns

WORDS = (
    *("out", "x", "grid", "g", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "parts", "part", "images", "channels", "points", "plane", "edge"),
    *("size0", "size1", "size2", "span0", "span1", "span2"),
)
SLOPE = -0.75  # of the cubic convolution kernel at distance one


class Shape(NamedTuple):
    """What is baked into a kernel."""

    kind: str  # "sample", the gradient of the "input" or that of the "grid"
    mode: str  # "bilinear", "nearest", "bicubic"
    padding: str  # "zeros", "border", "reflection"
    axes: int


class Tap(NamedTuple):
    """A place on an axis, where it is there, its weight and the slope of that; None: one, and zero."""

    place: Value
    inside: Value
    weight: Value | None
    slope: Value | None


def sampling_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    with kernel.phase(shape.kind, "tasks") as (f, words, task, _):
        image, part = task // words["parts"], task % words["parts"]
        low = part * words["part"]
        whole = "channels" if shape.kind == "input" else "points"
        high = f.minimum(low + words["part"], words[whole])
        run = {"sample": _sample, "input": _input_gradient, "grid": _grid_gradient}[shape.kind]
        run(f, kernel.machine, words, shape, image, low, high)
    return kernel.finish()


# ---- places and weights


class _Points:
    """As many points as a vector has lanes, with the taps that they have on each axis."""

    def __init__(
        self, f: Function, m: Machine, words: Words, shape: Shape, image: Value, point: Value
    ) -> None:
        self.f, self.m, self.words, self.shape = f, m, words, shape
        self.left = words["points"] - point
        self.kept = m.below(f, self.left)
        start = words.pointer("grid").offset((image * words["points"] + point) * (shape.axes * m.size))
        vectors = [
            m.load(f, start, k * m.bytes, m.below(f, self.left * shape.axes - k * m.lanes))
            for k in range(shape.axes)
        ]
        # the first number of a point goes along the last axis
        self.taps = [self._taps(axis, every(f, vectors, shape.axes - 1 - axis)) for axis in range(shape.axes)]

    def _number(self, word: Value) -> Value:
        return self.f.splat(word.convert("sitofp", self.m.scalar), self.m.lanes)

    def _taps(self, axis: int, coordinate: Value) -> list[Tap]:
        words = self.words
        self.size, self.span = self._number(words[f"size{axis}"]), self._number(words[f"span{axis}"])
        self.edge = self._number(words["edge"])  # 1 where [-1, 1] goes from edge to edge, 0: between centres
        at = ((coordinate + 1.0) * self.span - self.edge) * 0.5
        turn = self.span * 0.5  # how the place on the axis changes with the coordinate
        if self.shape.mode == "bicubic":
            return self._cubic(at, turn)
        at, turn = self._brought_inside(at, turn)
        if self.shape.mode == "nearest":
            place = self.f.intrinsic("roundeven", at)
            return [Tap(place, self._is_inside(place), None, None)]
        below = self.f.intrinsic("floor", at)
        above = below + 1.0
        return [
            Tap(below, self._is_inside(below), above - at, -turn),
            Tap(above, self._is_inside(above), at - below, turn),
        ]

    def _is_inside(self, place: Value) -> Value:
        return (place >= 0.0) & (place <= self.size - 1.0)

    def _brought_inside(self, at: Value, turn: Value) -> tuple[Value, Value]:
        """What lies outside is moved to the border, or reflected there."""
        f = self.f
        if self.shape.padding == "zeros":
            return at, turn
        if self.shape.padding == "reflection":
            at, turn = self._reflected(at, turn)
        low, high = at <= 0.0, at >= self.size - 1.0
        zero = self.m.zero(f)
        turn = f.select(low | high, zero, turn)
        return f.select(low, zero, f.select(high, self.size - 1.0, at)), turn

    def _reflected(self, at: Value, turn: Value) -> tuple[Value, Value]:
        f, low, span = self.f, self.edge * -0.5, self.span
        before = at < low
        distance = f.select(before, low - at, at - low)
        turn = f.select(before, -turn, turn)
        times = f.intrinsic("floor", distance / span)
        rest = distance - times * span
        even = (times * 0.5).equals(f.intrinsic("floor", times * 0.5))
        at, turn = f.select(even, rest, span - rest) + low, f.select(even, turn, -turn)
        flat, zero = span.equals(0.0), self.m.zero(f)  # an axis of one element, centre to centre
        return f.select(flat, zero, at), f.select(flat, zero, turn)

    def _cubic(self, at: Value, turn: Value) -> list[Tap]:
        below = self.f.intrinsic("floor", at)
        t = at - below
        made = []
        for k, (weight, slope) in enumerate(_coefficients(t)):
            place, _ = self._brought_inside(below + float(k - 1), turn)
            made.append(Tap(place, self._is_inside(place), weight, slope * turn))
        return made

    def corners(self) -> list[tuple[Value, Value, tuple[Tap, ...]]]:
        """For each corner which elements it is, where these are there, and its taps."""
        f, m = self.f, self.m
        whole = i32.vector(m.lanes)
        found = []
        for taps in product(*self.taps):
            index, inside = f.constant(whole, 0), None
            for axis, tap in enumerate(taps):
                place = f.select(tap.inside, tap.place, m.zero(f)).convert("fptosi", i32)
                size = f.splat(self.words[f"size{axis}"].convert("trunc", i32), m.lanes)
                index = index * size + place
                inside = tap.inside if inside is None else inside & tap.inside
            found.append((f.select(inside, index, f.constant(whole, 0)), inside, taps))
        return found

    def gather(self, plane: Value, index: Value, inside: Value) -> Value:
        """The elements of a plane, zero where there is none; all indices are of some element.

        Lane by lane: processors that gather are no quicker at it.
        """
        f, m = self.f, self.m
        found = f.constant(m.vector, 0)
        for lane in range(m.lanes):
            at = f.extract(index, lane).convert("zext", i64)
            element = f.load(m.scalar, plane.offset(at * m.size))
            found = f.value(m.vector, f"insertelement {found}, {element}, i32 {lane}")
        return f.select(inside, found, m.zero(f))


def _coefficients(t: Value) -> list[tuple[Value, Value]]:
    """The weights of four neighbours for a place `t` beyond the second, and their slopes."""
    a = SLOPE

    def near(x: Value) -> tuple[Value, Value]:
        return ((x * (a + 2) - (a + 3)) * x * x) + 1.0, (x * (3 * (a + 2)) - 2 * (a + 3)) * x

    def far(x: Value) -> tuple[Value, Value]:
        return ((x * a - 5 * a) * x + 8 * a) * x - 4 * a, (x * (3 * a) - 10 * a) * x + 8 * a

    rising, falling = [far(t + 1.0), near(t)], [near(1.0 - t), far(2.0 - t)]
    return [*rising, *((weight, -slope) for weight, slope in falling)]


def _product(factors: list[Value | None]) -> Value | None:
    made = None
    for factor in factors:
        if factor is not None:
            made = factor if made is None else made * factor
    return made


# ---- what is made of them


def _planes(words: Words, m: Machine, name: str, image: Value, channel: Value, elements: str) -> Value:
    return words.pointer(name).offset((image * words["channels"] + channel) * words[elements] * m.size)


def _sample(
    f: Function, m: Machine, words: Words, shape: Shape, image: Value, low: Value, high: Value
) -> None:
    with f.loop(low, high, m.lanes) as point:
        points = _Points(f, m, words, shape, image, point)
        corners = [
            (index, inside, _product([t.weight for t in taps])) for index, inside, taps in points.corners()
        ]
        with f.loop(0, words["channels"]) as channel:
            plane, total = _planes(words, m, "x", image, channel, "plane"), None
            for index, inside, weight in corners:
                value = points.gather(plane, index, inside)
                if weight is not None:
                    value = value * weight if total is None else f.fma(value, weight, total)
                total = value
            assert total is not None
            out = _planes(words, m, "out", image, channel, "points")
            m.store(f, total, out, point * m.size, points.kept)


def _grid_gradient(
    f: Function, m: Machine, words: Words, shape: Shape, image: Value, low: Value, high: Value
) -> None:
    with f.loop(low, high, m.lanes) as point:
        points = _Points(f, m, words, shape, image, point)
        corners = points.corners()
        sums = [f.variable(m.vector, 0) for _ in corners]  # over channels, of elements times gradients
        with f.loop(0, words["channels"]) as channel:
            plane = _planes(words, m, "x", image, channel, "plane")
            g = m.load(f, _planes(words, m, "g", image, channel, "points"), point * m.size, points.kept)
            for total, (index, inside, _) in zip(sums, corners):
                total.set(f.fma(points.gather(plane, index, inside), g, total.get()))
        made = []
        for axis in range(shape.axes - 1, -1, -1):
            slope = m.zero(f)
            for total, (_, _, taps) in zip(sums, corners):
                factors = [tap.slope if k == axis else tap.weight for k, tap in enumerate(taps)]
                weight = _product(factors)
                assert weight is not None
                slope = f.fma(total.get(), weight, slope)
            made.append(slope)
        start = words.pointer("out").offset((image * words["points"] + point) * (shape.axes * m.size))
        for k, vector in enumerate(in_turns(f, made)):
            m.store(f, vector, start, k * m.bytes, m.below(f, points.left * shape.axes - k * m.lanes))


def _input_gradient(
    f: Function, m: Machine, words: Words, shape: Shape, image: Value, low: Value, high: Value
) -> None:
    """Of channels `low` to `high`, which nobody else writes."""
    with f.loop(low, high) as channel:
        _clear(f, m, _planes(words, m, "out", image, channel, "plane"), words["plane"])
    count = {"nearest": 1, "bilinear": 2, "bicubic": 4}[shape.mode] ** shape.axes
    places, marks = (f.stack(count * m.lanes * i32.size) for _ in range(2))
    weights, parts = f.stack(count * m.bytes), f.stack(count * m.bytes)
    with f.loop(0, words["points"], m.lanes) as point:
        points = _Points(f, m, words, shape, image, point)
        for k, (index, inside, taps) in enumerate(points.corners()):
            f.store(index, places.offset(k * m.lanes * i32.size))
            f.store(inside.convert("sext", i32), marks.offset(k * m.lanes * i32.size))
            weight = _product([tap.weight for tap in taps])
            f.store(f.constant(m.vector, 1.0) if weight is None else weight, weights.offset(k * m.bytes))
        with f.loop(low, high) as channel:
            g = m.load(f, _planes(words, m, "g", image, channel, "points"), point * m.size, points.kept)
            with f.loop(0, count) as k:
                inside = f.load(i32.vector(m.lanes), marks.offset(k * (m.lanes * i32.size))).differs(0)
                part = g * f.load(m.vector, weights.offset(k * m.bytes))
                f.store(f.select(inside, part, m.zero(f)), parts.offset(k * m.bytes))
            plane = _planes(words, m, "out", image, channel, "plane")
            _scatter(f, m, plane, places, parts, f.minimum(points.left, m.lanes), count)


def _clear(f: Function, m: Machine, plane: Value, count: Value) -> None:
    with f.loop(0, count, m.lanes) as k:
        m.store(f, m.zero(f), plane, k * m.size, m.below(f, count - k))


def _scatter(
    f: Function, m: Machine, plane: Value, places: Value, parts: Value, lanes: Value, corners: int
) -> None:
    """Each part is added at its place, point after point."""

    def add(k: Value) -> None:
        at = f.load(i32, places.offset(k * i32.size)).convert("zext", i64)
        place = plane.offset(at * m.size)
        f.store(f.load(m.scalar, place) + f.load(m.scalar, parts.offset(k * m.size)), place)

    with f.loop(0, corners) as corner:
        first = corner * m.lanes
        with f.either(lanes.equals(m.lanes)) as (all_lanes, some):
            with all_lanes:
                for lane in range(m.lanes):
                    add(first + lane)
            with some, f.loop(0, lanes) as lane:
                add(first + lane)
