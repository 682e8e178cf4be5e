"""Plans for what filters get, by Winograd's way."""

from __future__ import annotations

from ..runtime import session
from .convolution_plans import Geometry, Plan, build, plan_of
from .convolution_winograd import Layout, Tiling, kind_of, row_bytes, tiling_of, tiling_words
from .llvm import blocked
from .llvm import winograd_weight as generator
from .llvm.winograd_tiles import TRANSFORMS, Tiles

SKEW = 5  # vectors between the sums of two points, so that they do not meet in the same cache sets
PIECE = 64  # tiles that are transformed at once by a task
LEAST_PIECES = 8
LEAST_PIECE = 24  # tiles, as many as half of it where sums are not in the second-level cache
LEAST_PARTS, MOST_PARTS, PARTS_BYTES = 4, 16, 6 << 20  # with the sums of all parts, as far as more are enough
OWN_BYTES = 640 << 10  # of a task's second-level cache: its transformed tiles and its sums
PIECE_BYTES = 1200 << 10  # transformed tiles of a task, where its sums are in the third-level cache
CHUNK_BYTES = 12 << 20  # transformed tiles of inputs and gradients: those of a point stay in the cache
MANY_SUMS_BYTES = 4 << 20  # with more than that, and few tiles, tasks are blocks of outputs
FEW_TASKS = 8  # then


def weight_plan(geometry: Geometry) -> Plan:
    lane_bytes, kind = session.host().vector_bytes, kind_of(geometry)
    blocks = geometry.outputs * 4 // lane_bytes
    at_once = 1 if blocks % 2 else 2
    shared, mine = Layout(blocked.HEADER), Layout()
    fitting = _tiles_fitting(geometry)
    if fitting:
        w = _by_parts(geometry, min(PIECE, fitting), shared, mine)
    else:
        w = _by_chunks(geometry, at_once, shared, mine)
    address = build(
        f"{kind.taps}s{kind.stride}x{at_once}",
        "winograd_weight",
        (kind, at_once),
        lambda width: generator.winograd_weight_ir(width, kind, at_once),
    )
    tasks = max(w.get("part_tasks", 0), w["input_tasks"], w.get("point_tasks", 0), w["output_blocks"])
    return plan_of(geometry, address, generator.WORDS, w, tasks, shared.end, mine.end)


def _transforms(geometry: Geometry) -> Tiles:
    return TRANSFORMS[kind_of(geometry)]


def _tiles_fitting(geometry: Geometry) -> int:
    """Tiles that a task can transform and multiply in its cache, beside its sums if these are few; or 0."""
    square = _transforms(geometry).square
    of_tile, sums = square * (geometry.channels + geometry.outputs) * 4, _sums_bytes(geometry)
    if OWN_BYTES - sums >= LEAST_PIECE * of_tile:
        return (OWN_BYTES - sums) // of_tile
    fitting = PIECE_BYTES // of_tile
    return fitting if sums <= MANY_SUMS_BYTES and fitting >= LEAST_PIECE // 2 else 0


def _sums_bytes(geometry: Geometry) -> int:
    return _transforms(geometry).filter_square * geometry.channels * geometry.outputs * 4


