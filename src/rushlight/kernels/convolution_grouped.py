"""Plans for convolutions of groups with few channels, and as many outputs, by channels in the lanes."""

from __future__ import annotations

from math import prod

from ..runtime import session
from .convolution_plans import LINE, Geometry, Plan, build, plan_of, up
from .llvm import blocked
from .llvm import grouped as generator

MOST_REGISTERS = {64: 30, 32: 14, 16: 30}  # by bytes of a vector: for filters, sums and a pixel
MOST_STEPS = 400  # multiplications of a row of taps in the code
MOST_TAPS = 11  # of a row
COPY_BYTES = 256 << 10  # rows of a task
NARROW = 24  # columns up to which filters of one channel are better off with channels in the lanes
MANY_TAPS = 25


def applies(geometry: Geometry) -> bool:
    """Is a vector so many whole groups, and is this the way for them?"""
    size, lanes = geometry.channels, session.host().vector_bytes // geometry.item
    if geometry.groups < 2 or size != geometry.outputs or size > lanes or lanes % size:
        return False
    if geometry.taps[1] > MOST_TAPS or geometry.stride[1] > 3:
        return False
    if size == 1:
        return geometry.places[1] <= NARROW or prod(geometry.taps) >= MANY_TAPS
    return True


def forward_plan(geometry: Geometry) -> Plan:
    lane_bytes, dtype = session.host().vector_bytes, geometry.dtype
    size, across = geometry.channels, geometry.taps[1]
    most = min(MOST_REGISTERS[lane_bytes] - across - 1, max(1, MOST_STEPS // (size * across)))
    shape = generator.Shape(
        size, across, geometry.stride[1], geometry.dilation[1], tile_of(geometry.places[1], max(1, most))
    )
    address = build(
        f"{size}x{across}x{shape.tile}",
        "grouped",
        (dtype, shape),
        lambda width: generator.grouped_ir(dtype, width, shape),
    )
    return _words(geometry, address, lane_bytes)


def tile_of(columns: int, most: int) -> int:
    """Columns at a time, so that the last tile covers few that are done already."""
    return -(-columns // -(-columns // most))


def _words(geometry: Geometry, address: int, lane_bytes: int) -> Plan:
    (height, width), (rows, columns), item = geometry.sizes, geometry.places, geometry.item
    (down, _), (row_step, step), (tap_step, dilation) = geometry.taps, geometry.stride, geometry.dilation
    channels, lanes = geometry.channels * geometry.groups, lane_bytes // item
    w = {"channels": channels, "blocks": -(-channels // lanes), "height": height, "width": width}
    w |= {
        "x_plane": height * width * item,
        "rows": rows,
        "columns": columns,
        "out_plane": rows * columns * item,
    }
    w |= {"x_image": w["x_plane"] * channels, "out_image": w["out_plane"] * channels}
    w |= {"taps": prod(geometry.taps), "taps_down": down, "row_step": row_step, "tap_step": tap_step}
    w["top"], w["left"] = geometry.padding
    seen = (columns - 1) * step + (geometry.taps[1] - 1) * dilation + 1
    w["pitch"] = max(seen, width + w["left"])
    fitting = (COPY_BYTES // (w["pitch"] * lane_bytes) - (down - 1) * tap_step - 1) // row_step + 1
    bands = -(-rows // max(1, min(rows, fitting)))
    w["band_rows"] = -(-rows // bands)
    w["bands"] = -(-rows // w["band_rows"])
    w["tasks"] = geometry.images * w["blocks"] * w["bands"]
    w["start_at"] = up(w["taps"] * geometry.channels + lanes, lanes) * lane_bytes
    w["copy_at"] = w["start_at"] + lane_bytes + LINE
    copied = (w["band_rows"] - 1) * row_step + (down - 1) * tap_step + 1
    w["lines_at"] = w["copy_at"] + up((copied * w["pitch"] + lanes) * lane_bytes, LINE) + LINE
    slot = w["lines_at"] + up((w["band_rows"] * columns + lanes) * lane_bytes, LINE)
    whole = geometry._replace(images=geometry.images * geometry.groups, groups=1)  # the work of all of them
    return plan_of(whole, address, generator.WORDS, w, w["tasks"], blocked.HEADER, slot)
