"""Colours of pictures and videos. Numbers are rounded where torchvision's second version rounds them."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight.nn import functional as nnF

from ... import functional as v1
from ..._functional_tensor import assert_image, max_value
from ..._tensor_colour import GREY, from_hsv, not_negative, to_hsv
from ...convert import pil_to_tensor, to_pil_image
from ._dispatch import PICTURES, PIL, dispatched, register
from ._numbers import to_dtype_image, value_bits


def _channels(name: str, image: Any) -> int:
    assert_image(name, image, (1, 3))
    return 1 if image.ndim == 2 else image.shape[-3]


def _light(image: Any) -> Any:
    """[..., 1, H, W]: the light of each pixel, not rounded."""
    red, green, blue = image.unbind(-3)
    return red.mul(GREY[0]).add(green, alpha=GREY[1]).add(blue, alpha=GREY[2]).unsqueeze(-3)


def _whole_light(image: Any) -> Any:
    light = _light(image)
    return light if image.is_floating_point() else light.floor()


def _mixed(image: Any, other: Any, ratio: float) -> Any:
    """`ratio` of a picture and the rest of another, within the range of pixels."""
    mixed = image.mul(float(ratio)) + other.mul(1.0 - float(ratio))
    return mixed.clamp(0, max_value(image.dtype)).to(image.dtype)


# ---- greys


@dispatched
def rgb_to_grayscale(inpt: Any, num_output_channels: int = 1) -> Any:
    """The light of each pixel, in one channel or the same in three."""


@register(rgb_to_grayscale, *PICTURES[:2])
def rgb_to_grayscale_image(image: Any, num_output_channels: int = 1) -> Any:
    """`rgb_to_grayscale` for tensors."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels is 1 or 3, got {num_output_channels}")
    if image.shape[-3] == 1:
        return image.clone() if num_output_channels == 1 else image.repeat_interleave(3, dim=-3)
    grey = _light(image).to(image.dtype)
    return grey if num_output_channels == 1 else grey.expand(image.shape)


register(rgb_to_grayscale, PIL)(v1.to_grayscale)
to_grayscale = rgb_to_grayscale


@dispatched
def grayscale_to_rgb(inpt: Any) -> Any:
    """The picture with three channels, if it has one."""


@register(grayscale_to_rgb, *PICTURES[:2])
def grayscale_to_rgb_image(image: Any) -> Any:
    """`grayscale_to_rgb` for tensors."""
    return image if image.shape[-3] >= 3 else rgb_to_grayscale_image(image, num_output_channels=3)


register(grayscale_to_rgb, PIL)(lambda inpt: inpt.convert(mode="RGB"))


# ---- brightness, contrast, saturation, hue, gamma, sharpness


@dispatched
def adjust_brightness(inpt: Any, brightness_factor: float) -> Any:
    """The picture darker (down to 0) or brighter (1 leaves it)."""


@register(adjust_brightness, *PICTURES)
def adjust_brightness_image(image: Any, brightness_factor: float) -> Any:
    """`adjust_brightness` for tensors."""
    not_negative("brightness_factor", brightness_factor)
    _channels("adjust_brightness", image)
    return image.mul(float(brightness_factor)).clamp(0, max_value(image.dtype)).to(image.dtype)


@dispatched
def adjust_contrast(inpt: Any, contrast_factor: float) -> Any:
    """The picture flatter (0 is all grey) or harsher (1 leaves it)."""


@register(adjust_contrast, *PICTURES)
def adjust_contrast_image(image: Any, contrast_factor: float) -> Any:
    """`adjust_contrast` for tensors."""
    not_negative("contrast_factor", contrast_factor)
    light = _whole_light(image) if _channels("adjust_contrast", image) == 3 else image
    light = light if light.is_floating_point() else light.float()
    return _mixed(image, light.mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)


@dispatched
def adjust_saturation(inpt: Any, saturation_factor: float) -> Any:
    """The picture paler (0 is black and white) or more colourful (1 leaves it)."""


@register(adjust_saturation, *PICTURES)
def adjust_saturation_image(image: Any, saturation_factor: float) -> Any:
    """`adjust_saturation` for tensors."""
    not_negative("saturation_factor", saturation_factor)
    if _channels("adjust_saturation", image) == 1:
        return image
    return _mixed(image, _whole_light(image), saturation_factor)


@dispatched
def adjust_hue(inpt: Any, hue_factor: float) -> Any:
    """The picture with its colours moved round the circle, by -0.5 to 0.5 of it."""


