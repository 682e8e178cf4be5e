"""Convolutions and transposed convolutions in one, two and three dimensions.

All of them become one operator on batches, `_convolution` or `_convolution_input`, with a size for each
dimension; these two and `_convolution_weight` are each other's gradients.
"""

from __future__ import annotations

from .. import lang
from ..kernels import convolution_few as few
from ..lang.halves import is_half, narrowed, widened
from .alias import alias
from .convolution_checks import (
    check_shapes,
    check_types,
    options_of,
    shapes_of,
    transposed_options_of,
)
from .declare import composite, operator
from .padding import constant_pad
from .shapes import shape_of
from .spatial import batch_of, each, unbatched

MOST_TO_WIDEN = 1 << 15  # elements of a gradient in half precision that may be small enough to be widened


# ---- the three operators under all of them


@operator(name="_convolution", method=False, out=False, halves=True)
def convolution_of(input: Array, weight: Array, bias: Array | None, stride, padding, dilation, groups):
    """The convolution of a batch with a size for each dimension."""
    return lang.convolution(input, weight, bias, stride, padding, dilation, groups)


@operator(name="_convolution_input", method=False, out=False, node="ConvolutionBackward0", halves=True)
def convolution_input(g: Array, weight: Array, bias: Array | None, shape, stride, padding, dilation, groups):
    """The transposed convolution of a batch, to images of the sizes `shape`."""
    return lang.convolution_input(g, weight, bias, shape, stride, padding, dilation, groups)


@operator(name="_convolution_weight", method=False, out=False, halves=True)
def convolution_weight(g: Array, x: Array, taps, stride, padding, dilation, groups):
    """The weight's share of the gradient of a convolution."""
    return lang.convolution_weight(g, x, taps, stride, padding, dilation, groups)


def _input_rule(g, weight, input_shape, stride, padding, dilation, groups):
    return lang.convolution_input(
        g, lang.conj(weight), None, input_shape[2:], stride, padding, dilation, groups
    )


def _weight_rule(g, input, weight_shape, stride, padding, dilation, groups):
    return lang.convolution_weight(g, lang.conj(input), weight_shape[2:], stride, padding, dilation, groups)


def _bias_rule(g):
    return lang.sum(g, (0, *range(2, len(g.shape))))


def _cut(x, sizes):
    """The first places in each dimension; what `output_padding` or a remainder adds to them is no output."""
    if tuple(x.shape[2:]) == tuple(sizes):
        return x
    return lang.pick(x, (slice(None), slice(None), *(slice(0, n) for n in sizes)))


def _transposed_input_rule(h, weight, g_shape, stride, padding, dilation, groups):
    return _cut(lang.convolution(h, lang.conj(weight), None, stride, padding, dilation, groups), g_shape[2:])


def _transposed_weight_rule(h, g, weight_shape, stride, padding, dilation, groups):
    return lang.convolution_weight(lang.conj(g), h, weight_shape[2:], stride, padding, dilation, groups)


def _weight_output_rule(h, x, g_shape, stride, padding, dilation, groups):
    return _cut(lang.convolution(lang.conj(x), h, None, stride, padding, dilation, groups), g_shape[2:])


def _weight_input_rule(h, g, x_shape, stride, padding, dilation, groups):
    return lang.convolution_input(lang.conj(g), h, None, x_shape[2:], stride, padding, dilation, groups)


convolution_of.gradient(input=_input_rule, weight=_weight_rule, bias=_bias_rule)
convolution_input.gradient(g=_transposed_input_rule, weight=_transposed_weight_rule, bias=_bias_rule)
convolution_weight.gradient(g=_weight_output_rule, x=_weight_input_rule)


# ---- small ones: all gradients by one kernel


def _back_together(node, g):
    """What the rules give for a small convolution; None for others."""
    return _together(few.back, node, g)


def _transposed_back_together(node, g):
    return _together(few.transposed_back, node, g)


def _together(back, node, g):
    for_input, for_weight, for_bias = node.saved
    half = is_half(g)
    if (for_input is None and for_weight is None) or (half and g.size > MOST_TO_WIDEN):
        return None
    weight = x = None
    if for_input is not None:
        weight, given, *how = for_input
        weights = weight.shape
    if for_weight is not None:
        x, weights, *how = for_weight
        given = x.shape
    if not half:
        return back(g, x, weight, for_bias is not None, given, weights, tuple(how))
    wide = widened(g), widened(x), widened(weight)
    return narrowed(back(*wide, for_bias is not None, given, weights, tuple(how)), g.dtype)


