"""Transforms that turn, bend, blur and erase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import Module

from . import functional as F
from .draws import happens, integer, uniform
from .geometry import pair
from .interpolation import InterpolationMode, checked_mode

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def angle_range(value: Any, name: str, counts: tuple[int, ...] = (2,)) -> list[float]:
    """A range of angles: from -value to value, or as given."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} as one number is not to be negative, got {value}")
        return [float(-value), float(value)]
    if not isinstance(value, Sequence) or len(value) not in counts:
        raise TypeError(f"{name} is a number or a sequence of {' or '.join(map(str, counts))}, got {value!r}")
    return [float(v) for v in value]


def _fill(fill: Any, img: Any) -> Any:
    """The colour of new pixels: for tensors one number for each channel."""
    if not isinstance(img, rl.Tensor) or fill is None:
        return fill
    if isinstance(fill, (int, float)):
        return [float(fill)] * F.get_image_num_channels(img)
    return [float(f) for f in fill]


def _checked_fill(fill: Any) -> Any:
    if fill is None:
        return 0
    if not isinstance(fill, (int, float, Sequence)):
        raise TypeError(f"fill is a number or a sequence of them, got {type(fill)}")
    return fill


def _checked_center(center: Any) -> Any:
    if center is not None and (not isinstance(center, Sequence) or len(center) != 2):
        raise TypeError(f"center is a pair (x, y), got {center!r}")
    return center


class RandomRotation(Module):
    """The picture turned by a random angle."""

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = NEAREST,
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = angle_range(degrees, "degrees")
        self.center = _checked_center(center)
        self.interpolation = checked_mode(interpolation)
        self.expand = expand
        self.fill = _checked_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Draws the angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        fill = _fill(self.fill, img)
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        fill = "" if self.fill is None else f", fill={self.fill}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}{fill})"
        )


