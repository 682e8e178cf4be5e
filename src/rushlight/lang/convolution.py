"""Convolution over any number of dimensions, and its gradients for both sides.

The three are one sum over the same triples (output, input, weight), each solved for another of them; so the
gradient of each is made of the other two. Arrays are (images, channels, *sizes), weights (outputs,
channels / groups, *taps). Patches are gathered in blocks, small enough for the cache, and multiplied by BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..kernels import convolution as _kernels
from ..kernels import convolution_halves as _pairs
from .dispatch import primitive
from .halves import HALVES, in_single, narrowed
from .movement import restrided

BLOCK = 1 << 20  # bytes of patches that are gathered at a time: what stays in the second-level cache

Sizes = Sequence[int]


@primitive
def convolution(
    x: Any, weight: Any, bias: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Any:
    """The cross-correlation of each image with each filter, plus a bias for each filter (or None)."""
    sizes = output_sizes(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    if x.dtype.char in HALVES:
        made = _pairs.forward(x, weight, bias, sizes, stride, padding, dilation, groups)
        if made is not None:
            return narrowed(made, x.dtype)
        return _in_single(x, weight, bias, stride, padding, dilation, groups)
    made = _kernels.forward(x, weight, bias, sizes, stride, padding, dilation, groups)
    if made is not None:
        return made
    out = empty_like(x, (len(x), len(weight), *sizes))
    filters = weight.reshape(groups, len(weight) // groups, prod(weight.shape[1:]))
    for images, seen in blocks_of_patches(x, weight.shape[2:], sizes, stride, padding, dilation, groups):
        _unmerge(out[images], np.matmul(filters, seen))
    if bias is not None:
        out += bias.reshape(-1, *[1] * len(sizes))
    return out


@primitive
def convolution_input(
    g: Any, weight: Any, bias: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Any:
    """The transpose of `convolution`, to images of sizes `shape`: outputs go back to where they came from."""
    if g.dtype.char in HALVES:
        made = _pairs.input_gradient(g, weight, bias, shape, stride, padding, dilation, groups)
        if made is not None:
            return narrowed(made, g.dtype)
        return _input_in_single(g, weight, bias, shape, stride, padding, dilation, groups)
    made = _kernels.input_gradient(g, weight, bias, shape, stride, padding, dilation, groups)
    if made is not None:
        return made
    taps, channels = weight.shape[2:], weight.shape[1] * groups
    out = empty_like(g, (len(g), channels, *shape))
    reach = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(g.shape[2:], stride, dilation, taps)]
    wide = [max(n + 2 * p, m) for n, p, m in zip(shape, padding, reach)]
    inside = (slice(None), slice(None), *(slice(p, p + n) for n, p in zip(shape, padding)))
    filters = weight.reshape(groups, len(weight) // groups, prod(weight.shape[1:])).swapaxes(1, 2)
    buffer: np.ndarray | None = None
    for images in _blocks(len(g), channels * prod(taps) * prod(g.shape[2:]) * g.itemsize):
        part = _merge(g[images], groups)
        spread = filters * part if part.shape[1] == 1 else np.matmul(filters, part)
        count = len(out[images])
        if buffer is None:
            buffer = np.empty((count, channels, *wide), g.dtype)
        buffer[:count] = 0
        add_patches(buffer[:count], spread.reshape(channels, *taps, count, *g.shape[2:]), stride, dilation)
        out[images] = buffer[:count][inside]
    if bias is not None:
        out += bias.reshape(-1, *[1] * len(shape))
    return out


@primitive
def convolution_weight(
    g: Any, x: Any, taps: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Any:
    """What the weight of a `convolution` of `x` gets from the gradient `g` of its result."""
    if g.dtype.char in HALVES:
        made = _pairs.weight_gradient(g, x, taps, stride, padding, dilation, groups)
        if made is not None:
            return narrowed(made, g.dtype)
        return _weight_in_single(g, x, taps, stride, padding, dilation, groups)
    made = _kernels.weight_gradient(g, x, taps, stride, padding, dilation, groups)
    if made is not None:
        return made
    outputs, channels = g.shape[1], x.shape[1] // groups
    total = np.zeros((groups, outputs // groups, channels * prod(taps)), g.dtype)
    for images, seen in blocks_of_patches(x, taps, g.shape[2:], stride, padding, dilation, groups):
        total += np.matmul(_merge(g[images], groups), seen.swapaxes(1, 2))
    return total.reshape(outputs, channels, *taps)


_in_single, _input_in_single, _weight_in_single = (
    in_single(f.on_arrays) for f in (convolution, convolution_input, convolution_weight)
)


def empty_like(x: np.ndarray, shape: Sizes) -> np.ndarray:
    """Memory for a result, with the channels last if those of `x` are."""
    if x.flags.c_contiguous or not np.moveaxis(x, 1, -1).flags.c_contiguous:
        return np.empty(shape, x.dtype)
    return np.moveaxis(np.empty((shape[0], *shape[2:], shape[1]), x.dtype), -1, 1)


def output_sizes(
    sizes: Sizes, taps: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> tuple[int, ...]:
    """How many places a window of `taps` has in each dimension."""
    given = zip(sizes, taps, stride, padding, dilation)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in given)


# ---- patches


def blocks_of_patches(
    x: np.ndarray, taps: Sizes, sizes: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """What the windows see: blocks of images, and (groups, channels and taps, images and places) for each.

    The array is the same memory every time.
    """
    rows, places = x.shape[1] * prod(taps), prod(sizes)
    wide = memory = None
    for images in _blocks(len(x), rows * places * x.itemsize):
        block = x[images]
        if any(padding):
            wide = padded(block, padding, wide)
            block = wide[: len(block)]
        seen = windows(block, taps, sizes, stride, dilation)
        if not seen.flags.c_contiguous:
            memory = np.empty(seen.size, x.dtype) if memory is None else memory
            copy = memory[: seen.size].reshape(seen.shape)
            np.copyto(copy, seen)
            seen = copy
        yield images, seen.reshape(groups, rows // groups, len(block) * places)


def windows(x: np.ndarray, taps: Sizes, sizes: Sizes, stride: Sizes, dilation: Sizes) -> np.ndarray:
    """A view (channels, *taps, images, *sizes): place `o` of tap `k` is `x[o * stride + k * dilation]`."""
    images, channels, *steps = x.strides
    by_tap, by_place = (tuple([s * m for s, m in zip(steps, by)]) for by in (dilation, stride))
    shape = (x.shape[1], *taps, len(x), *sizes)
    return restrided(x, shape, (channels, *by_tap, images, *by_place))


def add_patches(x: np.ndarray, patches: np.ndarray, stride: Sizes, dilation: Sizes) -> None:
    """The opposite of `windows`: adds (channels, *taps, images, *sizes) to where each element comes from."""
    n = x.ndim - 2
    taps, sizes = patches.shape[1 : n + 1], patches.shape[n + 2 :]
    for tap in product(*map(range, taps)):
        where = (
            slice(k * d, k * d + (m - 1) * s + 1, s) if m else slice(0)
            for k, d, m, s in zip(tap, dilation, sizes, stride)
        )
        x[(slice(None), slice(None), *where)] += patches[(slice(None), *tap)].swapaxes(0, 1)


def padded(x: np.ndarray, padding: Sizes, memory: np.ndarray | None = None) -> np.ndarray:
    """Zeros around each image; in `memory`, if given, which had images of the same sizes in it before."""
    wide = memory
    if wide is None:
        wide = np.zeros((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding))), x.dtype)
    inside = (slice(p, p + n) for n, p in zip(x.shape[2:], padding))
    wide[(slice(0, len(x)), slice(None), *inside)] = x
    return wide


def _blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of so many images, of `size` bytes each, as fit into a block; one at least."""
    step = max(1, BLOCK // max(size, 1))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _merge(g: np.ndarray, groups: int) -> np.ndarray:
    """(images, channels, *sizes) as (groups, channels of one, images and places)."""
    places = g.shape[0] * prod(g.shape[2:])
    return np.ascontiguousarray(g.swapaxes(0, 1)).reshape(groups, g.shape[1] // groups, places)


def _unmerge(out: np.ndarray, merged: np.ndarray) -> None:
    """Puts (groups, channels of one, images and places) where (images, channels, *sizes) belong."""
    out.swapaxes(0, 1)[...] = merged.reshape(out.shape[1], out.shape[0], *out.shape[2:])


# ---- patches by themselves


@primitive
def patches(x: Any, taps: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    """What each window of each image sees: (images, channels, *taps, *places)."""
    sizes = output_sizes(x.shape[2:], taps, stride, padding, dilation)
    return np.moveaxis(windows(padded(x, padding), taps, sizes, stride, dilation), 1 + len(taps), 0).copy()


@primitive
def patches_back(g: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    """The transpose of `patches` for images of the sizes `shape`: overlapping patches are added."""
    whole = np.zeros((*g.shape[:2], *(n + 2 * p for n, p in zip(shape, padding))), g.dtype)
    add_patches(whole, np.moveaxis(g, 0, 1 + len(shape)), stride, dilation)
    return whole[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(shape, padding)))].copy()
