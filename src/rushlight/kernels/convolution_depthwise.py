"""Plans for convolutions with a filter for each channel: like pools, with columns in the lanes.

The gradient of the input is the same with turned filters, on gradients with zeros between them where the
stride is not one.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from ..runtime import memory, session
from .convolution_plans import LINE, RELEASE_MULTIPLICATIONS, Geometry, Plan, build, up
from .llvm import blocked, depthwise_weight
from .llvm import pooling as generator

MOST_TAPS = 49
MOST_STEP = 4
TASK_ELEMENTS = 1 << 14  # elements of the planes of a task


def applies(geometry: Geometry) -> bool:
    """Has each channel a filter of its own, and one output?"""
    return geometry.groups > 1 and geometry.channels == geometry.outputs == 1


def forward_plan(geometry: Geometry) -> Plan | None:
    return _plan(geometry, "filter")


class Spread(NamedTuple):
    """A plan that works on gradients with zeros between them; infinite filters would make NaN of these."""

    plan: Plan
    geometry: Geometry
    all_groups = only_finite = True

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
    wide = tuple(map(_spread, geometry.places, geometry.stride))
    turned = geometry._replace(sizes=wide, places=geometry.sizes, padding=padding, stride=(1, 1))
    plan = _plan(turned, "turned filter")
    return plan if plan is None or geometry.stride == (1, 1) else Spread(plan, geometry)


def weight_plan(geometry: Geometry) -> Plan | None:
    if prod(geometry.taps) > MOST_TAPS or geometry.stride[1] > MOST_STEP:
        return None
    shape, dtype = _shape(geometry, "filter"), geometry.dtype
    address = build(
        f"{geometry.taps[0]}x{geometry.taps[1]}",
        "depthwise_weight",
        (dtype, shape),
        lambda lane_bytes: depthwise_weight.depthwise_weight_ir(dtype, lane_bytes, shape),
        ("pooling",),
    )
    words = (geometry.images, geometry.groups, *geometry.sizes, *geometry.places)
    words = (*words, geometry.stride[0], geometry.dilation[0], *geometry.padding)
    work, slot = geometry.multiplications * geometry.groups, prod(geometry.taps) * session.host().vector_bytes
    release = work >= RELEASE_MULTIPLICATIONS
    return Plan(address, release, geometry.groups, blocked.HEADER, up(slot, LINE) + LINE, words, True)


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
    return Plan(address, work >= RELEASE_MULTIPLICATIONS, tasks, blocked.HEADER, 0, words, True)
