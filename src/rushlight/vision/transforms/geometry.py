"""Sizes and matrices of transforms: plain numbers, for pictures of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin, tan
from typing import Any

import numpy as np


def resized(size: Sequence[int], wanted: Sequence[int], max_size: int | None = None) -> tuple[int, int]:
    """Height and width after a resize to `wanted`: both sides, or the shorter one."""
    if len(wanted) == 2:
        return wanted[0], wanted[1]
    height, width = size
    short, long = sorted((height, width))
    new_short, new_long = wanted[0], int(wanted[0] * long / short)
    if max_size is not None:
        if max_size <= wanted[0]:
            raise ValueError(f"max_size={max_size} must be greater than the shorter side wanted, {wanted[0]}")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


def margins_of(padding: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a padding given as one number, two or four."""
    if isinstance(padding, int):
        return (padding,) * 4
    if not isinstance(padding, (list, tuple)):
        raise TypeError(f"padding is a number or a sequence of 1, 2 or 4, got {type(padding).__name__}")
    if len(padding) == 1:
        return (padding[0],) * 4
    if len(padding) == 2:
        return (padding[0], padding[1], padding[0], padding[1])
    if len(padding) == 4:
        return tuple(padding)  # type: ignore[return-value]
    raise ValueError(f"padding is a number or a sequence of 1, 2 or 4, got {len(padding)} of them")


def inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """The 2x3 matrix that finds where a pixel of the result comes from, row by row.

    The forward map is: move the centre to 0, shear, turn, scale, move back, translate.
    """
    turn, shear_x, shear_y = radians(angle), *map(radians, shear)
    a = cos(turn - shear_y) / cos(shear_y)
    b = -cos(turn - shear_y) * tan(shear_x) / cos(shear_y) - sin(turn)
    c = sin(turn - shear_y) / cos(shear_y)
    d = -sin(turn - shear_y) * tan(shear_x) / cos(shear_y) + cos(turn)
    row_x, row_y = (d / scale, -b / scale), (-c / scale, a / scale)
    x, y = (-centre - shift for centre, shift in zip(center, translate))
    return [
        *row_x,
        row_x[0] * x + row_x[1] * y + center[0],
        *row_y,
        row_y[0] * x + row_y[1] * y + center[1],
    ]


def perspective_coefficients(start: Sequence[Any], end: Sequence[Any]) -> list[float]:
    """The eight numbers of the perspective map that finds, for each of four end points, its start point."""
    rows, values = [], []
    for (x, y), (u, v) in zip(end, start):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solution = np.linalg.lstsq(np.array(rows, np.float64), np.array(values, np.float64), rcond=None)[0]
    return solution.astype(np.float32).tolist()


def pair(size: Any, what: str = "size") -> list[int]:
    """Two numbers of one, or of a sequence of one or two."""
    if isinstance(size, int):
        return [size, size]
    if not isinstance(size, (list, tuple)):
        raise TypeError(f"{what} is an int or a sequence of 1 or 2, got {type(size).__name__}")
    if len(size) not in (1, 2):
        raise ValueError(f"{what} is an int or a sequence of 1 or 2, got {len(size)} of them")
    return [size[0], size[-1]]
