"""Boxes in a picture: their formats, and keeping them inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as rl

from .... import tv_tensors
from ....tv_tensors import BoundingBoxFormat, box_format, is_rotated_bounding_format
from ._dispatch import is_pure_tensor
from ._turned import clamped_turned, corners_of_turned, turned_by_centre, turned_by_corner, turned_of_corners

XYXY, XYWH, CXCYWH = BoundingBoxFormat.XYXY, BoundingBoxFormat.XYWH, BoundingBoxFormat.CXCYWH
XYWHR, CXCYWHR = BoundingBoxFormat.XYWHR, BoundingBoxFormat.CXCYWHR
XYXYXYXY = BoundingBoxFormat.XYXYXYXY


def _halved(sizes: Any) -> Any:
    return rl.div(sizes, 2, rounding_mode=None if sizes.is_floating_point() else "floor")


def _joined(first: Any, second: Any) -> Any:
    return rl.cat([first, second], dim=-1)


def _corners_of_sizes(boxes: Any) -> Any:
    start, sizes = boxes[..., :2], boxes[..., 2:]
    return _joined(start, start + sizes)


def _sizes_of_corners(boxes: Any) -> Any:
    start, end = boxes[..., :2], boxes[..., 2:]
    return _joined(start, end - start)


def _corners_of_centres(boxes: Any) -> Any:
    exact = boxes if boxes.is_floating_point() else boxes.float()
    start = exact[..., :2] - exact[..., 2:] / 2
    return _joined(start, start + exact[..., 2:]).to(boxes.dtype)


def _centres_of_corners(boxes: Any) -> Any:
    start, end = boxes[..., :2], boxes[..., 2:]
    sizes = end - start
    return _joined(_halved(start * 2 + sizes), sizes)


def _centres_of_sizes(boxes: Any) -> Any:
    start, sizes = boxes[..., :2], boxes[..., 2:]
    return _joined(start + _halved(sizes), sizes)


def _sizes_of_centres(boxes: Any) -> Any:
    if not boxes.is_floating_point():
        return _sizes_of_corners(_corners_of_centres(boxes))
    return _joined(boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., 2:])


# from a format to the one that its family meets in, from there on, and directly where that is more exact
TO_MIDDLE: dict[Any, Callable[[Any], Any]] = {
    XYWH: _corners_of_sizes,
    CXCYWH: _corners_of_centres,
    CXCYWHR: turned_by_corner,
    XYXYXYXY: turned_of_corners,
}
FROM_MIDDLE: dict[Any, Callable[[Any], Any]] = {
    XYWH: _sizes_of_corners,
    CXCYWH: _centres_of_corners,
    CXCYWHR: turned_by_centre,
    XYXYXYXY: corners_of_turned,
}
DIRECT = {(XYWH, CXCYWH): _centres_of_sizes, (CXCYWH, XYWH): _sizes_of_centres}


def converted(boxes: Any, old: BoundingBoxFormat, new: BoundingBoxFormat) -> Any:
    """Plain boxes in another format."""
    if old == new:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ValueError(
            f"boxes that may be turned and others do not convert: from {old.value} to {new.value}"
        )
    if (old, new) in DIRECT:
        return DIRECT[old, new](boxes)
    for table, format in ((TO_MIDDLE, old), (FROM_MIDDLE, new)):
        if format in table:
            boxes = table[format](boxes)
    return boxes


def convert_bounding_box_format(
    inpt: Any, old_format: Any = None, new_format: Any = None, inplace: bool = False
) -> Any:
    """Boxes in another format; of a plain tensor `old_format` says which it has now."""
    if new_format is None:
        raise TypeError("convert_bounding_box_format: new_format is missing")
    new_format = box_format(new_format)
    is_boxes = isinstance(inpt, tv_tensors.BoundingBoxes)
    if not (is_boxes or is_pure_tensor(inpt)):
        raise TypeError(f"convert_bounding_box_format: expected a tensor or BoundingBoxes, got {type(inpt)}")
    if is_boxes != (old_format is None):
        raise ValueError(f"old_format is for plain tensors, and only for them; got {type(inpt).__name__}")
    old = inpt.format if is_boxes else box_format(old_format)
    plain = tv_tensors.plain(inpt)
    result = converted(plain, old, new_format)
    if inplace and result.shape == plain.shape and result is not plain:
        result = plain.copy_(result)
    return tv_tensors.wrap(result, like=inpt, format=new_format) if is_boxes else result


def clamped(boxes: Any, format: Any, canvas_size: Any, mode: str | None) -> Any:
    """Plain boxes, kept within the canvas."""
    if mode is None:
        return boxes.clone()
    format = box_format(format)
    if is_rotated_bounding_format(format):
        corners = converted(boxes, format, XYXYXYXY).reshape(-1, 8)
        inside = clamped_turned(corners, canvas_size, mode)
        return converted(inside, XYXYXYXY, format).reshape(boxes.shape)
    exact = boxes if boxes.is_floating_point() else boxes.float()
    corners = converted(exact, format, XYXY)
    height, width = canvas_size
    most = rl.tensor([width, height, width, height], dtype=corners.dtype)
    inside = corners.clamp(min=0).minimum(most)
    return converted(inside, XYXY, format).to(boxes.dtype)


def clamp_bounding_boxes(
    inpt: Any, format: Any = None, canvas_size: Any = None, clamping_mode: str | None = "auto"
) -> Any:
    """Boxes kept within the canvas; of a plain tensor its size, the format and the mode are to be given."""
    if clamping_mode not in (None, "soft", "hard", "auto"):
        raise ValueError(f"clamping_mode is 'soft', 'hard', 'auto' or None, got {clamping_mode!r}")
    if isinstance(inpt, tv_tensors.BoundingBoxes):
        if format is not None or canvas_size is not None:
            raise ValueError("BoundingBoxes know their format and canvas_size, which are not to be given")
        mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
        inside = clamped(tv_tensors.plain(inpt), inpt.format, inpt.canvas_size, mode)
        return tv_tensors.wrap(inside, like=inpt)
    if not is_pure_tensor(inpt):
        raise TypeError(f"clamp_bounding_boxes: expected a tensor or BoundingBoxes, got {type(inpt)}")
    if format is None or canvas_size is None or clamping_mode == "auto":
        raise ValueError("for plain tensors format, canvas_size and clamping_mode are to be given")
    return clamped(inpt, format, canvas_size, clamping_mode)


def clamp_keypoints(inpt: Any, canvas_size: Any = None) -> Any:
    """Points kept within the canvas."""
    height, width = _canvas("clamp_keypoints", inpt, canvas_size)
    points = tv_tensors.plain(inpt)
    exact = points if points.is_floating_point() else points.float()
    most = rl.tensor([width - 1, height - 1], dtype=exact.dtype)
    inside = exact.clamp(min=0).minimum(most).to(points.dtype)
    return inside if is_pure_tensor(inpt) else tv_tensors.wrap(inside, like=inpt)


def _canvas(name: str, inpt: Any, canvas_size: Any) -> Any:
    if isinstance(inpt, tv_tensors.KeyPoints):
        if canvas_size is not None:
            raise ValueError(f"{name}: KeyPoints know their canvas_size, which is not to be given")
        return inpt.canvas_size
    if not is_pure_tensor(inpt):
        raise TypeError(f"{name}: expected a tensor or KeyPoints, got {type(inpt)}")
    if canvas_size is None:
        raise ValueError(f"{name}: for plain tensors canvas_size is to be given")
    return canvas_size


def sanitize_bounding_boxes(
    bounding_boxes: Any,
    format: Any = None,
    canvas_size: Any = None,
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> tuple[Any, Any]:
    """The boxes that lie within the canvas and are not too small, and which of all these are."""
    is_boxes = isinstance(bounding_boxes, tv_tensors.BoundingBoxes)
    if not is_boxes and not is_pure_tensor(bounding_boxes):
        raise ValueError(f"expected a tensor or BoundingBoxes, got {type(bounding_boxes)}")
    if is_boxes != (format is None) or is_boxes != (canvas_size is None):
        raise ValueError("format and canvas_size are for plain tensors, and only for them")
    known = bounding_boxes if is_boxes else None
    valid = valid_boxes(
        tv_tensors.plain(bounding_boxes),
        known.format if known is not None else box_format(format),
        known.canvas_size if known is not None else canvas_size,
        min_size,
        min_area,
    )
    kept = tv_tensors.plain(bounding_boxes)[valid]
    return (tv_tensors.wrap(kept, like=bounding_boxes) if is_boxes else kept), valid


def valid_boxes(boxes: Any, format: Any, canvas_size: Any, min_size: float, min_area: float) -> Any:
    """Which plain boxes lie within the canvas and are not too small."""
    turned = is_rotated_bounding_format(format)
    corners = converted(boxes, format, XYXYXYXY if turned else XYXY)
    x, y = corners[..., 0::2], corners[..., 1::2]
    if turned:
        # the second side is measured between the coordinates that torchvision takes, 3 to 5 and 4 to 6
        widths = _length(corners[..., 0] - corners[..., 2], corners[..., 1] - corners[..., 3])
        heights = _length(corners[..., 3] - corners[..., 5], corners[..., 4] - corners[..., 6])
    else:
        widths, heights = x[..., 1] - x[..., 0], y[..., 1] - y[..., 0]
    large = (widths >= min_size) & (heights >= min_size) & (widths * heights >= min_area)
    inside = (
        (corners >= 0).all(dim=-1) & (x <= canvas_size[1]).all(dim=-1) & (y <= canvas_size[0]).all(dim=-1)
    )
    return large & inside


def _length(x: Any, y: Any) -> Any:
    return (x**2 + y**2).sqrt()


def sanitize_keypoints(key_points: Any, canvas_size: Any = None) -> tuple[Any, Any]:
    """The (groups of) points that lie within the canvas, and which of all these are."""
    size = _canvas("sanitize_keypoints", key_points, canvas_size)
    points = tv_tensors.plain(key_points)
    valid = valid_points(points, size)
    kept = points[valid]
    return (kept if is_pure_tensor(key_points) else tv_tensors.wrap(kept, like=key_points)), valid


def valid_points(points: Any, canvas_size: Any) -> Any:
    """Which (groups of) points lie within the canvas."""
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (x < canvas_size[1]) & (y >= 0) & (y < canvas_size[0])
    return inside.flatten(start_dim=1).all(dim=1) if inside.ndim > 1 else inside
