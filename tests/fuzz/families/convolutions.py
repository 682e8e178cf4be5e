"""Convolutions and both of their gradients: direct, by Winograd's way, and with a filter for each channel."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np

from rushlight import kernels
from rushlight.kernels import (
    Node,
    convolution,
    convolution_apart,
    convolution_few,
    convolution_halves,
    epilogues,
    input_node,
    policy,
    switches,
)
from rushlight.runtime import session

from ..check import near, rounding_of_sums
from ..draw import Draw
from . import family

SPECIAL = (np.nan, np.inf, -0.0, 1e-40)
WINOGRAD_ROUNDING = 1e-4  # of the largest value; the documented 1e-5 is that of images like those of networks
MOST_WORK = 3_000_000
MOST_CHANNELS = 48
EASIER = {"LEAST_CHANNELS": 16, "PART_MULTIPLICATIONS": 0, "TAP_MULTIPLICATIONS": 0, "TAP_PIXELS": 0}


class Call:
    """The sizes of a convolution, and its sums tap by tap in double precision.

    Channels and outputs are multiples of `step`, drawn by `sizes`; with a `size`, each of so many in a group.
    """

    def __init__(
        self,
        draw: Draw,
        taps: Any,
        how: tuple,
        groups: int = 1,
        step: int = 1,
        size: int = 0,
        sizes: Any = None,
    ) -> None:
        self.taps, (self.stride, self.padding, self.dilation) = taps, how
        least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(taps, self.padding, self.dilation)]
        most = max(1, MOST_WORK // (groups * step * step * max(1, size * size) * taps[0] * taps[1]))
        rows = least[0] + draw.kernel.size(30) - 1  # planes decide which tiles there are
        self.sizes = (rows, least[1] + draw.kernel.size(max(1, min(90, most // rows))) - 1)
        given = zip(self.sizes, taps, *how)
        self.places = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in given)
        most = max(1, most // (self.places[0] * self.places[1]))
        channels = 1 if size else (sizes or draw).size(min(most, MOST_CHANNELS // step))
        outputs = 1 if size else (sizes or draw).size(min(most // channels, MOST_CHANNELS // step))
        self.images = draw.size(max(1, min(80, most // (channels * outputs))))
        if (sizes or draw).chance(0.5):
            channels, outputs = outputs, channels
        step *= max(1, size) * groups
        self.channels, self.outputs, self.groups = step * channels, step * outputs, groups

    @property
    def how(self) -> tuple:
        return self.stride, self.padding, self.dilation, self.groups

    def x_shape(self, sizes: tuple[int, int] | None = None) -> tuple[int, ...]:
        return (self.images, self.channels, *(sizes or self.sizes))

    @property
    def g_shape(self) -> tuple[int, ...]:
        return (self.images, self.outputs, *self.places)

    @property
    def w_shape(self) -> tuple[int, ...]:
        return (self.outputs, self.channels // self.groups, *self.taps)

    def _each(self):
        """For each tap: where its weights are, and what it sees of padded planes."""
        for tap in product(*map(range, self.taps)):
            given = zip(tap, self.dilation, self.stride, self.places)
            where = tuple(slice(k * d, k * d + (m - 1) * s + 1, s) for k, d, s, m in given)
            yield (..., *tap), (slice(None), slice(None), *where)

    def _in_groups(self, planes: np.ndarray) -> np.ndarray:
        """(images, channels, rows, columns) as (images, groups, channels, pixels)."""
        return planes.reshape(len(planes), self.groups, planes.shape[1] // self.groups, -1)

    def _matrices(self, weights: np.ndarray) -> np.ndarray:
        """Those of a tap, for each group."""
        return weights.reshape(self.groups, -1, weights.shape[1])

    def _padded(self, x: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
        room = [
            max(n + 2 * p, (m - 1) * s + d * (k - 1) + 1)
            for n, p, m, s, d, k in zip(
                sizes, self.padding, self.places, self.stride, self.dilation, self.taps
            )
        ]
        wide = np.zeros((*x.shape[:2], *room))
        wide[self._inside(sizes)] = x
        return wide

    def _inside(self, sizes: tuple[int, int]) -> tuple:
        return (slice(None), slice(None), *(slice(p, p + n) for p, n in zip(self.padding, sizes)))

    def forward(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        wide, out = self._padded(x, self.sizes), np.zeros(self.g_shape)
        for tap, where in self._each():
            out += (self._matrices(w[tap]) @ self._in_groups(wide[where])).reshape(self.g_shape)
        return out

    def back(self, g: np.ndarray, w: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
        wide = self._padded(np.zeros(self.x_shape(sizes)), sizes)
        for tap, where in self._each():
            part = self._matrices(w[tap]).swapaxes(1, 2) @ self._in_groups(g)
            wide[where] += part.reshape(self.x_shape(self.places))
        return wide[self._inside(sizes)]

    def of_weight(self, g: np.ndarray, x: np.ndarray) -> np.ndarray:
        wide, out = self._padded(x, self.sizes), np.zeros(self.w_shape)
        for tap, where in self._each():
            seen = self._in_groups(wide[where]).swapaxes(2, 3)
            out[tap] = (self._in_groups(g) @ seen).sum(0).reshape(self.w_shape[:2])
        return out


def _direct(draw: Draw, groups: int = 1, sizes: Any = None) -> Call:
    """Any taps, strides, paddings and dilations; most often those of networks: few kernels to compile."""
    kernel = draw.kernel
    if kernel.chance(0.75):
        taps = kernel.one((1, 1), (3, 3), (5, 5), (2, 2))
        stride, dilation = ((s, s) for s in (kernel.one(1, 1, 2), kernel.one(1, 1, 1, 2)))
        padding = (taps[0] // 2,) * 2 if kernel.chance(0.7) else (0, 0)
    else:
        taps, stride, dilation = (
            (kernel.number(1, most), kernel.number(1, most)) for most in (kernel.one(3, 5, 7), 3, 3)
        )
        padding = tuple(kernel.number(0, k) for k in taps)
    return Call(draw, taps, (stride, padding, dilation), groups, sizes=sizes)


def _in_groups(draw: Draw) -> Call:
    """Several channels in each group, or most often as few as make vectors of whole groups."""
    kernel = draw.kernel
    if kernel.chance(0.4):
        return _direct(draw, kernel.number(2, 4), kernel)
    taps, stride = (kernel.one((3, 3), (5, 5), (1, 3), (7, 7))), (kernel.one(1, 1, 2),) * 2
    how = (stride, tuple(k // 2 for k in taps), (1, 1))
    return Call(draw, taps, how, kernel.number(2, 20), size=kernel.one(1, 1, 2, 4, 8, 16))


def _winograd(draw: Draw) -> Call:
    taps = draw.kernel.one((3, 3), (5, 5))
    padding = (draw.kernel.number(0, taps[0] - 1), draw.kernel.number(0, taps[0] - 1))
    stride = draw.kernel.one(1, 1, 2) if taps == (3, 3) else 1
    if stride == 2 and draw.kernel.chance(0.7):
        padding = (1, 1)
    return Call(draw, taps, ((stride, stride), padding, (1, 1)), step=16)


def _wide(*arrays: np.ndarray) -> list[np.ndarray]:
    return [a.astype("f8") for a in arrays]


def _compare(
    made: np.ndarray,
    sums: Any,
    a: np.ndarray,
    b: np.ndarray,
    terms: int,
    plus: Any,
    winograd: bool,
    last: Any = None,
) -> None:
    """Is it `sums(a, b) + plus`, or what the epilogue `last` makes of that?"""
    a, b = _wide(a, b)
    with np.errstate(invalid="ignore"):
        exact, size = sums(a, b), sums(np.abs(a), np.abs(b))
        if plus is not None:
            exact, size = exact + plus[:, None, None], size + np.abs(plus[:, None, None])
        if last is not None:
            scale, shift = last[:, :, None, None]
            exact = np.maximum(exact * scale + shift, 0)
            size = size * np.abs(scale) + np.abs(shift)
    if winograd:
        near(made, exact, WINOGRAD_ROUNDING * max(size.max(), 1.0))
    else:
        near(made, exact, rounding_of_sums(size, terms + 1, made.dtype))


def _planes(draw: Draw, shape: tuple, dtype: str, special: tuple = ()) -> np.ndarray:
    """As they lie most often; with channels last; or in any other order."""
    kind = draw.random.random()
    if kind < 0.8:
        return draw.dense(shape, dtype, special)
    values = draw.values(shape, dtype, special)
    return (
        np.moveaxis(draw.guarded(np.moveaxis(values, 1, -1)), -1, 1) if kind < 0.9 else draw.strided(values)
    )


def _forward(
    draw: Draw, call: Call, dtype: str, special: tuple, winograd: bool = False, finished: bool = False
) -> bool:
    x, w = _planes(draw, call.x_shape(), dtype, special), draw.dense(call.w_shape, dtype)
    bias = draw.dense((call.outputs,), dtype) if draw.chance(0.5) else None
    last = draw.dense((2, call.outputs), dtype) if finished else None

    def run() -> np.ndarray | None:
        epilogue = None if last is None else epilogues.with_vectors(_last(dtype), *last)
        return convolution.forward(x, w, bias, call.places, *call.how, epilogue=epilogue)

    made = draw.run(run)
    if made is not None:
        _compare(made, call.forward, x, w, w[0].size + 2, bias, winograd, last)
    return made is not None


@cache
def _last(dtype: str) -> Any:
    """Times a number, plus another one, and nothing below zero."""
    x, scale, shift = (input_node(k, dtype) for k in range(3))
    moved = Node("add", (Node("mul", (x, scale), dtype), shift), dtype)
    return kernels.elementwise(Node("maximum", (moved, 0.0), dtype), name="fuzz_last")


def _back(draw: Draw, call: Call, dtype: str, special: tuple, winograd: bool = False) -> bool:
    g, w = _planes(draw, call.g_shape, dtype, special), draw.dense(call.w_shape, dtype)
    extra = [draw.number(0, s - 1) for s in call.stride]  # what a transposed convolution may add
    sizes = tuple((m - 1) * s - 2 * p + d * (k - 1) + 1 + e for m, s, p, d, k, e in zip(
        call.places, call.stride, call.padding, call.dilation, call.taps, extra))  # fmt: skip
    if min(sizes) < 1:
        return False
    bias = draw.dense((call.channels,), dtype) if draw.chance(0.3) else None
    made = draw.run(convolution.input_gradient, g, w, bias, sizes, *call.how)
    if made is not None:
        terms = call.outputs // call.groups * w[0, 0].size
        _compare(made, lambda g, w: call.back(g, w, sizes), g, w, terms, bias, winograd)
    return made is not None


def _of_weight(draw: Draw, call: Call, dtype: str, winograd: bool = False) -> bool:
    g, x = _planes(draw, call.g_shape, dtype), _planes(draw, call.x_shape(), dtype)
    made = draw.run(convolution.weight_gradient, g, x, call.taps, *call.how)
    if made is not None:
        _compare(made, call.of_weight, g, x, g[:, 0].size, None, winograd)
    return made is not None


def _dtype(draw: Draw) -> str:
    return draw.kernel.one("float32", "float32", "float64")


def _special(draw: Draw) -> tuple:
    return SPECIAL if draw.chance(0.15) else ()


def _use(winograd: bool, few: bool = False) -> None:
    """Winograd's way where it applies or not, and the one for few multiplications always or never."""
    if switches.winograd.enabled != winograd:
        switches.winograd.enabled = winograd
    most = 1 << 40 if few else 0
    if most != policy.FEW_MULTIPLICATIONS:
        policy.FEW_MULTIPLICATIONS = most
        convolution_few.forget()


