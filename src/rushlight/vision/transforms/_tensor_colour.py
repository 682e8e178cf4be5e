"""Transforms of tensors that change colours: brightness, contrast, hue, histograms."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight.nn import functional as F

from ._functional_tensor import as_batch, assert_image, max_value
from .convert import convert_image_dtype

GREY = (0.2989, 0.587, 0.114)  # how much each of red, green and blue weighs to the eye


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The light of each pixel, in one channel or the same in three."""
    assert_image("rgb_to_grayscale", img, (1, 3))
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels is 1 or 3, got {num_output_channels}")
    if img.ndim < 3:
        raise TypeError(f"rgb_to_grayscale: expected [..., C, H, W], got shape {tuple(img.shape)}")
    grey = img.clone() if img.shape[-3] == 1 else _grey(img)
    return grey if num_output_channels == 1 else grey.expand(*img.shape[:-3], 3, *img.shape[-2:])


def _grey(img: Any) -> Any:
    red, green, blue = img.unbind(-3)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue).to(img.dtype).unsqueeze(-3)


def blend(img: Any, other: Any, ratio: float) -> Any:
    """`ratio` of one picture and the rest of another, kept within the range of pixels."""
    ratio = float(ratio)  # a whole number times bytes would wrap round
    mixed = ratio * img + (1.0 - ratio) * other
    return mixed.clamp(0, max_value(img.dtype)).to(img.dtype)


def not_negative(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} of {factor} is negative")


def adjust_brightness(img: Any, factor: float) -> Any:
    not_negative("brightness_factor", factor)
    assert_image("adjust_brightness", img, (1, 3))
    return blend(img, rl.zeros_like(img), factor)


def adjust_contrast(img: Any, factor: float) -> Any:
    not_negative("contrast_factor", factor)
    assert_image("adjust_contrast", img, (1, 3))
    grey = rgb_to_grayscale(img) if img.ndim > 2 and img.shape[-3] == 3 else img
    grey = grey if grey.is_floating_point() else grey.to(rl.float32)
    return blend(img, grey.mean(dim=(-3, -2, -1) if img.ndim > 2 else (-2, -1), keepdim=True), factor)


def adjust_saturation(img: Any, factor: float) -> Any:
    not_negative("saturation_factor", factor)
    assert_image("adjust_saturation", img, (1, 3))
    if img.ndim == 2 or img.shape[-3] == 1:
        return img
    return blend(img, rgb_to_grayscale(img), factor)


def adjust_hue(img: Any, factor: float) -> Any:
    assert_image("adjust_hue", img, (1, 3))
    if img.ndim == 2 or img.shape[-3] == 1:
        return img
    light = convert_image_dtype(img, rl.float32) if img.dtype == rl.uint8 else img
    hue, saturation, value = to_hsv(light).unbind(-3)
    turned = rl.stack([(hue + factor) % 1.0, saturation, value], dim=-3)
    return convert_image_dtype(from_hsv(turned), img.dtype)


def to_hsv(img: Any) -> Any:
    red, green, blue = img.unbind(-3)
    most, least = img.amax(-3), img.amin(-3)
    flat = most == least
    one = rl.ones_like(most)
    spread = rl.where(flat, one, most - least)
    saturation = (most - least) / rl.where(flat, one, most)
    from_red, from_green, from_blue = ((most - c) / spread for c in (red, green, blue))
    is_red = most == red
    is_green = (most == green) & ~is_red
    is_blue = (most != green) & ~is_red
    hue = (
        is_red * (from_blue - from_green)
        + is_green * (2.0 + from_red - from_blue)
        + is_blue * (4.0 + from_green - from_red)
    )
    return rl.stack([rl.fmod(hue / 6.0 + 1.0, 1.0), saturation, most], dim=-3)