def _sizes(geometry: Geometry, tiling: Tiling) -> dict[str, int]:
    w = tiling_words(geometry, _transforms(geometry), tiling, session.host().vector_bytes // 4)
    rows, columns = geometry.places
    w |= {"g_plane": rows * columns * 4, "g_image": rows * columns * 4 * geometry.outputs * geometry.groups}
    w["units"] = -(-geometry.images // tiling.group) * tiling.bands
    return w | {"all_tiles": geometry.images * tiling.rows * tiling.columns}


def _steps(w: dict[str, int], piece: int, lane_bytes: int) -> dict[str, int]:
    """How far the tiles of a point are from those of the next."""
    steps = {"tile_step": w["channel_blocks"], "spread_step": w["output_blocks"]}
    return {"piece": piece} | {name: (piece * n + SKEW) * lane_bytes for name, n in steps.items()}


def _rows_bytes(geometry: Geometry, tiling: Tiling, w: dict[str, int], lane_bytes: int) -> int:
    """Memory for what a task reads: inputs, or gradients."""
    line_pixels = tiling.band_rows * tiling.columns * tiling.step**2
    return max(
        row_bytes(_transforms(geometry), tiling, w, lane_bytes), (line_pixels + lane_bytes // 4) * lane_bytes
    )


def _by_parts(geometry: Geometry, most: int, shared: Layout, mine: Layout) -> dict[str, int]:
    lane_bytes, tiling = session.host().vector_bytes, tiling_of(geometry, _transforms(geometry), most)
    square, filters = _transforms(geometry).square, _transforms(geometry).filter_square
    w = _sizes(geometry, tiling)
    w |= _steps(w, tiling.most, lane_bytes)
    mine_at = {name: mine.take(square * w[f"{name}_step"]) for name in ("tile", "spread")}
    w |= {"tiles_at": mine_at["tile"], "spread_at": mine_at["spread"]}
    w["rows_at"] = mine.take(_rows_bytes(geometry, tiling, w, lane_bytes))
    w["sums_step"] = geometry.channels * geometry.outputs * 4 + SKEW * lane_bytes
    parts = min(w["units"], MOST_PARTS, max(LEAST_PARTS, PARTS_BYTES // _sums_bytes(geometry)))
    pairs = w["channel_blocks"] * w["output_blocks"]
    w |= {"parts": parts, "part_bytes": filters * w["sums_step"], "input_tasks": 0, "part_tasks": parts}
    w["sums_at"] = shared.take(parts * w["part_bytes"])
    return w | {"add_tasks": filters if parts > 1 else 0, "back_tasks": pairs}


def _by_chunks(geometry: Geometry, at_once: int, shared: Layout, mine: Layout) -> dict[str, int]:
    lane_bytes, tiling = session.host().vector_bytes, tiling_of(geometry, _transforms(geometry), PIECE)
    square, filters = _transforms(geometry).square, _transforms(geometry).filter_square
    if geometry.images * tiling.rows * tiling.columns < LEAST_PIECES * PIECE:
        tiling = tiling._replace(group=-(-geometry.images // LEAST_PIECES))
    w = _sizes(geometry, tiling)
    sums = _sums_bytes(geometry)
    tiles = square * w["all_tiles"] * (geometry.channels + geometry.outputs) * 4
    by_points = sums <= MANY_SUMS_BYTES or tiles > sums
    chunks = min(w["units"], -(-tiles // max(CHUNK_BYTES, sums))) if by_points else 1
    w["chunk_units"] = -(-w["units"] // chunks)
    w |= {"chunks": -(-w["units"] // w["chunk_units"]), "input_tasks": 2 * w["chunk_units"]}
    w |= _steps(w, min(w["all_tiles"], w["chunk_units"] * tiling.most), lane_bytes)
    w["tiles_at"], w["spread_at"] = (shared.take(square * w[name]) for name in ("tile_step", "spread_step"))
    of_task = _rows_bytes(geometry, tiling, w, lane_bytes)
    if by_points:
        w["sums_step"] = geometry.channels * geometry.outputs * 4 + SKEW * lane_bytes
        w["sums_at"] = shared.take(filters * w["sums_step"])
        w |= {"point_tasks": filters, "back_tasks": w["channel_blocks"] * w["output_blocks"]}
    else:
        blocks = w["output_blocks"]
        w["sums_step"] = at_once * lane_bytes // 4 * lane_bytes + SKEW * lane_bytes
        of_task = max(of_task, filters * w["sums_step"])
        w["task_blocks"] = at_once * max(1, blocks // at_once // FEW_TASKS)
        w["output_tasks"] = -(-blocks // w["task_blocks"])
    w["rows_at"] = mine.take(of_task)
    return w
