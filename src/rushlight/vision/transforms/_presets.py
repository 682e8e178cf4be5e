"""How pictures are prepared for published weights."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight.nn import Module

from . import functional as F
from .interpolation import InterpolationMode

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
VIDEO_MEAN, VIDEO_STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)


class _Preset(Module):
    """What is shown of a preset: its options, one a line."""

    _shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if not self._shown:
            return f"{type(self).__name__}()"
        lines = "".join(f"\n    {name}={getattr(self, name)}" for name in self._shown)
        return f"{type(self).__name__}({lines}\n)"


def _fractions(img: Any) -> Any:
    pixels = img if isinstance(img, rl.Tensor) else F.pil_to_tensor(img)
    return F.convert_image_dtype(pixels, rl.float32)


class ImageClassification(_Preset):
    """A picture resized, its middle cut out, its colours normalised: what a classifier is shown."""

    _shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        return F.normalize(_fractions(F.center_crop(img, self.crop_size)), self.mean, self.std)


class SemanticSegmentation(_Preset):
    """A picture resized, its colours normalised: what a network that names each pixel is shown."""

    _shown = ("resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        resize_size: int | None,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.resize_size = None if resize_size is None else [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        return F.normalize(_fractions(img), self.mean, self.std)


class VideoClassification(_Preset):
    """Videos [..., T, C, H, W] resized, cut, normalised, and turned to [..., C, T, H, W]."""

    _shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        crop_size: tuple[int, int],
        resize_size: tuple[int, ...],
        mean: tuple[float, ...] = VIDEO_MEAN,
        std: tuple[float, ...] = VIDEO_STD,
        interpolation: Any = InterpolationMode.BILINEAR,
    ) -> None:
        super().__init__()
        self.crop_size = list(crop_size)
        self.resize_size = list(resize_size)
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation

    def forward(self, vid: Any) -> Any:
        frames = vid.reshape(-1, *vid.shape[-3:])
        frames = F.resize(frames, self.resize_size, self.interpolation, antialias=False)
        frames = F.normalize(_fractions(F.center_crop(frames, self.crop_size)), self.mean, self.std)
        return frames.reshape(*vid.shape[:-2], *self.crop_size).transpose(-4, -3)


class ObjectDetection(_Preset):
    """A picture as fractions: what a network that finds things is shown."""

    def forward(self, img: Any) -> Any:
        return _fractions(img)


class OpticalFlow(_Preset):
    """Two pictures as numbers from -1 to 1: what a network that sees motion is shown."""

    def forward(self, img1: Any, img2: Any) -> tuple[Any, Any]:
        first, second = (F.normalize(_fractions(img), [0.5] * 3, [0.5] * 3) for img in (img1, img2))
        return first, second
