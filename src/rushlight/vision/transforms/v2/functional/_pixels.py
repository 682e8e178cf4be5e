"""Pixels normalised, blurred, disturbed, erased; pictures of videos chosen."""

from __future__ import annotations

import io
from typing import Any

import rushlight as rl

from ....pictures import pillow
from ....tv_tensors import Image, Video
from ... import functional as v1
from ...convert import pil_to_tensor, to_pil_image
from ._dispatch import PICTURES, PIL, dispatched, register


@dispatched
def normalize(inpt: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
    """(input - mean) / std, with one mean and one std for each channel."""


@register(normalize, *PICTURES)
def normalize_image(image: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
    """`normalize` for tensors."""
    return v1.normalize(image, mean, std, inplace)


@dispatched
def gaussian_blur(inpt: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """The picture under a bell-shaped blur, its widths (x, y) in pixels."""


@register(gaussian_blur, *PICTURES)
def gaussian_blur_image(image: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """`gaussian_blur` for tensors."""
    return v1.gaussian_blur(image, kernel_size, sigma) if image.numel() else image


register(gaussian_blur, PIL)(lambda image, **options: v1.gaussian_blur(image, **options))


@dispatched
def gaussian_noise(inpt: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """The picture with noise added, of a mean and a spread in parts of full light."""


@register(gaussian_noise, *PICTURES)
def gaussian_noise_image(image: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """`gaussian_noise` for tensors."""
    if sigma < 0:
        raise ValueError(f"gaussian_noise: sigma of {sigma} is negative")
    if image.is_floating_point():
        noisy = image + (mean + rl.randn_like(image) * sigma)
        return noisy.clamp(0, 1) if clip else noisy
    if image.dtype != rl.uint8:
        raise ValueError(f"gaussian_noise: pictures are of uint8 or fractions, got {image.dtype}")
    noise = mean * 255 + rl.randn_like(image, dtype=rl.float32) * (sigma * 255)
    noisy = image + noise.to(rl.int16)
    return (noisy.clamp(0, 255) if clip else noisy).to(rl.uint8)


@register(gaussian_noise, PIL)
def _no_noise(image: Any, **_: Any) -> Any:
    raise ValueError("gaussian_noise is for tensors; ToImage() makes one of a picture of Pillow's")


@dispatched
def erase(inpt: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """The picture with the rectangle of size (h, w) at (i, j) set to `v`."""


@register(erase, *PICTURES)
def erase_image(image: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """`erase` for tensors."""
    return v1.erase(image, i, j, h, w, v, inplace)


@register(erase, PIL)
def _erased_picture(image: Any, **options: Any) -> Any:
    return to_pil_image(erase_image(pil_to_tensor(image), **options), mode=image.mode)


@dispatched
def jpeg(inpt: Any, quality: int) -> Any:
    """The picture after it went through a JPEG file."""


@register(jpeg, rl.Tensor, Image, Video)
def jpeg_image(image: Any, quality: int) -> Any:
    """`jpeg` for tensors of bytes."""
    from ....io import decode_jpeg, encode_jpeg

    pictures = image.reshape(-1, *image.shape[-3:])
    if pictures.shape[0] == 0:
        return image.clone()
    return rl.stack([decode_jpeg(encode_jpeg(p, quality=quality)) for p in pictures]).reshape(image.shape)


@register(jpeg, PIL)
def _jpeg_picture(image: Any, quality: int) -> Any:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return pillow().open(file).copy()


@dispatched
def uniform_temporal_subsample(inpt: Any, num_samples: int) -> Any:
    """So many pictures of a video [..., T, C, H, W], spread evenly over it."""


@register(uniform_temporal_subsample, rl.Tensor, Video)
def uniform_temporal_subsample_video(video: Any, num_samples: int) -> Any:
    """`uniform_temporal_subsample` for tensors."""
    places = rl.linspace(0, video.shape[-4] - 1, num_samples).to(rl.int64)
    return video.index_select(-4, places)
