"""From one type of numbers to another, and back and forth between pictures and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight as rl

from .... import tv_tensors
from ....pictures import is_pil
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ..._functional_tensor import max_value
from ...convert import convert_image_dtype as v1_convert_image_dtype
from ...convert import pil_to_tensor
from ._dispatch import PICTURES, dispatched, register

BITS = {"uint8": 8, "int8": 7, "int16": 15, "uint16": 16, "int32": 31, "int64": 63}


def value_bits(dtype: Any) -> int:
    """How many bits of a whole number are for its value."""
    name = str(dtype).rpartition(".")[2]
    if name not in BITS:
        raise TypeError(f"pixels are of {', '.join(BITS)} or of fractions, got {dtype}")
    return BITS[name]


@dispatched
def to_dtype(inpt: Any, dtype: Any = rl.float32, scale: bool = False) -> Any:
    """Another type of numbers; with `scale` the light of pictures stays the same."""


@register(to_dtype, *PICTURES)
def to_dtype_image(image: Any, dtype: Any = rl.float32, scale: bool = False) -> Any:
    """`to_dtype` for tensors."""
    if image.dtype == dtype:
        return image
    if not scale:
        return image.to(dtype)
    if dtype.is_floating_point and not image.is_floating_point():
        return image.to(dtype).mul(1.0 / max_value(image.dtype))
    if dtype == rl.uint16 and image.is_floating_point():
        return image.mul(65535 + 1.0 - 1e-3).clamp(max=65535).to(dtype)
    if rl.uint16 in (image.dtype, dtype) and not image.is_floating_point():
        shift = value_bits(dtype) - value_bits(image.dtype)
        return image.to(dtype) * 2**shift if shift >= 0 else (image.to(rl.int64) >> -shift).to(dtype)
    return v1_convert_image_dtype(image, dtype)


@register(to_dtype, BoundingBoxes, KeyPoints, Mask)
def _other_dtype(inpt: Any, dtype: Any = rl.float32) -> Any:
    return inpt.to(dtype)


def convert_image_dtype(image: Any, dtype: Any = rl.float32) -> Any:
    """The same light in another type of pixels."""
    return to_dtype_image(image, dtype=dtype, scale=True)


def to_image(inpt: Any) -> Any:
    """A picture, an array [H, W, C] or a tensor as `tv_tensors.Image`; no number changes."""
    if isinstance(inpt, np.ndarray):
        pixels = np.atleast_3d(inpt)
        return tv_tensors.Image(rl.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
    if is_pil(inpt):
        return tv_tensors.Image(pil_to_tensor(inpt))
    if isinstance(inpt, rl.Tensor):
        return tv_tensors.Image(tv_tensors.plain(inpt))
    raise TypeError(f"to_image: expected a picture, an array or a tensor, got {type(inpt)}")
