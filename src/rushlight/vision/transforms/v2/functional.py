"""The functions of the second version, for pictures of Pillow's and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight as rl
from rushlight.nn import functional as nnF

from ... import tv_tensors
from ...pictures import is_pil
from .. import functional as v1
from .._functional_tensor import max_value
from ..convert import convert_image_dtype, pil_to_tensor
from ..functional import *  # noqa: F403
from ..functional import BILINEAR, get_dimensions
from ..geometry import resized
from ..interpolation import InterpolationMode, checked_mode

NATIVE = (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)

horizontal_flip = v1.hflip
vertical_flip = v1.vflip


def get_size(inpt: Any) -> list[int]:
    """Height and width of a picture."""
    return get_dimensions(inpt)[1:]


def to_image(inpt: Any) -> Any:
    """A picture, an array [H, W, C] or a tensor as `tv_tensors.Image`; no number changes."""
    if isinstance(inpt, np.ndarray):
        pixels = inpt[:, :, None] if inpt.ndim == 2 else inpt
        return tv_tensors.Image(rl.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
    if is_pil(inpt):
        return tv_tensors.Image(pil_to_tensor(inpt))
    if isinstance(inpt, rl.Tensor):
        return tv_tensors.Image(tv_tensors.plain(inpt))
    raise TypeError(f"to_image: expected a picture, an array or a tensor, got {type(inpt)}")


def to_dtype(inpt: Any, dtype: Any = None, scale: bool = False) -> Any:
    """Another type of numbers; with `scale` the light of the picture stays the same."""
    dtype = rl.float32 if dtype is None else dtype
    pixels = tv_tensors.plain(inpt)
    if not scale:
        result = pixels.to(dtype)
    elif dtype.is_floating_point and not pixels.is_floating_point():
        result = pixels.to(dtype) * (1.0 / max_value(pixels.dtype))
    else:
        result = convert_image_dtype(pixels, dtype)
    return tv_tensors.wrap(result, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else result


def resize(
    inpt: Any, size: Any, interpolation: Any = BILINEAR, max_size: int | None = None, antialias: Any = True
) -> Any:
    """The picture at another size; bytes stay bytes on the way."""
    mode = checked_mode(interpolation)
    if not (isinstance(inpt, rl.Tensor) and inpt.dtype == rl.uint8 and inpt.ndim > 2 and mode in NATIVE):
        return v1.resize(inpt, size, mode, max_size, antialias)
    pixels = tv_tensors.plain(inpt)
    target = resized(pixels.shape[-2:], [size] if isinstance(size, int) else list(size), max_size)
    if target == tuple(pixels.shape[-2:]):
        return inpt
    batch = pixels.reshape(-1, *pixels.shape[-3:])
    result = nnF.interpolate(
        batch, list(target), mode=mode.value, align_corners=False, antialias=bool(antialias)
    )
    result = result.reshape(*pixels.shape[:-2], *target)
    return tv_tensors.wrap(result, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else result
