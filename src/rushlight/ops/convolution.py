"""Convolutions and transposed convolutions in one, two and three dimensions.

All of them become one operator on batches, `_convolution` or `_convolution_input`, with a size for each
dimension; these two and `_convolution_weight` are each other's gradients.
"""

from __future__ import annotations

from .. import lang
from .alias import alias
from .declare import composite, operator
from .shapes import shape_of
from .spatial import batch_of, check_least, each, expect_tensors, unbatched

# ---- the three operators under all of them


@operator(name="_convolution", method=False, out=False)
def convolution_of(input: Array, weight: Array, bias: Array | None, stride, padding, dilation, groups):
    """The convolution of a batch with a size for each dimension."""
    return lang.convolution(input, weight, bias, stride, padding, dilation, groups)


@operator(name="_convolution_input", method=False, out=False, node="ConvolutionBackward0")
def convolution_input(g: Array, weight: Array, bias: Array | None, shape, stride, padding, dilation, groups):
    """The transposed convolution of a batch, to images of the sizes `shape`."""
    return lang.convolution_input(g, weight, bias, shape, stride, padding, dilation, groups)


@operator(name="_convolution_weight", method=False, out=False)
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


# ---- what is checked


def _options(name, count, stride, dilation, groups):
    stride, dilation = (each(name, w, v, count) for w, v in (("stride", stride), ("dilation", dilation)))
    check_least(name, "stride", stride, 1)
    check_least(name, "dilation", dilation, 1)
    if groups < 1:
        raise RuntimeError(
            f"{name}: groups must be at least 1, but got groups={groups} (non-positive groups is not "
            "supported)"
        )
    return stride, dilation


def _check_types(name, input, weight, bias):
    expect_tensors(name, input=input, weight=weight, bias_or_none=bias)
    for what, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}: Input type ({input.dtype}) and {what} type ({x.dtype}) should be the same; "
                f"convert one of them, for instance with x.to({what}.dtype)"
            )
    if input.dtype.name == "bool":
        raise NotImplementedError(
            f'{name}: "convolution" not implemented for {input.dtype.name}; convert it: x.float()'
        )


def _check_weight(name, input, weight, bias, groups, count, transposed):
    """Channels, groups and bias fit each other."""
    x, w = shape_of(input), shape_of(weight)
    if len(w) != count + 2:
        raise RuntimeError(
            f"{name}: expected weight to have {count + 2} dimensions (outputs, channels / groups, sizes), "
            f"but got weight of size {list(w)}"
        )
    given = f"Given groups={groups}, {'transposed=1, ' * transposed}weight of size {list(w)}"
    if w[0] < groups or w[0] % groups:
        raise RuntimeError(
            f"{name}: {given}, expected weight to be at least {groups} at dimension 0, and {w[0]} to be "
            f"divisible by {groups}; "
            "each group makes the same number of channels"
        )
    channels = w[0] if transposed else w[1] * groups
    if x[1] != channels:
        raise RuntimeError(
            f"{name}: {given}, expected input{list(x)} to have {channels} channels, but got {x[1]} channels "
            "instead. Channels are "
            f"dimension 1 of a batch; {'give a weight for them' if len(x) else ''} or permute the input if "
            "they lie elsewhere"
        )
    outputs = w[1] * groups if transposed else w[0]
    if bias is not None and shape_of(bias) != (outputs,):
        raise RuntimeError(
            f"{name}: {given}, expected bias to be 1-dimensional with {outputs} elements, but got bias of "
            f"size {list(shape_of(bias))} instead"
        )
    if 0 in w[2:]:
        raise RuntimeError(f"{name}: a kernel has no size of zero, but weight is of size {list(w)}")


def _check_fits(name, sizes, taps, padding, dilation):
    """The kernel is no larger than the padded input."""
    wide = [n + 2 * p for n, p in zip(sizes, padding)]
    spans = [d * (k - 1) + 1 for k, d in zip(taps, dilation)]
    if any(n < m for n, m in zip(wide, spans)):
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: ({_by(wide)}). Kernel size: ({_by(spans)}). "
            "Kernel size can't be greater "
            f"than actual input size; the input of sizes {list(sizes)} is too small, or needs padding"
        )


def _by(sizes):
    return " x ".join(map(str, sizes))


# ---- convolution


def _convolve(name, count, input, weight, bias, stride, padding, dilation, groups):
    stride, dilation = _options(name, count, stride, dilation, groups)
    _check_types(name, input, weight, bias)
    input, single = batch_of(name, input, count)
    _check_weight(name, input, weight, bias, groups, count, False)
    if isinstance(padding, str):
        input, padding = _padded_as(name, padding, input, shape_of(weight)[2:], stride, dilation)
    else:
        padding = each(name, "padding", padding, count)
        check_least(name, "padding", padding, 0)
    _check_fits(name, shape_of(input)[2:], shape_of(weight)[2:], padding, dilation)
    return unbatched(convolution_of(input, weight, bias, stride, padding, dilation, groups), single)


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
        from .padding import constant_pad

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
    stride, dilation = _options(name, count, stride, dilation, groups)
    padding, output_padding = (
        each(name, w, v, count) for w, v in (("padding", padding), ("output_padding", output_padding))
    )
    check_least(name, "padding", padding, 0)
    check_least(name, "output_padding", output_padding, 0)
    _check_types(name, input, weight, bias)
    input, single = batch_of(name, input, count)
    _check_weight(name, input, weight, bias, groups, count, True)
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, but got "
            f"output_padding={list(output_padding)}, "
            f"stride={list(stride)}, dilation={list(dilation)}"
        )
    x, taps = shape_of(input), shape_of(weight)[2:]
    sizes = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1
        for n, s, p, d, k, o in zip(x[2:], stride, padding, dilation, taps, output_padding)
    )
    if min(sizes) < 1:
        raise RuntimeError(
            f"{name}: Given input size per channel: ({_by(x[2:])}). Calculated output size per channel: "
            f"({_by(sizes)}). Output size is too "
            "small; use less padding, or a larger kernel"
        )
    return unbatched(convolution_input(input, weight, bias, sizes, stride, padding, dilation, groups), single)


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