@register(adjust_hue, *PICTURES)
def adjust_hue_image(image: Any, hue_factor: float) -> Any:
    """`adjust_hue` for tensors."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor is from -0.5 to 0.5, got {hue_factor}")
    if _channels("adjust_hue", image) == 1 or image.numel() == 0:
        return image
    hue, saturation, value = to_hsv(to_dtype_image(image, rl.float32, scale=True)).unbind(-3)
    turned = rl.stack([(hue + hue_factor).remainder(1.0), saturation, value], dim=-3)
    return to_dtype_image(from_hsv(turned), image.dtype, scale=True)


@dispatched
def adjust_gamma(inpt: Any, gamma: float, gain: float = 1) -> Any:
    """gain * light ** gamma, where light is from 0 to 1."""


@register(adjust_gamma, *PICTURES)
def adjust_gamma_image(image: Any, gamma: float, gain: float = 1.0) -> Any:
    """`adjust_gamma` for tensors."""
    if gamma < 0:
        raise ValueError(f"adjust_gamma: gamma of {gamma} is negative")
    light = image if image.is_floating_point() else to_dtype_image(image, rl.float32, scale=True)
    changed = light.pow(gamma)
    if gain != 1.0:
        changed = changed.mul(gain).clamp(0.0, 1.0)
    return to_dtype_image(changed, image.dtype, scale=True)


@dispatched
def adjust_sharpness(inpt: Any, sharpness_factor: float) -> Any:
    """The picture blurred (0) or sharper (1 leaves it)."""


@register(adjust_sharpness, *PICTURES)
def adjust_sharpness_image(image: Any, sharpness_factor: float) -> Any:
    """`adjust_sharpness` for tensors."""
    not_negative("sharpness_factor", sharpness_factor)
    channels = _channels("adjust_sharpness", image)
    if image.numel() == 0 or min(image.shape[-2:]) <= 2:
        return image
    exact = image.is_floating_point()
    batch = image.reshape(-1, channels, *image.shape[-2:])
    batch = batch.clone() if exact else batch.to(rl.float32)
    weights = rl.tensor([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=batch.dtype) / 13
    blurred = nnF.conv2d(batch, weights.expand(channels, 1, 3, 3), groups=channels)
    inner = batch[..., 1:-1, 1:-1]
    difference = (blurred if exact else blurred.round()) - inner
    batch[..., 1:-1, 1:-1] = inner + difference.mul(1.0 - sharpness_factor)
    return batch.clamp(0, max_value(image.dtype)).to(image.dtype).reshape(image.shape)


# ---- levels


@dispatched
def posterize(inpt: Any, bits: int) -> Any:
    """The picture with so many bits a channel."""


@register(posterize, *PICTURES)
def posterize_image(image: Any, bits: int) -> Any:
    """`posterize` for tensors."""
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"posterize: bits are a whole number from 0 to 8, got {bits}")
    if image.is_floating_point():
        levels = 1 << bits
        return image.mul(levels).floor().clamp(0, levels - 1).mul(1.0 / levels)
    most = value_bits(image.dtype)
    return image if bits >= most else image & (((1 << bits) - 1) << (most - bits))


@dispatched
def solarize(inpt: Any, threshold: float) -> Any:
    """The picture with all that is as bright as `threshold` turned to its negative."""


@register(solarize, *PICTURES)
def solarize_image(image: Any, threshold: float) -> Any:
    """`solarize` for tensors."""
    if threshold > max_value(image.dtype):
        raise TypeError(f"solarize: threshold {threshold} is more than {max_value(image.dtype)}, full light")
    return rl.where(image >= threshold, invert_image(image), image)


@dispatched
def invert(inpt: Any) -> Any:
    """The negative of the picture."""


@register(invert, *PICTURES)
def invert_image(image: Any) -> Any:
    """`invert` for tensors."""
    if image.is_floating_point():
        return 1.0 - image
    return image ^ ((1 << value_bits(image.dtype)) - 1)


@dispatched
def autocontrast(inpt: Any) -> Any:
    """Each channel stretched to the full range."""


@register(autocontrast, *PICTURES)
def autocontrast_image(image: Any) -> Any:
    """`autocontrast` for tensors."""
    _channels("autocontrast", image)
    if image.numel() == 0:
        return image
    full = max_value(image.dtype)
    light = image if image.is_floating_point() else image.float()
    least, most = light.amin(dim=(-2, -1), keepdim=True), light.amax(dim=(-2, -1), keepdim=True)
    flat = least == most
    spread = ((most - least) * (1.0 / full)).masked_fill(flat, 1.0)
    return ((light - least.masked_fill(flat, 0.0)) / spread).clamp(0, full).to(image.dtype)


@dispatched
def equalize(inpt: Any) -> Any:
    """Each channel with its values spread, so that all are used about as often."""


@register(equalize, *PICTURES)
def equalize_image(image: Any) -> Any:
    """`equalize` for tensors."""
    if image.numel() == 0:
        return image
    spread = v1.equalize(to_dtype_image(image, rl.uint8, scale=True).reshape(-1, 1, *image.shape[-2:]))
    return to_dtype_image(spread.reshape(image.shape), image.dtype, scale=True)


@dispatched
def permute_channels(inpt: Any, permutation: list[int]) -> Any:
    """The channels of the picture in another order."""


@register(permute_channels, *PICTURES)
def permute_channels_image(image: Any, permutation: Any) -> Any:
    """`permute_channels` for tensors."""
    if len(permutation) != image.shape[-3]:
        raise ValueError(f"permute_channels: {len(permutation)} places for {image.shape[-3]} channels")
    return image.index_select(-3, rl.as_tensor(permutation, dtype=rl.int64))


@register(permute_channels, PIL)
def _permuted_picture(image: Any, permutation: Any) -> Any:
    return to_pil_image(permute_channels_image(pil_to_tensor(image), permutation))


_OF_BOTH_VERSIONS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue, adjust_gamma)
_OF_BOTH_VERSIONS += (adjust_sharpness, posterize, solarize, invert, autocontrast, equalize)
for _functional in _OF_BOTH_VERSIONS:
    register(_functional, PIL)(getattr(v1, _functional.__name__))
