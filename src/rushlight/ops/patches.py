"""Patches of images as columns, and images put together from them: unfold and fold."""

from __future__ import annotations

from math import prod

from .. import lang
from ..lang.convolution import output_sizes
from .declare import composite, operator
from .shapes import shape_of
from .spatial import check_least, each, expect_tensors, unbatched


@operator(name="_patches", method=False, out=False, exact=True, node="Im2ColBackward0")
def patches(x: Array, taps, stride, padding, dilation):
    """What each window of each image sees."""
    return lang.patches(x, taps, stride, padding, dilation)


@operator(name="_patches_back", method=False, out=False, node="Col2ImBackward0")
def patches_back(g: Array, shape, stride, padding, dilation):
    """Images of the sizes `shape` with patches added where they come from."""
    return lang.patches_back(g, shape, stride, padding, dilation)


def _spread(g, x_shape, stride, padding, dilation):
    return lang.patches_back(g, x_shape[2:], stride, padding, dilation)


def _collect(h, g_shape, stride, padding, dilation):
    count = (len(g_shape) - 2) // 2
    return lang.patches(h, g_shape[2 : 2 + count], stride, padding, dilation)


patches.gradient(x=_spread)
patches_back.gradient(g=_collect)


def _options(name, kernel_size, dilation, padding, stride):
    options = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    options = {what: each(name, what, value, 2) for what, value in options.items()}
    for what, values in options.items():
        check_least(name, what, values, 0 if what == "padding" else 1)
    return options.values()


@composite(namespace="nn.functional", method=False, out=False, node="Im2ColBackward0")
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every patch of an image as a column: (images, channels and taps, places)."""
    expect_tensors("unfold", input=input)
    kernel, dilation, padding, stride = _options("unfold", kernel_size, dilation, padding, stride)
    shape = shape_of(input)
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            "unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            "dimensions for input, (channels, "
            f"height, width), but got: {list(shape)}"
        )
    if input.dtype.category == 1:
        raise NotImplementedError(
            f'"unfold" not implemented for {input.dtype.name}; convert the input first: x.float()'
        )
    x = input if len(shape) == 4 else input.unsqueeze(0)
    places = output_sizes(shape[-2:], kernel, stride, padding, dilation)
    if min(places) < 1:
        raise RuntimeError(
            f"unfold: Given input with spatial size {list(shape[-2:])}, kernel_size={list(kernel)}, "
            f"dilation={list(dilation)}, "
            f"padding={list(padding)}, stride={list(stride)}, calculated shape of the array of sliding "
            f"blocks as {list(places)}, but its "
            "components must be at least one; the kernel is larger than the padded input"
        )
    columns = patches(x, kernel, stride, padding, dilation)
    n, channels = shape_of(x)[:2]
    return unbatched(lang.reshape(columns, (n, channels * prod(kernel), prod(places))), len(shape) == 3)


@composite(namespace="nn.functional", method=False, out=False, node="Col2ImBackward0")
def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Images of `output_size` from patches given as columns; where patches overlap they are added."""
    expect_tensors("fold", input=input)
    kernel, dilation, padding, stride = _options("fold", kernel_size, dilation, padding, stride)
    size = each("fold", "output_size", output_size, 2)
    check_least("fold", "output_size", size, 1)
    shape = shape_of(input)
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
            "dimensions for input, (channels "
            f"and taps, places), but got: {list(shape)}"
        )
    if input.dtype.category == 1:
        raise NotImplementedError(
            f'"fold" not implemented for {input.dtype.name}; convert the input first: x.float()'
        )
    if shape[-2] % prod(kernel):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
            f"got input.size(1)={shape[-2]} "
            f"and kernel_size={list(kernel)}"
        )
    places = output_sizes(size, kernel, stride, padding, dilation)
    if min(places) < 1 or prod(places) != shape[-1]:
        raise RuntimeError(
            f"fold: Given output_size={list(size)}, kernel_size={list(kernel)}, dilation={list(dilation)}, "
            f"padding={list(padding)}, "
            f"stride={list(stride)}, expected size of input's dimension 2 to match the calculated number of "
            "sliding blocks "
            f"{' * '.join(map(str, places))} = {prod(places)}, but got input.size(2)={shape[-1]}"
        )
    n = shape[0] if len(shape) == 3 else 1
    columns = lang.reshape(input, (n, shape[-2] // prod(kernel), *kernel, *places))
    return unbatched(patches_back(columns, size, stride, padding, dilation), len(shape) == 2)
