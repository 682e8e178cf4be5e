"""Plans for convolutions with a filter for each channel: like pools, with columns in the lanes, or channels.

The gradient of the input is the same with turned filters, on gradients with zeros between them where the
stride is not one.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from ..runtime import memory, session
from .convolution_plans import LINE, RELEASE_MULTIPLICATIONS, Geometry, Plan, build, up
from .llvm import blocked, depthwise_blocks, depthwise_weight
from .llvm import pooling as generator

MOST_TAPS = 49
MOST_STEP = 4
TASK_ELEMENTS = 1 << 14  # elements of the planes of a task
BLOCK_BYTES = 8 << 20  # of the pixels of a block of channels


def applies(geometry: Geometry) -> bool:
    """Has each channel a filter of its own, and one output?"""
    return geometry.channels == geometry.outputs == 1


def forward_plan(geometry: Geometry) -> Plan | None:
    return _blocks_plan(geometry, "filter", geometry.padding) or _plan(geometry, "filter")


class Spread(NamedTuple):
    """A plan that works on gradients with zeros between them; infinite filters would make NaN of these."""

    plan: Plan
    geometry: Geometry
    only_finite = True

    def run(self, out: Any, g: Any, weight: Any, bias: Any) -> None:
        (down, across), places = self.geometry.stride, self.geometry.places
        wide = memory.empty((*g.shape[:2], *map(_spread, places, self.geometry.stride)), g.dtype)
        wide[...] = 0
        wide[:, :, ::down, ::across] = g.reshape(*g.shape[:2], *places)
        self.plan.run(out, wide, weight, bias)


def _spread(places: int, stride: int) -> int:
    return (places - 1) * stride + 1


def input_plan(geometry: Geometry) -> Plan | Spread | None:
    """The same with filters turned round; None where some padding would be negative."""
    padding = tuple(d * (k - 1) - p for d, k, p in zip(geometry.dilation, geometry.taps, geometry.padding))
    if min(padding) < 0:
        return None
    if (of_blocks := _blocks_plan(geometry, "turned filter", padding)) is not None:
        return of_blocks
    wide = tuple(map(_spread, geometry.places, geometry.stride))
    turned = geometry._replace(sizes=wide, places=geometry.sizes, padding=padding, stride=(1, 1))
    plan = _plan(turned, "turned filter")
    return plan if plan is None or geometry.stride == (1, 1) else Spread(plan, geometry)


def weight_plan(geometry: Geometry) -> Plan | None:
    if prod(geometry.taps) > MOST_TAPS or geometry.stride[1] > MOST_STEP:
        return None
    if (of_blocks := _blocks_plan(geometry, "weight", geometry.padding)) is not None:
        return of_blocks
    shape, dtype = _shape(geometry, "filter"), geometry.dtype
    address = build(
        f"{geometry.taps[0]}x{geometry.taps[1]}",
        "depthwise_weight",
        (dtype, shape),
        lambda lane_bytes: depthwise_weight.depthwise_weight_ir(dtype, lane_bytes, shape),
    )
    words = (geometry.images, geometry.groups, *geometry.sizes, *geometry.places)
    words = (*words, geometry.stride[0], geometry.dilation[0], *geometry.padding)
    work, slot = geometry.multiplications * geometry.groups, prod(geometry.taps) * session.host().vector_bytes
    release = work >= RELEASE_MULTIPLICATIONS
    return Plan(address, release, geometry.groups, blocked.HEADER, up(slot, LINE) + LINE, words)


def _blocks_plan(geometry: Geometry, kind: str, padding: tuple[int, int]) -> Plan | None:
    """With channels in the lanes; None where these are few, or planes large: it is kept by each thread."""
    lane_bytes = session.host().vector_bytes
    lanes, taps = lane_bytes // geometry.item, geometry.taps
    back = kind == "turned filter"
    read, made = (geometry.places, geometry.sizes) if back else (geometry.sizes, geometry.places)
    step, spread = ((1, 1), geometry.stride) if back else (geometry.stride, (1, 1))
    tall, pitch = (
        max(p + (n - 1) * gap + 1, (m - 1) * s + (k - 1) * d + 1)
        for p, n, gap, m, s, k, d in zip(padding, read, spread, made, step, taps, geometry.dilation)
    )
    lines = max(prod(read), prod(made)) + lanes
    if (
        prod(taps) > MOST_TAPS
        or 2 * geometry.groups < lanes
        or (tall * pitch + lines) * lane_bytes > BLOCK_BYTES
    ):
        return None
    blocks = -(-geometry.groups // lanes)
    group = geometry.images if kind == "weight" else max(1, TASK_ELEMENTS // (tall * pitch * lanes))
    tasks = blocks * -(-geometry.images // group)
    if tasks == 1 and geometry.multiplications * geometry.groups >= RELEASE_MULTIPLICATIONS:
        return None  # planes can be shared by threads
    lines_at = up(tall * pitch * lane_bytes, LINE) + LINE
    words = (tasks, geometry.images, group, geometry.groups, blocks, *read, *made, *step, *spread)
    words = (*words, geometry.dilation[0], *padding, pitch, tall * pitch, lines_at)
    shape = depthwise_blocks.Shape(kind, *taps, geometry.dilation[1])
    address = build(
        f"{kind.replace(' ', '_')}_{taps[0]}x{taps[1]}",
        "depthwise_blocks",
        (geometry.dtype, shape),
        lambda width: depthwise_blocks.depthwise_ir(geometry.dtype, width, shape),
    )
    release = geometry.multiplications * geometry.groups >= RELEASE_MULTIPLICATIONS
    slot = lines_at + lines * lane_bytes + LINE
    spreads = back and geometry.stride != (1, 1)
    return Plan(address, release, tasks, blocked.HEADER + LINE, slot, words, spreads)


PLANS = {"forward": forward_plan, "input": input_plan, "weight": weight_plan}


def _shape(geometry: Geometry, kind: str) -> generator.Shape:
    given = zip(geometry.sizes, geometry.places, geometry.taps, geometry.stride, geometry.dilation)
    sticks_out = any((m - 1) * s + (k - 1) * d >= n for n, m, k, s, d in given)
    padded = max(geometry.padding) > 0 or sticks_out
    return generator.Shape(kind, *geometry.taps, geometry.stride[1], geometry.dilation[1], padded)


def _plan(geometry: Geometry, kind: str) -> Plan | None:
    (height, width), (rows, columns), (down, across) = geometry.sizes, geometry.places, geometry.stride
    if prod(geometry.taps) > MOST_TAPS or across > MOST_STEP:
        return None
    shape, dtype = _shape(geometry, kind), geometry.dtype
    address = build(
        f"{kind.replace(' ', '_')}_{geometry.taps[0]}x{geometry.taps[1]}",
        "pooling",
        (dtype, shape),
        lambda lane_bytes: generator.pooling_ir(dtype, lane_bytes, shape),
    )
    planes = geometry.images * geometry.groups
    task_planes = max(1, TASK_ELEMENTS // (height * width))
    tasks = -(-planes // task_planes)
    words = (tasks, planes, task_planes, height, width, rows, columns, down, geometry.dilation[0])
    words = (*words, *geometry.padding, geometry.groups)
    work = geometry.multiplications * geometry.groups
    return Plan(address, work >= RELEASE_MULTIPLICATIONS, tasks, blocked.HEADER, 0, words)
