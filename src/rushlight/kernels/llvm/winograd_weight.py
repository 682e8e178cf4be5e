"""What filters get, by Winograd's way: G' [(A dY A') * (B' d B)] G, summed over the tiles of all images.

For each point this is a product of channels by tiles and tiles by outputs. Where channels are few a task is
a part of the tiles, of which it transforms and multiplies some at a time, with sums of its own: nothing
leaves the processor's cache. Usually a chunk of the tiles is transformed, and a task is the product of one
point, whose sides then stay in the cache. The sums of parts and of chunks are added in order. Where the sums
of all points are large and tiles few, all tiles are one chunk, and a task is some blocks of outputs, with all
points of a few filters at a time. All of them give the same for any number of threads. With stride two
several points have the same filter: their products are one sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...runtime.ir import Function, Value, i64, ptr, void
from .blocked import GROUP_WORDS, HEADER, LINE, Kernel, Machine, Words, read_planes, write_planes
from .winograd import (
    AHEAD,
    CALL,
    TILING,
    Task,
    clear,
    load_square,
    rows_of_band,
    store_points,
    transform_inputs,
)
from .winograd_tiles import TRANSFORMS, Halved, Kind, Tiles, Transforms, both

WORDS = (
    *("out", "x", "g", *CALL[3:]),
    *TILING,
    *("units", "chunk_units", "chunks", "g_image", "g_plane", "spread_at", "spread_step", "all_tiles"),
    *("sums_at", "sums_step", "input_tasks", "point_tasks", "back_tasks", "output_tasks", "task_blocks"),
    *("piece", "parts", "part_bytes", "part_tasks", "add_tasks", *GROUP_WORDS),
)
CHANNELS_AT_ONCE = 8  # whose sums for several blocks of outputs are in registers, where there are 32 of them
RUN = 256  # tiles that are summed up at a time: what rounding takes grows with them
CHUNK_NUMBER = HEADER - LINE  # the number of the chunk, after those of the tasks


def winograd_weight_ir(vector_bytes: int, kind: Kind, at_once: int) -> str:
    """A kernel for filters of a kind, with the sums of `at_once` blocks of outputs in registers."""
    kernel = Kernel(Machine("float32", vector_bytes), WORDS)
    transforms = TRANSFORMS[kind]
    transform_inputs(kernel, transforms, 0)
    _transform_gradients(kernel, transforms)
    _multiply(kernel, at_once)
    _transform_back(kernel, transforms)
    _inputs(kernel)
    _by_points(kernel, transforms)
    _by_parts(kernel, transforms)
    _back(kernel)
    _by_outputs(kernel, transforms, at_once)
    return _finish(kernel)


def _finish(kernel: Kernel) -> str:
    """Inputs and points chunk by chunk, then the other phases."""
    of_chunks = [number for number, (name, *_) in enumerate(kernel.phases) if name in ("inputs", "point")]

    def run(f: Function) -> None:
        with f.loop(0, kernel.words(f)["chunks"]) as chunk:
            f.store(chunk, kernel.scratch(f), CHUNK_NUMBER)
            for number in of_chunks:
                kernel.run_phase(f, number)
        for number in range(len(kernel.phases)):
            if number not in of_chunks:
                kernel.run_phase(f, number)

    return kernel.finish(run)


def _transform_gradients(kernel: Kernel, transforms: Transforms | Halved) -> None:
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
            AHEAD,
        )


def _multiply(kernel: Kernel, at_once: int) -> None:
    """The product of blocks of channels by blocks of outputs over some tiles of a point: [channel][output].

    It is what `sums` are afterwards if they are `fresh`, else it is added to them.
    """
    m = kernel.machine
    size = m.lanes if at_once == 1 else min(CHANNELS_AT_ONCE, max(m.lanes // 2, 4))
    arguments = {"block": ptr, "tiles": ptr, "spread": ptr, "sums": ptr}
    arguments |= dict.fromkeys(("low", "high", "channels", "outputs", "fresh"), i64)
    with kernel.module.function("multiply", exported=False, inline=False, **arguments) as f:
        step = kernel.words(f)["piece"] * m.bytes
        with f.loop(0, f.channels) as channel, f.loop(0, f.outputs, at_once) as output:
            place = f.sums.offset((channel * f.outputs + output) * (m.lanes * m.bytes))
            lines = [f.spread.offset((output + b) * step) for b in range(at_once)]
            with f.loop(0, m.lanes, size) as k:
                line = f.tiles.offset(channel * step + k * m.size)
                _add_tiles(f, m, line, lines, place.offset(k * m.bytes), size)


def _add_tiles(f: Function, m: Machine, tiles: Value, spread: list[Value], place: Value, size: int) -> None:
    """The tiles of `size` channels times those of some blocks of outputs."""
    sums = [f.variable(m.vector, 0) for _ in range(size * len(spread))]
    places = [(b * m.lanes + k) * m.bytes for k in range(size) for b in range(len(spread))]
    ahead = len(spread) * m.lanes * m.bytes
    for at in places:  # memory brings what the next sums of these channels are added to meanwhile
        f.prefetch(place.offset(at + ahead))
    with f.loop(f.low, f.high) as tile:
        vectors = [m.load(f, line.offset(tile * m.bytes)) for line in spread]
        line = tiles.offset(tile * m.bytes)
        for k in range(size):
            element = m.spread(f, line, k * m.size)
            for b, vector in enumerate(vectors):
                total = sums[k * len(spread) + b]
                total.set(f.fma(element, vector, total.get()))
    with f.when(f.fresh.equals(0)):
        for at, total in zip(places, sums):
            total.set(m.load(f, place, at) + total.get())
    for at, total in zip(places, sums):
        m.store(f, total.get(), place, at)


def _transform_back(kernel: Kernel, transforms: Transforms | Halved) -> None:
    """The sums for one block of channels and one of outputs, as filters."""
    m, taps, size = kernel.machine, transforms.taps, transforms.filter_points
    arguments = {"block": ptr, "sums": ptr, "channel": i64, "output": i64}
    with kernel.module.function("transform_back", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        flat = f.stack((m.lanes * taps * taps + m.lanes) * m.bytes)
        with f.loop(0, m.lanes) as k:
            place, step = f.sums.offset(k * m.bytes), words["sums_step"]
            points = [m.load(f, place.offset(step * point)) for point in range(transforms.filter_square)]
            square = [points[r * size : (r + 1) * size] for r in range(size)]
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


def _chunk(kernel: Kernel, f: Function, words: Words) -> tuple[Value, Value, Value]:
    """The number of the chunk, its first tile, and how many it has."""
    chunk = f.load(i64, kernel.scratch(f), CHUNK_NUMBER)
    first, end = (_first_tile(f, words, (chunk + k) * words["chunk_units"]) for k in (0, 1))
    return chunk, first, end - first


def _first_tile(f: Function, words: Words, unit: Value) -> Value:
    task = Task(f, words, unit)
    rows = task.low * words["tile_rows"] + task.band * words["band_rows"]
    return f.minimum(rows * words["tile_columns"], words["all_tiles"])


def _inputs(kernel: Kernel) -> None:
    """The transforms of a unit of a chunk: of its inputs, or of its gradients."""
    with kernel.phase("inputs", "input_tasks") as (f, words, number, mine):
        chunk, first, _ = _chunk(kernel, f, words)
        unit = chunk * words["chunk_units"] + number // 2
        task, at = Task(f, words, unit), _first_tile(f, words, unit) - first
        rows, scratch = mine.offset(words["rows_at"]), kernel.scratch(f)
        tiles, spread = scratch.offset(words["tiles_at"]), scratch.offset(words["spread_at"])
        step = words["tile_step"]
        with f.when(unit < words["units"]), f.either((number & 1).equals(0)) as (of_inputs, of_gradients):
            with of_inputs:
                f.call("transform_inputs", void, f.block, rows, tiles, step, at, *task.arguments)
            with of_gradients:
                f.call("transform_gradients", void, f.block, rows, spread, at, *task.arguments)


def _by_points(kernel: Kernel, transforms: Transforms | Halved) -> None:
    """A task is a filter of a chunk; those with many points come first."""
    with kernel.phase("point", "point_tasks") as (f, words, task, _):
        chunk, _, count = _chunk(kernel, f, words)
        scratch, zero = kernel.scratch(f), f.constant(i64, 0)
        filter = words["point_tasks"] - 1 - task
        sums = scratch.offset(words["sums_at"] + filter * words["sums_step"])
        sides = scratch.offset(words["tiles_at"]), scratch.offset(words["spread_at"])
        blocks = words["channel_blocks"], words["output_blocks"]
        with _points_of(f, transforms, filter) as (point, number):
            _sum_runs(kernel, f, (point, zero, zero), sides, (sums, count), blocks, chunk + number)


def _by_parts(kernel: Kernel, transforms: Transforms | Halved) -> None:
    """A task is some units with sums of their own; then those of a point are added up."""
    m = kernel.machine
    with kernel.phase("part", "part_tasks") as (f, words, part, mine):
        low, high = (k * words["units"] // words["parts"] for k in (part, part + 1))
        own, zero = (
            kernel.scratch(f).offset(words["sums_at"] + part * words["part_bytes"]),
            f.constant(i64, 0),
        )
        rows, *sides = (mine.offset(words[name]) for name in ("rows_at", "tiles_at", "spread_at"))
        with f.loop(low, high) as unit:
            task = Task(f, words, unit)
            f.call(
                "transform_inputs", void, f.block, rows, sides[0], words["tile_step"], zero, *task.arguments
            )
            f.call("transform_gradients", void, f.block, rows, sides[1], zero, *task.arguments)
            count = (task.high - task.low) * rows_of_band(f, words, task.band) * words["tile_columns"]
            blocks = words["channel_blocks"], words["output_blocks"]
            with f.loop(0, transforms.filter_square) as filter:
                sums = (own.offset(filter * words["sums_step"]), count)
                with _points_of(f, transforms, filter) as (point, k):
                    _sum_runs(kernel, f, (point, zero, zero), sides, sums, blocks, unit - low + k)
    with kernel.phase("add", "add_tasks") as (f, words, point, _):
        first = kernel.scratch(f).offset(words["sums_at"] + point * words["sums_step"])
        with f.loop(0, words["channels"] * words["output_blocks"]) as k:
            place = first.offset(k * m.bytes)
            total = f.variable(m.vector, m.load(f, place))
            with f.loop(1, words["parts"]) as part:
                total.set(total.get() + m.load(f, place.offset(part * words["part_bytes"])))
            m.store(f, total.get(), place)


def _back(kernel: Kernel) -> None:
    """After all chunks or parts a task is a block of channels and one of outputs."""
    m = kernel.machine
    with kernel.phase("back", "back_tasks") as (f, words, number, _):
        blocks = words["output_blocks"]
        sums = kernel.scratch(f).offset(words["sums_at"] + number * (m.lanes * m.bytes))
        f.call("transform_back", void, f.block, sums, number // blocks, number % blocks)


@contextmanager
def _points_of(f: Function, transforms: Tiles, filter: Value) -> Iterator[tuple[Value, Value]]:
    """Each point that has a filter, and 0 for the first of them: what the filter gets is their sum."""
    size, points = transforms.filter_points, transforms.points
    if points == size:
        yield filter, f.constant(i64, 0)
        return
    row, column = filter // size, filter % size
    down, across = (f.select(k.equals(size - 1), f.constant(i64, points), k + 1) for k in (row, column))
    with f.loop(row, down) as r, f.loop(column, across) as c:
        yield r * points + c, r - row + (c - column)


def _sum_runs(
    kernel: Kernel,
    f: Function,
    first: tuple,
    sides: Sequence[Value],
    into: tuple,
    blocks: tuple,
    before: Value,
) -> None:
    """The products at a point of some blocks from the `first` ones on, over so many tiles; the sums are new
    where there is nothing `before`.
    """
    (point, channel, output), (sums, count), words = first, into, kernel.words(f)
    step = words["piece"] * kernel.machine.bytes
    tiles = sides[0].offset(point * words["tile_step"] + channel * step)
    spread = sides[1].offset(point * words["spread_step"] + output * step)
    with f.loop(0, count, RUN) as low:
        fresh = (before + low).equals(0).convert("zext", i64)
        high = f.minimum(low + RUN, count)
        f.call("multiply", void, f.block, tiles, spread, sums, low, high, *blocks, fresh)


def _by_outputs(kernel: Kernel, transforms: Transforms | Halved, at_once: int) -> None:
    """A task is some blocks of outputs, which meet each block of channels while its tiles are near."""
    m = kernel.machine
    with kernel.phase("outputs", "output_tasks") as (f, words, number, mine):
        low = number * words["task_blocks"]
        high = f.minimum(low + words["task_blocks"], words["output_blocks"])
        sums, blocks = mine.offset(words["rows_at"]), (f.constant(i64, 1), f.constant(i64, at_once))
        scratch = kernel.scratch(f)
        sides = scratch.offset(words["tiles_at"]), scratch.offset(words["spread_at"])
        with f.loop(0, words["channel_blocks"]) as channel, f.loop(low, high, at_once) as output:
            with f.loop(0, transforms.filter_square) as filter:
                into = sums.offset(filter * words["sums_step"]), words["all_tiles"]
                with _points_of(f, transforms, filter) as (point, k):
                    _sum_runs(kernel, f, (point, channel, output), sides, into, blocks, k)
            for b in range(at_once):
                place = sums.offset(b * m.lanes * m.bytes)
                f.call("transform_back", void, f.block, place, channel, output + b)
