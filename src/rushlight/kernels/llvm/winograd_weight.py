"""What filters get, by Winograd's way: G' [(A dY A') * (B' d B)] G, summed over the tiles of all images.

For each of the 36 points this is a product of channels by tiles and tiles by outputs. Few channels: each part
of the tiles is transformed and multiplied by a task, with sums of its own, and the parts are added in order.
Many: all tiles are transformed first, and a task is one block of outputs. Both are the same for any number of
threads.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, ptr, void
from .blocked import HEADER, Kernel, Machine, Words, read_planes, write_planes
from .winograd import (
    CALL,
    SQUARE,
    TILING,
    Task,
    clear,
    load_square,
    rows_of_band,
    store_points,
    transform_inputs,
)
from .winograd_tiles import POINTS, TRANSFORMS, Transforms, both

WORDS = (
    *("out", "x", "g", *CALL[3:]),
    *TILING,
    *("units", "parts", "part_tasks", "part_bytes", "g_image", "g_plane", "spread_at", "spread_step"),
    *("sums_at", "shared_tiles", "shared_spread", "input_tasks", "output_tasks", "add_tasks", "piece"),
    "sums_step",
)
CHANNELS_AT_ONCE = 8  # whose sums for several blocks of outputs are in registers, where there are 32 of them


def winograd_weight_ir(vector_bytes: int, taps: int, at_once: int) -> str:
    """A kernel for filters of `taps` by `taps`, with the sums of `at_once` blocks of outputs in registers."""
    kernel = Kernel(Machine("float32", vector_bytes), WORDS)
    transforms = TRANSFORMS[taps]
    transform_inputs(kernel, transforms, 0)
    _transform_gradients(kernel, transforms)
    _multiply(kernel, at_once)
    _transform_back(kernel, transforms)
    _by_parts(kernel)
    _by_outputs(kernel, at_once)
    return kernel.finish()


def _transform_gradients(kernel: Kernel, transforms: Transforms) -> None:
    """Tiles of the gradients of some images, numbered from `first`: [point][block][tile]."""
    m, step = kernel.machine, transforms.step
    arguments = {"block": ptr, "rows": ptr, "tiles": ptr}
    arguments |= {"first": i64, "low": i64, "high": i64, "band": i64}
    with kernel.module.function("transform_gradients", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        size, across = rows_of_band(f, words, f.band), words["tile_columns"]
        pitch = across * step
        clear(f, m, f.rows, size * step * pitch + m.lanes)
        top = f.band * words["band_rows"] * step
        with f.loop(f.low, f.high) as n, f.loop(0, words["output_blocks"]) as block:
            source = words.pointer("g").offset(n * words["g_image"] + block * words["g_plane"] * m.lanes)
            _read_gradients(f, m, words, source, f.minimum(size * step, words["rows"] - top), top, pitch)
            first = f.first + (n - f.low) * size * across
            with f.loop(0, size) as row, f.loop(0, across) as column:
                place = f.rows.offset((row * pitch + column) * (step * m.bytes))
                points = both(f, transforms.spread, load_square(f, m, place, step, pitch))
                number = first + row * across + column
                into = f.tiles.offset((block * words["piece"] + number) * m.bytes)
                store_points(f, m, points, into, words["spread_step"])


def _read_gradients(
    f: Function, m: Machine, words: Words, source: Value, rows: Value, top: Value, pitch: Value
) -> None:
    with f.loop(0, rows) as r:
        into = f.rows.offset(r * pitch * m.bytes)
        read_planes(
            f,
            m,
            source.offset((top + r) * words["columns"] * m.size),
            words["g_plane"],
            words["columns"],
            None,
            lambda at, vector: m.store(f, vector, into.offset(at * m.bytes)),
        )


def _multiply(kernel: Kernel, at_once: int) -> None:
    """Adds `count` tiles of blocks of channels times blocks of outputs to sums: [point][channel][output]."""
    m = kernel.machine
    size = m.lanes if at_once == 1 else min(CHANNELS_AT_ONCE, max(m.lanes // 2, 4))
    arguments = {"block": ptr, "tiles": ptr, "spread": ptr, "sums": ptr}
    arguments |= {"count": i64, "channels": i64, "outputs": i64}
    with kernel.module.function("multiply", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        step = words["piece"] * m.bytes
        with f.loop(0, SQUARE) as point:
            tiles = f.tiles.offset(point * words["tile_step"])
            spread = f.spread.offset(point * words["spread_step"])
            sums = f.sums.offset(point * words["sums_step"])
            with f.loop(0, f.channels) as channel, f.loop(0, f.outputs, at_once) as output:
                place = sums.offset((channel * f.outputs + output) * (m.lanes * m.bytes))
                lines = [spread.offset((output + b) * step) for b in range(at_once)]
                with f.loop(0, m.lanes, size) as k:
                    line = tiles.offset(channel * step + k * m.size)
                    _add_tiles(f, m, line, lines, place.offset(k * m.bytes), size)


def _add_tiles(f: Function, m: Machine, tiles: Value, spread: list[Value], place: Value, size: int) -> None:
    """Adds the tiles of `size` channels times those of some blocks of outputs to the sums at `place`."""
    places = [(b * m.lanes + k) * m.bytes for k in range(size) for b in range(len(spread))]
    sums = [f.variable(m.vector, m.load(f, place, at)) for at in places]
    with f.loop(0, f.count) as tile:
        vectors = [m.load(f, line.offset(tile * m.bytes)) for line in spread]
        line = tiles.offset(tile * m.bytes)
        for k in range(size):
            element = m.spread(f, line, k * m.size)
            for b, vector in enumerate(vectors):
                total = sums[k * len(spread) + b]
                total.set(f.fma(element, vector, total.get()))
    for at, total in zip(places, sums):
        m.store(f, total.get(), place, at)


def _transform_back(kernel: Kernel, transforms: Transforms) -> None:
    """The sums of all parts for one block of channels and one of outputs, as filters."""
    m, taps = kernel.machine, transforms.taps
    arguments = {"block": ptr, "sums": ptr, "channel": i64, "output": i64}
    with kernel.module.function("transform_back", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        flat = f.stack((m.lanes * taps * taps + m.lanes) * m.bytes)
        total = f.stack(SQUARE * m.bytes)
        with f.loop(0, m.lanes) as k:
            _add_parts(f, m, words, f.sums.offset(k * m.bytes), total)
            square = load_square(f, m, total, POINTS, f.constant(i64, POINTS))
            into = flat.offset(k * (taps * taps * m.bytes))
            for at, value in enumerate(v for row in both(f, transforms.back, square) for v in row):
                m.store(f, value, into, at * m.bytes)
        line = words["channels"] * (taps * taps * m.size)
        place = words.pointer("out").offset(f.output * line * m.lanes)
        write_planes(
            f,
            m,
            lambda at: m.load(f, flat.offset(at * m.bytes)),
            place.offset(f.channel * (m.lanes * taps * taps * m.size)),
            line,
            f.constant(i64, m.lanes * taps * taps),
            None,
        )


def _add_parts(f: Function, m: Machine, words: Words, sums: Value, total: Value) -> None:
    with f.loop(0, SQUARE) as point:
        place = sums.offset(point * words["sums_step"])
        added = f.variable(m.vector, m.load(f, place))
        with f.loop(1, words["parts"]) as part:
            added.set(added.get() + m.load(f, place.offset(part * words["part_bytes"])))
        m.store(f, added.get(), total.offset(point * m.bytes))


def _by_parts(kernel: Kernel) -> None:
    m = kernel.machine
    pair = m.lanes * m.bytes
    with kernel.phase("part", "part_tasks") as (f, words, part, mine):
        sums = kernel.scratch(f).offset(part * words["part_bytes"] + HEADER)
        clear(f, m, sums, words["part_bytes"] // m.bytes)
        low, high = (k * words["units"] // words["parts"] for k in (part, part + 1))
        with f.loop(low, high) as unit:
            task, zero = Task(f, words, unit), f.constant(i64, 0)
            rows, tiles, spread = (mine.offset(words[name]) for name in ("rows_at", "tiles_at", "spread_at"))
            f.call("transform_inputs", void, f.block, rows, tiles, words["tile_step"], zero, *task.arguments)
            f.call("transform_gradients", void, f.block, rows, spread, zero, *task.arguments)
            count = (task.high - task.low) * rows_of_band(f, words, task.band) * words["tile_columns"]
            blocks = words["channel_blocks"], words["output_blocks"]
            f.call("multiply", void, f.block, tiles, spread, sums, count, *blocks)
    with kernel.phase("add", "add_tasks") as (f, words, number, _):
        blocks = words["output_blocks"]
        sums = kernel.scratch(f).offset(number * pair + HEADER)
        f.call("transform_back", void, f.block, sums, number // blocks, number % blocks)


def _by_outputs(kernel: Kernel, at_once: int) -> None:
    """All inputs and gradients are transformed, then each block of outputs meets all channels."""
    m = kernel.machine
    with kernel.phase("inputs", "input_tasks") as (f, words, number, mine):
        task = Task(f, words, number // 2)
        first = task.low * words["tile_rows"] * words["tile_columns"]
        rows, scratch = mine.offset(words["rows_at"]), kernel.scratch(f)
        with f.either((number & 1).equals(0)) as (of_inputs, of_gradients):
            with of_inputs:
                tiles = scratch.offset(words["shared_tiles"])
                f.call(
                    "transform_inputs",
                    void,
                    f.block,
                    rows,
                    tiles,
                    words["tile_step"],
                    first,
                    *task.arguments,
                )
            with of_gradients:
                spread = scratch.offset(words["shared_spread"])
                f.call("transform_gradients", void, f.block, rows, spread, first, *task.arguments)
    with kernel.phase("outputs", "output_tasks") as (f, words, number, mine):
        step, sums, output = words["piece"] * m.bytes, mine.offset(words["sums_at"]), number * at_once
        spread = kernel.scratch(f).offset(words["shared_spread"] + output * step)
        blocks = f.constant(i64, 1), f.constant(i64, at_once)
        with f.loop(0, words["channel_blocks"]) as channel:
            clear(f, m, sums, words["sums_step"] * SQUARE // m.bytes)
            tiles = kernel.scratch(f).offset(words["shared_tiles"] + channel * step)
            f.call("multiply", void, f.block, tiles, spread, sums, words["piece"], *blocks)
            for b in range(at_once):
                place = sums.offset(b * m.lanes * m.bytes)
                f.call("transform_back", void, f.block, place, channel, output + b)
