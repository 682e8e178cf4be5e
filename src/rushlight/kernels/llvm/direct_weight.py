"""What the weights of a convolution get: sums over pixels of an input element times a vector of outputs.

The sums of some channels and taps by one block of output channels stay in registers while the pixels of some
images pass by. The work is parted by shapes alone, and the parts are added in order: the same bits for any
number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, i64, ptr, void
from .blocked import (
    GROUP_WORDS,
    HEADER,
    Kernel,
    Machine,
    Padding,
    Words,
    add_product,
    copy_padded,
    read_planes,
    write_planes,
)

WORDS = (
    *("out", "x", "g", "bias", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("images", "channels", "outputs", "blocks", "height", "width", "x_image", "x_plane"),
    *("tasks", "parts", "units", "pieces", "group", "piece_rows", "rows", "columns"),
    *("copied", "copy_at", "left", "top", "pitch", "plane", "image_bytes", "image_pixels"),
    *("row_step", "tap_step", "taps_down", "taps", "part_bytes", "block_bytes", "g_image", "g_plane"),
    *("block_tasks", "held_blocks", "outputs_bytes", *GROUP_WORDS),
)


class Shape(NamedTuple):
    """What is baked into a kernel."""

    channels: int  # whose sums are in registers at once
    rows: int  # of taps that are; 1 when there is a loop over them
    columns: int
    step: int  # input columns from one output to the next
    spread: int  # input columns from one tap to the next
    blocks: int  # of outputs, for each input element that is read
    pairs: bool = False  # is each element two numbers of bfloat16?


def weight_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    _sums(kernel, shape, "sums")
    if shape.channels > 1:
        _sums(kernel, shape._replace(channels=1), "sums_of_one")
    _part(kernel, shape)
    _add_parts(kernel)
    return kernel.finish()


def _part(kernel: Kernel, shape: Shape) -> None:
    """The sums of some blocks of outputs over one part of the pixels, which are copied once for all."""
    m = kernel.machine
    with kernel.phase("part", "tasks") as (f, words, task, mine):
        part, first = task // words["block_tasks"], task % words["block_tasks"] * words["held_blocks"]
        last = f.minimum(first + words["held_blocks"], words["blocks"])
        parts = kernel.scratch(f).offset(part * words["part_bytes"] + HEADER)
        with f.loop(first * words["block_bytes"], last * words["block_bytes"], m.bytes) as at:
            m.store(f, m.zero(f), parts.offset(at))
        low, high = (k * words["units"] // words["parts"] for k in (part, part + 1))
        with f.loop(low, high) as unit:
            piece = _Piece(f, words, unit)
            x = f.variable(ptr, _first_input(f, words, piece))
            with f.when(words["copied"].differs(0)):
                x.set(mine.offset(words["copy_at"]))
                _copy_inputs(f, m, words, piece, x.get())
            with f.loop(first, last, shape.blocks) as block:
                for b in range(shape.blocks):
                    _read_outputs(f, m, words, piece, block + b, mine.offset(words["outputs_bytes"] * b))
                sums = parts.offset(block * words["block_bytes"])
                _all_channels(f, m, words, shape, piece, (sums, x.get(), mine))


class _Piece:
    """Some images, or some rows of one."""

    def __init__(self, f: Function, words: Words, unit: Value) -> None:
        self.low = unit // words["pieces"] * words["group"]
        self.high = f.minimum(self.low + words["group"], words["images"])
        self.top = unit % words["pieces"] * words["piece_rows"]
        self.end = f.minimum(self.top + words["piece_rows"], words["rows"])
        self.first = self.top * words["row_step"] - words["top"]


def _first_input(f: Function, words: Words, piece: _Piece) -> Value:
    return words.pointer("x").offset(piece.low * words["x_image"] + piece.first * words["pitch"])


def _read_outputs(f: Function, m: Machine, words: Words, piece: _Piece, block: Value, target: Value) -> None:
    """The gradient of a block of outputs as vectors, one a pixel."""
    valid = words["outputs"] - block * m.lanes
    with f.loop(piece.low, piece.high) as n:
        place = words.pointer("g").offset(n * words["g_image"] + block * words["g_plane"] * m.lanes)
        into = target.offset((n - piece.low) * words["image_pixels"] * m.bytes)
        read_planes(
            f,
            m,
            place.offset(piece.top * words["columns"] * m.size),
            words["g_plane"],
            (piece.end - piece.top) * words["columns"],
            valid,
            lambda at, vector: m.store(f, vector, into.offset(at * m.bytes)),
        )


def _copy_inputs(f: Function, m: Machine, words: Words, piece: _Piece, target: Value) -> None:
    padding = Padding(words["height"], words["width"], words["left"], piece.first, words["pitch"])
    rows = (piece.end - piece.top - 1) * words["row_step"] + (words["taps_down"] - 1) * words["tap_step"] + 1
    with f.loop(piece.low, piece.high) as n, f.loop(0, words["channels"]) as c:
        source = words.pointer("x").offset(n * words["x_image"] + c * words["x_plane"])
        into = target.offset((n - piece.low) * words["image_bytes"] + c * words["plane"])
        copy_padded(f, m, source, into, rows, padding)


def _all_channels(
    f: Function, m: Machine, words: Words, shape: Shape, piece: _Piece, places: tuple[Value, Value, Value]
) -> None:
    sums, x, g = places
    whole = words["channels"] - words["channels"] % shape.channels
    images = piece.high - piece.low
    for name, low, high, step in (
        ("sums", f.constant(i64, 0), whole, shape.channels),
        ("sums_of_one", whole, words["channels"], 1),
    ):
        if name in f.module.functions:
            with f.loop(low, high, step) as c, f.loop(0, words["taps_down"], shape.rows) as k:
                target = sums.offset((c * words["taps"] + k * shape.columns) * m.bytes)
                low_row, high_row = _rows_inside(f, words, shape, piece, k)
                source = x.offset(c * words["plane"] + k * words["tap_step"] * words["pitch"])
                f.call(name, void, f.block, target, source, g, images, low_row, high_row)


def _rows_inside(f: Function, words: Words, shape: Shape, piece: _Piece, tap: Value) -> tuple[Value, Value]:
    """The rows of a piece, from its top, that see the image through a tap."""
    rows = piece.end - piece.top
    if shape.rows > 1:
        return f.constant(i64, 0), rows
    row, step = piece.first + tap * words["tap_step"], words["row_step"]
    above, below = f.maximum(0 - row, 0), f.maximum(words["height"] - row, 0)
    return (above + step - 1) // step, f.minimum((below + step - 1) // step, rows)


def _sums(kernel: Kernel, shape: Shape, name: str) -> None:
    """Adds to the sums at `target` all pixels of rows `low` to `high` of some images."""
    m = kernel.machine
    arguments = {"block": ptr, "target": ptr, "x": ptr, "g": ptr, "images": i64, "low": i64, "high": i64}
    with kernel.module.function(name, exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        grid = [
            (c, r, s) for c in range(shape.channels) for r in range(shape.rows) for s in range(shape.columns)
        ]
        targets = [f.target.offset(words["block_bytes"] * b) for b in range(shape.blocks)]
        places = [
            target.offset((words["taps"] * c + r * shape.columns + s) * m.bytes)
            for c, r, s in grid
            for target in targets
        ]
        sums = [f.variable(m.vector, m.load(f, place)) for place in places]
        with f.loop(0, f.images) as n, f.loop(f.low, f.high) as row:
            _add_row(f, m, words, shape, n, row, dict(zip(grid, zip(*[iter(sums)] * shape.blocks))))
        for place, total in zip(places, sums):
            m.store(f, total.get(), place)


def _add_row(f: Function, m: Machine, words: Words, shape: Shape, n: Value, row: Value, sums: dict) -> None:
    pitch, plane = words["pitch"], words["plane"]
    start = f.x.offset(n * words["image_bytes"] + row * words["row_step"] * pitch)
    lines = {
        (c, r): start.offset(plane * c + words["tap_step"] * pitch * r)
        for c in range(shape.channels)
        for r in range(shape.rows)
    }
    first = f.g.offset((n * words["image_pixels"] + row * words["columns"]) * m.bytes)
    outputs = [first.offset(words["outputs_bytes"] * b) for b in range(shape.blocks)]
    with f.loop(0, words["columns"]) as column:
        vectors = [m.load(f, place.offset(column * m.bytes)) for place in outputs]
        at = column * (shape.step * m.size)
        for (c, r, s), totals in sums.items():
            element = m.spread(f, lines[c, r].offset(at), s * shape.spread * m.size)
            for vector, total in zip(vectors, totals):
                total.set(add_product(f, shape.pairs, element, vector, total.get()))


def _add_parts(kernel: Kernel) -> None:
    """The sum of the parts, turned into filters."""
    m = kernel.machine
    with kernel.phase("add_parts", "blocks") as (f, words, block, _):
        sums = kernel.scratch(f).offset(block * words["block_bytes"] + HEADER)
        count = words["channels"] * words["taps"]

        def total(at: Value) -> Value:
            place = sums.offset(at * m.bytes)
            added = f.variable(m.vector, m.load(f, place))
            with f.loop(1, words["parts"]) as part:
                added.set(added.get() + m.load(f, place.offset(part * words["part_bytes"])))
            return added.get()

        pitch = count * m.size
        place = words.pointer("out").offset(block * pitch * m.lanes)
        write_planes(f, m, total, place, pitch, count, words["outputs"] - block * m.lanes)
