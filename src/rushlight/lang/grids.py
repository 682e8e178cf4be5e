"""Coordinates of regular grids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def grid_points(like: Any, sizes: Sequence[int], align_corners: bool) -> Any:
    """Each point of a grid over [-1, 1] as a row (last axis first) that ends in 1, in the dtype of `like`.

    With `align_corners` the outermost points are at -1 and 1, else half a step inside.
    """
    return _points(tuple(sizes), bool(align_corners), like.dtype)


@lru_cache(maxsize=16)
def _points(sizes: tuple[int, ...], align_corners: bool, dtype: np.dtype) -> np.ndarray:
    lines = [
        np.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) if n > 1 else np.zeros(1) for n in sizes
    ]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(sizes)], -1)
    points = points.reshape(-1, len(sizes) + 1).astype(dtype)
    points.flags.writeable = False
    return points
