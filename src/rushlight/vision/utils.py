"""Pictures for people: grids of them, and boxes, masks and points drawn on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import rushlight as rl

from ..warned import warn
from .pictures import pillow
from .transforms.convert import convert_image_dtype, pil_to_tensor, to_pil_image

Colours = Any  # a name, an (r, g, b), or a list of such


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Any:
    """One picture [C, H, W] of many [N, C, H, W], `nrow` side by side; `normalize` brings them to 0 to 1."""
    pictures = _as_pictures(tensor)
    if normalize:
        pictures = _normalized(pictures, value_range, scale_each)
    count, channels, height, width = pictures.shape
    if count == 1:
        return pictures.squeeze(0)
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = height + padding, width + padding
    shape = (channels, height * rows + padding, width * columns + padding)
    grid = rl.full(shape, pad_value, dtype=pictures.dtype)
    for i, picture in enumerate(pictures):
        top, left = i // columns * height + padding, i % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = picture
    return grid


def _as_pictures(tensor: Any) -> Any:
    """[N, 1 or more channels, H, W]; grey pictures get three channels."""
    if isinstance(tensor, (list, tuple)) and all(isinstance(t, rl.Tensor) for t in tensor):
        tensor = rl.stack(list(tensor))
    if not isinstance(tensor, rl.Tensor):
        raise TypeError(f"make_grid: tensor or list of tensors expected, got {type(tensor)}")
    tensor = tensor.detach()
    if tensor.ndim not in (2, 3, 4):
        raise ValueError(
            f"make_grid: pictures are [H, W], [C, H, W] or [N, C, H, W], got {tuple(tensor.shape)}"
        )
    if tensor.ndim == 2:
        tensor = tensor[None]
    if tensor.ndim == 3:
        tensor = tensor[None]
    return tensor.expand(-1, 3, -1, -1) if tensor.shape[1] == 1 else tensor


def _normalized(pictures: Any, value_range: Any, scale_each: bool) -> Any:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(f"make_grid: value_range is a tuple (low, high), got {value_range!r}")
    if scale_each:
        return rl.stack([_normalized(picture, value_range, False) for picture in pictures])
    low, high = value_range or (float(pictures.min()), float(pictures.max()))
    return (pictures.clamp(low, high) - low) / max(high - low, 1e-5)


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Writes a picture, or a grid of several (`make_grid` takes the options), to a file."""
    grid = make_grid(tensor, **kwargs)
    pixels = (grid * 255 + 0.5).clamp(0, 255).permute(1, 2, 0).to(rl.uint8).numpy()
    if pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    pillow().fromarray(np.ascontiguousarray(pixels)).save(fp, format=format)


def _checked_picture(name: str, image: Any, channels: Sequence[int] = (3,)) -> None:
    if not isinstance(image, rl.Tensor):
        raise TypeError(f"{name}: tensor expected, got {type(image)}")
    if image.dtype != rl.uint8 and not image.is_floating_point():
        raise ValueError(f"{name}: the picture is to be of uint8 or floats, got {image.dtype}")
    if image.ndim != 3 or image.shape[0] not in channels:
        wanted = " or ".join(map(str, channels))
        raise ValueError(f"{name}: one picture [{wanted}, H, W] is expected, got {tuple(image.shape)}")


def _colours(name: str, colours: Colours, count: int) -> list[tuple[int, ...]]:
    """An (r, g, b) for each of `count` things."""
    if colours is None:
        steps = (2**25 - 1, 2**15 - 1, 2**21 - 1)
        return [tuple(i * step % 255 for step in steps) for i in range(count)]
    if isinstance(colours, list):
        if len(colours) < count:
            raise ValueError(f"{name}: there are {count} things to draw, but {len(colours)} colors")
    elif isinstance(colours, str) or (isinstance(colours, tuple) and len(colours) == 3):
        colours = [colours] * count
    else:
        raise ValueError(f"{name}: colors are a name, an (r, g, b), or a list of such, got {colours!r}")
    return [pillow("ImageColor").getrgb(c) if isinstance(c, str) else tuple(c) for c in colours]


def draw_bounding_boxes(
    image: Any,
    boxes: Any,
    labels: list[str] | None = None,
    colors: Colours = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Colours = None,
    label_background_colors: Colours = None,
    fill_labels: bool = False,
) -> Any:
    """A picture with boxes [N, 4] (x1, y1, x2, y2) drawn on it, and their labels."""
    name = "draw_bounding_boxes"
    _checked_picture(name, image, (1, 3))
    if bool((boxes[:, 0] > boxes[:, 2]).any()) or bool((boxes[:, 1] > boxes[:, 3]).any()):
        raise ValueError(
            f"{name}: boxes are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2; see ops.box_convert"
        )
    count = boxes.shape[0]
    if count == 0:
        warn(f"{name}: there are no boxes, so none is drawn")
        return image
    if labels is not None and len(labels) != count:
        raise ValueError(f"{name}: there are {count} boxes, but {len(labels)} labels")
    outlines = _colours(name, colors, count)
    inks = outlines if not (label_colors or fill_labels) else _colours(name, label_colors or "black", count)
    grounds = outlines
    if fill_labels and label_background_colors:
        grounds = _colours(name, label_background_colors, count)
    picture = to_pil_image(_bytes(image).expand(3, -1, -1))
    draw = pillow("ImageDraw").Draw(picture, "RGBA" if fill else None)
    typeface = _font(font, font_size)
    for i, box in enumerate(boxes.to(rl.int64).tolist()):
        draw.rectangle(box, width=width, outline=outlines[i], fill=(*outlines[i], 100) if fill else None)
        if labels is not None and labels[i] is not None:
            ground = grounds[i] if fill_labels else None
            _label(draw, (box[0] + width + 1, box[1] + width + 1), labels[i], inks[i], ground, typeface)
    return _like(pil_to_tensor(picture), image)


