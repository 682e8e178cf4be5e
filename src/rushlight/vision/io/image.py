"""Pictures from and to files, with Pillow."""

from __future__ import annotations

import io
import os
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

import rushlight as rl

from ..pictures import pillow
from ..transforms.convert import pil_to_tensor, to_pil_image


class ImageReadMode(Enum):
    """The channels wanted."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


PIL_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}


def read_file(path: Any) -> Any:
    """The bytes of a file, as a tensor."""
    return rl.from_numpy(np.fromfile(os.fspath(path), np.uint8))


def write_file(filename: Any, data: Any) -> None:
    """Writes a tensor of bytes to a file."""
    if data.dtype != rl.uint8 or data.ndim != 1:
        raise RuntimeError(f"write_file: data is to be [N] bytes, got {tuple(data.shape)} of {data.dtype}")
    Path(filename).write_bytes(data.numpy().tobytes())


def decode_image(
    input: Any, mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Any:
    """The picture in a tensor of a file's bytes, or in the file of a path, [C, H, W]."""
    data = input if isinstance(input, rl.Tensor) else read_file(input)
    mode = _mode(mode)
    with pillow().open(io.BytesIO(data.numpy().tobytes())) as opened:
        picture = pillow("ImageOps").exif_transpose(opened) if apply_exif_orientation else opened
        return pil_to_tensor(_converted(picture, mode))


def _mode(mode: Any) -> ImageReadMode:
    return ImageReadMode[mode.upper()] if isinstance(mode, str) else ImageReadMode(mode)


def _converted(picture: Any, mode: ImageReadMode) -> Any:
    if mode is not ImageReadMode.UNCHANGED:
        return picture.convert(PIL_MODES[mode])
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture.convert("L") if picture.mode == "1" else picture


def read_image(path: Any, mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Any:
    """The picture of a file, [C, H, W]."""
    return decode_image(read_file(path), mode, apply_exif_orientation)


def _decode_as(kind: str, data: Any, mode: Any, exif: bool = False) -> Any:
    with pillow().open(io.BytesIO(data.numpy().tobytes())) as opened:
        if opened.format != kind:
            raise RuntimeError(
                f"the bytes are of a {opened.format} picture, not {kind}; decode_image reads any"
            )
    return decode_image(data, mode, exif)


def decode_png(input: Any, mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Any:
    """The picture in the bytes of a PNG file."""
    return _decode_as("PNG", input, mode, apply_exif_orientation)


def decode_jpeg(
    input: Any,
    mode: Any = ImageReadMode.UNCHANGED,
    device: Any = "cpu",
    apply_exif_orientation: bool = False,
) -> Any:
    """The picture in the bytes of a JPEG file, or a list of them."""
    if isinstance(input, (list, tuple)):
        return [decode_jpeg(one, mode, device, apply_exif_orientation) for one in input]
    return _decode_as("JPEG", input, mode, apply_exif_orientation).to(device)


def decode_webp(input: Any, mode: Any = ImageReadMode.UNCHANGED) -> Any:
    """The picture in the bytes of a WebP file."""
    return _decode_as("WEBP", input, mode)


def decode_gif(input: Any) -> Any:
    """The pictures in the bytes of a GIF file: [C, H, W], or [N, C, H, W] of several."""
    with pillow().open(io.BytesIO(input.numpy().tobytes())) as opened:
        frames = [pil_to_tensor(frame.convert("RGB")) for frame in pillow("ImageSequence").Iterator(opened)]
    return frames[0] if len(frames) == 1 else rl.stack(frames)


def _encoded(name: str, input: Any, **options: Any) -> Any:
    if input.dtype != rl.uint8 or input.ndim != 3 or input.shape[0] not in (1, 3):
        raise RuntimeError(
            f"{name}: the picture is to be [1 or 3, H, W] bytes, got {tuple(input.shape)} of {input.dtype}"
        )
    file = io.BytesIO()
    to_pil_image(input).save(file, **options)
    return rl.from_numpy(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input: Any, compression_level: int = 6) -> Any:
    """The bytes of a PNG file of a picture [C, H, W]."""
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"encode_png: compression_level is from 0 to 9, got {compression_level}")
    return _encoded("encode_png", input, format="PNG", compress_level=compression_level)


def encode_jpeg(input: Any, quality: int = 75) -> Any:
    """The bytes of a JPEG file of a picture [C, H, W], or of a list of them."""
    if not 1 <= quality <= 100:
        raise ValueError(f"encode_jpeg: quality is from 1 to 100, got {quality}")
    if isinstance(input, (list, tuple)):
        return [encode_jpeg(one, quality) for one in input]
    return _encoded("encode_jpeg", input, format="JPEG", quality=quality)


def write_png(input: Any, filename: Any, compression_level: int = 6) -> None:
    """Writes a picture [C, H, W] as a PNG file."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Any, filename: Any, quality: int = 75) -> None:
    """Writes a picture [C, H, W] as a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))
