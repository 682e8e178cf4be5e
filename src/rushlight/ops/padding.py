"""Borders around tensors: constant, reflected, replicated, circular."""

from __future__ import annotations

from .. import lang
from .declare import composite, operator
from .shapes import shape_of, sizes
from .spatial import expect_tensors

MODES = ("constant", "reflect", "replicate", "circular")


@operator(
    name="_pad_constant", method=False, out=False, exact=True, node="ConstantPadNdBackward0", learns="moves"
)
def pad_constant(input: Array, pads, value):
    """`input` with a border of `value`."""
    return lang.pad_constant(input, pads, value)


NODES = {"reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "Circular"}


def _kind(pads, mode):
    """The node of a mode for as many dimensions as are padded, such as ReflectionPad2DBackward0."""
    return f"{NODES[mode]}{len(pads) - 2}DBackward0"


@operator(name="_pad_continued", method=False, out=False, exact=True, node=_kind)
def pad_continued(input: Array, pads, mode):
    """`input` continued at its borders."""
    return lang.pad_continued(input, pads, mode)


@operator(name="_pad_continued_back", method=False, out=False)
def pad_continued_back(g: Array, shape, pads, mode):
    """The gradient of a border is added to where the border came from."""
    return lang.pad_continued_back(g, shape, pads, mode)


pad_constant.gradient(input=lambda g, pads: lang.pad_constant(g, [(-low, -high) for low, high in pads], 0))
pad_continued.gradient(
    input=lambda g, input_shape, pads, mode: lang.pad_continued_back(g, input_shape, pads, mode)
)
pad_continued_back.gradient(g=lambda h, pads, mode: lang.pad_continued(h, pads, mode))


def _pads(name, pad, shape):
    """What to add before and after each dimension; `pad` begins with the last one."""
    pad = sizes(pad, f"{name}(pad)")
    if len(pad) % 2:
        raise RuntimeError(
            f"{name}: Padding length must be divisible by 2, two numbers for each dimension, but got "
            f"pad={list(pad)}"
        )
    if len(pad) > 2 * len(shape):
        raise RuntimeError(
            f"{name}: Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} "
            f"and input of dimension {len(shape)} (shape {list(shape)})"
        )
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return [(0, 0)] * (len(shape) - len(pairs)) + pairs


@composite(method=False)
def constant_pad_nd(input, pad, value=0):
    """`input` with a border of `value`; `pad` has two numbers for each dimension, beginning with the last."""
    return constant_pad(input, pad, value)


def constant_pad(input, pad, value, name="constant_pad_nd"):
    expect_tensors(name, input=input)
    shape = shape_of(input)
    pads = _pads(name, pad, shape)
    for axis, (n, (low, high)) in enumerate(zip(shape, pads)):
        if n + low + high < 0 or n + min(low, 0) + min(high, 0) < 0:
            raise RuntimeError(
                f"{name}: The input size {n}, plus negative padding {low} and {high}, resulted in a negative "
                "output size, which is invalid. "
                f"Check dimension {axis} of your input (shape {list(shape)})."
            )
    return pad_constant(input, pads, value)


@composite(namespace="nn.functional", method=False, out=False, learns="moves")
def pad(input, pad, mode="constant", value=None):
    """`input` with a border: a constant `value`, or continued by "reflect", "replicate" or "circular"."""
    if mode == "constant":
        return constant_pad(input, pad, 0 if value is None else value, "pad")
    if mode not in MODES:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}; it is one of {', '.join(MODES)}")
    if value is not None and value != 0:
        raise RuntimeError(
            f'pad: Padding mode "{mode}" doesn\'t take in value argument, but got value={value}; only '
            '"constant" has one'
        )
    expect_tensors("pad", input=input)
    pads = _pads("pad", pad, shape_of(input))
    _check_continued(input, pads, len(pad), mode)
    return pad_continued(input, pads, mode)


def _check_continued(input, pads, given, mode):
    shape = shape_of(input)
    first = len(shape) - given // 2
    if given not in (2, 4, 6) or first not in (1, 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: the last dimension "
            "of a 2D or 3D input, the last two of 3D or 4D, the last three of 4D or 5D; got "
            f"{given} numbers for an input of shape {list(shape)}"
        )
    if 0 in shape[first if mode == "circular" else 1 :]:
        raise RuntimeError(
            "pad: Expected a tensor with possibly 0 batch size and other non-zero dimensions for input, but "
            f"got: {list(shape)}"
        )
    results = [n + low + high for n, (low, high) in zip(shape, pads)]
    if mode != "circular" and max(results[first:]) < 1:
        raise RuntimeError(f"pad: input {list(shape)} is too small: its sizes would be {results[first:]}")
    for axis in range(first, len(shape)):
        _check_axis(axis, shape, pads[axis], results[axis], mode)


def _check_axis(axis, shape, pads, result, mode):
    """One dimension suffices for its pads."""
    n, (low, high) = shape[axis], pads
    kept = n + min(low, 0) + min(high, 0)
    if result < 0 or (mode == "circular" and kept <= 0 < result):
        raise RuntimeError(
            f"pad: input (size {n} at dimension {axis}) is too small: negative padding of {low} and {high} "
            f"is resulting in an empty dimension (size {result}, {max(kept, 0)} of them from the input)"
        )
    if mode == "reflect" and max(low, high) >= n:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({low}, {high}) at dimension {axis} of input {list(shape)}; use mode='replicate', or "
            "pad twice"
        )
    if mode == "circular" and max(low, high) > n:
        raise RuntimeError(
            f"Padding value causes wrapping around more than once: ({low}, {high}) at dimension {axis} of "
            f"input {list(shape)}"
        )


__all__ = ["constant_pad"]
