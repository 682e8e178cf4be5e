"""Pools with windows of one size: the largest element of each, or the mean."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from .. import lang
from ..autograd.modes import state
from ..lang.windows import Windows, largest_by_kernel, mean_by_kernel
from ..tensor.core import Tensor
from .alias import alias
from .back_together import rectified
from .declare import composite, operator
from .operator import OPERATORS
from .shapes import shape_of
from .spatial import batch_of, check_least, each, expect_tensors, sizes_named, unbatched

NOT_AVERAGED = ("bool", "uint8", "int8", "int16", "int32", "complex64", "complex128")
NOT_ORDERED = ("bool", "complex64", "complex128")
REMEMBERED = frozenset((int, tuple, bool, type(None)))  # types of options that stay what they are
MOST_TO_FIND_AGAIN = 1 << 15  # elements among which the largest are found again sooner than they are kept

# ---- the operators under all pools


def _mean_pool(input: Array, windows, divisor):
    """The mean of each window along the last dimensions."""
    return lang.window_mean(input, windows, divisor)


def _max_pool(input: Array, windows):
    """The largest element of each window along the last dimensions."""
    return lang.window_max(input, windows)


def _argmax_pool(input: Array, windows):
    """The largest element of each window along the last dimensions, and where it is in them."""
    return lang.window_argmax(input, windows)


@operator(name="_window_mean_back", method=False, out=False)
def mean_pool_back(g: Array, windows, divisor):
    """Each element's share of the windows it belongs to."""
    return lang.window_mean_back(g, windows, divisor)


@operator(name="_window_max_back", method=False, out=False)
def max_pool_back(g: Array, input: Array, windows):
    """Each window's gradient at its largest element."""
    return lang.window_max_back(g, input, windows)


@operator(name="_put_flat", method=False, out=False)
def put_flat(x: Array, index: Array, size):
    """Zeros, with elements where an index says along the last dimension."""
    return lang.put_flat(x, index, size)


@operator(name="_add_flat_at", method=False, out=False)
def add_flat_at(x: Array, index: Array, size, disjoint):
    """Zeros, with elements added where an index says along the last dimension."""
    return lang.add_flat_at(x, index, size, disjoint)


def _mean_rule(g, windows, divisor):
    return lang.window_mean_back(g, windows, divisor)


def _max_rule(g, input, windows):
    return lang.window_max_back(g, input, windows)


def _max_back_rule(h, input, windows):
    count = len(windows)
    places = lang.window_argmax(input, windows)[1]
    flat, lead = (*input.shape[:-count], prod(input.shape[-count:])), places.shape[:-count]
    found = lang.gather_along(
        lang.reshape(h, flat), len(flat) - 1, lang.reshape(places, (*lead, prod(places.shape[-count:])))
    )
    return lang.reshape(found, places.shape)


def _argmax_rule(g, input_shape, windows, results, needs):
    return (to_winners(g[0], results[1], input_shape, windows),)


def to_winners(g, places, shape, windows):
    """`g` where the largest elements were."""
    count = len(windows)
    g, places = (lang.reshape(x, (*x.shape[:-count], prod(x.shape[-count:]))) for x in (g, places))
    disjoint = all(w.disjoint for w in windows)
    return lang.reshape(lang.add_flat_at(g, places, prod(shape[-count:]), disjoint), shape)


MEAN, MAX, ARGMAX = {}, {}, {}  # the operators for 1, 2 and 3 dimensions, whose nodes have names of their own
for _n in (1, 2, 3):
    _quiet = {"method": False, "out": False}
    MEAN[_n] = operator(_mean_pool, name=f"_mean_pool{_n}d", node=f"AvgPool{_n}DBackward0", **_quiet)
    MAX[_n] = operator(_max_pool, name=f"_max_pool{_n}d", node=f"MaxPool{_n}DWithIndicesBackward0", **_quiet)
    ARGMAX[_n] = operator(
        _argmax_pool, name=f"_argmax_pool{_n}d", node=f"MaxPool{_n}DWithIndicesBackward0", **_quiet
    )
    MEAN[_n].gradient(input=_mean_rule)
    MAX[_n].gradient(input=_max_rule)
    MAX[_n].operator.at_once_with = rectified
    MEAN[_n].operator.small, MAX[_n].operator.small = (mean_by_kernel, None), (largest_by_kernel, None)
    ARGMAX[_n].gradient(_argmax_rule)

OPERATORS["_window_mean"] = MEAN[2].operator
OPERATORS["_window_max"] = MAX[2].operator
OPERATORS["_window_argmax"] = ARGMAX[2].operator
mean_pool_back.gradient(g=lambda h, windows, divisor: lang.window_mean(h, windows, divisor))
max_pool_back.gradient(g=_max_back_rule, input=lambda h: None)  # which one is the largest does not change
put_flat.gradient(x=lambda g, index: lang.gather_along(g, len(g.shape) - 1, index))
add_flat_at.gradient(x=lambda g, index: lang.gather_along(g, len(g.shape) - 1, index))


# ---- windows of one size


def windows_of(name, sizes, kernel_size, stride, padding, dilation, ceil_mode):
    """The windows of a pool over dimensions of these sizes. They are remembered."""
    given = kernel_size, stride, padding, dilation, ceil_mode
    find = _known_windows if REMEMBERED.issuperset(map(type, given)) else _windows
    return find(name, sizes, *given)


def _windows(name, sizes, kernel_size, stride, padding, dilation, ceil_mode):
    count = len(sizes)
    kernel = each(name, "kernel_size", kernel_size, count)
    stride = each(name, "stride", stride, count, optional=kernel)
    padding, dilation = each(name, "padding", padding, count), each(name, "dilation", dilation, count)
    return _checked_windows(name, sizes, kernel, stride, padding, dilation, bool(ceil_mode))


