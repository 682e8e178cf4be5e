"""Pictures, videos and figures as TensorBoard stores them: PNG and GIF made by Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from .messages import Image
from .values import pillow

LETTERS = "NCHW"


def in_order(array: np.ndarray, dataformats: str) -> np.ndarray:
    """Pictures as N, H, W, C from the order that `dataformats` names; N and C may be missing."""
    order = dataformats.upper()
    if len(set(order)) != len(order) or not set("HW") <= set(order) <= set(LETTERS):
        raise ValueError(f"dataformats={dataformats!r}: expected H, W and at most N and C, each once")
    if array.ndim != len(order):
        raise ValueError(
            f"dataformats={dataformats!r} names {len(order)} dimensions, "
            f"and the picture has shape {array.shape}{hint(array)}"
        )
    colours = array.shape[order.index("C")] if "C" in order else 1
    if colours not in (1, 3, 4):
        raise ValueError(
            f"a picture has 1, 3 or 4 colours; with shape {array.shape} and dataformats={dataformats!r} "
            f"this one would have {colours}{hint(array)}"
        )
    for missing in sorted(set("NC") - set(order)):
        array, order = array[None], missing + order
    return array.transpose([order.index(letter) for letter in "NHWC"])


def hint(array: np.ndarray) -> str:
    """What to try for a picture in another order than was said."""
    guesses = {2: "HW", 3: "HWC" if array.shape[-1] in (1, 3, 4) else "CHW", 4: "NCHW"}
    return f"; try dataformats={guesses[array.ndim]!r}" if array.ndim in guesses else ""


def to_bytes(array: np.ndarray) -> np.ndarray:
    """Brightness as bytes: uint8 as it is, everything else is meant from 0 to 1."""
    if array.dtype == np.uint8:
        return array
    return np.nan_to_num(array.astype(np.float32) * 255).clip(0, 255).astype(np.uint8)


def in_colour(array: np.ndarray) -> np.ndarray:
    """Pictures with three (or four) colours in the last dimension."""
    return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array


def grid(pictures: np.ndarray, columns: int = 8) -> np.ndarray:
    """Pictures (N, H, W, C) side by side in one."""
    count, height, width, colours = pictures.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    empty = np.zeros((rows * columns - count, height, width, colours), pictures.dtype)
    tiles = np.concatenate([pictures, empty]).reshape(rows, columns, height, width, colours)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, colours)


def one_picture(array: np.ndarray, dataformats: str) -> np.ndarray:
    """What is shown: (H, W, C) in bytes."""
    pictures = in_colour(in_order(array, dataformats))
    return to_bytes(grid(pictures))


def encoded(picture: Any, sizes: Sequence[int], **options: Any) -> bytes:
    """The message of a picture that Pillow holds, in the format of the options."""
    file = io.BytesIO()
    picture.save(file, **options)
    height, width, colours = sizes
    return Image(height=height, width=width, colorspace=colours, encoded_image_string=file.getvalue())


def png(picture: np.ndarray) -> bytes:
    """The message of a picture (H, W, C) of bytes."""
    return encoded(pillow().fromarray(np.ascontiguousarray(picture)), picture.shape, format="PNG")


def gif(video: np.ndarray, fps: float) -> bytes:
    """The message of a moving picture: (N, T, C, H, W), the N videos side by side."""
    if video.ndim != 5:
        raise ValueError(f"a video has the dimensions N, T, C, H, W, and this one has shape {video.shape}")
    frames = [one_picture(frame, "NCHW") for frame in video.swapaxes(0, 1)]
    images = [pillow().fromarray(frame) for frame in frames]
    moving = {"save_all": True, "append_images": images[1:], "duration": 1000 / fps, "loop": 0}
    return encoded(images[0], frames[0].shape, format="GIF", **moving)


def with_boxes(
    picture: np.ndarray, boxes: np.ndarray, labels: Sequence[str] | None, rescale: float
) -> np.ndarray:
    """The picture with a rectangle round each box (xmin, ymin, xmax, ymax) and its label on it."""
    from PIL import ImageDraw  # there: png() has asked for Pillow

    boxes = boxes.reshape(-1, 4)
    if labels is not None and len(labels) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes and {len(labels)} labels: there must be a label for each box")
    image = pillow().fromarray(np.ascontiguousarray(picture))
    if rescale != 1:
        image = image.resize((int(image.width * rescale), int(image.height * rescale)))
    pen = ImageDraw.Draw(image)
    for number, box in enumerate(boxes * rescale):
        pen.rectangle(box.tolist(), outline="red", width=2)
        if labels is not None:
            pen.text((box[0] + 3, box[1] + 1), labels[number], fill="red")
    return np.asarray(image)


def figure_pixels(figure: Any, close: bool) -> np.ndarray:
    """A figure of matplotlib, or a list of them, as bytes (N, H, W, 3)."""
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def drawn(figure: Any) -> np.ndarray:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        if close:
            pyplot.close(figure)
        return np.asarray(canvas.buffer_rgba())[..., :3]

    figures = list(figure) if isinstance(figure, (list, tuple)) else [figure]
    return np.stack([drawn(each) for each in figures])
