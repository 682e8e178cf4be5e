"""Transforms of pixels: normalised, whitened, blurred, disturbed, erased; videos thinned out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl

from ... import tv_tensors
from ...pictures import is_pil
from .. import conversion as v1_conversion
from .. import warps as v1_warps
from ..draws import integer, uniform
from . import functional as F
from ._queries import has_any, query_chw, range_of
from ._transform import ByChance, Transform
from .functional import is_pure_tensor
from .geometry import _pair, _warn_of_passing


class _OfTensors(Transform):
    """A change that pictures of Pillow's are not fit for."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, is_pil):
            raise TypeError(f"{type(self).__name__} is for tensors; ToImage() makes one of a picture")


class Normalize(_OfTensors):
    """(input - mean) / std, with one mean and one std for each channel."""

    _functional, _options = staticmethod(F.normalize), ("mean", "std", "inplace")

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace


class LinearTransformation(_OfTensors):
    """A tensor, flattened, less a mean and through a square matrix: whitening, for one."""

    _transformed_types = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video)

    def __init__(self, transformation_matrix: Any, mean_vector: Any) -> None:
        super().__init__()
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(
                f"matrix and mean are to be of one dtype, got {transformation_matrix.dtype} and "
                f"{mean_vector.dtype}"
            )
        self._whiten = v1_conversion.LinearTransformation(transformation_matrix, mean_vector)
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        result = self._whiten(tv_tensors.plain(inpt))
        return result if is_pure_tensor(inpt) else tv_tensors.wrap(result, like=inpt)


class GaussianBlur(Transform):
    """The picture under a bell-shaped blur of random width."""

    _functional, _options = staticmethod(F.gaussian_blur), ("kernel_size",)
    get_params = staticmethod(v1_warps.GaussianBlur.get_params)

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = _pair(kernel_size)
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError(f"GaussianBlur: kernel_size is of odd positive numbers, got {self.kernel_size}")
        self.sigma = range_of(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"GaussianBlur: sigma is (low, high) and positive, got {sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"sigma": [uniform(*self.sigma)] * 2}


class GaussianNoise(Transform):
    """The picture with noise added, of a mean and a spread in parts of full light."""

    _functional, _options = staticmethod(F.gaussian_noise), ("mean", "sigma", "clip")

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean = mean
        self.sigma = sigma
        self.clip = clip


class RandomErasing(ByChance):
    """The picture with a random rectangle of it painted over, with probability p."""

    _functional, _options = staticmethod(F.erase), ("inplace",)
    get_params = staticmethod(v1_warps.RandomErasing.get_params)

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p=p)
        v1_warps.RandomErasing(p, scale, ratio, value)  # the arguments are checked there
        self.scale = scale
        self.ratio = ratio
        numbers = [value] if isinstance(value, (int, float)) else value
        self.value = None if isinstance(value, str) else [float(v) for v in numbers]
        self.inplace = inplace

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, size[0]):
            raise ValueError(f"RandomErasing: value is one number or {size[0]}, got {len(self.value)}")
        drawn = v1_warps.random_patch(size, self.scale, self.ratio, self.value)
        return {} if drawn is None else dict(zip("ijhwv", drawn))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return super().transform(inpt, params) if params else inpt

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **options: Any) -> Any:
        _warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **options)


class JPEG(Transform):
    """The picture after it went through a JPEG file of random quality (1 to 100)."""

    _functional = staticmethod(F.jpeg)

    def __init__(self, quality: Any) -> None:
        super().__init__()
        bounds = [quality, quality] if isinstance(quality, int) else quality
        if isinstance(quality, bool) or not isinstance(bounds, Sequence):
            raise TypeError(f"JPEG: quality is a whole number or a pair of them, got {quality!r}")
        if (
            len(bounds) != 2
            or not all(isinstance(q, int) for q in bounds)
            or not 1 <= bounds[0] <= bounds[1] <= 100
        ):
            raise ValueError(
                f"JPEG: quality is a whole number from 1 to 100, or (low, high); got {quality!r}"
            )
        self.quality = bounds

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": integer(self.quality[0], self.quality[1] + 1)}


class UniformTemporalSubsample(Transform):
    """So many pictures of a video [..., T, C, H, W], spread evenly over it."""

    _transformed_types = (rl.Tensor,)
    _functional, _options = staticmethod(F.uniform_temporal_subsample), ("num_samples",)

    def __init__(self, num_samples: int) -> None:
        super().__init__()
        self.num_samples = num_samples