_known_windows = lru_cache(maxsize=1024, typed=True)(_windows)


@lru_cache(maxsize=1024)
def _checked_windows(name, sizes, kernel, stride, padding, dilation, ceil_mode):
    for what, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        check_least(name, what, values, 1)
    check_least(name, "padding", padding, 0)
    for k, p, d in zip(kernel, padding, dilation):
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d}; a window may not lie wholly in the padding"
            )
    counts = [_places(*given, ceil_mode) for given in zip(sizes, kernel, stride, padding, dilation)]
    if min(counts) < 1:
        raise RuntimeError(
            f"{name}: Given input size: ({_by(sizes)}). Calculated output size: ({_by(counts)}). Output size "
            f"is too small; the kernel ({_by(kernel)}) is larger than the padded input"
        )
    return tuple(map(Windows, sizes, counts, kernel, stride, padding, dilation))


def _places(size, kernel, stride, padding, dilation, ceil_mode):
    """How many windows fit; with `ceil_mode` also one that sticks out, if it begins inside."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def _by(sizes):
    return "x".join(map(str, sizes))


def checked_input(name, input, count, refused, channels=True):
    """The input as a batch, and whether it was none; errors for types and empty dimensions."""
    if type(input) is not Tensor:
        expect_tensors(name, input=input)
    if input.dtype.name in refused:
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype.name}; convert the input first, for instance with '
            "x.float()"
        )
    input, single = batch_of(name, input, count)
    shape = shape_of(input)
    if 0 in shape[1 if channels else 2 :]:
        raise RuntimeError(
            f"{name}: Expected {count + 1}D or {count + 2}D (batch mode) tensor with optional 0 dim batch "
            "size for input, and "
            f"(channels, {sizes_named(count)}) not empty, but got: {list(shape)}"
        )
    return input, single


# ---- max pools


def largest(count, x, windows):
    """The largest elements; where they are is kept if a gradient is going to want it.

    Windows apart from each other are looked through again instead: their gradient is written in one pass. So
    are few elements, since a second result takes longer to record.
    """
    kept = x.requires_grad and state.grad and not all(w.disjoint for w in windows)
    kept = kept and x.numel() > MOST_TO_FIND_AGAIN
    return ARGMAX[count](x, windows)[0] if kept else MAX[count](x, windows)


def _declare_max_pool(count):
    name = f"max_pool{count}d"

    def with_indices(
        input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=True
    ):
        x, single = checked_input(name, input, count, NOT_ORDERED)
        windows = windows_of(name, shape_of(x)[2:], kernel_size, stride, padding, dilation, ceil_mode)
        return unbatched(ARGMAX[count](x, windows), single)

    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        if return_indices:
            return with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        x, single = checked_input(name, input, count, NOT_ORDERED)
        windows = windows_of(name, shape_of(x)[2:], kernel_size, stride, padding, dilation, ceil_mode)
        return unbatched(largest(count, x, windows), single)

    pool.__name__, with_indices.__name__ = name, name + "_with_indices"
    pool.__doc__ = (
        "The largest element of each window; with `return_indices` also where it is, counted over the plane."
    )
    with_indices.__doc__ = f"`{name}` with the places of the elements."
    pool, with_indices = (composite(f, method=False, out=False) for f in (pool, with_indices))
    alias(pool, f"nn.functional.{name}")
    alias(with_indices, f"nn.functional.{name}_with_indices")
    return pool


max_pool1d, max_pool2d, max_pool3d = map(_declare_max_pool, (1, 2, 3))
for _name in ("max_pool2d_with_indices", "max_pool3d_with_indices"):
    del OPERATORS[_name]  # in nn.functional alone


# ---- average pools


def _average(count, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    name = f"avg_pool{count}d"
    x, single = checked_input(name, input, count, NOT_AVERAGED)
    if divisor_override == 0:
        raise RuntimeError(
            f"{name}: divisor must be not zero, but divisor_override=0; None divides by the size of the "
            "window"
        )
    sizes = shape_of(x)[2:]
    windows = windows_of(name, sizes, kernel_size, stride, padding, 1, ceil_mode)
    if count == 3 and any(w.kernel > w.size for w in windows):
        raise RuntimeError(
            f"{name}: input image ({_by(sizes)}) smaller than kernel size "
            f"({_by([w.kernel for w in windows])}), without the padding"
        )
    divisor = divisor_override or ("padded" if count_include_pad else "present")
    return unbatched(MEAN[count](x, windows, divisor), single)


@composite(method=False, out=False)
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of a sequence."""
    return _average(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composite(namespace="nn.functional", method=False)
def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window of an image."""
    return _average(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite(namespace="nn.functional", method=False)
def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window of a volume."""
    return _average(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


alias(avg_pool1d, "nn.functional.avg_pool1d")


# ---- power-average pools


def _declare_lp_pool(count):
    name = f"lp_pool{count}d"

    def pool(input, norm_type, kernel_size, stride=None, ceil_mode=False):
        kernel = each(name, "kernel_size", kernel_size, count)
        mean = _average(count, input**norm_type, kernel, stride, 0, ceil_mode, True, None)
        total = lang.sign(mean) * lang.where(mean == 0, 0, lang.abs(mean)) * prod(kernel)
        return total ** (1.0 / norm_type)

    pool.__name__ = name
    pool.__doc__ = "The `norm_type`-norm of each window: the root of the sum of powers."
    return composite(pool, namespace="nn.functional", method=False, out=False)


lp_pool1d, lp_pool2d, lp_pool3d = map(_declare_lp_pool, (1, 2, 3))
