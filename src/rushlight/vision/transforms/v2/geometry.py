"""Transforms of where things are: flips, crops, sizes, margins, turns, waves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl

from ....warned import warn
from ... import tv_tensors
from ...ops.boxes import box_iou
from ...pictures import is_pil
from .. import shape as v1_shape
from .. import warps as v1_warps
from ..draws import integer
from ..geometry import margins_of, pair, perspective_coefficients
from ..warps import angle_range
from . import functional as F
from ._queries import fill_for, get_bounding_boxes, has_all, has_any, query_size, range_of
from ._transform import ByChance, Transform
from .functional import is_pure_tensor

PADDINGS = ("constant", "edge", "reflect", "symmetric")


def _pair(size: Any) -> Any:
    return size if isinstance(size, (list, tuple)) and len(size) == 2 else tuple(pair(size))


def _checked_padding_mode(name: str) -> str:
    if name not in PADDINGS:
        raise ValueError(f"padding_mode is one of {', '.join(PADDINGS)}, got {name!r}")
    return name


def _checked_center(center: Any) -> Any:
    if center is not None and (not isinstance(center, Sequence) or len(center) != 2):
        raise TypeError(f"center is a pair (x, y), got {center!r}")
    return center


class RandomHorizontalFlip(ByChance):
    """The sample in a mirror, with probability p."""

    _functional = staticmethod(F.horizontal_flip)


class RandomVerticalFlip(ByChance):
    """The sample upside down, with probability p."""

    _functional = staticmethod(F.vertical_flip)


class Resize(Transform):
    """The sample at another size: (height, width), one number for the shorter side, or None for
    `max_size`.
    """

    _functional, _options = staticmethod(F.resize), ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self,
        size: Any,
        interpolation: Any = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if size is None and not isinstance(max_size, int):
            raise ValueError(f"Resize: without a size, max_size is a whole number; got {max_size}")
        if (
            size is not None
            and not isinstance(size, int)
            and (not isinstance(size, Sequence) or len(size) not in (1, 2))
        ):
            raise ValueError(f"Resize: size is a number, a sequence of 1 or 2, or None; got {size}")
        self.size = [size] if isinstance(size, int) else size if size is None else list(size)
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias


class CenterCrop(Transform):
    """The middle of the sample; a smaller picture is filled up with 0."""

    _functional = staticmethod(F.center_crop)

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = _pair(size)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"output_size": self.size}


class RandomResizedCrop(Transform):
    """A window of random area and shape, brought to one size."""

    _functional, _options = staticmethod(F.resized_crop), ("size", "interpolation", "antialias")
    get_params = staticmethod(v1_shape.RandomResizedCrop.get_params)

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = _pair(size)
        for name, bounds in (("scale", scale), ("ratio", ratio)):
            if not isinstance(bounds, Sequence) or len(bounds) != 2:
                raise TypeError(f"RandomResizedCrop: {name} is a pair (low, high), got {bounds!r}")
            if bounds[0] > bounds[1]:
                warn(f"RandomResizedCrop: {name} is (low, high), got {bounds}")
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        window = v1_shape.random_window(query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), window))


class FiveCrop(Transform):
    """Four corners and the middle of the picture, as a tuple."""

    _functional, _options = staticmethod(F.five_crop), ("size",)

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = _pair(size)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, tv_tensors.BoundingBoxes, tv_tensors.Mask):
            raise TypeError(f"{type(self).__name__} is not for samples with boxes or masks")

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **options: Any) -> Any:
        _warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **options)


def _warn_of_passing(transform: Any, inpt: Any) -> None:
    if isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.KeyPoints, tv_tensors.Mask)):
        warn(f"{type(transform).__name__}: inputs of type {type(inpt).__name__} pass as they are")


class TenCrop(FiveCrop):
    """`FiveCrop` of the picture and of its mirror image, as a tuple."""

    _functional, _options = staticmethod(F.ten_crop), ("size", "vertical_flip")

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        super().__init__(size)
        self.vertical_flip = vertical_flip


class Pad(Transform):
    """The sample with a margin."""

    _functional, _options = staticmethod(F.pad), ("padding", "fill", "padding_mode")

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        margins_of(padding)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self.padding_mode = _checked_padding_mode(padding_mode)


class RandomZoomOut(ByChance):
    """The sample at a random place of a larger canvas, with probability p."""

    _functional, _options = staticmethod(F.pad), ("fill",)

    def __init__(self, fill: Any = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.fill = fill
        if len(side_range) != 2 or not 1.0 <= side_range[0] <= side_range[1]:
            raise ValueError(f"RandomZoomOut: side_range is (low, high) from 1 on, got {side_range}")
        self.side_range = side_range

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        ratio = self.side_range[0] + rl.rand(1) * (self.side_range[1] - self.side_range[0])
        more_width, more_height = int(width * ratio) - width, int(height * ratio) - height
        x, y = rl.rand(2)
        left, top = int(more_width * x), int(more_height * y)
        return {"padding": [left, top, more_width - left, more_height - top]}


class RandomRotation(Transform):
    """The sample turned by a random angle."""

    _functional = staticmethod(F.rotate)
    _options = ("interpolation", "expand", "center", "fill")
    get_params = staticmethod(v1_warps.RandomRotation.get_params)

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = "nearest",
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = angle_range(degrees, "degrees")
        self.interpolation = interpolation
        self.expand = expand
        self.fill = fill
        self.center = _checked_center(center)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": self.get_params(self.degrees)}


class RandomAffine(Transform):
    """The sample turned, moved, scaled and sheared at random, its centre kept."""

    _functional, _options = staticmethod(F.affine), ("interpolation", "fill", "center")
    get_params = staticmethod(v1_warps.RandomAffine.get_params)

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: Any = "nearest",
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
        self.interpolation = interpolation
        self.fill = fill
        self.center = _checked_center(center)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, (width, height))
        return dict(zip(("angle", "translate", "scale", "shear"), drawn))


class RandomCrop(Transform):
    """A window of the sample at a random place, after a margin is put round it if one is asked for."""

    get_params = staticmethod(v1_shape.RandomCrop.get_params)

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = _pair(size)
        left, top, right, bottom = margins_of(padding or 0)
        self.padding = [left, right, top, bottom] if padding else None
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = _checked_padding_mode(padding_mode)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        have = query_size(flat_inputs)
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        margins, place = [], []
        for size, wanted, before, after in zip(have, self.size, (top, left), (bottom, right)):
            short = max(wanted - (size + before + after), 0) if self.pad_if_needed else 0
            margins.append((before + short, after + short))
        padded = tuple(size + before + after for size, (before, after) in zip(have, margins))
        if padded[0] < self.size[0] or padded[1] < self.size[1]:
            raise ValueError(f"RandomCrop: size {tuple(self.size)} is more than the picture of {padded}")
        for size, wanted in zip(padded, self.size):  # a side that fits already takes no draw
            place.append(integer(0, size - wanted + 1) if size > wanted else 0)
        (top, bottom), (left, right) = margins
        window = dict(zip(("top", "left", "height", "width"), (*place, *self.size)))
        return {
            "padding": [left, top, right, bottom] if any((left, top, right, bottom)) else None,
            "window": window if padded != tuple(self.size) else None,
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["padding"] is not None:
            options = {"fill": fill_for(self._fill, inpt), "padding_mode": self.padding_mode}
            inpt = self._call_kernel(F.pad, inpt, padding=params["padding"], **options)
        if params["window"] is not None:
            inpt = self._call_kernel(F.crop, inpt, **params["window"])
        return inpt


class RandomPerspective(ByChance):
    """The sample seen from another place, with probability p."""

    _functional, _options = staticmethod(F.perspective), ("interpolation", "fill")
    get_params = staticmethod(v1_warps.RandomPerspective.get_params)

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = "bilinear", fill: Any = 0
    ) -> None:
        super().__init__(p=p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError(f"RandomPerspective: distortion_scale is from 0 to 1, got {distortion_scale}")
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        corners = self.get_params(width, height, self.distortion_scale)
        return {"startpoints": None, "endpoints": None, "coefficients": perspective_coefficients(*corners)}


class ElasticTransform(Transform):
    """The sample as if seen through moving water: each pixel from a place a little way off."""

    _functional, _options = staticmethod(F.elastic), ("fill", "interpolation")
    get_params = staticmethod(v1_warps.ElasticTransform.get_params)

    def __init__(
        self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = "bilinear", fill: Any = 0
    ) -> None:
        super().__init__()
        self.alpha = range_of(alpha, "alpha")
        self.sigma = range_of(sigma, "sigma")
        self.interpolation = interpolation
        self.fill = fill

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"displacement": self.get_params(self.alpha, self.sigma, query_size(flat_inputs))}


class RandomIoUCrop(Transform):
    """A random window in which a box keeps a drawn part of itself; boxes whose centre is outside become 0."""

    def __init__(
        self,
        min_scale: float = 0.3,
        max_scale: float = 1.0,
        min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0,
        sampler_options: list[float] | None = None,
        trials: int = 40,
    ) -> None:
        super().__init__()
        self.min_scale = min_scale
        self.max_scale = max_scale
        self.min_aspect_ratio = min_aspect_ratio
        self.max_aspect_ratio = max_aspect_ratio
        self.options = sampler_options or [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
        self.trials = trials

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        pictured = has_any(flat_inputs, is_pil, tv_tensors.Image, is_pure_tensor)
        if not (has_all(flat_inputs, tv_tensors.BoundingBoxes) and pictured):
            raise TypeError("RandomIoUCrop is for samples of a picture and boxes (and masks)")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size, boxes = query_size(flat_inputs), get_bounding_boxes(flat_inputs)
        corners = F.convert_bounding_box_format(tv_tensors.plain(boxes), boxes.format, "XYXY")
        while True:
            least = self.options[integer(0, len(self.options))]
            if least >= 1.0:
                return {}  # no crop
            for _ in range(self.trials):
                window = self._drawn(size)
                kept = None if window is None else _centred_in(window, corners, least)
                if kept is not None:
                    return {"window": window, "kept": kept}

    def _drawn(self, size: Sequence[int]) -> dict[str, int] | None:
        height, width = size
        scales = self.min_scale + (self.max_scale - self.min_scale) * rl.rand(2)
        w, h = int(width * scales[0]), int(height * scales[1])
        if not self.min_aspect_ratio <= w / h <= self.max_aspect_ratio:
            return None
        x, y = rl.rand(2)
        left, top = int((width - w) * x), int((height - h) * y)
        return {"top": top, "left": left, "height": h, "width": w} if w and h else None

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not params:
            return inpt
        result = self._call_kernel(F.crop, inpt, **params["window"])
        if isinstance(result, tv_tensors.BoundingBoxes):
            result[~params["kept"]] = 0
        return result


def _centred_in(window: dict[str, int], corners: Any, least: float) -> Any:
    """Which boxes have their centre in the window; None unless one of them has `least` of itself there."""
    left, top = window["left"], window["top"]
    right, bottom = left + window["width"], top + window["height"]
    x, y = 0.5 * (corners[..., 0] + corners[..., 2]), 0.5 * (corners[..., 1] + corners[..., 3])
    kept = (left < x) & (x < right) & (top < y) & (y < bottom)
    if not kept.any():
        return None
    frame = rl.tensor([[left, top, right, bottom]], dtype=corners.dtype)
    return kept if box_iou(corners[kept], frame).max() >= least else None


class _ToDrawnSize(Transform):
    """The sample at a size that `make_params` draws."""

    _functional, _options = staticmethod(F.resize), ("interpolation", "antialias")

    def _scaled(self, flat_inputs: list[Any], ratio: Any) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        return {"size": (int(height * ratio), int(width * ratio))}


class ScaleJitter(_ToDrawnSize):
    """The sample scaled to fit `target_size`, times a random factor."""

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: tuple[float, float] = (0.1, 2.0),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        scale = self.scale_range[0] + rl.rand(1) * (self.scale_range[1] - self.scale_range[0])
        return self._scaled(
            flat_inputs, min(self.target_size[1] / height, self.target_size[0] / width) * scale
        )


class RandomShortestSize(_ToDrawnSize):
    """The sample scaled so that its shorter side is one of `min_size`, the longer at most `max_size`."""

    def __init__(
        self,
        min_size: Any,
        max_size: int | None = None,
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_size(flat_inputs)
        ratio = self.min_size[integer(0, len(self.min_size))] / min(size)
        if self.max_size is not None:
            ratio = min(ratio, self.max_size / max(size))
        return self._scaled(flat_inputs, ratio)


class RandomResize(_ToDrawnSize):
    """The sample scaled so that its shorter side is a random number from `min_size` to `max_size`."""

    def __init__(
        self, min_size: int, max_size: int, interpolation: Any = "bilinear", antialias: bool | None = True
    ) -> None:
        super().__init__()
        self.min_size = min_size
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [integer(self.min_size, self.max_size)]}
