"""How values between pixels are found."""

from __future__ import annotations

from enum import Enum
from typing import Any


class InterpolationMode(Enum):
    """The ways to find values between pixels; BOX, HAMMING and LANCZOS are for pictures of Pillow alone."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PIL_NUMBERS = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.NEAREST_EXACT: 0,
}
_BY_NUMBER = {number: mode for mode, number in reversed(PIL_NUMBERS.items())}


def checked_mode(interpolation: Any) -> InterpolationMode:
    """The mode that is meant, given as such, by its name or, as old programs do, as Pillow's number."""
    if isinstance(interpolation, str):
        return InterpolationMode(interpolation)
    if isinstance(interpolation, int):
        if interpolation not in _BY_NUMBER:
            raise ValueError(f"interpolation={interpolation} is no number of a filter of Pillow's (0 to 5)")
        return _BY_NUMBER[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(
            "interpolation is to be an InterpolationMode or a number of Pillow's, "
            f"got {type(interpolation).__name__} {interpolation!r}"
        )
    return interpolation
