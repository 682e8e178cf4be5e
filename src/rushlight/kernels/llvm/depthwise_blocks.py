"""Convolutions with a filter for each channel, for small planes: a block of channels in the lanes.

Where rows are shorter than a vector, columns in the lanes leave most of it empty. Here the planes of a block
are turned into one vector a pixel, with zeros around (and between them, for the gradient of a strided
convolution), so that each tap is one multiplication, and turned back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

from ...runtime.ir import Function, Value, i64
from .blocked import Kernel, Machine, Words, read_planes, write_planes

WORDS = (
    *("out", "x", "g", "bias", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "images", "group", "channels", "blocks", "height", "width", "rows", "columns"),
    *("row_step", "column_step", "spread_rows", "spread_columns", "tap_rows", "top", "left"),
    *("pitch", "pixels", "lines_at"),
)


class Shape(NamedTuple):
    """What is baked into a kernel."""

    kind: str  # a sum with weights of a "filter" or a "turned filter", or what the "weight" gets
    rows: int  # taps
    columns: int
    spread: int  # columns from one tap to the next


def depthwise_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    with kernel.phase("task", "tasks") as (f, words, task, mine):
        block = _Block(f, kernel.machine, words, shape, task % words["blocks"], mine)
        low = task // words["blocks"] * words["group"]
        high = f.minimum(low + words["group"], words["images"])
        block.clear()
        (block.sum_up if shape.kind == "weight" else block.convolve)(low, high)
    return kernel.finish()


class _Block:
    """A block of channels: its planes with zeros around are at `mine`, other pixels at `lines`."""

    def __init__(
        self, f: Function, m: Machine, words: Words, shape: Shape, number: Value, mine: Value
    ) -> None:
        self.f, self.m, self.words, self.shape, self.mine = f, m, words, shape, mine
        self.first = number * m.lanes
        self.valid = words["channels"] - self.first
        self.lines = mine.offset(words["lines_at"])
        self.taps = [(r, c) for r in range(shape.rows) for c in range(shape.columns)]

    def clear(self) -> None:
        with self.f.loop(0, self.words["pixels"]) as k:
            self.m.store(self.f, self.m.zero(self.f), self.mine.offset(k * self.m.bytes))

    def convolve(self, low: Value, high: Value) -> None:
        f, m = self.f, self.m
        weights, start = self._weights(), f.variable(m.vector, 0)
        with f.when(self.words["bias"].differs(0)):
            place = self.words.pointer("bias").offset(self.first * m.size)
            start.set(m.load(f, place, 0, m.below(f, self.valid)))
        with f.loop(low, high) as n:
            self._read_inputs(n)
            with self._each_place() as (number, place):
                total = start.get()
                for weight, tap in zip(weights, self._seen(place)):
                    total = f.fma(tap, weight, total)
                m.store(f, total, self.lines.offset(number * m.bytes))
            count = self.words["rows"] * self.words["columns"]
            self._write(self._plane("out", n, count), count)

    def sum_up(self, low: Value, high: Value) -> None:
        """The sums of an image are added to those before, so that errors do not grow with all pixels."""
        f, m, count = self.f, self.m, len(self.taps)
        totals = f.stack((count + m.lanes) * m.bytes)
        for k in range(count):
            m.store(f, m.zero(f), totals, k * m.bytes)
        with f.loop(low, high) as n:
            self._read_inputs(n)
            pixels = self.words["rows"] * self.words["columns"]
            self._read(self._plane("g", n, pixels), pixels)
            sums = [f.variable(m.vector, 0) for _ in self.taps]
            with self._each_place() as (number, place):
                gradient = m.load(f, self.lines.offset(number * m.bytes))
                for total, tap in zip(sums, self._seen(place)):
                    total.set(f.fma(tap, gradient, total.get()))
            for k, total in enumerate(sums):
                m.store(f, m.load(f, totals, k * m.bytes) + total.get(), totals, k * m.bytes)
        place = self.words.pointer("out").offset(self.first * (count * m.size))
        write_planes(
            f, m, self._from(totals), place, self._constant(count * m.size), self._constant(count), self.valid
        )

    # ---- planes and filters

    def _weights(self) -> list[Value]:
        f, m, count = self.f, self.m, len(self.taps)
        flat = f.stack((count + m.lanes) * m.bytes)
        place = self.words.pointer("g").offset(self.first * (count * m.size))
        size = self._constant(count * m.size)
        read_planes(f, m, place, size, self._constant(count), self.valid, self._into(flat))
        weights = [m.load(f, flat, k * m.bytes) for k in range(count)]
        return weights[::-1] if self.shape.kind == "turned filter" else weights

    def _plane(self, name: str, image: Value, pixels: Value) -> Value:
        number = image * self.words["channels"] + self.first
        return self.words.pointer(name).offset(number * pixels * self.m.size)

    def _read(self, place: Value, count: Value) -> None:
        """The pixels of all planes of the block, one vector each."""
        size = count * self.m.size
        read_planes(self.f, self.m, place, size, count, self.valid, self._into(self.lines))

    def _write(self, place: Value, count: Value) -> None:
        size = count * self.m.size
        write_planes(self.f, self.m, self._from(self.lines), place, size, count, self.valid)

    def _read_inputs(self, image: Value) -> None:
        f, m, words = self.f, self.m, self.words
        width = words["width"]
        self._read(self._plane("x", image, words["height"] * width), words["height"] * width)
        with f.loop(0, words["height"]) as row, f.loop(0, width) as column:
            down, across = words["top"] + row * words["spread_rows"], words["left"]
            into = down * words["pitch"] + across + column * words["spread_columns"]
            pixel = m.load(f, self.lines.offset((row * width + column) * m.bytes))
            m.store(f, pixel, self.mine.offset(into * m.bytes))

    @contextmanager
    def _each_place(self):
        """Yields the number of each place of the result, and where its first tap is."""
        f, words = self.f, self.words
        with f.loop(0, words["rows"]) as row, f.loop(0, words["columns"]) as column:
            at = row * words["row_step"] * words["pitch"] + column * words["column_step"]
            yield row * words["columns"] + column, self.mine.offset(at * self.m.bytes)

    def _seen(self, place: Value) -> list[Value]:
        """What the taps see from a place."""
        step = self.words["tap_rows"] * self.words["pitch"] * self.m.bytes
        lines = [place.offset(step * r) for r in range(self.shape.rows)]
        return [self.m.load(self.f, lines[r], c * self.shape.spread * self.m.bytes) for r, c in self.taps]

    def _from(self, lines: Value) -> Callable[[Value], Value]:
        return lambda at: self.m.load(self.f, lines.offset(at * self.m.bytes))

    def _into(self, lines: Value) -> Callable[[Value, Value], None]:
        return lambda at, vector: self.m.store(self.f, vector, lines.offset(at * self.m.bytes))

    def _constant(self, number: int) -> Value:
        return self.f.constant(i64, number)
