"""Plans for what filters get, by Winograd's way."""

from __future__ import annotations

from ..runtime import session
from .convolution_plans import Geometry, Plan, build, plan_of
from .convolution_winograd import SQUARE, Layout, row_bytes, tiling_of, tiling_words
from .llvm import blocked
from .llvm import winograd_weight as generator

SKEW = 5  # vectors between the sums of two points, so that they do not meet in the same cache sets
PIECE = 64  # tiles that are transformed at once by a task
LEAST_PIECES = 8
CHUNK_BYTES = 12 << 20  # transformed tiles of inputs and gradients: a 36th of it stays in the cache
MANY_SUMS_BYTES = 4 << 20  # with more than that, and few tiles, tasks are blocks of outputs
FEW_TASKS = 8  # then
EXTRA = ("winograd", "winograd_tiles")


def weight_plan(geometry: Geometry) -> Plan:
    lane_bytes = session.host().vector_bytes
    lanes = lane_bytes // 4
    blocks = geometry.outputs // lanes
    at_once = 1 if blocks % 2 else 2
    tiling = tiling_of(geometry, PIECE)
    if geometry.images * tiling.rows * tiling.columns < LEAST_PIECES * PIECE:
        tiling = tiling._replace(group=-(-geometry.images // LEAST_PIECES))
    w = tiling_words(geometry, tiling, lanes)
    rows, columns = geometry.places
    w |= {"g_plane": rows * columns * 4, "g_image": rows * columns * 4 * geometry.outputs * geometry.groups}
    w["units"] = -(-geometry.images // tiling.group) * tiling.bands
    w["all_tiles"] = geometry.images * tiling.rows * tiling.columns
    sums = SQUARE * geometry.channels * geometry.outputs * 4
    tiles = SQUARE * w["all_tiles"] * (geometry.channels + geometry.outputs) * 4
    by_points = sums <= MANY_SUMS_BYTES or tiles > sums
    chunks = min(w["units"], -(-tiles // max(CHUNK_BYTES, sums))) if by_points else 1
    w["chunk_units"] = -(-w["units"] // chunks)
    w |= {"chunks": -(-w["units"] // w["chunk_units"]), "input_tasks": 2 * w["chunk_units"]}
    w["piece"] = min(w["all_tiles"], w["chunk_units"] * tiling.most)
    w["tile_step"] = (w["piece"] * w["channel_blocks"] + SKEW) * lane_bytes
    w["spread_step"] = (w["piece"] * w["output_blocks"] + SKEW) * lane_bytes
    shared, mine = Layout(blocked.HEADER), Layout()
    w["tiles_at"], w["spread_at"] = (shared.take(SQUARE * w[name]) for name in ("tile_step", "spread_step"))
    line_pixels = tiling.band_rows * tiling.columns * tiling.step**2
    of_task = max(row_bytes(tiling, w, lane_bytes), (line_pixels + lanes) * lane_bytes)
    if by_points:
        w["sums_step"] = geometry.channels * geometry.outputs * 4 + SKEW * lane_bytes
        w["sums_at"] = shared.take(SQUARE * w["sums_step"])
        w |= {"point_tasks": SQUARE, "back_tasks": w["channel_blocks"] * w["output_blocks"]}
    else:
        w["sums_step"] = (at_once * lanes + SKEW) * lane_bytes
        of_task = max(of_task, SQUARE * w["sums_step"])
        w["task_blocks"] = at_once * max(1, blocks // at_once // FEW_TASKS)
        w["output_tasks"] = -(-blocks // w["task_blocks"])
    w["rows_at"], taps = mine.take(of_task), geometry.taps[0]
    address = build(
        f"{taps}x{at_once}",
        "winograd_weight",
        (taps, at_once),
        lambda width: generator.winograd_weight_ir(width, taps, at_once),
        EXTRA,
    )
    tasks = max(w["input_tasks"], w.get("point_tasks", 0), w["output_blocks"])
    return plan_of(geometry, address, generator.WORDS, w, tasks, shared.end, mine.end)