@family("convolution, direct")
def direct(draw: Draw) -> bool:
    _use(False)
    return _forward(draw, _direct(draw), _dtype(draw), _special(draw))


@family("convolution, finished")
def finished(draw: Draw) -> bool:
    """All ways, with an epilogue that works on each element before it is written."""
    kind = draw.kernel.number(0, 2)
    _use(kind == 0)
    dtype = _dtype(draw) if kind else "float32"
    call = _winograd(draw) if kind == 0 else _direct(draw) if kind == 1 else _in_groups(draw)
    return _forward(draw, call, dtype, (), kind == 0, finished=True)


@family("convolution, direct, gradient of the input")
def direct_back(draw: Draw) -> bool:
    _use(False)
    return _back(draw, _direct(draw), _dtype(draw), _special(draw))


@family("convolution, direct, gradient of the weight")
def direct_of_weight(draw: Draw) -> bool:
    _use(False)
    call = _long(draw) if draw.kernel.chance(0.15) else _direct(draw, sizes=draw.kernel)
    return _of_weight(draw, call, _dtype(draw))


def _long(draw: Draw) -> Call:
    """Sequences, seen by many taps."""
    kernel = draw.kernel
    taps, padding = (1, kernel.number(14, 90)), (0, kernel.number(0, 9))
    call = Call(draw, taps, ((1, kernel.number(1, 4)), padding, (1, kernel.one(1, 1, 2))), sizes=kernel)
    call.sizes, call.places = (1, call.sizes[1]), (1, call.places[1])
    return call


