"""Transforms of colours; masks, boxes and points pass."""

from __future__ import annotations

from typing import Any

import rushlight as rl

from .. import colour as v1
from ..draws import happens, uniform
from . import functional as F
from ._queries import query_chw
from ._transform import ByChance, Transform


class Grayscale(Transform):
    """The light of each pixel, in one channel or the same in three."""

    _functional, _options = staticmethod(F.rgb_to_grayscale), ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels


class RandomGrayscale(ByChance):
    """The picture without its colours, in as many channels as there were, with probability p."""

    _functional = staticmethod(F.rgb_to_grayscale)

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p=p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_output_channels": query_chw(flat_inputs)[0]}


class RGB(Transform):
    """The picture with three channels, if it has one."""

    _functional = staticmethod(F.grayscale_to_rgb)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random amounts, in random order."""

    get_params = staticmethod(v1.ColorJitter.get_params)

    def __init__(
        self, brightness: Any = None, contrast: Any = None, saturation: Any = None, hue: Any = None
    ) -> None:
        super().__init__()
        amounts = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, value in amounts.items():
            setattr(self, name, v1.amount_range(name, value or 0))
        self.hue = v1.amount_range("hue", hue or 0, centre=0, bounds=(-0.5, 0.5))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        order, *amounts = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        return {"steps": [(i, amounts[i]) for i in order.tolist() if amounts[i] is not None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i, amount in params["steps"]:
            inpt = self._call_kernel(changes[i], inpt, amount)
        return inpt


class RandomChannelPermutation(Transform):
    """The channels of the picture in random order."""

    _functional = staticmethod(F.permute_channels)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": rl.randperm(query_chw(flat_inputs)[0])}


class RandomPhotometricDistort(Transform):
    """Brightness, contrast, saturation, hue and the order of channels, each changed with probability p."""

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, *_ = query_chw(flat_inputs)
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        amounts = [uniform(low, high) if happens(self.p) else None for low, high in ranges]
        early = happens(0.5)
        order = rl.randperm(channels) if happens(self.p) else None
        brightness, contrast, saturation, hue = zip(
            (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue), amounts
        )
        steps = [brightness, *([contrast] if early else []), saturation, hue, *([] if early else [contrast])]
        steps.append((F.permute_channels, order))
        return {"steps": [(change, amount) for change, amount in steps if amount is not None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for change, amount in params["steps"]:
            inpt = self._call_kernel(change, inpt, amount)
        return inpt


class RandomEqualize(ByChance):
    """Each channel with its values spread, so that all are used about as often, with probability p."""

    _functional = staticmethod(F.equalize)


class RandomInvert(ByChance):
    """The negative of the picture, with probability p."""

    _functional = staticmethod(F.invert)


class RandomAutocontrast(ByChance):
    """Each channel stretched to the full range, with probability p."""

    _functional = staticmethod(F.autocontrast)


class RandomPosterize(ByChance):
    """The picture with so many bits a channel, with probability p."""

    _functional, _options = staticmethod(F.posterize), ("bits",)

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.bits = bits


class RandomSolarize(ByChance):
    """The picture with all that is as bright as `threshold` turned to its negative, with probability p."""

    _functional, _options = staticmethod(F.solarize), ("threshold",)

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.threshold = threshold


class RandomAdjustSharpness(ByChance):
    """The picture blurred (0) or sharper (1 leaves it), with probability p."""

    _functional, _options = staticmethod(F.adjust_sharpness), ("sharpness_factor",)

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.sharpness_factor = sharpness_factor
