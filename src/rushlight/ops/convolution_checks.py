"""What a convolution may be given. Shapes that fit are remembered: a network asks again and again."""

from __future__ import annotations

from functools import lru_cache

from ..tensor.core import QUICK
from ..tensor.dtype import bool_
from .shapes import shape_of
from .spatial import check_least, each, expect_tensors

NUMBERS = frozenset((int, tuple))  # types of options that are remembered


def check_types(name, input, weight, bias):
    """All are tensors of one type that has products."""
    if type(input) in QUICK and type(weight) in QUICK and (bias is None or type(bias) in QUICK):
        dt = input.dtype
        if weight.dtype is dt and (bias is None or bias.dtype is dt) and dt is not bool_:
            return
    expect_tensors(name, input=input, weight=weight, bias_or_none=bias)
    for what, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}: Input type ({input.dtype}) and {what} type ({x.dtype}) should be the same; "
                f"convert one of them, for instance with x.to({what}.dtype)"
            )
    if input.dtype.name == "bool":
        raise NotImplementedError(f'{name}: "convolution" not implemented for bool; convert it: x.float()')


def shapes_of(input, weight, bias):
    """The shapes of the operands; None where there is no bias."""
    return shape_of(input), shape_of(weight), None if bias is None else shape_of(bias)


def options_of(name, count, shapes, stride, padding, dilation, groups):
    """Stride, padding and dilation for each dimension, and groups, when they fit operands of these shapes."""
    find = _options if _can_change(stride, padding, dilation) else _known_options
    return find(name, count, shapes, stride, padding, dilation, groups)


def transposed_options_of(name, count, shapes, stride, padding, output_padding, dilation, groups):
    """The same for a transposed convolution, after the sizes of its result."""
    changing = _can_change(stride, padding, dilation) or type(output_padding) not in NUMBERS
    find = _transposed_options if changing else _known_transposed_options
    return find(name, count, shapes, stride, padding, output_padding, dilation, groups)


def _can_change(stride, padding, dilation):
    """Is one of these a list, or another thing that may be another one when it is seen again?"""
    return not (type(stride) in NUMBERS and type(padding) in NUMBERS and type(dilation) in NUMBERS)


def _options(name, count, shapes, stride, padding, dilation, groups):
    stride, dilation = each(name, "stride", stride, count), each(name, "dilation", dilation, count)
    check_shapes(name, shapes, stride, dilation, groups, False)
    padding = each(name, "padding", padding, count)
    check_fits(name, shapes[0][2:], shapes[1][2:], padding, dilation)
    return stride, padding, dilation, groups


def _transposed_options(name, count, shapes, stride, padding, output_padding, dilation, groups):
    stride, dilation = each(name, "stride", stride, count), each(name, "dilation", dilation, count)
    padding = each(name, "padding", padding, count)
    output_padding = each(name, "output_padding", output_padding, count)
    check_shapes(name, shapes, stride, dilation, groups, True)
    sizes = transposed_sizes(name, shapes[0][2:], shapes[1][2:], stride, padding, output_padding, dilation)
    return sizes, stride, padding, dilation, groups


_known_options = lru_cache(maxsize=1024, typed=True)(_options)
_known_transposed_options = lru_cache(maxsize=1024, typed=True)(_transposed_options)


@lru_cache(maxsize=1024)
def check_shapes(name, shapes, stride, dilation, groups, transposed):
    """Channels, groups and bias fit each other, and the options are numbers that make sense."""
    x, w, bias = shapes
    check_least(name, "stride", stride, 1)
    check_least(name, "dilation", dilation, 1)
    if groups < 1:
        raise RuntimeError(f"{name}: groups must be at least 1, but got groups={groups}")
    if len(w) != len(x):
        raise RuntimeError(
            f"{name}: expected weight to have {len(x)} dimensions (outputs, channels / groups, sizes), but "
            f"got weight of size {list(w)}"
        )
    given = f"Given groups={groups}, {'transposed=1, ' * transposed}weight of size {list(w)}"
    if w[0] < groups or w[0] % groups:
        raise RuntimeError(
            f"{name}: {given}, expected weight to be at least {groups} at dimension 0, and {w[0]} to be "
            f"divisible by {groups}; each group makes the same number of channels"
        )
    channels = w[0] if transposed else w[1] * groups
    if x[1] != channels:
        raise RuntimeError(
            f"{name}: {given}, expected input{list(x)} to have {channels} channels, but got {x[1]} channels "
            f"instead. Channels are dimension 1 of a batch; give a weight for {x[1]} channels, or permute "
            "the input if they lie elsewhere"
        )
    outputs = w[1] * groups if transposed else w[0]
    if bias is not None and bias != (outputs,):
        raise RuntimeError(
            f"{name}: {given}, expected bias to be 1-dimensional with {outputs} elements, but got bias of "
            f"size {list(bias)} instead"
        )
    if 0 in w[2:]:
        raise RuntimeError(f"{name}: a kernel has no size of zero, but weight is of size {list(w)}")


@lru_cache(maxsize=1024)
def check_fits(name, sizes, taps, padding, dilation):
    """The kernel is no larger than the padded input."""
    check_least(name, "padding", padding, 0)
    wide = [n + 2 * p for n, p in zip(sizes, padding)]
    spans = [d * (k - 1) + 1 for k, d in zip(taps, dilation)]
    if any(n < m for n, m in zip(wide, spans)):
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: ({_by(wide)}). Kernel size: ({_by(spans)}). "
            f"Kernel size can't be greater than actual input size; the input of sizes {list(sizes)} is too "
            "small, or needs padding"
        )


@lru_cache(maxsize=1024)
def transposed_sizes(name, sizes, taps, stride, padding, output_padding, dilation):
    """The sizes of the result of a transposed convolution."""
    check_least(name, "padding", padding, 0)
    check_least(name, "output_padding", output_padding, 0)
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, but got output_padding="
            f"{list(output_padding)}, stride={list(stride)}, dilation={list(dilation)}"
        )
    given = zip(sizes, taps, stride, padding, output_padding, dilation)
    result = tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in given)
    if min(result) < 1:
        raise RuntimeError(
            f"{name}: Given input size per channel: ({_by(sizes)}). Calculated output size per channel: "
            f"({_by(result)}). Output size is too small; use less padding, or a larger kernel"
        )
    return result


def _by(sizes):
    return " x ".join(map(str, sizes))
