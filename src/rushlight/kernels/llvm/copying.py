"""Copies that turn a matrix: what lies along one axis in the source lies along another one in the result.

Squares are turned in registers. A task is a band of the result, as wide as two cache lines, so that lines of
the result are written whole while the source is read along its rows.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, ptr
from .blocked import Kernel, Machine, Words, transpose
from .lowering import MEMORY, load, store
from .streaming import finish_stream

MOST_OUTER = 6  # axes besides the two of the matrix
BAND_LINES = 2
BAND_ROWS = 512
WORDS = (
    *("out", "x", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "rows", "columns", "out_step", "x_step"),  # the result is (rows, columns)
    *(f"{name}{k}" for name in ("length", "out_stride", "x_stride") for k in range(MOST_OUTER)),
)


class _Elements(Machine):
    """Elements of 1 to 8 bytes, as integers, in squares of at most 16."""

    def __init__(self, size: int, vector_bytes: int) -> None:
        self.dtype = f"int{8 * size}"
        self.scalar, self.size = MEMORY[self.dtype], size
        self.lanes = min(16, vector_bytes // size)
        self.vector = self.scalar.vector(self.lanes)
        self.bytes = self.lanes * size


def band_columns(size: int, vector_bytes: int) -> int:
    """Columns of the result in one task."""
    return max(BAND_LINES * 64 // size, min(16, vector_bytes // size))


def turning_ir(size: int, level: str, vector_bytes: int, stream: bool) -> str:
    """`stream` writes past the caches; every row of the result must then start on a cache line."""
    kernel = Kernel(_Elements(size, vector_bytes), WORDS)
    kernel.module.level = level
    m, band = kernel.machine, band_columns(size, vector_bytes)
    with kernel.phase("turn", "tasks") as (f, words, task, _):
        bands = _parts(words["columns"], band)
        heights = _parts(words["rows"], BAND_ROWS)
        place = task // bands
        out, x = _starts(f, words, place // heights)
        left, top = task % bands * band, place % heights * BAND_ROWS
        right = f.minimum(left + band, words["columns"])
        bottom = f.minimum(top + BAND_ROWS, words["rows"])
        with f.loop(top, bottom, m.lanes) as row, f.loop(left, right, m.lanes) as column:
            square = _Square(f, m, words, out, x, row, column)
            with f.either((bottom - row >= m.lanes) & (right - column >= m.lanes)) as (whole, part):
                with whole:
                    square.turn(stream)
                with part:
                    square.turn_part(bottom - row, right - column)
        if stream:
            finish_stream(f)
    return kernel.finish()


def _parts(length: Value, size: int) -> Value:
    return (length + (size - 1)) // size


def _starts(f: Function, words: Words, matrix: Value) -> tuple[Value, Value]:
    """Where matrix number `matrix` starts, in the result and in the source."""
    out, x = words["out"], words["x"]
    for k in reversed(range(MOST_OUTER)):
        length = words[f"length{k}"]
        at = matrix % length
        out, x = out + at * words[f"out_stride{k}"], x + at * words[f"x_stride{k}"]
        matrix = matrix // length
    return out, x


class _Square:
    """A square of the result from (row, column) on."""

    def __init__(self, f: Function, m: Machine, words: Words, out: Value, x: Value, row, column) -> None:
        self.f, self.m = f, m
        self.out_step, self.x_step = words["out_step"], words["x_step"]
        self.out = (out + row * self.out_step + column * m.size).convert("inttoptr", ptr)
        self.x = (x + column * self.x_step + row * m.size).convert("inttoptr", ptr)

    def turn(self, stream: bool) -> None:
        f, m = self.f, self.m
        rows = [load(f, self.x.offset(self.x_step * k), m.dtype, m.lanes) for k in range(m.lanes)]
        for k, column in enumerate(transpose(f, rows)):
            store(f, column, self.out.offset(self.out_step * k), m.dtype, stream=stream)

    def turn_part(self, height: Value, width: Value) -> None:
        """The same where only `height` rows and `width` columns of the result are there."""
        f, m = self.f, self.m
        rows = []
        for k in range(m.lanes):
            there = m.below(f, f.select(width > k, height, 0))
            rows.append(load(f, self.x.offset(self.x_step * k), m.dtype, m.lanes, there))
        for k, column in enumerate(transpose(f, rows)):
            there = m.below(f, f.select(height > k, width, 0))
            store(f, column, self.out.offset(self.out_step * k), m.dtype, there)
