"""From pictures and arrays to tensors and back, from one type of pixels to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import rushlight as rl

from ..pictures import is_pil, pillow
from ._functional_tensor import max_value

PIXELS = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
MODES_OF_ONE = {"uint8": "L", "int16": "I;16", "uint16": "I;16", "int32": "I", "float32": "F"}
MODES_OF_MORE = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "HSV")}


def _pixels(pic: Any) -> np.ndarray:
    """The pixels of a picture of Pillow's, [C, H, W]."""
    pixels = np.array(pic, dtype=PIXELS.get(pic.mode))
    if pic.mode == "1":
        pixels = pixels.astype(np.uint8) * 255
    return _channels_first(pixels)


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def to_tensor(pic: Any) -> Any:
    """A picture or an array [H, W, C] as a tensor [C, H, W]; bytes become fractions from 0 to 1."""
    if is_pil(pic):
        pixels = _pixels(pic)
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(
                f"to_tensor: pic should be of 2 or 3 dimensions, got an array of shape {pic.shape}"
            )
        pixels = _channels_first(pic)
    else:
        raise TypeError(f"to_tensor: pic should be a PIL Image or an ndarray, got {type(pic)}")
    if pixels.dtype != np.uint8:
        return rl.from_numpy(pixels)
    dtype = rl.get_default_dtype()
    if dtype == rl.float32:
        return rl.from_numpy(np.true_divide(pixels, np.float32(255), dtype=np.float32))
    return rl.from_numpy(pixels).to(dtype).div(255)


def pil_to_tensor(pic: Any) -> Any:
    """A picture as a tensor [C, H, W] of its own type of pixels."""
    if not is_pil(pic):
        raise TypeError(f"pil_to_tensor: pic should be a PIL Image, got {type(pic)}")
    return rl.from_numpy(_pixels(pic))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A picture of a tensor [C, H, W] or an array [H, W, C]; fractions are taken as 0 to 1."""
    pixels = _pixels_last(pic, mode)
    channels = pixels.shape[2]
    if channels == 1:
        return _one_channel(pixels[:, :, 0], mode)
    allowed = MODES_OF_MORE[channels]
    if mode is not None and mode not in allowed:
        raise ValueError(f"to_pil_image: {channels} channels can be of mode {', '.join(allowed)}, not {mode}")
    if pixels.dtype != np.uint8:
        raise TypeError(f"to_pil_image: {channels} channels of {pixels.dtype} are not supported, only uint8")
    size = (pixels.shape[1], pixels.shape[0])
    return pillow().frombytes(mode or allowed[0], size, np.ascontiguousarray(pixels).tobytes())


def _pixels_last(pic: Any, mode: str | None) -> np.ndarray:
    """[H, W, C] of a tensor or an array."""
    if not isinstance(pic, (rl.Tensor, np.ndarray)):
        raise TypeError(f"to_pil_image: pic should be a Tensor or an ndarray, got {type(pic)}")
    if pic.ndim not in (2, 3):
        raise ValueError(f"to_pil_image: pic should be of 2 or 3 dimensions, got shape {tuple(pic.shape)}")
    if isinstance(pic, rl.Tensor):
        if pic.is_floating_point() and mode != "F":
            pic = pic.mul(255).to(rl.uint8)
        pixels = pic.detach().numpy()
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels.transpose(1, 2, 0)
    else:
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    if not 1 <= pixels.shape[2] <= 4:
        raise ValueError(f"to_pil_image: pic should have 1 to 4 channels, got {pixels.shape[2]}")
    return pixels


def _one_channel(pixels: np.ndarray, mode: str | None) -> Any:
    expected = MODES_OF_ONE.get(pixels.dtype.name)
    if expected is None:
        raise TypeError(
            f"to_pil_image: one channel of {pixels.dtype} is not supported, only {', '.join(MODES_OF_ONE)}"
        )
    if mode is not None and mode != expected:
        raise ValueError(f"to_pil_image: one channel of {pixels.dtype} is of mode {expected}, not {mode}")
    if expected == "I;16":
        pixels = pixels.astype(np.uint16)
    return pillow().fromarray(np.ascontiguousarray(pixels))


def convert_image_dtype(image: Any, dtype: Any = None) -> Any:
    """The same light in another type of pixels: fractions reach to 1, integers to their largest value."""
    dtype = rl.float32 if dtype is None else dtype
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        return image.to(dtype) if dtype.is_floating_point else _fractions_to_integers(image, dtype)
    most = max_value(image.dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / most
    wanted = max_value(dtype)
    if most > wanted:
        return rl.div(image, (most + 1) // (wanted + 1), rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((wanted + 1) // (most + 1))


def _fractions_to_integers(image: Any, dtype: Any) -> Any:
    too_fine = {rl.float32: (rl.int32, rl.int64), rl.float64: (rl.int64,)}
    if dtype in too_fine.get(image.dtype, ()):
        raise RuntimeError(f"the cast from {image.dtype} to {dtype} cannot be performed safely")
    return image.mul(max_value(dtype) + 1.0 - 1e-3).to(dtype)


def normalize(tensor: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """(tensor - mean) / std, with one mean and one std for each channel."""
    if not isinstance(tensor, rl.Tensor):
        raise TypeError(f"normalize: tensor should be a Tensor, got {type(tensor)}; ToTensor() makes one")
    if not tensor.is_floating_point():
        raise TypeError(f"normalize: tensor should be of floats, got {tensor.dtype}; ToTensor() makes such")
    if tensor.ndim < 3:
        raise ValueError(f"normalize: tensor should be [..., C, H, W], got shape {tuple(tensor.shape)}")
    centre, spread = (_each_channel(values, tensor.dtype) for values in (mean, std))
    if not bool((spread != 0).all()):
        raise ValueError(f"normalize: a std of 0 in {std} (as {tensor.dtype}) leads to a division by zero")
    if inplace:
        return tensor.sub_(centre).div_(spread)
    return (tensor - centre) / spread


def _each_channel(values: Any, dtype: Any) -> Any:
    numbers = rl.as_tensor(values, dtype=dtype)
    return numbers.reshape(-1, 1, 1) if numbers.ndim == 1 else numbers
