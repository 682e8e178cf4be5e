"""Where things are: flips, windows, margins and sizes of pictures, masks, boxes and points."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight.nn import functional as nnF

from ....tv_tensors import BoundingBoxes, KeyPoints, Mask, is_rotated_bounding_format
from ... import _functional_tensor as on_tensor
from ... import functional as v1
from ...geometry import margins_of, pair, resized
from ...interpolation import InterpolationMode, checked_mode
from ._boxes import CXCYWHR, XYWH, XYWHR, XYXY, XYXYXYXY, clamped, converted
from ._dispatch import PICTURES, PIL, dispatched, mask_kernel, register
from ._turned import boxes_round

NEAREST = (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT)
BYTES_ARE_RESIZED = (*NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
BOXES_XYXY: Any = XYXY


def _moved(boxes: Any, format: Any, x: int, y: int) -> Any:
    """Boxes of any format, moved."""
    steps = {XYXY: [x, y, x, y], XYXYXYXY: [x, y] * 4, XYWHR: [x, y, 0, 0, 0], CXCYWHR: [x, y, 0, 0, 0]}
    return boxes + rl.tensor(steps.get(format, [x, y, 0, 0]), dtype=boxes.dtype)


# ---- flips


@dispatched
def horizontal_flip(inpt: Any) -> Any:
    """The input in a mirror."""


@dispatched
def vertical_flip(inpt: Any) -> Any:
    """The input upside down."""


@register(horizontal_flip, *PICTURES, Mask)
def horizontal_flip_image(image: Any) -> Any:
    """`horizontal_flip` for tensors."""
    return image.flip(-1)


@register(vertical_flip, *PICTURES, Mask)
def vertical_flip_image(image: Any) -> Any:
    """`vertical_flip` for tensors."""
    return image.flip(-2)


register(horizontal_flip, PIL)(v1.hflip)
register(vertical_flip, PIL)(v1.vflip)


def horizontal_flip_mask(mask: Any) -> Any:
    """`horizontal_flip` for masks."""
    return mask.flip(-1)


def vertical_flip_mask(mask: Any) -> Any:
    """`vertical_flip` for masks."""
    return mask.flip(-2)


@register(horizontal_flip, BoundingBoxes)
def horizontal_flip_bounding_boxes(bounding_boxes: Any, format: Any, canvas_size: Any) -> Any:
    """`horizontal_flip` for boxes."""
    return _flipped(bounding_boxes, format, canvas_size[1], 0)


@register(vertical_flip, BoundingBoxes)
def vertical_flip_bounding_boxes(bounding_boxes: Any, format: Any, canvas_size: Any) -> Any:
    """`vertical_flip` for boxes."""
    return _flipped(bounding_boxes, format, canvas_size[0], 1)


def _flipped(boxes: Any, format: Any, size: int, axis: int) -> Any:
    """Boxes mirrored along x (0) or y (1), where the canvas has this size."""
    columns = list(boxes.reshape(-1, boxes.shape[-1]).unbind(-1))
    if format == XYXY:
        columns[axis], columns[axis + 2] = size - columns[axis + 2], size - columns[axis]
    elif format == XYWH:
        columns[axis] = size - (columns[axis] + columns[axis + 2])
    elif format == XYXYXYXY:
        columns[axis::2] = [size - c for c in columns[axis::2]]
        columns = [columns[i] for i in (2, 3, 0, 1, 6, 7, 4, 5)]
    else:
        if format == XYWHR:  # the corner of the mirrored box is the other one of the upper side
            angle = columns[4] * rl.pi / 180
            columns[0] = columns[0] + columns[2] * angle.cos()
            columns[1] = columns[1] - columns[2] * angle.sin()
        columns[axis] = size - columns[axis]
        if format in (XYWHR, CXCYWHR):
            columns[4] = -columns[4] + (180 if axis else 0)
    return rl.stack(columns, dim=-1).reshape(boxes.shape)


@register(horizontal_flip, KeyPoints)
def horizontal_flip_keypoints(keypoints: Any, canvas_size: Any) -> Any:
    """`horizontal_flip` for points."""
    x, y = keypoints.unbind(-1)
    return rl.stack([canvas_size[1] - 1 - x, y], dim=-1)


@register(vertical_flip, KeyPoints)
def vertical_flip_keypoints(keypoints: Any, canvas_size: Any) -> Any:
    """`vertical_flip` for points."""
    x, y = keypoints.unbind(-1)
    return rl.stack([x, canvas_size[0] - 1 - y], dim=-1)


# ---- windows


@dispatched
def crop(inpt: Any, top: int, left: int, height: int, width: int) -> Any:
    """A window of the input; what lies outside of the picture is 0."""


@register(crop, *PICTURES)
def crop_image(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """`crop` for tensors."""
    return on_tensor.crop(image, top, left, height, width)


register(crop, PIL)(v1.crop)
crop_mask = register(crop, Mask)(mask_kernel(crop_image))


@register(crop, BoundingBoxes)
def crop_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    clamping_mode: Any = "soft",
) -> tuple[Any, Any]:
    """`crop` for boxes: they, and the size of their canvas."""
    moved = _moved(bounding_boxes, format, -left, -top)
    if format == XYXYXYXY:
        moved = boxes_round(moved)
    return clamped(moved, format, (height, width), clamping_mode), (height, width)


@register(crop, KeyPoints)
def crop_keypoints(keypoints: Any, top: int, left: int, height: int, width: int) -> tuple[Any, Any]:
    """`crop` for points: they, and the size of their canvas."""
    return keypoints - rl.tensor([left, top], dtype=keypoints.dtype), (height, width)


@dispatched
def center_crop(inpt: Any, output_size: Any) -> Any:
    """The middle of the input; a smaller picture is filled up with 0."""


@register(center_crop, *PICTURES)
def center_crop_image(image: Any, output_size: Any) -> Any:
    """`center_crop` for tensors."""
    return v1.center_crop(image, output_size)


register(center_crop, PIL)(v1.center_crop)
center_crop_mask = register(center_crop, Mask)(mask_kernel(center_crop_image))


def _middle_window(canvas_size: Any, output_size: Any) -> dict[str, int]:
    height, width = pair(output_size, "output_size")
    top, left = (round((have - want) / 2.0) for have, want in zip(canvas_size, (height, width)))
    return {"top": top, "left": left, "height": height, "width": width}


@register(center_crop, BoundingBoxes)
def center_crop_bounding_boxes(
    bounding_boxes: Any, format: Any, canvas_size: Any, output_size: Any, clamping_mode: Any = "soft"
) -> tuple[Any, Any]:
    """`center_crop` for boxes: they, and the size of their canvas."""
    window = _middle_window(canvas_size, output_size)
    return crop_bounding_boxes(bounding_boxes, format, **window, clamping_mode=clamping_mode)


@register(center_crop, KeyPoints)
def center_crop_keypoints(inpt: Any, canvas_size: Any, output_size: Any) -> tuple[Any, Any]:
    """`center_crop` for points: they, and the size of their canvas."""
    return crop_keypoints(inpt, **_middle_window(canvas_size, output_size))


@dispatched
def five_crop(inpt: Any, size: Any) -> Any:
    """Four corners and the middle of the picture, as a tuple."""


@dispatched
def ten_crop(inpt: Any, size: Any, vertical_flip: bool = False) -> Any:
    """`five_crop` of the picture and of its mirror image."""


@register(five_crop, *PICTURES)
def five_crop_image(image: Any, size: Any) -> tuple[Any, ...]:
    """`five_crop` for tensors."""
    return v1.five_crop(image, size)


@register(ten_crop, *PICTURES)
def ten_crop_image(image: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """`ten_crop` for tensors."""
    return v1.ten_crop(image, size, vertical_flip)


register(five_crop, PIL)(v1.five_crop)
register(ten_crop, PIL)(v1.ten_crop)


# ---- margins


@dispatched
def pad(inpt: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """The input with a margin: one width, two (left and right, top and bottom), or four from left on."""


@register(pad, *PICTURES)
def pad_image(image: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """`pad` for tensors; `fill` may be a number for each channel."""
    colours = fill if isinstance(fill, (list, tuple)) else [fill or 0]
    if len(colours) == 1:
        return v1.pad(image, padding, colours[0], padding_mode)
    if padding_mode != "constant":
        raise ValueError(f"pad: a colour is for padding_mode 'constant', not {padding_mode!r}")
    padded = v1.pad(image, padding, 0)
    left, top, right, bottom = margins_of(padding)
    colour = rl.tensor(colours).to(image.dtype).reshape(-1, 1, 1)
    height, width = padded.shape[-2:]
    for rows, columns in (
        (slice(0, max(top, 0)), slice(None)),
        (slice(None), slice(0, max(left, 0))),
        (slice(height - max(bottom, 0), height), slice(None)),
        (slice(None), slice(width - max(right, 0), width)),
    ):
        padded[..., rows, columns] = colour
    return padded


@register(pad, PIL)
def _padded_picture(image: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    return v1.pad(image, padding, 0 if fill is None else fill, padding_mode)


@register(pad, Mask)
def pad_mask(mask: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """`pad` for masks."""
    if isinstance(fill, (list, tuple)):
        raise ValueError(f"pad: masks are filled with one number, got {fill}")
    return _padded_mask(mask, padding, fill, padding_mode)


_padded_mask = mask_kernel(pad_image)


def _padded_canvas(canvas_size: Any, padding: Any, padding_mode: str, what: str) -> tuple[int, int, Any]:
    if padding_mode != "constant":
        raise ValueError(f"pad: {what} have padding_mode 'constant' only, not {padding_mode!r}")
    left, top, right, bottom = margins_of(padding)
    return left, top, (canvas_size[0] + top + bottom, canvas_size[1] + left + right)


@register(pad, BoundingBoxes)
def pad_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    canvas_size: Any,
    padding: Any,
    padding_mode: str = "constant",
    clamping_mode: Any = "soft",
) -> tuple[Any, Any]:
    """`pad` for boxes: they, and the size of their canvas."""
    left, top, canvas_size = _padded_canvas(canvas_size, padding, padding_mode, "boxes")
    moved = _moved(bounding_boxes, format, left, top)
    return clamped(moved, format, canvas_size, clamping_mode), canvas_size


@register(pad, KeyPoints)
def pad_keypoints(
    keypoints: Any, canvas_size: Any, padding: Any, padding_mode: str = "constant"
) -> tuple[Any, Any]:
    """`pad` for points: they, and the size of their canvas."""
    left, top, canvas_size = _padded_canvas(canvas_size, padding, padding_mode, "points")
    return keypoints + rl.tensor([left, top], dtype=keypoints.dtype), canvas_size


# ---- sizes


@dispatched
def resize(
    inpt: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The input at another size: (height, width), one number for the shorter side, or None for `max_size`."""