class RandomAffine(Module):
    """The picture turned, moved, scaled and sheared at random, its centre kept."""

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: Any = NEAREST,
        fill: Any = 0,
        center: Any = None,
    ) -> None:
        super().__init__()
        self.degrees = angle_range(degrees, "degrees")
        if translate is not None and not all(0.0 <= t <= 1.0 for t in translate):
            raise ValueError(f"RandomAffine: translate is a pair of fractions from 0 to 1, got {translate}")
        if scale is not None and not all(s > 0 for s in scale):
            raise ValueError(f"RandomAffine: scale is a pair of positive numbers, got {scale}")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else angle_range(shear, "shear", counts=(2, 4))
        self.interpolation = checked_mode(interpolation)
        self.fill = _checked_fill(fill)
        self.center = _checked_center(center)

    @staticmethod
    def get_params(
        degrees: Sequence[float], translate: Any, scale_ranges: Any, shears: Any, img_size: Sequence[int]
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Draws angle, translation, scale and shear."""
        angle = uniform(degrees[0], degrees[1])
        moved = (0, 0)
        if translate is not None:
            most = [float(t * size) for t, size in zip(translate, img_size)]
            moved = (round(uniform(-most[0], most[0])), round(uniform(-most[1], most[1])))
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = uniform(shears[2], shears[3])
        return angle, moved, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        fill, size = _fill(self.fill, img), F.get_image_size(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, size)
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=fill, center=self.center)

    def __repr__(self) -> str:
        told = [f"degrees={self.degrees}"]
        optional = {name: getattr(self, name) for name in ("translate", "scale", "shear")}
        told += [f"{name}={value}" for name, value in optional.items() if value is not None]
        if self.interpolation is not NEAREST:
            told.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            told.append(f"fill={self.fill}")
        if self.center is not None:
            told.append(f"center={self.center}")
        return f"{type(self).__name__}({', '.join(told)})"


class RandomPerspective(Module):
    """The picture seen from another place, with probability p."""

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = BILINEAR, fill: Any = 0
    ) -> None:
        super().__init__()
        self.p = p
        self.interpolation = checked_mode(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = _checked_fill(fill)

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[Any], list[Any]]:
        """The corners of the picture, clockwise from top left, and where each is drawn to go."""
        x, y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        left, top = (0, x + 1), (0, y + 1)
        right, bottom = (width - x - 1, width), (height - y - 1, height)
        ranges = ((left, top), (right, top), (right, bottom), (left, bottom))
        drawn = [[integer(*across), integer(*down)] for across, down in ranges]
        corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        return corners, drawn

    def forward(self, img: Any) -> Any:
        fill = _fill(self.fill, img)
        if not happens(self.p):
            return img
        width, height = F.get_image_size(img)
        start, end = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, start, end, self.interpolation, fill)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomErasing(Module):
    """A tensor with a random rectangle of it painted over, with probability p."""

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError(
                f'RandomErasing: value is a number, a sequence of them or "random", got {type(value)}'
            )
        if isinstance(value, str) and value != "random":
            raise ValueError(f'RandomErasing: the only text for value is "random", got {value!r}')
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError(f"RandomErasing: scale is to lie between 0 and 1, got {scale}")
        if not 0 <= p <= 1:
            raise ValueError(f"RandomErasing: p is to lie between 0 and 1, got {p}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img: Any, scale: Any, ratio: Any, value: Any = None) -> tuple[Any, ...]:
        """Draws a rectangle: top, left, height, width, and what to paint; the whole picture if none fits."""
        drawn = random_patch(img.shape[-3:], scale, ratio, value)
        return (0, 0, *img.shape[-2:], img) if drawn is None else drawn

    def forward(self, img: Any) -> Any:
        if not happens(self.p):
            return img
        value = self._paint(img.shape[-3])
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def _paint(self, channels: int) -> list[float] | None:
        if isinstance(self.value, str):
            return None
        values = list(self.value) if isinstance(self.value, (tuple, list)) else [self.value]
        if len(values) not in (1, channels):
            raise ValueError(f"RandomErasing: value is to be one number or {channels}, got {len(values)}")
        return [float(v) for v in values]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )


def random_patch(size: Sequence[int], scale: Any, ratio: Any, value: Any) -> tuple[Any, ...] | None:
    """Draws a rectangle of a picture [C, H, W]: top, left, height, width and its paint; None if none fits."""
    channels, height, width = size
    low, high = rl.log(rl.tensor(ratio)).tolist()
    for _ in range(10):
        area = height * width * uniform(scale[0], scale[1])
        aspect = rl.exp(rl.empty(1).uniform_(low, high)).item()
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if not (h < height and w < width):
            continue
        if value is None:
            paint = rl.empty([channels, h, w], dtype=rl.float32).normal_()
        else:
            paint = rl.tensor(value)[:, None, None]
        return integer(0, height - h + 1), integer(0, width - w + 1), h, w, paint
    return None


class GaussianBlur(Module):
    """The picture under a bell-shaped blur of random width."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        height, width = pair(kernel_size, "kernel_size")
        self.kernel_size = (height, width)
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError(f"GaussianBlur: kernel_size is of odd positive numbers, got {self.kernel_size}")
        self.sigma = (sigma, sigma) if isinstance(sigma, (int, float)) else sigma
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"GaussianBlur: sigma is (low, high) and positive, got {sigma}")

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Draws the width of the bell."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class ElasticTransform(Module):
    """The picture as if seen through moving water: each pixel from a place a little way off."""

    def __init__(
        self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = BILINEAR, fill: Any = 0
    ) -> None:
        super().__init__()
        self.alpha = self._pair("alpha", alpha)
        self.sigma = self._pair("sigma", sigma)
        self.interpolation = checked_mode(interpolation)
        self.fill = [float(fill)] if isinstance(fill, (int, float)) else [float(f) for f in fill]

    @staticmethod
    def _pair(name: str, value: Any) -> list[float]:
        if not isinstance(value, (int, float, Sequence)):
            raise TypeError(
                f"ElasticTransform: {name} is a number or a sequence of 1 or 2, got {type(value)}"
            )
        values = [value] if isinstance(value, (int, float)) else value
        if len(values) not in (1, 2):
            raise ValueError(
                f"ElasticTransform: {name} is a number or a sequence of 1 or 2, got {len(values)}"
            )
        return [float(values[0]), float(values[-1])]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Any:
        """Draws how far off each pixel is fetched, [1, H, W, 2]."""
        moves = []
        for i in range(2):
            noise = rl.rand([1, 1, *size]) * 2 - 1
            if sigma[i] > 0.0:
                kernel = int(8 * sigma[i] + 1)
                noise = F.gaussian_blur(noise, [kernel + (kernel % 2 == 0)] * 2, list(sigma))
            moves.append(noise * alpha[i] / size[1 - i])  # columns first
        return rl.cat(moves, dim=1).permute(0, 2, 3, 1)

    def forward(self, tensor: Any) -> Any:
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )
