"""The changes that AutoAugment and its kin draw from, and how strong each may be.

`F` is the module of functions that make the changes: that of the first version, or that of the second.
"""

from __future__ import annotations

import math
from typing import Any

import rushlight as rl

Strengths = dict[str, tuple[Any, bool]]  # of each change: its strengths by step, and whether a sign is drawn


def _sheared(F: Any, img: Any, x: float, y: float, interpolation: Any, fill: Any) -> Any:
    shear = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
    return F.affine(img, 0.0, [0, 0], 1.0, shear, interpolation, fill, center=[0, 0])


def _moved(F: Any, img: Any, x: float, y: float, interpolation: Any, fill: Any) -> Any:
    return F.affine(img, 0.0, [int(x), int(y)], 1.0, [0.0, 0.0], interpolation, fill)


GEOMETRY = {
    "ShearX": lambda F, img, m, mode, fill: _sheared(F, img, m, 0.0, mode, fill),
    "ShearY": lambda F, img, m, mode, fill: _sheared(F, img, 0.0, m, mode, fill),
    "TranslateX": lambda F, img, m, mode, fill: _moved(F, img, m, 0, mode, fill),
    "TranslateY": lambda F, img, m, mode, fill: _moved(F, img, 0, m, mode, fill),
    "Rotate": lambda F, img, m, mode, fill: F.rotate(img, m, interpolation=mode, fill=fill),
}
COLOUR = {
    "Brightness": lambda F, img, m: F.adjust_brightness(img, 1.0 + m),
    "Color": lambda F, img, m: F.adjust_saturation(img, 1.0 + m),
    "Contrast": lambda F, img, m: F.adjust_contrast(img, 1.0 + m),
    "Sharpness": lambda F, img, m: F.adjust_sharpness(img, 1.0 + m),
    "Posterize": lambda F, img, m: F.posterize(img, int(m)),
    "Solarize": lambda F, img, m: F.solarize(img, m),
    "AutoContrast": lambda F, img, m: F.autocontrast(img),
    "Equalize": lambda F, img, m: F.equalize(img),
    "Invert": lambda F, img, m: F.invert(img),
    "Identity": lambda F, img, m: img,
}


def changed(F: Any, img: Any, name: str, magnitude: float, interpolation: Any, fill: Any) -> Any:
    """The picture after one of the changes."""
    if name in GEOMETRY:
        return GEOMETRY[name](F, img, magnitude, interpolation, fill)
    return COLOUR[name](F, img, magnitude)


def _signed(names: str, most: float, bins: int) -> Strengths:
    return {name: (rl.linspace(0.0, most, bins), True) for name in names.split()}


def _fixed(names: str) -> Strengths:
    return {name: (rl.tensor(0.0), False) for name in names.split()}


def _levels(bins: int, bits: int, lost: int, light: float) -> Strengths:
    """Posterize to `bits` and less, Solarize at `light` and less."""
    steps = bits - (rl.arange(bins) / ((bins - 1) / lost)).round().int()
    return {"Posterize": (steps, False), "Solarize": (rl.linspace(light, 0.0, bins), False)}


def _places(bins: int, shear: float, x: float, y: float, degrees: float) -> Strengths:
    return {
        **_signed("ShearX ShearY", shear, bins),
        **_signed("TranslateX", x, bins),
        **_signed("TranslateY", y, bins),
        **_signed("Rotate", degrees, bins),
    }


def learnt_space(bins: int, size: tuple[int, int], light: float = 255.0) -> Strengths:
    """What learnt policies and RandAugment draw from, for pictures of size (height, width)."""
    return {
        **_places(bins, 0.3, 150.0 / 331.0 * size[1], 150.0 / 331.0 * size[0], 30.0),
        **_signed("Brightness Color Contrast Sharpness", 0.9, bins),
        **_levels(bins, 8, 4, light),
        **_fixed("AutoContrast Equalize"),
    }


def policy_space(bins: int, size: tuple[int, int], light: float = 255.0) -> Strengths:
    """What AutoAugment draws from."""
    return {**learnt_space(bins, size, light), **_fixed("Invert")}


def rand_space(bins: int, size: tuple[int, int], light: float = 255.0) -> Strengths:
    """What RandAugment draws from."""
    return {**_fixed("Identity"), **learnt_space(bins, size, light)}


def wide_space(bins: int, light: float = 255.0) -> Strengths:
    """What TrivialAugment draws from."""
    return {
        **_fixed("Identity"),
        **_places(bins, 0.99, 32.0, 32.0, 135.0),
        **_signed("Brightness Color Contrast Sharpness", 0.99, bins),
        **_levels(bins, 8, 6, light),
        **_fixed("AutoContrast Equalize"),
    }


def mix_space(bins: int, size: tuple[int, int], all_ops: bool, light: float = 255.0) -> Strengths:
    """What AugMix draws from; without `all_ops`, nothing that its tests of robustness have."""
    return {
        **_places(bins, 0.3, size[1] / 3.0, size[0] / 3.0, 30.0),
        **_levels(bins, 4, 4, light),
        **_fixed("AutoContrast Equalize"),
        **(_signed("Brightness Color Contrast Sharpness", 0.9, bins) if all_ops else {}),
    }
