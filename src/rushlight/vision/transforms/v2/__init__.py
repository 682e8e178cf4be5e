"""Transforms of whole samples: pictures together with what goes with them.

Random numbers are drawn as torchvision's second version draws them. Masks and boxes pass transforms of
colours; for those of places they are not there yet, nor are AutoAugment and its kin, CutMix and MixUp.
"""

from __future__ import annotations

from typing import Any

from .. import InterpolationMode
from .. import colour as _colour
from .. import conversion as _conversion
from .. import shape as _shape
from .. import warps as _warps
from ..draws import integer as _integer
from . import functional
from ._transform import FromV1 as _FromV1
from ._transform import Transform
from .containers import Compose, Identity, Lambda, RandomApply, RandomChoice, RandomOrder
from .conversion import ToDtype, ToImage, ToPureTensor


class _Resize(_shape.Resize):
    def forward(self, img: Any) -> Any:
        return functional.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class _RandomResizedCrop(_shape.RandomResizedCrop):
    def forward(self, img: Any) -> Any:
        window = self.get_params(img, self.scale, self.ratio)
        cut = functional.crop(img, *window)
        return functional.resize(cut, list(self.size), self.interpolation, antialias=self.antialias)


class _RandomCrop(_shape.RandomCrop):
    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Draws a window; a side that fits already takes no draw."""
        height, width = functional.get_size(img)
        h, w = output_size
        if height < h or width < w:
            raise ValueError(f"RandomCrop: size {(h, w)} is more than the picture of {(height, width)}")
        top = _integer(0, height - h + 1) if height > h else 0
        return top, _integer(0, width - w + 1) if width > w else 0, h, w


_Resize.__name__, _RandomResizedCrop.__name__, _RandomCrop.__name__ = (
    "Resize",
    "RandomResizedCrop",
    "RandomCrop",
)

_PLACES = (
    _Resize,
    _RandomResizedCrop,
    _RandomCrop,
    _shape.CenterCrop,
    _shape.FiveCrop,
    _shape.TenCrop,
    _shape.Pad,
    _shape.RandomHorizontalFlip,
    _shape.RandomVerticalFlip,
    _warps.RandomRotation,
    _warps.RandomAffine,
    _warps.RandomPerspective,
    _warps.ElasticTransform,
)
_PIXELS = (
    _colour.Grayscale,
    _colour.ColorJitter,
    _colour.RandomGrayscale,
    _colour.RandomInvert,
    _colour.RandomAutocontrast,
    _colour.RandomEqualize,
    _colour.RandomPosterize,
    _colour.RandomSolarize,
    _colour.RandomAdjustSharpness,
    _conversion.ToTensor,
    _conversion.PILToTensor,
    _conversion.ToPILImage,
    _conversion.ConvertImageDtype,
    _conversion.Normalize,
    _conversion.LinearTransformation,
    _warps.GaussianBlur,
    _warps.RandomErasing,
)


def _for_samples(v1: Any, of_pixels: bool) -> Any:
    body = {"_v1": v1, "_of_pixels": of_pixels, "__doc__": v1.__doc__, "__module__": __name__}
    return type(v1.__name__, (_FromV1,), body)


globals().update({v1.__name__: _for_samples(v1, False) for v1 in _PLACES})
globals().update({v1.__name__: _for_samples(v1, True) for v1 in _PIXELS})
