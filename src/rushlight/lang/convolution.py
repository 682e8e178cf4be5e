"""Convolution over any number of dimensions, and its gradients for both sides.

The three are one sum over the same triples (output, input, weight), each solved for another of them; so the gradient
of each is made of the other two. Arrays are (images, channels, *sizes), weights (outputs, channels / groups, *taps).
Here patches are gathered block by block, small enough for the cache, and multiplied by BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from .dispatch import primitive

BLOCK = 1 << 20  # bytes of patches that are gathered at a time: what stays in the second-level cache

Sizes = Sequence[int]


@primitive
def convolution(x: Any, weight: Any, bias: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Any:
    """The cross-correlation of each image with each filter, plus a bias for each filter (or None)."""
    sizes = output_sizes(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    out = np.empty((len(x), len(weight), *sizes), x.dtype)
    filters = weight.reshape(groups, len(weight) // groups, prod(weight.shape[1:]))
    for images, patches in blocks_of_patches(x, weight.shape[2:], sizes, stride, padding, dilation, groups):
        _unmerge(out[images], np.matmul(filters, patches))
    if bias is not None:
        out += bias.reshape(-1, *[1] * len(sizes))
    return out


@primitive
def convolution_input(
    g: Any, weight: Any, bias: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Any:
    """The transpose of `convolution` for images of the sizes `shape`: every output is spread over what it was made of."""
    taps, channels = weight.shape[2:], weight.shape[1] * groups
    spans = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(g.shape[2:], stride, dilation, taps)]
    whole = np.zeros((len(g), channels, *(max(n + 2 * p, m) for n, p, m in zip(shape, padding, spans))), g.dtype)
    filters = weight.reshape(groups, len(weight) // groups, prod(weight.shape[1:])).swapaxes(1, 2)
    for images in _blocks(len(g), filters.shape[1] * groups * prod(g.shape[2:]) * g.itemsize):
        patches = np.matmul(filters, _merge(g[images], groups))
        count = len(whole[images])
        add_patches(whole[images], patches.reshape(channels, *taps, count, *g.shape[2:]), stride, dilation)
    out = whole[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(padding, shape)))]
    if bias is not None:
        return out + bias.reshape(-1, *[1] * len(shape))
    return out if out.shape == whole.shape else out.copy()


@primitive
def convolution_weight(
    g: Any, x: Any, taps: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Any:
    """What the weight of a `convolution` of `x` gets from the gradient `g` of its result."""
    outputs, channels = g.shape[1], x.shape[1] // groups
    total = np.zeros((groups, outputs // groups, channels * prod(taps)), g.dtype)
    for images, patches in blocks_of_patches(x, taps, g.shape[2:], stride, padding, dilation, groups):
        total += np.matmul(_merge(g[images], groups), patches.swapaxes(1, 2))
    return total.reshape(outputs, channels, *taps)


def output_sizes(sizes: Sizes, taps: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> tuple[int, ...]:
    """How many places a window of `taps` has in each dimension."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(sizes, taps, stride, padding, dilation)
    )


# ---- patches


def blocks_of_patches(
    x: np.ndarray, taps: Sizes, sizes: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """What the windows see: blocks of images, and (groups, channels and taps, images and places) for each.

    The array is the same memory every time.
    """
    rows, places = x.shape[1] * prod(taps), prod(sizes)
    seen = windows(padded(x, padding), taps, sizes, stride, dilation)
    buffer = np.empty(0, x.dtype)
    for images in _blocks(len(x), rows * places * x.itemsize):
        patches = np.moveaxis(seen[images], 0, 1 + len(taps))
        if not patches.flags.c_contiguous:
            if buffer.size < patches.size:
                buffer = np.empty(patches.size, x.dtype)
            memory = buffer[: patches.size].reshape(patches.shape)
            np.copyto(memory, patches)
            patches = memory
        yield images, patches.reshape(groups, rows // groups, patches.shape[1 + len(taps)] * places)


def windows(x: np.ndarray, taps: Sizes, sizes: Sizes, stride: Sizes, dilation: Sizes) -> np.ndarray:
    """A view of shape (images, channels, *taps, *sizes): the place `o` of tap `k` is `x[o * stride + k * dilation]`."""
    steps = x.strides[2:]
    strides = [s * d for s, d in zip(steps, dilation)] + [s * m for s, m in zip(steps, stride)]
    shape = (*x.shape[:2], *taps, *sizes)
    return np.lib.stride_tricks.as_strided(x, shape, (*x.strides[:2], *strides), writeable=False)


def add_patches(x: np.ndarray, patches: np.ndarray, stride: Sizes, dilation: Sizes) -> None:
    """The opposite of `windows`, in place: adds (channels, *taps, images, *sizes) to where each element comes from."""
    n = x.ndim - 2
    taps, sizes = patches.shape[1 : n + 1], patches.shape[n + 2 :]
    for tap in product(*map(range, taps)):
        where = (
            slice(k * d, k * d + (m - 1) * s + 1, s) if m else slice(0)
            for k, d, m, s in zip(tap, dilation, sizes, stride)
        )
        x[(slice(None), slice(None), *where)] += patches[(slice(None), *tap)].swapaxes(0, 1)


def padded(x: np.ndarray, padding: Sizes) -> np.ndarray:
    """Zeros around each image."""
    if not any(padding):
        return x
    wide = np.zeros((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding))), x.dtype)
    wide[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(x.shape[2:], padding)))] = x
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
    return windows(padded(x, padding), taps, sizes, stride, dilation).copy()


@primitive
def patches_back(g: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    """The transpose of `patches` for images of the sizes `shape`: overlapping patches are added."""
    whole = np.zeros((*g.shape[:2], *(n + 2 * p for n, p in zip(shape, padding))), g.dtype)
    add_patches(whole, np.moveaxis(g, 0, 1 + len(shape)), stride, dilation)
    return whole[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(shape, padding)))].copy()
