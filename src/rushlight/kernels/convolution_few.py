"""Convolutions of few multiplications, in any number of dimensions: one generated module for all sizes.

Where a plan for the sizes would spend its time on packing, transposing and waking threads, the patches that
taps see are put side by side and multiplied. Each function answers None where it does not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, native, session, settings
from . import invoke, policy
from .planning import LINE, Plans, up

NAMES = {"f": "float32", "d": "float64"}
MOST_SCRATCH = 1 << 24  # bytes
Sizes = Sequence[int]


@cache
def _load(dtype: str) -> dict[str, int]:
    """The addresses of the kernels for a type."""
    from .llvm import convolution_few as generator

    width = session.host().vector_bytes
    name = "convolution_few"
    arguments = (name, width, dtype)
    return native.module(name, arguments, lambda: generator.few_ir(dtype, width)).address


class Few:
    """The kernels and the table for convolutions of some sizes; shapes are those of the forward pass."""

    __slots__ = ("address", "dtype", "planes", "result", "scratch", "table", "weights")

    def __init__(self, dtype: np.dtype, x: Sizes, weight: Sizes, places: Sizes, how: tuple) -> None:
        self.dtype, self.address = dtype, _load(NAMES[dtype.char])
        self.table, self.scratch = _table(dtype.itemsize, x, weight, places, how)
        self.planes, self.weights, self.result = tuple(x), tuple(weight), (x[0], weight[0], *places)

    def forward(self, x: Any, weight: Any, bias: Any) -> np.ndarray | None:
        return self._layer("run_forward", self.result, self.planes, x, weight, bias)

    def input_gradient(self, g: Any, weight: Any, bias: Any) -> np.ndarray | None:
        return self._layer("run_input", self.planes, self.result, g, weight, bias)

    def _layer(self, kernel: str, made: tuple, given: tuple, x: Any, weight: Any, bias: Any) -> Any:
        if not self._are_plain(x, given) or not self._are_plain(weight, self.weights):
            return None
        if bias is not None and not self._are_plain(bias, made[1:2]):
            return None
        out, scratch = memory.empty(made, self.dtype), memory.scratch(self.scratch)
        invoke.load()(self.address[kernel], 0, out, x, weight, bias, scratch, self.table)
        memory.end_scratch(scratch)
        return out

    def back(self, g: Any, x: Any, weight: Any, with_bias: bool, transposed: bool = False) -> tuple | None:
        """The gradients of x, weight and bias; the first needs the weight, the second x, or they are None."""
        kernel, given, came = "run_back", self.planes, self.result
        if transposed:
            kernel, given, came = "run_transposed_back", came, given
        if not self._are_plain(g, came):
            return None
        of_x = of_weight = of_bias = None
        if weight is not None:
            if not self._are_plain(weight, self.weights):
                return None
            of_x = memory.empty(given, self.dtype)
        if x is not None:
            if not self._are_plain(x, given):
                return None
            of_weight = memory.empty(self.weights, self.dtype)
        if with_bias:
            of_bias = memory.empty(came[1:2], self.dtype)
        scratch, made = memory.scratch(self.scratch), (of_x, of_weight, of_bias)
        invoke.load()(self.address[kernel], 0, *made, g, x, weight, scratch, self.table)
        memory.end_scratch(scratch)
        return made

    def _are_plain(self, x: Any, shape: tuple) -> bool:
        """Is this an ordinary array of this shape and of the type?"""
        return type(x) is np.ndarray and x.dtype is self.dtype and x.shape == shape and x.flags.carray


def forward(x: Any, weight: Any, bias: Any, *how: Any) -> np.ndarray | None:
    """The convolution, or None where there are better ways."""
    key = (x.dtype.char, x.shape, weight.shape, *how)
    plan = _forward.find(key, x.dtype, x.shape, weight.shape, how)
    return None if plan is None else plan.forward(x, weight, bias)


def input_gradient(g: Any, weight: Any, bias: Any, sizes: Sizes, *how: Any) -> np.ndarray | None:
    """The transposed convolution to images of these sizes, or None."""
    plan = _of_result(g, (len(g), weight.shape[1] * how[-1], *sizes), weight.shape, how)
    return None if plan is None else plan.input_gradient(g, weight, bias)


def weight_gradient(g: Any, x: Any, taps: Sizes, *how: Any) -> np.ndarray | None:
    """What the weight gets from the gradient of the result, or None."""
    plan = _of_result(g, x.shape, (g.shape[1], x.shape[1] // how[-1], *taps), how)
    made = None if plan is None else plan.back(g, x, None, False)
    return None if made is None else made[1]


def back(g: Any, x: Any, weight: Any, with_bias: bool, planes: tuple, weights: tuple, how: tuple) -> Any:
    """All gradients of a convolution with operands of such shapes: see `Few.back`; or None."""
    plan = _of_result(g, planes, weights, how)
    return None if plan is None else plan.back(g, x, weight, with_bias)


def transposed_back(
    g: Any, x: Any, weight: Any, with_bias: bool, given: tuple, weights: tuple, how: tuple
) -> Any:
    """The same for a transposed convolution."""
    key = (g.dtype.char, g.shape, weights, *given[2:], *how)
    plan = _backward.find(key, g.dtype, g.shape, weights, given[2:], how)
    return None if plan is None else plan.back(g, x, weight, with_bias, True)


def _of_result(g: Any, planes: tuple, weights: tuple, how: tuple) -> Few | None:
    places = g.shape[2:]
    key = (g.dtype.char, planes, weights, *places, *how)
    return _backward.find(key, g.dtype, planes, weights, places, how)


def _make_forward(dtype: np.dtype, x: Sizes, weight: Sizes, how: tuple) -> Few | None:
    given = zip(x[2:], weight[2:], *how[:3])
    places = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in given)
    return _make(dtype, x, weight, places, how, False)


def _make(
    dtype: np.dtype, x: Sizes, weight: Sizes, places: Sizes, how: tuple, back: bool = True
) -> Few | None:
    groups, rank = how[-1], len(x) - 2
    if dtype.char not in NAMES or not dtype.isnative or not rank or len(weight) != len(x):
        return None
    if min(*x, *weight, *places) < 1 or x[1] != weight[1] * groups or weight[0] % groups:
        return None
    lanes = session.host().vector_bytes // dtype.itemsize
    work = up(x[0] * prod(places), lanes) * prod(weight)
    rows = x[0] * prod(weight[1:]) * (prod(places[:-1]) if max(weight[2:]) > 1 or max(how[0]) > 1 else 1)
    gain = policy.FEW_ROWS_GAIN if rows <= policy.FEW_ROWS else 1
    of_group = weight[1], weight[0] // groups
    if back and groups > 1 and max(of_group) > 1 and min(of_group) < policy.FEW_OF_GROUP:
        gain = policy.FEW_OF_GROUP_GAIN
    if work > policy.FEW_MULTIPLICATIONS * gain:
        return None
    made = Few(np.dtype(dtype.char), x, weight, places, how)
    return made if made.scratch <= MOST_SCRATCH else None


def _table(item: int, x: Sizes, weight: Sizes, places: Sizes, how: tuple) -> tuple[np.ndarray, int]:
    """The table of `llvm.convolution_few`, and the bytes of scratch that a call needs."""
    from .llvm.convolution_few import TABLE

    stride, padding, dilation, groups = how
    sizes, taps = tuple(x[2:]), tuple(weight[2:])
    if {*taps, *stride} == {1} and not any(padding):  # pixels by themselves: a plane is one row
        sizes, taps, places = (prod(sizes),), (1,), (prod(places),)
        stride, padding, dilation = (1,), (0,), (1,)
    channels, outputs = weight[1], weight[0] // groups
    reach = [(m - 1) * s + d * (k - 1) + 1 for m, s, d, k in zip(places, stride, dilation, taps)]
    wide = [max(n + 2 * p, r) for n, p, r in zip(sizes, padding, reach)]
    plane = prod(wide) * item
    steps = [prod(wide[k + 1 :]) * item for k in range(len(wide))]

    def offsets(counts: Sizes, by: Sizes, start: int = 0) -> list[int]:
        return [start + sum(map(int.__mul__, at, by)) for at in product(*map(range, counts))]

    by_tap, by_place = ([a * b for a, b in zip(steps, given)] for given in (dilation, stride))
    pixels, lane_bytes = prod(places), session.host().vector_bytes
    pitch = up(x[0] * pixels * item, lane_bytes)
    padded, count = up(channels * plane, lane_bytes), channels * prod(taps)
    w = {"groups": groups, "images": x[0], "channels": channels, "outputs": outputs, "taps": count}
    w |= {"pixels": pixels, "rows": prod(places[:-1]), "row_length": places[-1], "step": stride[-1] * item}
    w |= {"input_rows": prod(sizes[:-1]), "input_width": sizes[-1], "is_padded": int(wide != list(sizes))}
    w |= {"padded_bytes": padded, "pitch": pitch, "patches": up(padded, LINE)}
    w["sums"] = up(w["patches"] + count * pitch, LINE)
    w |= {"channels_bytes": channels * prod(sizes) * item, "outputs_bytes": outputs * pixels * item}
    w |= {"image_bytes": w["channels_bytes"] * groups, "output_bytes": w["outputs_bytes"] * groups}
    w |= {"weights_bytes": outputs * count * item}
    w |= {"channel_numbers": channels * item, "output_numbers": outputs * item}
    inside = sum(map(int.__mul__, padding, steps))
    lists = (
        *offsets((channels, *taps), (plane, *by_tap)),
        *offsets(places[:-1], by_place[:-1]),
        *offsets((channels, *sizes[:-1]), (plane, *steps[:-1]), inside),
    )
    return np.array([*(w[name] for name in TABLE), *lists], np.int64), w["sums"] + outputs * pitch + LINE


_forward = Plans("small convolutions", _make_forward)
_backward = Plans("gradients of small convolutions", _make)
settings.when_changed.append(_load.cache_clear)


def forget() -> None:
    """Looks again for the way of each size: how many multiplications are few has changed."""
    _forward.forget()
    _backward.forget()