convolution_of.operator.small = (few.forward, None)
convolution_input.operator.small = (few.input_gradient, None)
convolution_of.operator.at_once_with = _back_together
convolution_input.operator.at_once_with = _transposed_back_together


# ---- convolution


def _convolve(name, count, input, weight, bias, stride, padding, dilation, groups):
    check_types(name, input, weight, bias)
    input, single = batch_of(name, input, count)
    shapes = shapes_of(input, weight, bias)
    if isinstance(padding, str):
        stride, dilation = each(name, "stride", stride, count), each(name, "dilation", dilation, count)
        check_shapes(name, shapes, stride, dilation, groups, False)
        input, padding = _padded_as(name, padding, input, shapes[1][2:], stride, dilation)
        shapes = shapes_of(input, weight, bias)
    how = options_of(name, count, shapes, stride, padding, dilation, groups)
    return unbatched(convolution_of(input, weight, bias, *how), single)


def _padded_as(name, word, input, taps, stride, dilation):
    """The input and the padding that 'same' or 'valid' stands for."""
    if word not in ("same", "valid"):
        raise RuntimeError(f"{name}: Invalid padding string: '{word}'; it is 'same', 'valid', or numbers")
    if word == "valid":
        return input, (0,) * len(taps)
    if any(s != 1 for s in stride):
        raise RuntimeError(
            f"{name}: padding='same' is not supported for strided convolutions, but stride={list(stride)}; "
            "pad with nn.functional.pad"
        )
    total = [d * (k - 1) for d, k in zip(dilation, taps)]
    if any(t % 2 for t in total):  # the odd one goes to the end
        input = constant_pad(input, [n for t in reversed(total) for n in (0, t % 2)], 0)
    return input, tuple(t // 2 for t in total)


@composite(method=False, out=False)
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The cross-correlation of sequences (images, channels, width) with filters (outputs, channels, taps)."""
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@composite(method=False, out=False)
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The cross-correlation of images (images, channels, *sizes) with filters (outputs, channels, *taps)."""
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@composite(method=False, out=False)
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The cross-correlation of volumes with filters of three dimensions."""
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


# ---- transposed convolution


def _transpose(name, count, input, weight, bias, stride, padding, output_padding, groups, dilation):
    check_types(name, input, weight, bias)
    input, single = batch_of(name, input, count)
    shapes = shapes_of(input, weight, bias)
    given = stride, padding, output_padding, dilation
    how = transposed_options_of(name, count, shapes, *given, groups)
    return unbatched(convolution_input(input, weight, bias, *how), single)


@composite(method=False, out=False)
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of `conv1d`: each element of the input spreads a filter (channels, outputs, taps)."""
    return _transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@composite(method=False, out=False)
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of `conv2d`: each element of the input spreads a filter (channels, outputs, *taps)."""
    return _transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@composite(method=False, out=False)
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of `conv3d`."""
    return _transpose(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


# ---- both, and sequences with time first


@composite(method=False, out=False)
def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """A convolution or a transposed one, over as many dimensions as the weight has sizes."""
    count = len(shape_of(weight)) - 2
    if transposed:
        return _transpose(
            "convolution", count, input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return _convolve("convolution", count, input, weight, bias, stride, padding, dilation, groups)


@composite(method=False, out=False)
def conv_tbc(input, weight, bias, pad=0):
    """`conv1d` of (time, images, channels) with filters (taps, channels, outputs)."""
    for what, x, ndim in (("Input", input, 3), ("Weight", weight, 3), ("Bias", bias, 1)):
        if len(shape_of(x)) != ndim:
            names = {
                "Input": "time, batch, in_channels",
                "Weight": "kernel_width, in_channels, out_channels",
            }.get(what, "out_channels")
            raise RuntimeError(
                f"conv_tbc: {what} must have {ndim} dims: {names}; it has shape {list(shape_of(x))}"
            )
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


for _call in (conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, conv_tbc):
    alias(_call, f"nn.functional.{_call.__name__}")
