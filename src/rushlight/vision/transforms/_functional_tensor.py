"""Transforms of tensors that move pixels: flips, crops, margins, sizes. Rows and columns come last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import functional as F

from .interpolation import InterpolationMode

TENSOR_MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")
PADDINGS = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}
LARGEST = {"uint8": 255, "int8": 127, "uint16": 65535, "int16": 32767, "int32": 2**31 - 1, "int64": 2**63 - 1}


def max_value(dtype: Any) -> int:
    """The value of a pixel at full light: the largest integer, or 1 for fractions."""
    return LARGEST.get(str(dtype).rpartition(".")[2], 1)


def assert_image(name: str, img: Any, channels: Sequence[int] = ()) -> None:
    """Raises unless `img` is a tensor of pixels, with one of these numbers of channels."""
    if not isinstance(img, rl.Tensor) or img.ndim < 2:
        got = f"a tensor of shape {tuple(img.shape)}" if isinstance(img, rl.Tensor) else type(img).__name__
        raise TypeError(f"{name}: expected a picture of Pillow's or a tensor [..., H, W], got {got}")
    count = 1 if img.ndim == 2 else img.shape[-3]
    if channels and count not in channels:
        wanted = " or ".join(map(str, channels))
        raise TypeError(f"{name}: expected {wanted} channels at dimension -3, got shape {tuple(img.shape)}")


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width."""
    assert_image("get_dimensions", img)
    return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]


def hflip(img: Any) -> Any:
    assert_image("hflip", img)
    return img.flip(-1)


def vflip(img: Any) -> Any:
    assert_image("vflip", img)
    return img.flip(-2)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A window of the picture; what lies outside of the picture is 0."""
    assert_image("crop", img)
    h, w = img.shape[-2:]
    bottom, right = top + height, left + width
    inside = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return inside
    before = [max(min(right, 0) - left, 0), max(min(bottom, 0) - top, 0)]
    after = [max(right - max(w, left), 0), max(bottom - max(h, top), 0)]
    return pad(inside, [*before, *after])


def pad(img: Any, margins: Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """A picture with `margins` (left, top, right, bottom) more; a negative margin takes away."""
    assert_image("pad", img)
    left, top, right, bottom = margins
    if padding_mode == "symmetric":
        return _pad_mirrored(img, margins)
    if padding_mode == "constant":
        return F.pad(img, [left, right, top, bottom], value=_single(fill))
    batch, undo = as_batch(img, (rl.float32, rl.float64))
    return undo(F.pad(batch, [left, right, top, bottom], mode=PADDINGS[padding_mode]))


def _single(fill: Any) -> float:
    if isinstance(fill, (list, tuple)):
        if len(set(fill)) > 1:
            raise TypeError(f"tensors are padded with one number for all channels, got fill={fill}")
        fill = fill[0] if fill else 0
    return 0 if fill is None else fill


def _pad_mirrored(img: Any, margins: Sequence[int]) -> Any:
    left, top, right, bottom = margins
    if min(margins) < 0:
        h, w = img.shape[-2:]
        img = img[..., max(-top, 0) : h - max(-bottom, 0), max(-left, 0) : w - max(-right, 0)]
        left, top, right, bottom = (max(m, 0) for m in margins)
    rows = _mirrored(top, img.shape[-2], bottom)
    columns = _mirrored(left, img.shape[-1], right)
    return img[..., rows[:, None], columns[None, :]]


def _mirrored(before: int, size: int, after: int) -> Any:
    """Indices that run on backwards past the ends, the end pixel twice."""
    if max(before, after) > size:
        raise ValueError(
            f"symmetric padding of {max(before, after)} pixels is more than the {size} there are"
        )
    inside = list(range(size))
    return rl.tensor([*inside[:before][::-1], *inside, *inside[size - after :][::-1]])


def as_batch(img: Any, dtypes: Sequence[Any]) -> tuple[Any, Any]:
    """The picture as [N, C, H, W] in one of the dtypes, and the function that leads a result back."""
    shape, dtype = img.shape, img.dtype
    batch = img if img.ndim == 4 else img.reshape(-1 if img.ndim > 4 else 1, *_channels_last_three(img))
    if dtype not in dtypes:
        batch = batch.to(dtypes[0])

    def undo(result: Any) -> Any:
        if result.dtype != dtype:
            result = (result if dtype.is_floating_point else result.round()).to(dtype)
        if len(shape) == 4:
            return result
        return result.reshape(*shape[:-3], *result.shape[-3 if len(shape) > 2 else -2 :])

    return batch, undo


def _channels_last_three(img: Any) -> tuple[int, ...]:
    return tuple(img.shape[-3:]) if img.ndim > 2 else (1, *img.shape)


def resize(
    img: Any, size: Sequence[int], interpolation: InterpolationMode, antialias: bool | None = True
) -> Any:
    """The picture at another size (height, width)."""
    assert_image("resize", img)
    mode = interpolation.value
    if mode not in TENSOR_MODES:
        raise ValueError(
            f"tensors are resized with {', '.join(TENSOR_MODES)}; {mode} is for Pillow's pictures"
        )
    smooth = mode in ("bilinear", "bicubic")
    batch, undo = as_batch(img, (rl.float32, rl.float64))
    result = F.interpolate(
        batch,
        list(size),
        mode=mode,
        align_corners=False if smooth else None,
        antialias=bool(antialias) and smooth,
    )
    if mode == "bicubic" and img.dtype == rl.uint8:
        result = result.clamp(0, 255)
    return undo(result)
