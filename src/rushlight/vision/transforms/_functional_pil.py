"""Transforms of Pillow's pictures."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..pictures import pillow
from .interpolation import PIL_NUMBERS, InterpolationMode

NUMPY_PADDING = {"edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width."""
    width, height = img.size
    return [len(img.getbands()), height, width]


def hflip(img: Any) -> Any:
    return img.transpose(pillow().Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    return img.transpose(pillow().Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    return img.crop((left, top, left + width, top + height))


def resize(img: Any, size: Sequence[int], interpolation: InterpolationMode) -> Any:
    height, width = size
    return img.resize((width, height), PIL_NUMBERS[interpolation])


# ---- colours


def adjust_brightness(img: Any, factor: float) -> Any:
    return pillow("ImageEnhance").Brightness(img).enhance(factor)


def adjust_contrast(img: Any, factor: float) -> Any:
    return pillow("ImageEnhance").Contrast(img).enhance(factor)


def adjust_saturation(img: Any, factor: float) -> Any:
    return pillow("ImageEnhance").Color(img).enhance(factor)


def adjust_sharpness(img: Any, factor: float) -> Any:
    return pillow("ImageEnhance").Sharpness(img).enhance(factor)


def adjust_hue(img: Any, factor: float) -> Any:
    mode = img.mode
    if mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.asarray(hue) + np.array(int(factor * 255) % 256, np.uint8)  # wraps round, as hues do
    return pillow().merge("HSV", (pillow().fromarray(turned), saturation, value)).convert(mode)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    mode = img.mode
    table = [int((255 + 1 - 1e-3) * gain * (level / 255.0) ** gamma) for level in range(256)]
    rgb = img.convert("RGB")
    return rgb.point(table * 3).convert(mode)


def to_grayscale(img: Any, num_output_channels: int) -> Any:
    grey = img.convert("L")
    if num_output_channels == 1:
        return grey
    return pillow().merge("RGB", (grey, grey, grey))


def invert(img: Any) -> Any:
    return pillow("ImageOps").invert(img)


def posterize(img: Any, bits: int) -> Any:
    return pillow("ImageOps").posterize(img, bits)


def solarize(img: Any, threshold: float) -> Any:
    return pillow("ImageOps").solarize(img, threshold)


def autocontrast(img: Any) -> Any:
    return pillow("ImageOps").autocontrast(img)


def equalize(img: Any) -> Any:
    return pillow("ImageOps").equalize(img)


# ---- margins


def pad(img: Any, margins: Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """A picture with `margins` (left, top, right, bottom) more; a negative margin takes away."""
    left, top, right, bottom = margins
    if padding_mode == "constant":
        fill = fill_of(img, fill, "fill")
        if img.mode == "P":
            padded = pillow("ImageOps").expand(img, border=(left, top, right, bottom), fill=fill)
            padded.putpalette(img.getpalette())
            return padded
        return pillow("ImageOps").expand(img, border=(left, top, right, bottom), fill=fill)
    if min(margins) < 0:
        img = img.crop(
            (max(-left, 0), max(-top, 0), img.width - max(-right, 0), img.height - max(-bottom, 0))
        )
        left, top, right, bottom = (max(m, 0) for m in margins)
    pixels = np.asarray(img)
    sides = [(top, bottom), (left, right), (0, 0)][: pixels.ndim]
    padded = pillow().fromarray(np.pad(pixels, sides, mode=NUMPY_PADDING[padding_mode]))  # type: ignore[call-overload]
    if img.mode == "P":
        padded.putpalette(img.getpalette())
    return padded


def fill_of(img: Any, fill: Any, name: str = "fill") -> Any:
    """The colour that Pillow is given for new pixels: a number for one channel, a tuple for more."""
    channels = len(img.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, numbers.Number):
        if channels > 1:
            return (fill,) * channels
        return fill if img.mode == "F" else int(fill)  # type: ignore[call-overload]
    if not isinstance(fill, (list, tuple)):
        raise TypeError(f"{name} is to be a number or a sequence of them, got {type(fill).__name__}")
    if len(fill) == 1:
        fill = tuple(fill) * channels
    if len(fill) != channels:
        raise ValueError(f"{name} has {len(fill)} values, but the picture has {channels} channels")
    if img.mode != "F":
        fill = [int(value) for value in fill]
    return fill[0] if channels == 1 else tuple(fill)


# ---- warps


def affine(img: Any, matrix: Sequence[float], interpolation: InterpolationMode, fill: Any) -> Any:
    kind = pillow().Transform.AFFINE
    number = PIL_NUMBERS[interpolation]
    return img.transform(img.size, kind, matrix, number, fillcolor=fill_of(img, fill))


def perspective(img: Any, coefficients: Sequence[float], interpolation: InterpolationMode, fill: Any) -> Any:
    kind = pillow().Transform.PERSPECTIVE
    number = PIL_NUMBERS[interpolation]
    return img.transform(img.size, kind, coefficients, number, fillcolor=fill_of(img, fill))


def rotate(
    img: Any, angle: float, interpolation: InterpolationMode, expand: bool, center: Any, fill: Any
) -> Any:
    number = PIL_NUMBERS[interpolation]
    return img.rotate(angle, number, expand, center, fillcolor=fill_of(img, fill))