def _font(font: str | None, size: int | None) -> Any:
    if font is not None:
        return pillow("ImageFont").truetype(font=font, size=size or 10)
    if size is not None:
        warn("font_size has no effect without a font")
    return pillow("ImageFont").load_default()


def _label(draw: Any, place: tuple[int, int], text: str, ink: Any, ground: Any, font: Any) -> None:
    if ground is not None:
        left, top, right, bottom = draw.textbbox(place, text, font=font)
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=ground)
    draw.text(place, text, fill=ink, font=font)


def _bytes(image: Any) -> Any:
    return convert_image_dtype(image, rl.uint8)


def _like(drawn: Any, image: Any) -> Any:
    return convert_image_dtype(drawn, image.dtype)


def draw_segmentation_masks(image: Any, masks: Any, alpha: float = 0.8, colors: Colours = None) -> Any:
    """A picture with masks [N, H, W] laid over it in colours; where several meet is black."""
    name = "draw_segmentation_masks"
    _checked_picture(name, image)
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.dtype != rl.bool or masks.ndim != 3 or masks.shape[-2:] != image.shape[-2:]:
        raise ValueError(
            f"{name}: masks are bool [N, H, W] of the picture's size {tuple(image.shape[-2:])}, "
            f"got {tuple(masks.shape)} of {masks.dtype}"
        )
    if masks.shape[0] == 0:
        warn(f"{name}: there are no masks, so none is drawn")
        return image
    scale = 255 if image.is_floating_point() else 1
    painted = image.detach().clone()
    for mask, colour in zip(masks, _colours(name, colors, masks.shape[0])):
        paint = rl.tensor([value / scale for value in colour], dtype=image.dtype)
        painted = rl.where(mask, paint[:, None, None], painted)
    painted = rl.where(masks.sum(dim=0) > 1, rl.zeros_like(painted), painted)
    return (image * (1 - alpha) + painted * alpha).to(image.dtype)


def draw_keypoints(
    image: Any,
    keypoints: Any,
    connectivity: list[tuple[int, int]] | None = None,
    colors: str | tuple[int, int, int] | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: Any = None,
) -> Any:
    """A picture with points [N, K, 2] drawn on it, and lines between those that `connectivity` pairs."""
    name = "draw_keypoints"
    _checked_picture(name, image)
    if keypoints.ndim != 3:
        raise ValueError(f"{name}: keypoints are [N, K, 2], got {tuple(keypoints.shape)}")
    shown = np.ones(tuple(keypoints.shape[:2]), bool)
    if visibility is not None:
        shown = (visibility.squeeze(-1) if visibility.ndim == 3 else visibility).numpy().astype(bool)
    if shown.shape != tuple(keypoints.shape[:2]):
        raise ValueError(f"{name}: visibility is {shown.shape}, but keypoints are {tuple(keypoints.shape)}")
    picture = to_pil_image(_bytes(image))
    draw = pillow("ImageDraw").Draw(picture)
    for points, seen in zip(keypoints.to(rl.int64).tolist(), shown):
        for (x, y), is_seen in zip(points, seen):
            if is_seen:
                draw.ellipse(
                    [x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0
                )
        for start, end in connectivity or ():
            if seen[start] and seen[end]:
                draw.line((tuple(points[start]), tuple(points[end])), width=width)
    return _like(pil_to_tensor(picture), image)


# red to yellow to green to cyan to blue to magenta: how many steps, which channel rises (+) or falls (-)
WHEEL = (
    (15, 0, 1, True),
    (6, 1, 0, False),
    (4, 1, 2, True),
    (11, 2, 1, False),
    (13, 2, 0, True),
    (6, 0, 2, False),
)


def _colour_wheel() -> np.ndarray:
    rows = []
    for steps, full, moving, rises in WHEEL:
        part = np.zeros((steps, 3))
        ramp = np.floor(255 * np.arange(steps) / steps)
        part[:, full] = 255
        part[:, moving] = ramp if rises else 255 - ramp
        rows.append(part)
    return np.concatenate(rows)


def flow_to_image(flow: Any) -> Any:
    """Motions [2, H, W] or [N, 2, H, W] as colours: the direction is the hue, the speed the strength."""
    if flow.dtype != rl.float32 or flow.ndim not in (3, 4) or flow.shape[-3] != 2:
        raise ValueError(
            f"flow_to_image: expected float32 [2, H, W] or [N, 2, H, W], got {flow.dtype} {tuple(flow.shape)}"
        )
    motion = flow.detach().numpy().reshape(-1, 2, *flow.shape[-2:])
    motion = motion / (np.sqrt((motion**2).sum(1)).max() + np.finfo(np.float32).eps)
    speed = np.sqrt((motion**2).sum(1))
    wheel = _colour_wheel().astype(np.float32) / np.float32(255)
    at = (np.arctan2(-motion[:, 1], -motion[:, 0]) / np.float32(math.pi) + 1) / 2 * (len(wheel) - 1)
    before = np.floor(at).astype(int)
    part = (at - before)[..., None]
    colour = (1 - part) * wheel[before] + part * wheel[(before + 1) % len(wheel)]
    pixels = np.floor(255 * (1 - speed[..., None] * (1 - colour))).astype(np.uint8)
    return rl.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).reshape(
        *flow.shape[:-3], 3, *flow.shape[-2:]
    )
