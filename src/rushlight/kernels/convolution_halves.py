"""Convolutions of bfloat16 by the processor's products of pairs, which does twice the work of float32's.

Numbers that are summed together are put side by side: two channels, two outputs for what goes back to the
input, or two images for the weights. With such pairs as elements the kernels are those of float32. Sums are
kept in float32. Each function answers None where pairs do not apply or another way is better.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..runtime import memory, session
from . import convolution_depthwise as depthwise
from . import convolution_plans as plans
from . import convolution_winograd as winograd
from . import switches
from .convolution import Sizes, fits, geometry_of
from .convolution_weights import weight_plan
from .copying import BFLOAT16
from .graph import Node, input_node
from .kernel import elementwise
from .planning import Plans

MOST_MULTIPLICATIONS_TO_WIDEN = 1 << 20
WINOGRAD_GAIN = 2.8  # times
SINGLE = np.dtype(np.float32)
SUMMED = {"forward": "channels", "input": "outputs", "weight": "images"}
PLANS = {"forward": plans.forward_plan, "input": plans.input_plan, "weight": weight_plan}


def forward(x: np.ndarray, weight: np.ndarray, bias: Any, places: Sizes, *how: Any) -> np.ndarray | None:
    """The convolution of bfloat16, in float32."""
    plan = _find("forward", x, weight, x.shape, weight.shape, places, how)
    if plan is None:
        return None
    return _run(plan, (len(x), len(weight), *places), _pairs(x, 1), _pairs(weight, 1), bias)


def input_gradient(g: np.ndarray, weight: np.ndarray, bias: Any, sizes: Sizes, *how: Any) -> Any:
    """The transposed convolution to images of these sizes, in float32."""
    shape = (len(g), weight.shape[1] * how[-1], *sizes)
    plan = _find("input", g, weight, shape, weight.shape, g.shape[2:], how)
    return None if plan is None else _run(plan, shape, _pairs(g, 1), _pairs(weight, 0), bias)


def weight_gradient(g: np.ndarray, x: np.ndarray, taps: Sizes, *how: Any) -> np.ndarray | None:
    """What the weight gets, in float32."""
    shape = (g.shape[1], x.shape[1] // how[-1], *taps)
    plan = _find("weight", g, x, x.shape, shape, g.shape[2:], how)
    return None if plan is None else _run(plan, shape, _pairs(x, 0), _pairs(g, 0), None)


def _find(kind: str, a: Any, b: Any, *sizes: Any) -> plans.Plan | None:
    if not _are_plain(a) or not _are_plain(b) or (kind == "weight" and len(a) != len(b)):
        return None
    return _plans.find((kind, *sizes), kind, *sizes)


def _are_plain(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype.char == BFLOAT16 and x.flags.carray


def _plan(kind: str, shape: Sizes, weight: Sizes, places: Sizes, how: tuple) -> plans.Plan | None:
    if "avx512_bf16" not in session.instructions():
        return None
    geometry = geometry_of(SINGLE, shape, weight, places, how)
    if geometry is None or geometry.groups > 1 or geometry.dilation != (1, 1) or not fits(kind, geometry):
        return None
    if depthwise.applies(geometry) or _is_winograds(kind, geometry):
        return None
    summed = getattr(geometry, SUMMED[kind])
    if summed < 2 or geometry.multiplications <= MOST_MULTIPLICATIONS_TO_WIDEN:
        return None
    return PLANS[kind](geometry._replace(pairs=True, **{SUMMED[kind]: -(-summed // 2)}))


def _is_winograds(kind: str, geometry: plans.Geometry) -> bool:
    """Does float32 by Winograd's way need so much fewer multiplications that it is quicker?"""
    if not winograd.applies(geometry, kind):
        return False
    return geometry.multiplications > WINOGRAD_GAIN * winograd.multiplications(geometry)


_plans = Plans("convolutions of bfloat16", _plan)
switches.winograd.when_changed.append(_plans.forget)


def _run(plan: plans.Plan, shape: tuple, x: np.ndarray, other: np.ndarray, bias: Any) -> np.ndarray:
    out = memory.empty(shape, SINGLE)
    plan.run(out, x, other, None if bias is None else bias.astype(SINGLE))
    return out


def _pairs(x: np.ndarray, axis: int) -> np.ndarray:
    """Neighbours along an axis as one element; the last of an odd number has a zero beside it."""
    bits, count = np.moveaxis(x.view(np.int16), axis, 0), x.shape[axis]
    shape = (*x.shape[:axis], -(-count // 2), *x.shape[axis + 1 :])
    made = memory.empty(shape, np.dtype(np.int32))
    into = np.moveaxis(made, axis, 0)
    _pairing()(into[: count // 2], bits[: count - 1 : 2], bits[1::2])
    if count % 2:
        into[-1] = bits[-1].view(np.uint16)
    return made


@cache
def _pairing() -> Callable[..., Any]:
    """The kernel of the first number in the low bits and the second one in the high bits."""
    low, high = (Node("cast", (input_node(k, "int16"),), "int32") for k in (0, 1))
    parts = Node("bitwise_and", (low, 0xFFFF), "int32"), Node("left_shift", (high, 16), "int32")
    return elementwise(Node("bitwise_or", parts, "int32"), name="pairs")
