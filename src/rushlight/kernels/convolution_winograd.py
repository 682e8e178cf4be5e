"""Plans for convolutions by Winograd's way: where it pays, and how tiles are parted into tasks.

It needs 4 to 6 times fewer multiplications than the direct way, for filters of 3x3 and 5x5 with stride one,
and 1.8 times fewer for those of 3x3 with stride two. It rounds more: errors of about 1e-5 of the largest
value, where the direct way has 1e-6.
`rushlight.backends.winograd.enabled = False` turns it off.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from ..runtime import session, settings
from . import switches
from .convolution_plans import LINE, Geometry, Plan, build, plan_of, up
from .llvm import blocked
from .llvm import winograd as generator
from .llvm.winograd_tiles import TRANSFORMS, Kind, Tiles

CHANNELS = 16  # they must be multiples of it, both of inputs and of outputs
LEAST_GAIN = 1.3  # times fewer multiplications than the direct way
LEAST_SHARED = 32  # channels by outputs, over both: filters of stride two get theirs so from here on
LEAST_TILES, MOST_TILES = 32, 64  # of a task
TILES_BYTES = 640 << 10  # transformed inputs of a task
FEW_TILES = 256  # up to which all are kept for a schedule by blocks of outputs
MANY_FILTERS = 3 << 20  # bytes of transformed filters from which on that pays
OWN_FILTERS_BYTES = 640 << 10  # transformed filters of a task: a part of the channels, where they are many
# tiles whose sums fit the registers, by bytes of a vector and blocks of outputs; the first is taken unless
# much of it stays empty. Two blocks for each element that is read keep up with the multipliers.
TILES_AT_ONCE = {
    (64, 1): (16, 14, 18, 20, 22, 25, 28),
    (64, 2): (14, 13, 12, 11, 10, 8, 9),
    (32, 1): (12, 10, 11, 13),
    (32, 2): (6, 5),
    (16, 1): (16, 14, 18, 20, 22),
    (16, 2): (12, 13, 10, 11, 14),
}
EMPTY = 1.08


class Tiling(NamedTuple):
    """How the tiles of all images are parted."""

    step: int
    rows: int
    columns: int
    group: int
    band_rows: int

    @property
    def bands(self) -> int:
        return -(-self.rows // self.band_rows)

    @property
    def most(self) -> int:
        """Tiles of a task."""
        return self.group * self.band_rows * self.columns


def applies(geometry: Geometry, which: str) -> bool:
    """Does Winograd's way pay for this convolution (or for what its input or its weight gets), and is it
    switched on?
    """
    taps, step = geometry.taps[0], geometry.stride[0]
    if not switches.winograd.enabled or geometry.dtype != "float32" or geometry.taps != (taps, taps):
        return False
    if geometry.stride != (step, step) or Kind(taps, step) not in TRANSFORMS:
        return False
    if step > 1 and which == "input" and geometry.padding != (1, 1):
        return False
    if step > 1 and which == "weight" and not _is_shared(geometry):
        return False
    if geometry.dilation != (1, 1) or max(geometry.padding) >= taps:
        return False
    if geometry.channels % CHANNELS or geometry.outputs % CHANNELS:
        return False
    given = zip(geometry.sizes, geometry.padding, geometry.places)
    if any((n + 2 * p - taps) // step + 1 != m for n, p, m in given):
        return False
    return geometry.multiplications >= LEAST_GAIN * multiplications(geometry)


def _is_shared(geometry: Geometry) -> bool:
    """Is what transforms give, which take their time too, for many products?"""
    shared = geometry.channels * geometry.outputs / (geometry.channels + geometry.outputs)
    return shared >= LEAST_SHARED or settings.kernel_mode == "force"


def multiplications(geometry: Geometry) -> int:
    """How many this way needs."""
    given = TRANSFORMS[kind_of(geometry)]
    tiles = geometry.images * prod(-(-places // given.step) for places in geometry.places)
    return given.square * up(tiles, CHANNELS) * geometry.channels * geometry.outputs


def kind_of(geometry: Geometry) -> Kind:
    return Kind(geometry.taps[0], geometry.stride[0])


def turned(geometry: Geometry) -> Geometry:
    """The convolution that gives the gradient of the input of this one."""
    padding = tuple((k - 1 - p) // s for k, p, s in zip(geometry.taps, geometry.padding, geometry.stride))
    return geometry._replace(
        channels=geometry.outputs,
        outputs=geometry.channels,
        sizes=geometry.places,
        places=geometry.sizes,
        padding=padding,
    )


def forward_plan(geometry: Geometry) -> Plan:
    return _plan(geometry, kind_of(geometry), False)


def input_plan(geometry: Geometry) -> Plan:
    step = geometry.stride[0]
    return _plan(turned(geometry), Kind(geometry.taps[0], step, step > 1), True)


def tiling_of(geometry: Geometry, transforms: Tiles, most: int) -> Tiling:
    """Tasks of about so many tiles."""
    step = transforms.step
    rows, columns = (-(-n // step) for n in geometry.places)
    tiles = rows * columns
    if tiles <= most:
        return Tiling(step, rows, columns, min(geometry.images, max(1, most // tiles)), rows)
    bands = min(rows, max(1, round(tiles / most)))
    return Tiling(step, rows, columns, 1, -(-rows // bands))


def tiling_words(geometry: Geometry, transforms: Tiles, tiling: Tiling, lanes: int) -> dict[str, int]:
    (height, width), (rows, columns) = geometry.sizes, geometry.places
    w = {"images": geometry.images, "channels": geometry.channels}
    w |= {"channel_blocks": geometry.channels // lanes, "output_blocks": geometry.outputs // lanes}
    w |= {"height": height, "width": width, "x_plane": height * width * 4}
    w |= {"x_image": w["x_plane"] * geometry.channels * geometry.groups, "top": geometry.padding[0]}
    w |= {"left": geometry.padding[1], "group": tiling.group, "bands": tiling.bands}
    w |= {"band_rows": tiling.band_rows, "tile_rows": tiling.rows, "tile_columns": tiling.columns}
    w |= {"pitch": seen_by(tiling.columns, transforms), "rows": rows, "columns": columns}
    out_image = rows * columns * 4 * geometry.outputs * geometry.groups
    return w | {"out_plane": rows * columns * 4, "out_image": out_image}


def seen_by(tiles: int, transforms: Tiles) -> int:
    """Inputs that so many tiles see along one dimension."""
    return tiles * transforms.reach + transforms.reads - transforms.reach


class Layout:
    """Places in scratch memory, apart enough to meet in no cache set."""

    def __init__(self, start: int = 0) -> None:
        self.end = start

    def take(self, size: int) -> int:
        place = self.end
        self.end += up(size, 4096) + 4 * LINE
        return place


def row_bytes(transforms: Tiles, tiling: Tiling, w: dict[str, int], lane_bytes: int) -> int:
    """Memory for the inputs of a task, a vector a pixel."""
    return (seen_by(tiling.band_rows, transforms) * w["pitch"] + lane_bytes // 4) * lane_bytes


def tile_of(tiles: int, blocks: int, lane_bytes: int) -> generator.Tile:
    """How many tiles to multiply at once, so that few places of the last such group are empty."""
    blocks = 1 if blocks % 2 else 2
    usual, *others = TILES_AT_ONCE[lane_bytes, blocks]
    if up(tiles, usual) > EMPTY * tiles:
        usual = min((usual, *others), key=lambda n: (up(tiles, n), abs(n - usual)))
    return generator.Tile(usual, blocks)


def _plan(geometry: Geometry, kind: Kind, transposed: bool) -> Plan:
    lane_bytes = session.host().vector_bytes
    lanes, transforms = lane_bytes // 4, TRANSFORMS[kind]
    square, filter_square = transforms.square, transforms.filter_square
    fitting = TILES_BYTES // (square * 4 * geometry.channels)
    least = LEAST_TILES * filter_square // square  # tiles that pay for reading the filters
    tiling = tiling_of(geometry, transforms, max(least, min(MOST_TILES, fitting)))
    tiles = geometry.images * tiling.rows * tiling.columns
    blocks, filters = geometry.outputs // lanes, filter_square * geometry.channels * geometry.outputs * 4
    by_outputs = tiles <= FEW_TILES and filters >= MANY_FILTERS
    if by_outputs:
        tiling = tiling._replace(band_rows=tiling.rows, group=max(1, -(-geometry.images // 8)))
    w = tiling_words(geometry, transforms, tiling, lanes)
    held = tiles if by_outputs else tiling.most
    tile = tile_of(held, blocks, lane_bytes)
    w["tile_step"] = (up(held, tile.tiles) * w["channel_blocks"] + 5) * lane_bytes
    shared, mine = Layout(blocked.HEADER), Layout()
    w["rows_at"] = mine.take(row_bytes(transforms, tiling, w, lane_bytes))
    w["products_bytes"] = up(held, tile.tiles) * transforms.spaced * lane_bytes
    w["products_at"] = mine.take(tile.blocks * w["products_bytes"])
    line_pixels = tiling.band_rows * tiling.columns * tiling.step**2
    w["lines_at"] = mine.take((line_pixels + lanes) * lane_bytes)
    tasks = -(-geometry.images // tiling.group) * tiling.bands
    w["channel_part"] = (
        channel_part(w["channel_blocks"], filter_square * tile.blocks, lane_bytes)
        if by_outputs
        else w["channel_blocks"]
    )
    w["filter_step"] = (w["channel_part"] * lanes * tile.blocks + 5) * lane_bytes
    w["filters_bytes"] = filter_square * w["filter_step"]
    if by_outputs:
        w["shared_tiles"] = shared.take(square * w["tile_step"])
        w["own_filters_at"] = mine.take(w["filters_bytes"])
        w |= {"shared_tasks": tasks, "output_tasks": blocks // tile.blocks, "all_tiles": tiles}
    else:
        w["filters_at"] = shared.take(blocks // tile.blocks * w["filters_bytes"])
        w["tiles_at"] = mine.take(square * w["tile_step"])
        w |= {"weight_tasks": blocks, "tasks": tasks}
    w |= _packing(geometry, transposed, lanes)
    return plan_of(
        geometry,
        _address(kind, tile),
        generator.WORDS,
        w,
        max(tasks, blocks),
        shared.end,
        mine.end,
    )


def channel_part(channel_blocks: int, vectors: int, lane_bytes: int) -> int:
    """Blocks of channels whose filters stay in the cache, in parts of about one size."""
    of_one = vectors * lane_bytes * lane_bytes // 4
    parts = -(-channel_blocks // max(1, OWN_FILTERS_BYTES // of_one))
    return -(-channel_blocks // parts)


def _address(kind: Kind, tile: generator.Tile) -> int:
    back = "back_" * kind.transposed
    return build(
        f"{back}{kind.taps}s{kind.stride}x{tile.tiles}x{tile.blocks}",
        "winograd",
        (kind, tile),
        lambda width: generator.winograd_ir(width, kind, tile),
    )


def _packing(geometry: Geometry, transposed: bool, lanes: int) -> dict[str, int]:
    """How the filters lie: (outputs, channels, taps), or the other way round and turned."""
    taps = geometry.taps[0] * geometry.taps[1]
    square, lane_bytes = taps * 4, lanes * 4
    if transposed:
        line = geometry.outputs * square
        steps = {"pack_times": lanes, "pack_step": line, "pack_count": taps, "lane_step": square}
        steps |= {"block_step": lanes * square, "channel_step": lanes * line}
        return steps | {"first_tap": (taps - 1) * lane_bytes, "tap_step": -lane_bytes}
    line = geometry.channels * square
    steps = {"pack_times": 1, "pack_step": 0, "pack_count": lanes * taps, "lane_step": line}
    steps |= {"block_step": lanes * line, "channel_step": lanes * square}
    return steps | {"first_tap": 0, "tap_step": lane_bytes}
