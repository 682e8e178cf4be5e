"""Winograd convolution: inputs and filters transformed, multiplied point by point, and back.

For each point of a tile, tiles by channels times channels by outputs is one matrix product. Two
schedules: a task is some tiles, with all transformed filters shared ("tiles"), or, for few tiles and many
channels, it is one block of outputs with all transformed tiles shared ("outputs"). The gradient of the input
is the same convolution with turned filters.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value, i64, ptr, void
from .blocked import EPILOGUE, GROUP_WORDS, Kernel, Machine, Words, finish, read_planes, write_planes
from .winograd_tiles import TRANSFORMS, Kind, Tiles, both

UNROLL = 4
AHEAD = 512  # bytes of a plane that memory brings before they are read: planes lie apart, rows are short
CALL = ("out", "x", "weight", "bias", "scratch", "threads", "shared_bytes", "slot_bytes")
TILING = (
    *("images", "channels", "channel_blocks", "output_blocks", "height", "width", "x_image", "x_plane"),
    *("top", "left", "tasks", "group", "bands", "band_rows", "tile_rows", "tile_columns", "pitch"),
    *("rows", "columns", "out_image", "out_plane", "line_pixels", "rows_at", "tiles_at", "tile_step"),
)
WORDS = (
    *CALL,
    *TILING,
    *("filters_at", "filters_bytes", "products_at", "lines_at", "shared_tiles", "shared_tasks"),
    *("pack_times", "pack_step", "pack_count", "lane_step", "block_step", "channel_step", "filter_step"),
    *("first_tap", "tap_step", "own_filters_at", "weight_tasks", "output_tasks", "all_tiles"),
    *("channel_part", "products_bytes", *GROUP_WORDS, *EPILOGUE),
)


class Tile(NamedTuple):
    """What stays in registers: the sums of some tiles for some blocks of outputs."""

    tiles: int
    blocks: int


def winograd_ir(vector_bytes: int, kind: Kind, tile: Tile) -> str:
    """A kernel for convolutions of a kind."""
    kernel = Kernel(Machine("float32", vector_bytes), WORDS)
    transforms = TRANSFORMS[kind]
    transform_inputs(kernel, transforms, tile.tiles)
    _transform_filters(kernel, transforms, tile.blocks)
    _multiply(kernel, transforms, tile)
    _transform_outputs(kernel, transforms)
    _tasks_of_tiles(kernel, tile)
    _tasks_of_outputs(kernel, tile)
    return kernel.finish()


class Task:
    """Some images, or a band of tile rows of one."""

    def __init__(self, f: Function, words: Words, task: Value) -> None:
        self.band = task % words["bands"]
        self.low = task // words["bands"] * words["group"]
        self.high = f.minimum(self.low + words["group"], words["images"])

    @property
    def arguments(self) -> tuple[Value, Value, Value]:
        return self.low, self.high, self.band


def rows_of_band(f: Function, words: Words, band: Value) -> Value:
    """Tile rows of a band; the last may have fewer."""
    return f.minimum(words["band_rows"], words["tile_rows"] - band * words["band_rows"])


def read_rows(
    f: Function, m: Machine, words: Words, source: Value, target: Value, first: Value, rows: Value
) -> None:
    """Rows of a block of channels as vectors, one a pixel; what is outside of the planes stays as it is."""
    low = f.maximum(0 - first, 0)
    high = f.minimum(rows, words["height"] - first)
    count = f.minimum(words["width"], words["pitch"] - words["left"])  # a filter's steps may leave some out
    with f.loop(low, high) as r:
        place = source.offset((first + r) * words["width"] * m.size)
        into = target.offset((r * words["pitch"] + words["left"]) * m.bytes)
        read_planes(
            f,
            m,
            place,
            words["x_plane"],
            count,
            None,
            lambda at, vector: m.store(f, vector, into.offset(at * m.bytes)),
            AHEAD,
        )


def clear(f: Function, m: Machine, place: Value, vectors: Value) -> None:
    with f.loop(0, vectors) as k:
        m.store(f, m.zero(f), place.offset(k * m.bytes))


def load_square(f: Function, m: Machine, place: Value, size: int, pitch: Value) -> list[list[Value]]:
    rows = [place.offset(pitch * (r * m.bytes)) for r in range(size)]
    return [[m.load(f, row, c * m.bytes) for c in range(size)] for row in rows]


def store_points(f: Function, m: Machine, points: list[list[Value]], place: Value, step: Value) -> None:
    for value in (value for row in points for value in row):
        m.store(f, value, place)
        place = place.offset(step)


def transform_inputs(kernel: Kernel, transforms: Tiles, at_once: int) -> None:
    """Tiles of some images into `tiles`, from number `first` on: [point][tiles / at_once][block][tile].

    With `at_once` 0 the `piece` tiles of a block are together: [point][block][tile].
    """
    m = kernel.machine
    arguments = {"block": ptr, "rows": ptr, "tiles": ptr, "step": i64}
    arguments |= {"first": i64, "low": i64, "high": i64, "band": i64}
    with kernel.module.function("transform_inputs", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        size = rows_of_band(f, words, f.band)
        seen = size * transforms.reach + (transforms.reads - transforms.reach)
        clear(f, m, f.rows, seen * words["pitch"] + m.lanes)
        top = f.band * words["band_rows"] * transforms.reach - words["top"]
        with f.loop(f.low, f.high) as n, f.loop(0, words["channel_blocks"]) as c:
            source = words.pointer("x").offset(n * words["x_image"] + c * words["x_plane"] * m.lanes)
            read_rows(f, m, words, source, f.rows, top, seen)
            first = f.first + (n - f.low) * size * words["tile_columns"]
            with f.loop(0, size) as row, f.loop(0, words["tile_columns"]) as column:
                place = f.rows.offset((row * words["pitch"] + column) * (transforms.reach * m.bytes))
                square = load_square(f, m, place, transforms.reads, words["pitch"])
                number = first + row * words["tile_columns"] + column
                at = _place_of_tile(words, number, c, at_once)
                into = f.tiles.offset(at * m.bytes)
                store_points(f, m, both(f, transforms.inputs, square), into, f.step)


def _place_of_tile(words: Words, number: Value, block: Value, at_once: int) -> Value:
    if not at_once:
        return block * words["piece"] + number
    return (number // at_once * words["channel_blocks"] + block) * at_once + number % at_once


def _transform_filters(kernel: Kernel, transforms: Tiles, blocks: int) -> None:
    """Filters of one block of outputs, for channels of the blocks `low` to `high`: [point][channel][block].

    Points are `filter_step` apart: a size that is no power of two, so that they meet in no cache set.
    """
    m, taps = kernel.machine, transforms.taps
    arguments = {"block": ptr, "filters": ptr, "number": i64, "low": i64, "high": i64}
    with kernel.module.function("transform_filters", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        packed = f.stack((m.lanes * taps * taps + m.lanes) * m.bytes)
        with f.loop(f.low, f.high) as c:
            start = words.pointer("weight").offset(f.number * words["block_step"] + c * words["channel_step"])
            _pack_filters(f, m, words, start, packed, taps * taps)
            with f.loop(0, m.lanes) as k:
                place = packed.offset(k * (taps * taps * m.bytes) + words["first_tap"])
                step = words["tap_step"]
                flat = [m.load(f, place.offset(step * tap)) for tap in range(taps * taps)]
                square = [flat[r * taps : (r + 1) * taps] for r in range(taps)]
                into = f.filters.offset(((c - f.low) * m.lanes + k) * (blocks * m.bytes))
                store_points(f, m, both(f, transforms.filters, square), into, words["filter_step"])


def _pack_filters(f: Function, m: Machine, words: Words, start: Value, packed: Value, taps: int) -> None:
    """The filters of a block of channels and one of outputs as [channel][tap], with outputs in the lanes.

    They lie far apart: memory is asked for those of the next block.
    """
    with f.loop(0, words["pack_times"]) as k:
        into = packed.offset(k * (taps * m.bytes))
        read_planes(
            f,
            m,
            start.offset(k * words["pack_step"]),
            words["lane_step"],
            words["pack_count"],
            None,
            lambda at, vector: m.store(f, vector, into.offset(at * m.bytes)),
            words["channel_step"],
        )


def _multiply(kernel: Kernel, transforms: Tiles, tile: Tile) -> None:
    """Products of all tiles with some blocks of outputs, [block][tile][point], summed over some channels.

    `low` and `high` are blocks of channels; those after the first add to the products of the ones before.
    """
    m = kernel.machine
    arguments = {"block": ptr, "tiles": ptr, "step": i64, "filters": ptr, "products": ptr, "count": i64}
    arguments |= {"low": i64, "high": i64}
    with kernel.module.function("multiply", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        with f.loop(0, transforms.square) as point, f.loop(0, f.count) as group:
            filters = f.filters.offset(_number_of_filter(f, transforms, point) * words["filter_step"])
            first = (group * words["channel_blocks"] + f.low) * (tile.tiles * m.bytes)
            into = f.products.offset((group * (tile.tiles * transforms.spaced) + point) * m.bytes)
            lines = [into.offset(words["products_bytes"] * b) for b in range(tile.blocks)]
            places = [(line, t * transforms.spaced * m.bytes) for t in range(tile.tiles) for line in lines]
            sums = [f.variable(m.vector, 0) for _ in places]
            with f.when(f.low > 0):
                for (line, at), total in zip(places, sums):
                    total.set(m.load(f, line, at))
            next_group = words["channel_blocks"] * (tile.tiles * m.bytes)
            _add_channels(f, m, tile, f.tiles.offset(point * f.step + first), filters, sums, next_group)
            for (line, at), total in zip(places, sums):
                m.store(f, total.get(), line, at)


def _number_of_filter(f: Function, transforms: Tiles, point: Value) -> Value:
    """Which filter a point has."""
    if transforms.points == transforms.filter_points:
        return point
    row, column = (
        f.minimum(k, transforms.filter_points - 1)
        for k in (point // transforms.points, point % transforms.points)
    )
    return row * transforms.filter_points + column


def _add_channels(
    f: Function, m: Machine, tile: Tile, tiles: Value, filters: Value, sums: list, ahead: Value
) -> None:
    """The channels of some tiles; memory is asked for those that are `ahead`, which many of them push out."""
    with f.loop(0, f.high - f.low) as block:
        start = tiles.offset(block * (tile.tiles * m.bytes))
        for number in range(tile.tiles):
            f.prefetch(start.offset(ahead + number * m.bytes))
        with f.loop(0, m.lanes, UNROLL) as k:
            place = start.offset(k * m.size)
            filter = filters.offset((block * m.lanes + k) * (tile.blocks * m.bytes))
            for step in range(UNROLL):
                vectors = [m.load(f, filter, (step * tile.blocks + b) * m.bytes) for b in range(tile.blocks)]
                for number in range(tile.tiles):
                    element = m.spread(f, place, number * m.bytes + step * m.size)
                    for b, vector in enumerate(vectors):
                        total = sums[number * tile.blocks + b]
                        total.set(f.fma(element, vector, total.get()))


def _transform_outputs(kernel: Kernel, transforms: Tiles) -> None:
    """Products to planes, for one block of outputs of some images."""
    m, step, points = kernel.machine, transforms.step, transforms.points
    arguments = {"block": ptr, "products": ptr, "pixels": ptr, "number": i64}
    arguments |= {"low": i64, "high": i64, "band": i64}
    with kernel.module.function("transform_outputs", exported=False, inline=False, **arguments) as f:
        words = kernel.words(f)
        size, across = rows_of_band(f, words, f.band), words["tile_columns"]
        bias = f.variable(m.vector, 0)
        with f.when(words["bias"].differs(0)):
            bias.set(m.load(f, words.pointer("bias").offset(f.number * m.bytes)))
        pitch = across * step
        with f.loop(f.low, f.high) as n:
            first = (n - f.low) * size * across
            with f.loop(0, size) as row, f.loop(0, across) as column:
                place = f.products.offset((first + row * across + column) * (transforms.spaced * m.bytes))
                flat = [m.load(f, place, k * m.bytes) for k in range(transforms.square)]
                square = [flat[r * points : (r + 1) * points] for r in range(points)]
                line = f.pixels.offset((row * pitch + column) * (step * m.bytes))
                for values in both(f, transforms.outputs, square):
                    for k, value in enumerate(values):
                        m.store(f, value + bias.get(), line, k * m.bytes)
                    line = line.offset(pitch * m.bytes)
            first = f.number * m.lanes
            finish(f, m, words, f.pixels, size * pitch * step, first, f.constant(i64, m.lanes))
            _write_lines(f, m, words, n, step, pitch)


def _write_lines(f: Function, m: Machine, words: Words, n: Value, step: int, pitch: Value) -> None:
    """The rows of a band into the planes; at once, where no tile is cut off at the right."""
    top = f.band * words["band_rows"] * step
    rows = f.minimum(words["band_rows"] * step, words["rows"] - top)
    columns = words["columns"]
    whole = pitch.equals(columns)
    place = words.pointer("out").offset(n * words["out_image"] + f.number * words["out_plane"] * m.lanes)
    place = place.offset(top * columns * m.size)
    length = f.select(whole, rows * columns, columns)
    with f.loop(0, f.select(whole, f.constant(i64, 1), rows)) as r:
        line = f.pixels.offset(r * pitch * m.bytes)
        write_planes(
            f,
            m,
            lambda at: m.load(f, line.offset(at * m.bytes)),
            place.offset(r * columns * m.size),
            words["out_plane"],
            length,
            None,
        )


def _tasks_of_tiles(kernel: Kernel, tile: Tile) -> None:
    m = kernel.machine
    with kernel.phase("filters", "weight_tasks") as (f, words, block, _):
        group, one = block // tile.blocks, block % tile.blocks
        filters = kernel.scratch(f).offset(words["filters_at"] + group * words["filters_bytes"])
        all_of_them = f.constant(i64, 0), words["channel_blocks"]
        f.call("transform_filters", void, f.block, filters.offset(one * m.bytes), block, *all_of_them)
    with kernel.phase("tiles", "tasks") as (f, words, number, mine):
        task = Task(f, words, number)
        tiles, step = mine.offset(words["tiles_at"]), words["tile_step"]
        rows, products = mine.offset(words["rows_at"]), mine.offset(words["products_at"])
        zero = f.constant(i64, 0)
        f.call("transform_inputs", void, f.block, rows, tiles, step, zero, *task.arguments)
        count = (task.high - task.low) * rows_of_band(f, words, task.band) * words["tile_columns"]
        count = (count + (tile.tiles - 1)) // tile.tiles
        all_of_them = zero, words["channel_blocks"]
        with f.loop(0, words["output_blocks"], tile.blocks) as block:
            group = block // tile.blocks
            filters = kernel.scratch(f).offset(words["filters_at"] + group * words["filters_bytes"])
            f.call("multiply", void, f.block, tiles, step, filters, products, count, *all_of_them)
            _write_products(f, tile, mine, block, *task.arguments)


def _write_products(f: Function, tile: Tile, mine: Value, block: Value, *task: Value) -> None:
    words = Words(f, WORDS)
    lines = mine.offset(words["lines_at"])
    for b in range(tile.blocks):
        products = mine.offset(words["products_at"] + words["products_bytes"] * b)
        f.call("transform_outputs", void, f.block, products, lines, block + b, *task)


def _tasks_of_outputs(kernel: Kernel, tile: Tile) -> None:
    m = kernel.machine
    with kernel.phase("inputs", "shared_tasks") as (f, words, number, mine):
        task = Task(f, words, number)
        tiles, rows = kernel.scratch(f).offset(words["shared_tiles"]), mine.offset(words["rows_at"])
        first = task.low * words["tile_rows"] * words["tile_columns"]
        f.call("transform_inputs", void, f.block, rows, tiles, words["tile_step"], first, *task.arguments)
    with kernel.phase("outputs", "output_tasks") as (f, words, number, mine):
        block, zero = number * tile.blocks, f.constant(i64, 0)
        filters, products = mine.offset(words["own_filters_at"]), mine.offset(words["products_at"])
        tiles = kernel.scratch(f).offset(words["shared_tiles"])
        count = (words["all_tiles"] + (tile.tiles - 1)) // tile.tiles
        with f.loop(0, words["channel_blocks"], words["channel_part"]) as low:
            high = f.minimum(low + words["channel_part"], words["channel_blocks"])
            for b in range(tile.blocks):
                f.call("transform_filters", void, f.block, filters.offset(b * m.bytes), block + b, low, high)
            step = words["tile_step"]
            f.call("multiply", void, f.block, tiles, step, filters, products, count, low, high)
        _write_products(f, tile, mine, block, zero, words["images"], zero)