@family("convolution of few multiplications")
def few(draw: Draw) -> bool:
    """All directions, with any number in a group, by the one kernel for all sizes."""
    _use(False, few=True)
    kernel, dtype = draw.kernel, _dtype(draw)
    call, kind = _direct(draw, kernel.one(1, 1, 2, 5)), draw.number(0, 4)
    if kind == 0:
        return _forward(draw, call, dtype, _special(draw))
    if kind == 1:
        return _back(draw, call, dtype, _special(draw))
    return _of_weight(draw, call, dtype) if kind == 2 else _all_back(draw, call, dtype, kind == 3)


def _all_back(draw: Draw, call: Call, dtype: str, transposed: bool) -> bool:
    """All gradients at once, or some, of a convolution or a transposed one."""
    x, g = draw.dense(call.x_shape(), dtype), draw.dense(call.g_shape, dtype)
    w, wanted = draw.dense(call.w_shape, dtype), draw.number(1, 3)
    weight, seen, back = w if wanted & 1 else None, x if wanted & 2 else None, convolution_few.back
    if transposed:
        x, g, seen, back = g, x, g if wanted & 2 else None, convolution_few.transposed_back
    made = draw.run(back, g, seen, weight, True, x.shape, w.shape, call.how)
    if made is None:
        return False
    of_x, of_weight, of_bias = made
    if weight is not None:
        sums = call.forward if transposed else lambda g, w: call.back(g, w, call.sizes)
        _compare(of_x, sums, g, w, w[0].size + w[:, 0].size, None, False)
    if seen is not None:
        image, result = (g, x) if transposed else (x, g)
        _compare(of_weight, call.of_weight, result, image, result[:, 0].size, None, False)
    exact, size = (a.sum((0, 2, 3)) for a in _wide(g, np.abs(g)))
    near(of_bias, exact, rounding_of_sums(size, g[:, 0].size, g.dtype))
    return True


