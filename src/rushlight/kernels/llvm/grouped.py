"""Convolutions with few channels in a group: channels in the lanes, pixel by pixel.

A block of channels is whole groups, with as many outputs as channels. Its rows are copied as vectors, one
a pixel, with zeros around them; what the outputs of a group see of its channel `j` is the pixel with lane
`j` of each group in all lanes of that group. With one channel in a group that is the pixel itself. Baked in
are the size of a group, the taps of a row and the tile: pixels of a row whose sums stay in registers.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, ptr, void
from .blocked import EPILOGUE, Kernel, Machine, Words, finish, read_planes, write_planes

WORDS = (
    *("out", "x", "weight", "bias", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("channels", "blocks", "height", "width", "x_image", "x_plane", "rows", "columns"),
    *("out_image", "out_plane", "tasks", "bands", "band_rows", "pitch", "top", "left"),
    *("taps", "taps_down", "row_step", "tap_step", "start_at", "copy_at", "lines_at"),
    *EPILOGUE,
)


class Shape(NamedTuple):
    """What is baked into a kernel."""

    size: int  # channels of a group, and outputs
    taps: int  # of a row
    step: int  # input columns from one output column to the next
    dilation: int
    tile: int  # output columns whose sums are in registers


def grouped_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    _row(kernel, shape)
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, task, mine):
        top = task % words["bands"] * words["band_rows"]
        rest = task // words["bands"]
        block, image = rest % words["blocks"], rest // words["blocks"]
        count = f.minimum(words["band_rows"], words["rows"] - top)
        valid = words["channels"] - block * m.lanes
        _take_filters(f, m, words, shape, block, valid, mine)
        _take_rows(f, m, words, mine.offset(words["copy_at"]), (image, block), valid, (top, count))
        lines = mine.offset(words["lines_at"])
        with f.loop(0, count) as row:
            x = mine.offset(words["copy_at"] + row * words["row_step"] * words["pitch"] * m.bytes)
            f.call("row", void, f.block, mine, x, lines.offset(row * words["columns"] * m.bytes))
        pixels = count * words["columns"]
        finish(f, m, words, lines, pixels, block * m.lanes, valid)
        place = words.pointer("out").offset(image * words["out_image"] + block * words["out_plane"] * m.lanes)
        place = place.offset(top * words["columns"] * m.size)
        get = lambda at: m.load(f, lines.offset(at * m.bytes))  # noqa: E731
        write_planes(f, m, get, place, words["out_plane"], pixels, valid)
    return kernel.finish()


def _take_filters(
    f: Function, m: Machine, words: Words, shape: Shape, block: Value, valid: Value, mine: Value
) -> None:
    """The filters of a block as [channel of a group][tap] vectors, and what its sums start from."""
    count, first = words["taps"] * shape.size, block * m.lanes
    source, step = words.pointer("weight"), count * m.size
    put = lambda at, vector: m.store(f, vector, mine.offset(at * m.bytes))  # noqa: E731
    read_planes(f, m, source.offset(first * step), step, count, valid, put)
    start = mine.offset(words["start_at"])
    m.store(f, m.zero(f), start)
    with f.when(words["bias"].differs(0)):
        bias = words.pointer("bias").offset(first * m.size)
        m.store(f, m.load(f, bias, 0, m.below(f, valid)), start)


def _take_rows(
    f: Function, m: Machine, words: Words, copy: Value, where: tuple, valid: Value, rows: tuple
) -> None:
    """What some rows of the result see of a block of channels, zeros where that is outside of the planes."""
    (image, block), (top, count) = where, rows
    first = top * words["row_step"] - words["top"]
    seen = (count - 1) * words["row_step"] + (words["taps_down"] - 1) * words["tap_step"] + 1
    with f.loop(0, seen * words["pitch"] + m.lanes) as k:
        m.store(f, m.zero(f), copy.offset(k * m.bytes))
    source = words.pointer("x").offset(image * words["x_image"] + block * words["x_plane"] * m.lanes)
    with f.loop(f.maximum(0 - first, 0), f.minimum(seen, words["height"] - first)) as r:
        place = source.offset((first + r) * words["width"] * m.size)
        into = copy.offset((r * words["pitch"] + words["left"]) * m.bytes)
        put = lambda at, vector, into=into: m.store(f, vector, into.offset(at * m.bytes))  # noqa: E731
        read_planes(f, m, place, words["x_plane"], words["width"], valid, put)


def _row(kernel: Kernel, shape: Shape) -> None:
    """A row of the result, from the copied row of its first tap at `x`, to `out`."""
    m = kernel.machine
    with kernel.module.function(
        "row", exported=False, inline=False, block=ptr, filters=ptr, x=ptr, out=ptr
    ) as f:
        words = kernel.words(f)
        columns = words["columns"]
        start = m.load(f, f.filters.offset(words["start_at"]))
        with f.loop(0, columns, shape.tile) as column:
            at = f.minimum(column, columns - shape.tile)
            sums = [f.variable(m.vector, start) for _ in range(shape.tile)]
            with f.loop(0, words["taps_down"]) as k:
                x = f.x.offset((k * words["tap_step"] * words["pitch"] + at * shape.step) * m.bytes)
                for channel in range(shape.size):
                    taps = (words["taps"] * channel + k * shape.taps) * m.bytes
                    _add_taps(f, m, shape, channel, x, f.filters.offset(taps), sums)
            for t, total in enumerate(sums):
                m.store(f, total.get(), f.out.offset((at + t) * m.bytes))


def _add_taps(f: Function, m: Machine, shape: Shape, channel: int, x: Value, taps: Value, sums: list) -> None:
    """Adds what a row of taps sees of one channel of each group: each pixel is read once for all taps."""
    filters = [m.load(f, taps, k * m.bytes) for k in range(shape.taps)]
    uses: dict[int, list[tuple[int, int]]] = {}
    for t in range(shape.tile):
        for k in range(shape.taps):
            uses.setdefault(t * shape.step + k * shape.dilation, []).append((t, k))
    lanes = [lane - lane % shape.size + channel for lane in range(m.lanes)]
    for pixel in sorted(uses):
        seen = m.load(f, x, pixel * m.bytes)
        if shape.size > 1:
            seen = f.shuffle(seen, None, lanes)
        for t, k in uses[pixel]:
            sums[t].set(f.fma(seen, filters[k], sums[t].get()))
