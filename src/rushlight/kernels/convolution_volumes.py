"""Convolutions of volumes as convolutions of planes: the taps along the depth become channels.

A plane of the result sees as many planes of each channel as there are taps along the depth. They are copied
next to each other, which for a filter of shape (channels, taps, rows, columns) is the order of its elements;
everything else is a convolution of planes, Winograd's way included. Images are taken a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..runtime import memory
from . import copying

BLOCK_BYTES = 32 << 20  # copied planes at a time
Sizes = Sequence[int]


class Depth:
    """Where the taps along the depth find their planes: `pairs` of places of the result and of the volume."""

    def __init__(self, size: int, taps: int, places: int, stride: int, padding: int, dilation: int) -> None:
        self.taps, self.places = taps, places
        self.pairs: list[tuple[slice, slice]] = []
        for k in range(taps):
            offset = k * dilation - padding
            low = min(places, max(0, -(offset // stride)))
            high = max(low, min(places, (size - 1 - offset) // stride + 1))
            start = offset + low * stride
            end = start + (high - low - 1) * stride + 1 if high > low else start
            self.pairs.append((slice(low, high), slice(start, end, stride)))


def depth_of(shape: Sizes, weight: Sizes, places: Sizes, how: tuple) -> tuple[Depth, tuple]:
    """The depth of a convolution of volumes of this shape, and how its planes are convolved."""
    stride, padding, dilation, groups = how
    depth = Depth(shape[2], weight[2], places[0], stride[0], padding[0], dilation[0])
    return depth, (tuple(stride[1:]), tuple(padding[1:]), tuple(dilation[1:]), groups)


def blocks(images: int, image_bytes: int) -> Iterator[slice]:
    count = max(1, BLOCK_BYTES // max(1, image_bytes))
    for first in range(0, images, count):
        yield slice(first, min(images, first + count))


def planes_of(x: np.ndarray, depth: Depth) -> np.ndarray:
    """The planes that each place along the depth sees, as channels of one image: (images * places, ...)."""
    images, channels, _, *sizes = x.shape
    made = memory.empty((images, depth.places, channels, depth.taps, *sizes), x.dtype)
    for k, (low, seen) in enumerate(depth.pairs):
        made[:, : low.start, :, k] = 0
        made[:, low.stop :, :, k] = 0
        copying.filled(made[:, low, :, k], x[:, :, seen].swapaxes(1, 2))
    return made.reshape(images * depth.places, channels * depth.taps, *sizes)


def flat_filters(weight: np.ndarray) -> np.ndarray:
    return weight.reshape(len(weight), weight.shape[1] * weight.shape[2], *weight.shape[3:])


def flat_images(g: np.ndarray) -> np.ndarray:
    """Planes along the depth as images."""
    images, channels, places, *sizes = g.shape
    made = memory.empty((images, places, channels, *sizes), g.dtype)
    return copying.filled(made, g.swapaxes(1, 2)).reshape(images * places, channels, *sizes)


def forward(
    planar: Any, x: np.ndarray, weight: np.ndarray, bias: Any, places: Sizes, how: tuple
) -> np.ndarray | None:
    """The convolution of volumes by `planar`, that of planes; None where that does not apply."""
    depth, how = depth_of(x.shape, weight.shape, places, how)
    out, filters = memory.empty((len(x), len(weight), *places), x.dtype), flat_filters(weight)
    for images in blocks(len(x), x[0].nbytes * depth.taps):
        part = planar(planes_of(x[images], depth), filters, bias, tuple(places[1:]), *how)
        if part is None:
            return None
        copying.filled(out[images], part.reshape(-1, places[0], *part.shape[1:]).swapaxes(1, 2))
    return out


def input_gradient(
    planar: Any, g: np.ndarray, weight: np.ndarray, bias: Any, sizes: Sizes, how: tuple
) -> np.ndarray | None:
    """The transposed convolution of `g` to volumes of these sizes; None where `planar` does not apply."""
    channels = weight.shape[1] * how[-1]
    depth, how = depth_of((len(g), channels, *sizes), weight.shape, g.shape[2:], how)
    out, filters = memory.empty((len(g), channels, *sizes), g.dtype), flat_filters(weight)
    out[...] = 0 if bias is None else bias.reshape(-1, 1, 1, 1)
    for images in blocks(len(g), out[0].nbytes * depth.taps):
        part = planar(flat_images(g[images]), filters, None, tuple(sizes[1:]), *how)
        if part is None:
            return None
        part = part.reshape(-1, depth.places, channels, depth.taps, *sizes[1:])
        for k, (low, seen) in enumerate(depth.pairs):
            out[images, :, seen] += part[:, low, :, k].swapaxes(1, 2)
    return out


def weight_gradient(planar: Any, g: np.ndarray, x: np.ndarray, taps: Sizes, how: tuple) -> np.ndarray | None:
    """What the filters get from the gradient `g`; None where `planar` does not apply."""
    outputs, channels = g.shape[1], x.shape[1] // how[-1]
    depth, how = depth_of(x.shape, (outputs, channels, *taps), g.shape[2:], how)
    total = None
    for images in blocks(len(x), x[0].nbytes * depth.taps):
        part = planar(flat_images(g[images]), planes_of(x[images], depth), tuple(taps[1:]), *how)
        if part is None:
            return None
        total = part if total is None else np.add(total, part, out=total)
    return None if total is None else total.reshape(outputs, channels, *taps)
