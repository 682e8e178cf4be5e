"""Plans for what filters get, by Winograd's way."""

from __future__ import annotations

from ..runtime import session
from .convolution_plans import Geometry, Plan, build, plan_of
from .convolution_winograd import SQUARE, Layout, row_bytes, tiling_of, tiling_words
from .llvm import blocked
from .llvm import winograd_weight as generator

SKEW = 5  # vectors between the sums of two points, so that they do not meet in the same cache sets
PIECE = 64  # tiles that are transformed at once by a task
MOST_PARTS = 16
LEAST_PARTS = 4  # with fewer, tasks are blocks of outputs
PART_SUMS_BYTES = 10 << 20
EXTRA = ("winograd", "winograd_tiles")


def weight_plan(geometry: Geometry) -> Plan:
    lane_bytes = session.host().vector_bytes
    lanes = lane_bytes // 4
    blocks = geometry.outputs // lanes
    at_once = 1 if blocks % 2 else 2
    sums_step = geometry.channels * geometry.outputs * 4 + SKEW * lane_bytes
    sums = SQUARE * sums_step
    tiling = tiling_of(geometry, PIECE)
    units = -(-geometry.images // tiling.group) * tiling.bands
    parts = min(MOST_PARTS, PART_SUMS_BYTES // sums, units)
    by_parts = parts >= LEAST_PARTS
    if not by_parts:
        group = max(1, -(-geometry.images // MOST_PARTS))
        tiling = tiling._replace(group=group, band_rows=tiling.rows)
    w = tiling_words(geometry, tiling, lanes)
    rows, columns = geometry.places
    w |= {"g_plane": rows * columns * 4, "g_image": rows * columns * 4 * geometry.outputs * geometry.groups}
    w["piece"] = tiling.most if by_parts else geometry.images * tiling.rows * tiling.columns
    w["tile_step"] = (w["piece"] * w["channel_blocks"] + 5) * lane_bytes
    w["spread_step"] = (w["piece"] * w["output_blocks"] + 5) * lane_bytes
    pairs = w["channel_blocks"] * w["output_blocks"]
    shared, mine = Layout(blocked.HEADER), Layout()
    line_pixels = tiling.band_rows * tiling.columns * tiling.step**2
    w["rows_at"] = mine.take(max(row_bytes(tiling, w, lane_bytes), (line_pixels + lanes) * lane_bytes))
    if by_parts:
        w |= {"parts": parts, "units": units, "part_tasks": parts, "add_tasks": pairs, "part_bytes": sums}
        shared.end = blocked.HEADER + parts * sums
        w["tiles_at"] = mine.take(SQUARE * w["tile_step"])
        w["spread_at"] = mine.take(SQUARE * w["spread_step"])
    else:
        groups = -(-geometry.images // tiling.group)
        w |= {"parts": 1, "input_tasks": 2 * groups, "output_tasks": blocks // at_once}
        w["shared_tiles"] = shared.take(SQUARE * w["tile_step"])
        w["shared_spread"] = shared.take(SQUARE * w["spread_step"])
        sums_step = (at_once * lanes + SKEW) * lane_bytes
        w["sums_at"] = mine.take(SQUARE * sums_step)
    w["sums_step"], taps = sums_step, geometry.taps[0]
    address = build(
        f"{taps}x{at_once}",
        "winograd_weight",
        (taps, at_once),
        lambda width: generator.winograd_weight_ir(width, taps, at_once),
        EXTRA,
    )
    tasks = max(parts, w["output_blocks"])
    return plan_of(geometry, address, generator.WORDS, w, tasks, shared.end, mine.end)