def from_hsv(img: Any) -> Any:
    hue, saturation, value = img.unbind(-3)
    sector = (hue * 6.0).floor()
    part = hue * 6.0 - sector
    low = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    falling = (value * (1.0 - saturation * part)).clamp(0.0, 1.0)
    rising = (value * (1.0 - saturation * (1.0 - part))).clamp(0.0, 1.0)
    place = (sector.to(rl.int64) % 6).unsqueeze(-3)
    channels = (
        (value, falling, low, low, rising, value),
        (rising, value, value, falling, low, low),
        (low, low, rising, value, value, falling),
    )
    return rl.cat([rl.stack(c, dim=-3).gather(-3, place) for c in channels], dim=-3)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    assert_image("adjust_gamma", img, (1, 3))
    not_negative("gamma", gamma)
    light = img if img.is_floating_point() else convert_image_dtype(img, rl.float32)
    return convert_image_dtype((gain * light**gamma).clamp(0, 1), img.dtype)


def adjust_sharpness(img: Any, factor: float) -> Any:
    not_negative("sharpness_factor", factor)
    assert_image("adjust_sharpness", img, (1, 3))
    if min(img.shape[-2:]) <= 2:
        return img
    return blend(img, _smoothed(img), factor)


def _smoothed(img: Any) -> Any:
    """Each inner pixel mixed with its eight neighbours."""
    kernel = rl.ones(3, 3, dtype=img.dtype if img.is_floating_point() else rl.float32)
    kernel[1, 1] = 5.0
    kernel = (kernel / kernel.sum()).expand(img.shape[-3] if img.ndim > 2 else 1, 1, 3, 3)
    batch, _ = as_batch(img, (kernel.dtype,))
    inner = _as_inner(F.conv2d(batch, kernel, groups=kernel.shape[0]), img)
    result = img.clone()
    result[..., 1:-1, 1:-1] = inner
    return result


def _as_inner(result: Any, img: Any) -> Any:
    rounded = result if img.is_floating_point() else result.round()
    return rounded.to(img.dtype).reshape(*img.shape[:-2], *result.shape[-2:])


def invert(img: Any) -> Any:
    assert_image("invert", img, (1, 3))
    return max_value(img.dtype) - img


def posterize(img: Any, bits: int) -> Any:
    assert_image("posterize", img, (1, 3))
    if img.dtype != rl.uint8:
        raise TypeError(f"posterize: only uint8 pixels have bits to drop, got {img.dtype}")
    return img & (256 - 2 ** (8 - bits))


def solarize(img: Any, threshold: float) -> Any:
    assert_image("solarize", img, (1, 3))
    if threshold > max_value(img.dtype):
        raise TypeError(f"solarize: threshold {threshold} is more than {max_value(img.dtype)}, full light")
    return rl.where(img >= threshold, invert(img), img)


def autocontrast(img: Any) -> Any:
    assert_image("autocontrast", img, (1, 3))
    full = max_value(img.dtype)
    dtype = img.dtype if img.is_floating_point() else rl.float32
    least, most = (f(dim=(-2, -1), keepdim=True).to(dtype) for f in (img.amin, img.amax))
    flat = least == most
    scale = rl.where(flat, rl.ones_like(most), full / (most - least))
    least = rl.where(flat, rl.zeros_like(least), least)
    return ((img - least) * scale).clamp(0, full).to(img.dtype)


def equalize(img: Any) -> Any:
    """Spreads the values of each channel so that all are used about as often."""
    assert_image("equalize", img, (1, 3))
    if img.dtype != rl.uint8:
        raise TypeError(f"equalize: expected uint8 pixels, got {img.dtype}")
    if img.numel() == 0:
        return img
    channels = img.reshape(-1, img.shape[-2] * img.shape[-1]).to(rl.int64)
    first = 256 * rl.arange(len(channels))[:, None]
    counts = rl.bincount((channels + first).flatten(), minlength=256 * len(channels)).reshape(-1, 256)
    last = counts.gather(1, channels.amax(1, keepdim=True))  # how often the largest value is used
    step = (channels.shape[1] - last) // 255
    table = (counts.cumsum(1) + step // 2) // step.clamp(min=1)
    table = F.pad(table, [1, 0])[:, :-1].clamp(0, 255)
    table = rl.where(step == 0, rl.arange(256), table).to(rl.uint8)  # too few to be spread: as it was
    return table.flatten()[channels + first].reshape(img.shape)
