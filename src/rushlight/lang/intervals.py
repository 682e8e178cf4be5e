"""Maxima over windows that lie differently in every plane: fractional max pools."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def interval_corners(samples: Any, sizes: Sequence[int], kernel: Sequence[int], counts: Sequence[int]) -> Any:
    """The place in its plane where each window begins: (images, channels, windows).

    `samples` has, for each plane and each axis, the random number that the windows follow from.
    """
    corner = np.zeros((*samples.shape[:2], *[1] * len(sizes)), np.int64)
    for axis, (size, k, count) in enumerate(zip(sizes, kernel, counts)):
        starts = interval_starts(samples[..., axis], size, k, count)
        line = [count if a == axis else 1 for a in range(len(sizes))]
        corner = corner * size + starts.reshape(*samples.shape[:2], *line)
    return corner.reshape(*samples.shape[:2], prod(counts))


@primitive
def interval_argmax(x: Any, corners: Any, kernel: Sequence[int], counts: Sequence[int]) -> Any:
    """The largest element of each window and its place in the plane: the first such, or the last NaN."""
    flat = x.reshape(*x.shape[:2], prod(x.shape[2:]))
    best, found = np.take_along_axis(flat, corners, -1), corners.copy()
    for tap in product(*map(range, kernel)):
        place = corners + int(np.ravel_multi_index(tap, x.shape[2:]))
        value = np.take_along_axis(flat, place, -1)
        higher = (value > best) | np.isnan(value)
        np.copyto(best, value, where=higher)
        np.copyto(found, place, where=higher)
    shape = (*x.shape[:2], *counts)
    return best.reshape(shape), found.reshape(shape)


def interval_starts(sample: np.ndarray, size: int, kernel: int, count: int) -> np.ndarray:
    """Where the windows of each plane start: evenly, but for its random number; the last ends the axis."""
    last = np.full((*sample.shape, 1), size - kernel)
    if count == 1:
        return last
    step = sample.dtype.type(size - kernel) / sample.dtype.type(count - 1)
    places = np.arange(count - 1).astype(sample.dtype)
    shift = (sample * step).astype(np.int64)[..., None]
    return np.concatenate([((places + sample[..., None]) * step).astype(np.int64) - shift, last], -1)
