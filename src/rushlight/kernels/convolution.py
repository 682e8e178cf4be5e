"""Convolutions by generated kernels: which way is taken, by shapes, types and layouts alone.

Each function answers None when it does not apply, and numpy does the work then: kernels are off, or there is
no compiler, or the arrays are no planes of float32 or float64 in the usual order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..runtime import memory, settings
from . import convolution_apart as apart
from . import convolution_depthwise as depthwise
from . import convolution_few as few
from . import convolution_grouped as grouped
from . import convolution_plans as plans
from . import convolution_products as as_products
from . import convolution_volumes as volumes
from . import convolution_winograd as winograd
from . import copying, switches
from .convolution_weights import weight_plan
from .convolution_winograd_weights import weight_plan as winograd_weight_plan
from .epilogues import Epilogue
from .planning import Plans

WORK_PER_ELEMENT = 16  # multiplications that count as one element of an element-wise kernel
LEAST_OF_GROUP = 4  # channels
MANY_OUTPUTS = 1024  # images by outputs
Sizes = Sequence[int]


def forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    places: Sizes,
    *how: Any,
    epilogue: Epilogue | None = None,
) -> np.ndarray | None:
    """The convolution of `x` to `places`; `how` is stride, padding, dilation and groups.

    The epilogue works on blocks of outputs as they are made, before they are written.
    """
    made = few.forward(x, weight, bias, *how)
    if made is not None:
        return made if epilogue is None else epilogue.after(made)
    if how[-1] == 1 and not any(how[1]):
        made = as_products.forward(x, weight, bias, places, how[0], epilogue)
        if made is not None:
            return made
    if _are_volumes(x, weight, places, how):
        made = volumes.forward(forward, x, weight, bias, places, how)
        return made if epilogue is None or made is None else epilogue.after(made)
    if {*weight.shape[2:]} == {1} and {*how[0]} != {1} and not any(how[1]) and _are_many(x, weight):
        x, how = _seen(x, how[0]), ((1,) * len(how[0]), *how[1:])
    key = ("forward", x.dtype.char, x.shape, weight.shape, *how)
    plan = _plans.find(key, key[0], x.dtype, x.shape, weight.shape, places, how)
    if plan is None:
        return None
    return _made(plan, (len(x), len(weight), *places), x, weight, bias, how[-1], False, epilogue)


def _are_many(x: np.ndarray, weight: np.ndarray) -> bool:
    """Are there enough outputs of a plain array for a copy of what they see to pay?"""
    if type(x) is not np.ndarray or not x.flags.c_contiguous or settings.kernel_mode == "off":
        return False
    return len(x) * len(weight) >= MANY_OUTPUTS or settings.kernel_mode == "force"


def _seen(x: np.ndarray, stride: Sizes) -> np.ndarray:
    """The pixels that a filter of one tap sees; next to each other, they make better tiles."""
    seen = x[(slice(None), slice(None), *(slice(None, None, step) for step in stride))]
    return copying.filled(memory.empty(seen.shape, x.dtype), seen)


def input_gradient(
    g: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, sizes: Sizes, *how: Any
) -> np.ndarray | None:
    """The transposed convolution of `g` to images of these sizes."""
    made = few.input_gradient(g, weight, bias, sizes, *how)
    if made is not None:
        return made
    if how[-1] == 1 and not any(how[1]):
        made = as_products.input_gradient(g, weight, bias, sizes)
        if made is not None:
            return made
    if _are_volumes(g, weight, sizes, how):
        return volumes.input_gradient(input_gradient, g, weight, bias, sizes, how)
    key = ("input", g.dtype.char, g.shape, weight.shape, *sizes, *how)
    shape = (len(g), weight.shape[1] * how[-1], *sizes)
    plan = _plans.find(key, key[0], g.dtype, shape, weight.shape, g.shape[2:], how)
    return None if plan is None else _made(plan, shape, g, weight, bias, how[-1], True)


def weight_gradient(g: np.ndarray, x: np.ndarray, taps: Sizes, *how: Any) -> np.ndarray | None:
    """What the weight gets from the gradient `g` of the convolution of `x`."""
    made = few.weight_gradient(g, x, taps, *how)
    if made is not None:
        return made
    if how[-1] == 1 and not any(how[1]):
        made = as_products.weight_gradient(g, x, taps)
        if made is not None:
            return made
    if len(g) == len(x) and g.dtype == x.dtype and _are_volumes(x, g, taps, how):
        return volumes.weight_gradient(weight_gradient, g, x, taps, how)
    key = ("weight", g.dtype.char, g.shape, x.shape, *taps, *how)
    shape = (g.shape[1], x.shape[1] // how[-1], *taps)
    plan = _plans.find(key, key[0], g.dtype, x.shape, shape, g.shape[2:], how)
    if plan is None or len(g) != len(x):
        return None
    dtype, g, x = g.dtype, _in_order(g), _in_order(x)
    if g is None or x is None or x.dtype != dtype:
        return None
    out = memory.empty(shape, dtype)
    plan.run(out, x, g, None)
    return out


def _are_volumes(x: np.ndarray, other: np.ndarray, sizes: Sizes, how: tuple) -> bool:
    """Are these plain volumes with enough in them to be convolved plane by plane?"""
    if x.ndim != 5 or settings.kernel_mode == "off" or x.dtype.char not in "fd" or 0 in (*sizes, *x.shape):
        return False
    plain = (
        type(x) is np.ndarray
        and type(other) is np.ndarray
        and other.dtype == x.dtype
        and 0 not in other.shape
    )
    work = x.size * other.size // other.shape[1] // how[-1]
    return plain and not as_products.channels_are_last(x) and work >= settings.kernels_from * WORK_PER_ELEMENT


def _made(
    plan: plans.Plan,
    shape: Sizes,
    x: Any,
    weight: Any,
    bias: Any,
    groups: int,
    transposed: bool,
    epilogue: Epilogue | None = None,
) -> np.ndarray | None:
    """The result of a plan, if the arrays are what it is for."""
    dtype, last = x.dtype, as_products.channels_are_last(x)
    x = _in_order(x)
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    if x is None or type(weight) is not np.ndarray or weight.dtype != dtype or x.shape[1] != channels:
        return None
    if bias is not None:
        if type(bias) is not np.ndarray or bias.dtype != dtype or bias.shape != shape[1:2]:
            return None
        bias = np.ascontiguousarray(bias)
    out = memory.empty(shape, dtype)
    if plan.only_finite and not np.isfinite(weight).all():
        return None
    at_once = epilogue is not None and plan.finishes and (groups == 1 or epilogue.vectors is None)
    plan.run(out, x, np.ascontiguousarray(weight), bias, *([epilogue.words] if at_once else []))
    if epilogue is not None and not at_once:
        epilogue.after(out)
    return _with_channels_last(out) if last else out


def _with_channels_last(x: np.ndarray) -> np.ndarray:
    made = np.moveaxis(memory.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype), -1, 1)
    return copying.filled(made, x)


def _in_order(x: np.ndarray) -> np.ndarray | None:
    """`x` with its planes in the usual order."""
    if type(x) is not np.ndarray or not x.flags.aligned:
        return None
    return x if x.flags.c_contiguous else copying.filled(memory.empty(x.shape, x.dtype), x)


def _plan(kind: str, dtype: np.dtype, *sizes: Any) -> Any:
    geometry = geometry_of(dtype, *sizes) if dtype.isnative else None
    if geometry is None or not _worthwhile(kind, geometry) or not fits(kind, geometry):
        return None
    if kind == "forward" and grouped.applies(geometry):
        return grouped.forward_plan(geometry)
    if depthwise.applies(geometry):
        plan = depthwise.PLANS[kind](geometry)
        if plan is not None or geometry.groups > 1:
            return plan
    plan = apart.plan_of(kind, geometry, DIRECT[kind], WINOGRAD[kind])
    return plan or (WINOGRAD if winograd.applies(geometry, kind) else DIRECT)[kind](geometry)


DIRECT = {"forward": plans.forward_plan, "input": plans.input_plan, "weight": weight_plan}
WINOGRAD = {"forward": winograd.forward_plan, "input": winograd.input_plan, "weight": winograd_weight_plan}


def _worthwhile(kind: str, geometry: plans.Geometry) -> bool:
    """Is there enough to do, and do the channels of a group fill some of a vector?"""
    few = min(geometry.channels, geometry.outputs) < LEAST_OF_GROUP
    in_lanes = depthwise.applies(geometry) or (kind == "forward" and grouped.applies(geometry))
    if geometry.groups > 1 and few and not in_lanes:
        return False
    return geometry.multiplications * geometry.groups >= settings.kernels_from * WORK_PER_ELEMENT


def fits(kind: str, geometry: plans.Geometry) -> bool:
    """Do all places lie in the padded planes? (A transposed convolution leaves out those that do not.)"""
    given = zip(*geometry[4:10])
    return kind == "input" or all((place - 1) * s + (k - 1) * d < n + 2 * p for n, k, s, p, d, place in given)


def geometry_of(dtype: np.dtype, shape: Sizes, weight: Sizes, places: Sizes, how: tuple) -> Any:
    """The convolution as one of planes; None where it is none, or empty."""
    stride, padding, dilation, groups = how
    count = len(shape) - 2
    if count not in (1, 2) or dtype.name not in ("float32", "float64"):
        return None
    if 0 in (*shape, *weight, *places) or shape[1] != weight[1] * groups or weight[0] % groups:
        return None
    sizes, taps, stride, padding, dilation, places = (
        (*[one] * (2 - count), *given)
        for one, given in (
            (1, shape[2:]),
            (1, weight[2:]),
            (1, stride),
            (0, padding),
            (1, dilation),
            (1, places),
        )
    )
    return plans.Geometry(
        dtype.name,
        shape[0],
        shape[1] // groups,
        weight[0] // groups,
        sizes,
        taps,
        stride,
        padding,
        dilation,
        places,
        groups,
    )


_plans = Plans("convolutions", _plan)
switches.winograd.when_changed.append(_plans.forget)