def _target(size: Any, canvas_size: Any, max_size: int | None) -> tuple[int, int]:
    if size is None:
        if max_size is None:
            raise ValueError("resize: without a size, max_size is needed")
        height, width = canvas_size
        short = int(max_size * min(canvas_size) / max(canvas_size))
        return (max_size, short) if width <= height else (short, max_size)
    wanted = [size] if isinstance(size, int) else list(size)
    if max_size is not None and len(wanted) != 1:
        raise ValueError("resize: max_size goes with a size of one number, for the shorter side")
    return resized(canvas_size, wanted, max_size)


@register(resize, *PICTURES)
def resize_image(
    image: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """`resize` for tensors; bytes stay bytes on the way."""
    mode = checked_mode(interpolation)
    target = _target(size, tuple(image.shape[-2:]), max_size)
    if target == tuple(image.shape[-2:]):
        return image
    if image.numel() == 0:
        return image.reshape(*image.shape[:-2], *target)
    if image.dtype != rl.uint8 or mode not in BYTES_ARE_RESIZED:
        return on_tensor.resize(image, target, mode, antialias)
    batch = image.reshape(-1, *image.shape[-3:])
    smooth = mode not in NEAREST
    options = {"align_corners": False, "antialias": bool(antialias)} if smooth else {}
    done = nnF.interpolate(batch, list(target), mode=mode.value, **options)
    return done.reshape(*image.shape[:-2], *target)


@register(resize, PIL)
def _resized_picture(
    image: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    target = _target(size, (image.height, image.width), max_size)
    return v1.resize(image, list(target), checked_mode(interpolation), None, antialias)


@register(resize, Mask)
def resize_mask(
    mask: Any, size: Any, interpolation: Any = InterpolationMode.NEAREST, max_size: int | None = None
) -> Any:
    """`resize` for masks, by the nearest value."""
    mode = checked_mode(interpolation)
    return _resized_mask(mask, size, mode if mode in NEAREST else InterpolationMode.NEAREST, max_size)


_resized_mask = mask_kernel(resize_image, "antialias")


@register(resize, BoundingBoxes)
def resize_bounding_boxes(
    bounding_boxes: Any,
    canvas_size: Any,
    size: Any,
    max_size: int | None = None,
    format: Any = BOXES_XYXY,
    clamping_mode: Any = "soft",
) -> tuple[Any, Any]:
    """`resize` for boxes: they, and the size of their canvas."""
    target = _target(size, canvas_size, max_size)
    if target == tuple(canvas_size):
        return bounding_boxes, canvas_size
    scale = [target[1] / canvas_size[1], target[0] / canvas_size[0]]
    if not is_rotated_bounding_format(format):
        return bounding_boxes.mul(rl.tensor(scale * 2)).to(bounding_boxes.dtype), target
    corners = converted(bounding_boxes, format, XYXYXYXY).reshape(-1, 8)
    scaled = boxes_round(corners.mul(rl.tensor(scale * 4)))
    inside = clamped(scaled, XYXYXYXY, target, clamping_mode)
    return converted(inside, XYXYXYXY, format).to(bounding_boxes.dtype).reshape(bounding_boxes.shape), target


@register(resize, KeyPoints)
def resize_keypoints(
    keypoints: Any, size: Any, canvas_size: Any, max_size: int | None = None
) -> tuple[Any, Any]:
    """`resize` for points: they, and the size of their canvas."""
    target = _target(size, canvas_size, max_size)
    if target == tuple(canvas_size):
        return keypoints, canvas_size
    scale = rl.tensor([target[1] / canvas_size[1], target[0] / canvas_size[0]])
    return keypoints.mul(scale).to(keypoints.dtype), target


@dispatched
def resized_crop(
    inpt: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A window of the input, brought to `size`."""


@register(resized_crop, *PICTURES)
def resized_crop_image(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """`resized_crop` for tensors."""
    return resize_image(crop_image(image, top, left, height, width), size, interpolation, antialias=antialias)


@register(resized_crop, PIL)
def _resized_window(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: Any = True,
) -> Any:
    return _resized_picture(
        v1.crop(image, top, left, height, width), size, interpolation, antialias=antialias
    )


@register(resized_crop, Mask)
def resized_crop_mask(mask: Any, top: int, left: int, height: int, width: int, size: Any) -> Any:
    """`resized_crop` for masks, by the nearest value."""
    return resize_mask(crop_mask(mask, top, left, height, width), size)


@register(resized_crop, BoundingBoxes)
def resized_crop_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    clamping_mode: Any = "soft",
) -> tuple[Any, Any]:
    """`resized_crop` for boxes: they, and the size of their canvas."""
    boxes, canvas = crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)
    return resize_bounding_boxes(boxes, canvas, size, format=format, clamping_mode=clamping_mode)


@register(resized_crop, KeyPoints)
def resized_crop_keypoints(
    keypoints: Any, top: int, left: int, height: int, width: int, size: Any
) -> tuple[Any, Any]:
    """`resized_crop` for points: they, and the size of their canvas."""
    points, canvas = crop_keypoints(keypoints, top, left, height, width)
    return resize_keypoints(points, size, canvas)


hflip, vflip = horizontal_flip, vertical_flip