@family("convolution in groups")
def in_groups(draw: Draw) -> bool:
    """With a filter for each channel, or with several channels in each group; forwards and backwards."""
    _use(False)
    dtype, kind, call = draw.kernel.one("float32", "float64"), draw.kernel.number(0, 2), _in_groups(draw)
    if kind == 0:
        return _forward(draw, call, dtype, _special(draw))
    return _back(draw, call, dtype, _special(draw)) if kind == 1 else _of_weight(draw, call, dtype)


@family("convolution with a filter for each channel")
def depthwise(draw: Draw) -> bool:
    _use(False)
    kernel = draw.kernel
    taps = kernel.one((3, 3), (5, 5), (7, 7), (1, 3), (kernel.number(1, 7), kernel.number(1, 7)))
    stride, dilation = (kernel.one(1, 1, 2, 3),) * 2, (kernel.one(1, 1, 2),) * 2
    padding = tuple(draw.kernel.one(k // 2, kernel.number(0, k)) for k in taps)
    call = Call(draw, taps, (stride, padding, dilation), kernel.size(80) + 1, size=1)
    dtype, kind = kernel.one("float32", "float64"), kernel.number(0, 2)
    if kind == 0:
        return _forward(draw, call, dtype, _special(draw))
    return _back(draw, call, dtype, _special(draw)) if kind == 1 else _of_weight(draw, call, dtype)


@family("convolution, Winograd")
def winograd(draw: Draw) -> bool:
    _use(True)
    return _forward(draw, _winograd(draw), "float32", (), True)


@family("convolution, Winograd, gradient of the input")
def winograd_back(draw: Draw) -> bool:
    _use(True)
    return _back(draw, _winograd(draw), "float32", (), True)


@family("convolution, Winograd, gradient of the weight")
def winograd_of_weight(draw: Draw) -> bool:
    _use(True)
    return _of_weight(draw, _winograd(draw), "float32", True)


@family("convolution, taps apart")
def apart(draw: Draw) -> bool:
    """Dilated, or with more padding than image; forwards and backwards, however little there is to gain."""
    _use(True)
    kernel = draw.kernel
    taps, gaps = kernel.one((3, 3), (3, 3), (5, 5), (3, 2)), (kernel.number(2, 14), kernel.number(1, 14))
    gaps = gaps if kernel.chance(0.3) else gaps[:1] * 2
    padding = tuple(max(0, d * (k // 2) - kernel.one(0, 0, 1)) for k, d in zip(taps, gaps))
    stride = (kernel.one(1, 1, 1, 2),) * 2
    call = Call(draw, taps, (stride, padding, gaps), step=16)
    if kernel.chance(0.3):  # a few pixels, which most taps do not see
        call.sizes = tuple(
            d * (k - 1) + 1 - 2 * p + kernel.number(0, 3) for d, k, p in zip(gaps, taps, padding)
        )
        call.places = tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(call.sizes, taps, stride, padding, gaps)
        )
    if min(call.sizes) < 1:
        return False
    before = {name: getattr(convolution_apart, name) for name in EASIER}
    try:
        for name, value in EASIER.items():
            setattr(convolution_apart, name, value)
        way = kernel.one(_forward, _back)
        if kernel.chance(0.3):
            return _of_weight(draw, call, "float32", True)
        return way(draw, call, "float32", (), True)
    finally:
        for name, value in before.items():
            setattr(convolution_apart, name, value)


@family("convolution of bfloat16 in pairs")
def pairs(draw: Draw) -> bool:
    """All directions; where the processor has no products of pairs, float32 stands in."""
    import ml_dtypes

    _use(False)
    call, kind = _direct(draw, sizes=draw.kernel if draw.chance(0.5) else None), draw.number(0, 2)
    if "avx512_bf16" not in session.instructions():
        return _forward(draw, call, "float32", ())
    x, g, w = (
        draw.guarded(draw.values(shape, "float32").astype(ml_dtypes.bfloat16))
        for shape in (call.x_shape(), call.g_shape, call.w_shape)
    )
    before, convolution_halves.MOST_MULTIPLICATIONS_TO_WIDEN = (
        convolution_halves.MOST_MULTIPLICATIONS_TO_WIDEN,
        0,
    )
    try:
        if kind == 0:
            bias = draw.guarded(draw.values((call.outputs,), "float32").astype(ml_dtypes.bfloat16))
            made = draw.run(convolution_halves.forward, x, w, bias, call.places, *call.how)
            given = call.forward, x, w, w[0].size, bias.astype("f8")
        elif kind == 1:
            made = draw.run(convolution_halves.input_gradient, g, w, None, call.sizes, *call.how)
            given = lambda g, w: call.back(g, w, call.sizes), g, w, w[:, 0].size, None
        else:
            made = draw.run(convolution_halves.weight_gradient, g, x, call.taps, *call.how)
            given = call.of_weight, g, x, g[:, 0].size, None
    finally:
        convolution_halves.MOST_MULTIPLICATIONS_TO_WIDEN = before
    if made is not None:
        _compare(made, *given, False)
    return made is not None
