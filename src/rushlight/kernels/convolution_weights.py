"""Plans for what the weights of a convolution get, by the direct way."""

from __future__ import annotations

from ..runtime import session
from .convolution_plans import COPY_BYTES, LINE, SUMS, Geometry, Padded, Plan, build, plan_of, up
from .llvm import blocked, direct_weight

PART_TASKS = 16  # parts by blocks of outputs, so that threads end together
SUMS_BYTES = 16 << 20  # memory of all parts' sums
OUTPUT_BYTES = 192 << 10  # gradients of a block of outputs that a piece holds
MOST_IMAGES = 16  # in a piece
SAME_SETS, WAYS = 4096, 8  # lines so far apart share the sets of a first-level cache, which hold so many
COPYING = 3  # times the cost of reading
LATENCY = 4  # cycles until a sum can be added to again
LEAST_FOLDED = 4  # taps in a row of them
FEW = 10  # channels by columns of taps up to which all rows of taps fit the registers


def weight_plan(geometry: Geometry) -> Plan | Padded | None:
    """A plan that adds up over the pixels; None where the generator has none."""
    if geometry.taps == (1, 1) and geometry.stride == (1, 1) and geometry.padding == (0, 0):
        line = (1, geometry.sizes[0] * geometry.sizes[1])
        geometry = geometry._replace(sizes=line, places=line)
    across, host = geometry.taps[1], session.host()
    blocks = -(-geometry.outputs * geometry.item // host.vector_bytes)
    held = 2 if blocks > 1 and across <= SUMS[host.level] // 2 - 1 else 1
    most = SUMS[host.level] // held - 2 // held
    if across > most:
        return _folded_plan(geometry, most)
    return _plan(geometry, held, most)


def _plan(geometry: Geometry, held: int, most: int, fold: bool = False) -> Plan:
    down, across = geometry.taps
    rows = down if geometry.channels * across <= FEW and down * across <= most else 1
    if not any(geometry.padding) and geometry.sizes[0] * geometry.sizes[1] * geometry.item % SAME_SETS == 0:
        most = min(most, WAYS * across * rows)
    channels = channels_at_once(geometry.channels, most // (rows * across), held * rows * across)
    baked = geometry.stride[1], geometry.dilation[1], held, geometry.pairs
    shape = direct_weight.Shape(channels, rows, across, *baked)
    dtype = geometry.dtype
    address = build(
        f"{channels}x{rows}x{across}x{held}{'_pairs' * geometry.pairs}",
        "direct_weight",
        (dtype, shape),
        lambda width: direct_weight.weight_ir(dtype, width, shape),
    )
    return _words(geometry, held, address, fold)


def _folded_plan(geometry: Geometry, most: int) -> Padded | None:
    """A plan for sequences whose taps, too many for registers, are rows of fewer; None for others."""
    taps, padding = geometry.taps[1], geometry.padding[1]
    across = max(n for n in range(1, most + 1) if taps % n == 0)
    if geometry.taps[0] > 1 or geometry.sizes[0] > 1 or across < LEAST_FOLDED or geometry.groups > 1:
        return None
    wide = geometry._replace(sizes=(1, geometry.sizes[1] + 2 * padding), padding=(0, 0))
    return Padded(_plan(wide._replace(taps=(taps // across, across)), 1, most, True), padding)


def channels_at_once(channels: int, most: int, sums: int) -> int:
    """How many channels, with so many sums each, to take at once; what is left over comes one by one."""

    def cycles(at_once: int) -> float:
        return max(at_once * sums / 2, LATENCY) + 0.5

    return min(range(1, most + 1), key=lambda n: (channels // n * cycles(n) + channels % n * cycles(1), -n))


def _parts(geometry: Geometry, w: dict[str, int], held: int) -> int:
    """Parts of the pixels: each has sums of its own, but those who share one read the inputs again.

    What is moved in memory is to be little: sums are cleared, written and added, inputs are read or copied.
    """
    inputs = geometry.images * w["x_plane"] * geometry.channels * (COPYING if w["copied"] else 1)

    def moved(parts: int) -> int:
        return parts * w["part_bytes"] * 3 + -(-PART_TASKS // parts) * inputs

    enough = max(1, PART_TASKS * held // w["blocks"])  # parts that leave no thread without work
    most = max(1, min(PART_TASKS, SUMS_BYTES // w["part_bytes"]))
    return min(
        (1 << k for k in range(most.bit_length()) if 1 << k >= min(enough, most)), key=moved, default=most
    )


def _words(geometry: Geometry, held: int, address: int, fold: bool = False) -> Plan:
    (height, width), (rows, columns), item = geometry.sizes, geometry.places, geometry.item
    (top, left), taps = geometry.padding, geometry.taps[0] * geometry.taps[1]
    lane_bytes = session.host().vector_bytes
    lanes = lane_bytes // item
    blocks = up(-(-geometry.outputs // lanes), held)
    w = {"images": geometry.images, "channels": geometry.channels, "outputs": geometry.outputs}
    w |= {"blocks": blocks, "height": height, "width": width, "x_plane": height * width * item}
    w |= {"x_image": w["x_plane"] * geometry.channels * geometry.groups, "g_plane": rows * columns * item}
    w |= {"g_image": w["g_plane"] * geometry.outputs * geometry.groups, "rows": rows, "columns": columns}
    end = (columns - 1) * geometry.stride[1] + (geometry.taps[1] - 1) * geometry.dilation[1] + 1
    copied = bool(top or left)
    w |= {"copied": int(copied), "left": left, "top": top, "taps": taps, "taps_down": geometry.taps[0]}
    w |= {"pitch": (end if copied else width) * item, "row_step": geometry.stride[0]}
    w["tap_step"] = geometry.dilation[0]
    if fold:  # the pixels that a row of taps sees are a row
        w |= {"height": taps // geometry.taps[1], "tap_step": 1}
        w["pitch"] = geometry.taps[1] * geometry.dilation[1] * item
    w["block_bytes"] = geometry.channels * taps * lane_bytes + lanes * lane_bytes
    w["part_bytes"] = up(blocks * w["block_bytes"], LINE)
    w["parts"] = _parts(geometry, w, held)
    w |= _pieces(geometry, w, lane_bytes * held)
    w["parts"] = min(w["parts"], w["units"])
    w["held_blocks"] = up(-(-blocks * w["parts"] // PART_TASKS), held)
    w["block_tasks"] = -(-blocks // w["held_blocks"])
    w["tasks"] = w["parts"] * w["block_tasks"]
    w["outputs_bytes"] = up((w["group"] * w["image_pixels"] + lanes) * lane_bytes, LINE)
    w["copy_at"] = held * w["outputs_bytes"]
    slot = w["copy_at"] + (up(w["group"] * w["image_bytes"] + lane_bytes, LINE) if copied else 0)
    shared = up(w["parts"] * w["part_bytes"] + blocked.HEADER, LINE)
    return plan_of(geometry, address, direct_weight.WORDS, w, w["tasks"], shared, slot)


def _pieces(geometry: Geometry, w: dict[str, int], lane_bytes: int) -> dict[str, int]:
    """Pieces of the pixels whose inputs and outputs stay in the cache: rows of an image, or whole images."""
    rows, columns = geometry.places
    row_bytes = geometry.channels * w["pitch"] * geometry.stride[0]
    fitting = min(OUTPUT_BYTES // (columns * lane_bytes), COPY_BYTES // row_bytes)
    pieces = -(-rows // max(1, min(rows, fitting)))
    piece_rows = -(-rows // pieces)
    pieces = -(-rows // piece_rows)
    seen = (piece_rows - 1) * geometry.stride[0] + (geometry.taps[0] - 1) * geometry.dilation[0] + 1
    plane = seen * w["pitch"] if w["copied"] else w["x_plane"]
    image_bytes = plane * geometry.channels
    group = 1
    if pieces == 1:
        enough = geometry.images // w["parts"]
        group = max(1, min(MOST_IMAGES, enough, fitting // rows, COPY_BYTES // image_bytes))
    return {
        "pieces": pieces,
        "piece_rows": piece_rows,
        "group": group,
        "units": pieces * -(-geometry.images // group),
        "plane": plane,
        "image_bytes": image_bytes if w["copied"] else w["x_image"],
        "image_pixels": piece_rows * columns,
    }
