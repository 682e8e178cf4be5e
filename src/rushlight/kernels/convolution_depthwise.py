"""Plans for convolutions with a filter for each channel: like pools, with columns in the lanes.

The gradient of the input is one too where the stride is one; that of the weights is numpy's.
"""

from __future__ import annotations

from math import prod

from .convolution_plans import RELEASE_MULTIPLICATIONS, Geometry, Plan, build
from .llvm import blocked
from .llvm import pooling as generator

MOST_TAPS = 49
MOST_STEP = 4
TASK_ELEMENTS = 1 << 14  # elements of the planes of a task


def applies(geometry: Geometry) -> bool:
    """Has each channel a filter of its own, and one output?"""
    return geometry.groups > 1 and geometry.channels == geometry.outputs == 1


def forward_plan(geometry: Geometry) -> Plan | None:
    return _plan(geometry, "filter")


def input_plan(geometry: Geometry) -> Plan | None:
    """The same with filters turned round; None for other strides than one."""
    padding = tuple(d * (k - 1) - p for d, k, p in zip(geometry.dilation, geometry.taps, geometry.padding))
    if geometry.stride != (1, 1) or min(padding) < 0:
        return None
    turned = geometry._replace(sizes=geometry.places, places=geometry.sizes, padding=padding)
    return _plan(turned, "turned filter")


PLANS = {"forward": forward_plan, "input": input_plan}


def _plan(geometry: Geometry, kind: str) -> Plan | None:
    (height, width), (rows, columns), (down, across) = geometry.sizes, geometry.places, geometry.stride
    if prod(geometry.taps) > MOST_TAPS or across > MOST_STEP:
        return None
    given = zip(geometry.sizes, geometry.places, geometry.taps, geometry.stride, geometry.dilation)
    sticks_out = any((m - 1) * s + (k - 1) * d >= n for n, m, k, s, d in given)
    shape = generator.Shape(
        kind, *geometry.taps, across, geometry.dilation[1], max(geometry.padding) > 0 or sticks_out
    )
    dtype = geometry.dtype
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
