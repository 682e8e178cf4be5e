"""Direct convolution of planes: a rectangle of output pixels by a block of output channels in registers.

The innermost step is one vector of weights (a block of output channels, packed) times one input element per
pixel of the tile, spread over the lanes. The transposed convolution is the same code: a stride parts the
outputs into phases, each of which sees some of the taps. What is baked in: taps of a row, steps along a row
and the tile; sizes, channels and paddings are words of the call.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, i64, ptr, void
from .blocked import (
    EPILOGUE,
    GROUP_WORDS,
    HEADER,
    Kernel,
    Machine,
    Padding,
    Words,
    add_product,
    copy_padded,
    finish,
    read_planes,
    write_planes,
)

MOST_ROW_PHASES = 4
MOST_SHARING = (
    10  # pixels of a tile with which taps can share elements: in more registers, they push out sums
)
PHASE_WORDS = ("taps_of_phase", "first_of_phase", "slot_of_phase", "rows_of_phase")

# the call's words: arrays, then sizes; bytes wherever a step or a place in memory is meant
WORDS = (
    *("out", "x", "weight", "bias", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("images", "channels", "outputs", "blocks", "height", "width", "x_image", "x_plane"),
    *("tasks", "group", "row_tasks", "task_rows", "least_rows", "block_tasks", "task_blocks"),
    *("copied", "copy_at", "copy_rows", "left", "first", "pitch", "plane", "image_bytes"),
    *("row_step", "tap_step", "slot_step", "weights_plane", "weights_block"),
    *("pack_times", "pack_step", "pack_count", "lane_step"),
    *("out_image", "out_plane", "out_width", "runs", "run_length", "run_step", "band_step", "phase_step"),
    *("band_bytes", "phases"),
    *(f"{name}{k}" for k in range(MOST_ROW_PHASES) for name in PHASE_WORDS),
    *GROUP_WORDS,
    *EPILOGUE,
)


class Shape(NamedTuple):
    """What is baked into a kernel."""

    rows: int  # of a tile
    columns: int
    step: int  # input columns from one output column of a phase to the next
    spread: int  # output columns from one of a phase to the next
    phases: tuple  # for each column phase its taps: (input column, slot of the weight)
    blocks: int = 1  # of outputs, for each input element that is read
    pairs: bool = False  # is each element two numbers of bfloat16?


def direct_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    for number in range(len(shape.phases)):
        _tiles(kernel, shape, number)
    _image(kernel, shape)
    _pack(kernel)
    _task(kernel, shape.blocks)
    return kernel.finish()


def _pack(kernel: Kernel) -> None:
    """Weights as [block][channel][tap] vectors of output channels; those that do not exist are zero."""
    m = kernel.machine
    with kernel.phase("pack", "blocks") as (f, words, block, _):
        lane_step = words["lane_step"]
        valid = words["outputs"] - block * m.lanes
        source = words.pointer("weight").offset(block * lane_step * m.lanes)
        target = kernel.scratch(f).offset(words["weights_block"] * block + HEADER)
        count = words["pack_count"]
        with f.either(lane_step.equals(m.size)) as (of_neighbours, of_planes):
            with of_neighbours, f.loop(0, words["pack_times"]) as k:
                vector = m.load(f, source.offset(k * words["pack_step"]), 0, m.below(f, valid))
                m.store(f, vector, target.offset(k * m.bytes))
            with of_planes, f.loop(0, words["pack_times"]) as k:
                place, into = source.offset(k * words["pack_step"]), target.offset(k * count * m.bytes)

                def put(at: Value, vector: Value, into: Value = into) -> None:
                    m.store(f, vector, into.offset(at * m.bytes))

                read_planes(f, m, place, lane_step, count, valid, put)


def _task(kernel: Kernel, blocks: int) -> None:
    """Some images, or some rows of one: copied with their padding, then all blocks of outputs or some."""
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, number, mine):
        task, first_block = (
            number // words["block_tasks"],
            number % words["block_tasks"] * words["task_blocks"],
        )
        end_block = f.minimum(first_block + words["task_blocks"], words["blocks"])
        part, low = task % words["row_tasks"], task // words["row_tasks"] * words["group"]
        high = f.minimum(low + words["group"], words["images"])
        top = f.minimum(part * words["task_rows"], words["least_rows"] - words["task_rows"])
        is_last = part.equals(words["row_tasks"] - 1).convert("zext", i64)
        first = top * words["row_step"] + words["first"]
        origin = f.variable(ptr, words.pointer("x").offset(low * words["x_image"] + first * words["pitch"]))
        with f.when(words["copied"].differs(0)):
            origin.set(mine.offset(words["copy_at"]))
            _copy_images(f, m, words, origin.get(), low, high, first)
        with f.loop(first_block, end_block, blocks) as block:
            for b in range(blocks):
                _put_bias(f, m, words, block + b, mine.offset(words["band_bytes"] * b))
            with f.loop(low, high) as n:
                start = origin.get().offset((n - low) * words["image_bytes"])
                f.call("image", void, f.block, mine, start, block, n, top, is_last)


def _copy_images(
    f: Function, m: Machine, words: Words, target: Value, low: Value, high: Value, first: Value
) -> None:
    padding = Padding(words["height"], words["width"], words["left"], first, words["pitch"])
    with f.loop(low, high) as n, f.loop(0, words["channels"]) as c:
        source = words.pointer("x").offset(n * words["x_image"] + c * words["x_plane"])
        into = target.offset((n - low) * words["image_bytes"] + c * words["plane"])
        copy_padded(f, m, source, into, words["copy_rows"], padding)


def _put_bias(f: Function, m: Machine, words: Words, block: Value, mine: Value) -> None:
    """The vector that the sums of a block start from."""
    m.store(f, m.zero(f), mine)
    with f.when(words["bias"].differs(0)):
        first = block * m.lanes
        mask = m.below(f, words["outputs"] - first)
        m.store(f, m.load(f, words.pointer("bias").offset(first * m.size), 0, mask), mine)


def _image(kernel: Kernel, shape: Shape) -> None:
    """Some blocks of outputs for the rows of a task in one image: bands of tile rows, then the planes."""
    m = kernel.machine
    arguments = {
        "block": ptr,
        "mine": ptr,
        "origin": ptr,
        "number": i64,
        "image": i64,
        "top": i64,
        "is_last": i64,
    }
    with kernel.module.function("image", exported=False, **arguments) as f:
        words = kernel.words(f)
        weights = kernel.scratch(f).offset(words["weights_block"] * f.number + HEADER)
        place = words.pointer("out").offset(f.image * words["out_image"])
        place = place.offset(f.number * words["out_plane"] * m.lanes)
        with f.loop(0, words["phases"]) as phase:
            taps, first, slot, rows = (
                words.table(f"{name}0", phase * len(PHASE_WORDS)) for name in PHASE_WORDS
            )
            end = f.select(f.is_last.differs(0), rows, f.top + words["task_rows"])
            with f.loop(f.top, end, shape.rows) as row:
                at = f.minimum(row, end - shape.rows)
                low, high = _taps_inside(f, words, shape, at * words["row_step"] + first, taps)
                into_copy = (at - f.top) * words["row_step"] + first - words["first"]
                x = f.origin.offset(into_copy * words["pitch"])
                for k in range(len(shape.phases)):
                    f.call(f"tiles{k}", void, f.block, f.mine, x, weights.offset(slot), low, high)
                band = place.offset(phase * words["phase_step"] + at * words["band_step"])
                for b in range(shape.blocks):
                    pixels = f.mine.offset(words["band_bytes"] * b + m.bytes)
                    first, count = (f.number + b) * m.lanes, words["runs"] * words["run_length"]
                    finish(f, m, words, pixels, count, first, words["outputs"] - first)
                    _write_band(f, m, words, b, band.offset(words["out_plane"] * (m.lanes * b)))


def _taps_inside(f: Function, words: Words, shape: Shape, row: Value, taps: Value) -> tuple[Value, Value]:
    """Which taps see rows of the image for at least one row of a tile that starts at input row `row`."""
    step = words["tap_step"]
    above = f.maximum(0 - row - words["row_step"] * (shape.rows - 1), 0)
    below = f.maximum(words["height"] - row, 0)
    return (above + step - 1) // step, f.minimum((below + step - 1) // step, taps)


def _write_band(f: Function, m: Machine, words: Words, number: int, place: Value) -> None:
    valid = words["outputs"] - (f.number + number) * m.lanes
    length = words["run_length"]
    with f.loop(0, words["runs"]) as run:
        pixels = f.mine.offset(words["band_bytes"] * number + run * length * m.bytes + m.bytes)
        write_planes(
            f,
            m,
            lambda at: m.load(f, pixels.offset(at * m.bytes)),
            place.offset(run * words["run_step"]),
            words["out_plane"],
            length,
            valid,
        )


def _tiles(kernel: Kernel, shape: Shape, number: int) -> None:
    """A row of tiles of one column phase: from `x`, the first pixel's first tap, to pixels at `mine`."""
    m = kernel.machine
    arguments = {"block": ptr, "mine": ptr, "x": ptr, "weights": ptr, "low": i64, "high": i64}
    with kernel.module.function(f"tiles{number}", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        width = words["out_width"]
        columns = (width + (shape.spread - 1 - number)) // shape.spread
        bands = [f.mine.offset(words["band_bytes"] * b) for b in range(shape.blocks)]
        with f.loop(0, columns, shape.columns) as column:
            at = f.minimum(column, columns - shape.columns)
            starts = [m.load(f, band) for band in bands]
            sums = [[f.variable(m.vector, v) for v in starts] for _ in range(shape.rows * shape.columns)]
            _sum_taps(f, m, words, shape, f.x.offset(at * (shape.step * m.size)), shape.phases[number], sums)
            for b, band in enumerate(bands):
                pixels = band.offset((at * shape.spread + number) * m.bytes + m.bytes)
                _store_tile(f, m, shape, pixels, width, [total[b].get() for total in sums])


def _store_tile(f: Function, m: Machine, shape: Shape, pixels: Value, width: Value, sums: list) -> None:
    for row in range(shape.rows):
        line = pixels.offset(width * (row * m.bytes))
        for k in range(shape.columns):
            m.store(f, sums[row * shape.columns + k], line, k * shape.spread * m.bytes)


def _sum_taps(f: Function, m: Machine, words: Words, shape: Shape, x: Value, taps: tuple, sums: list) -> None:
    """Adds all channels and taps to the sums of a tile."""
    pitch, slot_step = words["pitch"], words["slot_step"]
    tap_step, tile_step = words["tap_step"] * pitch, words["row_step"] * pitch
    plane, weights_plane = words["plane"], words["weights_plane"]
    with f.loop(0, words["channels"]) as c, f.loop(f.low, f.high) as k:
        here = x.offset(c * plane + k * tap_step)
        weights = f.weights.offset(c * weights_plane + k * slot_step)
        lines = [here.offset(tile_step * row) for row in range(shape.rows)]
        blocks = [weights.offset(words["weights_block"] * b) for b in range(shape.blocks)]
        if len(taps) == 1:  # each channel is another line: the one of the next tile may be far away
            f.prefetch(here.offset((2 * shape.columns - 1) * shape.step * m.size))
        for number, (column, slot) in enumerate(taps):
            if number and shape.blocks > 1 and len(sums) > MOST_SHARING:
                lines = [f.hidden(line) for line in lines]
            vectors = [m.load(f, block, slot * m.bytes) for block in blocks]
            for at, totals in enumerate(sums):
                row, pixel = divmod(at, shape.columns)
                element = m.spread(f, lines[row], (pixel * shape.step + column) * m.size)
                for vector, total in zip(vectors, totals):
                    total.set(add_product(f, shape.pairs, element, vector, total.get()))
