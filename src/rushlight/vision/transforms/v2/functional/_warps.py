"""Turns, slants, perspective and waves of pictures, masks, boxes and points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import rushlight as rl

from ....tv_tensors import BoundingBoxes, KeyPoints, Mask, is_rotated_bounding_format
from ... import _functional_pil as on_picture
from ... import _tensor_warps as warp
from ... import functional as v1
from ...geometry import perspective_coefficients
from ...interpolation import InterpolationMode, checked_mode
from ._boxes import CXCYWHR, XYXY, XYXYXYXY, clamped, converted
from ._dispatch import PICTURES, PIL, dispatched, mask_kernel, register
from ._turned import boxes_round

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
CORNERS = [[0, 1], [2, 1], [2, 3], [0, 3]]  # of a box x1, y1, x2, y2
PointMap = Callable[[Any], Any]


def _mapped_boxes(boxes: Any, format: Any, move: PointMap) -> tuple[Any, Any]:
    """Boxes that hold what comes of boxes whose corners [N, 2] move so, and the format that they are in."""
    turned = is_rotated_bounding_format(format)
    middle = XYXYXYXY if turned else XYXY
    exact = boxes if boxes.is_floating_point() else boxes.float()
    corners = converted(exact, format, middle).reshape(-1, 8 if turned else 4)
    points = corners if turned else corners[:, CORNERS]
    moved = move(points.reshape(-1, 2))
    if turned:
        return boxes_round(moved.reshape(-1, 8)), middle
    moved = moved.reshape(-1, 4, 2)
    return rl.cat([moved.amin(1), moved.amax(1)], dim=1), middle


def _held(moved: Any, middle: Any, boxes: Any, format: Any, canvas_size: Any, mode: Any) -> Any:
    """Boxes within the canvas, in the format and type of those there were."""
    inside = clamped(moved, middle, canvas_size, mode)
    return converted(inside, middle, format).reshape(boxes.shape).to(boxes.dtype)


# ---- affine maps


def _matrices(
    center: Sequence[float], angle: float, translate: Any, scale: float, shear: Any
) -> tuple[list[float], list[float]]:
    """The 2x3 matrix that says where a point goes, and the one that says where it came from."""
    turn, shear_x, shear_y = map(math.radians, (angle, *v1.shear_of(shear)))
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -(a * math.tan(shear_x) + math.sin(turn))
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = math.cos(turn) - c * math.tan(shear_x)
    old, new = center, [at + by for at, by in zip(center, translate)]
    return (
        _about([a * scale, b * scale], [c * scale, d * scale], old, new),
        _about([d / scale, -b / scale], [-c / scale, a / scale], new, old),
    )


def _about(x: list[float], y: list[float], old: Sequence[float], new: Sequence[float]) -> list[float]:
    """The matrix with these rows that takes the point `old` to `new`."""
    return [*x, new[0] - x[0] * old[0] - x[1] * old[1], *y, new[1] - y[0] * old[0] - y[1] * old[1]]


def _checked_affine(angle: Any, translate: Any, scale: float) -> None:
    if not isinstance(angle, (int, float)):
        raise TypeError(f"affine: angle is a number, got {type(angle)}")
    if not isinstance(translate, (list, tuple)) or len(translate) != 2:
        raise ValueError(f"affine: translate is a pair (x, y), got {translate!r}")
    if scale <= 0.0:
        raise ValueError(f"affine: scale is to be positive, got {scale}")


def _on_canvas(canvas_size: Any, center: Any) -> list[float]:
    return [canvas_size[1] * 0.5, canvas_size[0] * 0.5] if center is None else list(center)


def _affine_map(matrix: Sequence[float], dtype: Any) -> PointMap:
    weights = rl.tensor(matrix, dtype=dtype).reshape(2, 3)
    return lambda points: points @ weights[:, :2].T + weights[:, 2]


@dispatched
def affine(
    inpt: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Any = None,
) -> Any:
    """The input turned by `angle` degrees, moved, scaled and sheared, its centre (or `center`) kept."""


@register(affine, *PICTURES)
def affine_image(
    image: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Any = None,
) -> Any:
    """`affine` for tensors."""
    _checked_affine(angle, translate, scale)
    height, width = image.shape[-2:]
    centre = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
    _, back = _matrices(centre, angle, translate, scale, shear)
    return warp.affine(image, back, checked_mode(interpolation), fill)


@register(affine, PIL)
def _affine_picture(
    image: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Any = None,
) -> Any:
    _checked_affine(angle, translate, scale)
    centre = _on_canvas((image.height, image.width), center)
    _, back = _matrices(centre, angle, translate, scale, shear)
    return on_picture.affine(image, back, checked_mode(interpolation), fill)


affine_mask = register(affine, Mask)(mask_kernel(affine_image, interpolation=NEAREST))


@register(affine, BoundingBoxes)
def affine_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    canvas_size: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    center: Any = None,
    clamping_mode: Any = "soft",
) -> Any:
    """`affine` for boxes."""
    forth, _ = _matrices(_on_canvas(canvas_size, center), angle, translate, scale, shear)
    return _affine_boxes(bounding_boxes, format, canvas_size, forth, [0.0, 0.0], clamping_mode)


def _affine_boxes(boxes: Any, format: Any, canvas_size: Any, forth: Any, corner: Any, mode: Any) -> Any:
    if boxes.numel() == 0:
        return boxes
    dtype = boxes.dtype if boxes.is_floating_point() else rl.float32
    moved, middle = _mapped_boxes(boxes, format, _affine_map(forth, dtype))
    moved = moved - rl.tensor(corner, dtype=dtype).repeat(moved.shape[1] // 2)
    return _held(moved, middle, boxes, format, canvas_size, mode)


@register(affine, KeyPoints)
def affine_keypoints(
    keypoints: Any,
    canvas_size: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    center: Any = None,
) -> tuple[Any, Any]:
    """`affine` for points: they, and the size of their canvas."""
    forth, _ = _matrices(_on_canvas(canvas_size, center), angle, translate, scale, shear)
    return _affine_points(keypoints, forth, [0.0, 0.0]), canvas_size


def _affine_points(points: Any, forth: Any, corner: Any) -> Any:
    exact = points if points.is_floating_point() else points.float()
    moved = _affine_map(forth, exact.dtype)(exact.reshape(-1, 2)) - rl.tensor(corner, dtype=exact.dtype)
    return moved.reshape(points.shape).to(points.dtype)


# ---- turns


@dispatched
def rotate(
    inpt: Any,
    angle: float,
    interpolation: Any = NEAREST,
    expand: bool = False,
    center: Any = None,
    fill: Any = None,
) -> Any:
    """The input turned counter-clockwise by `angle` degrees; with `expand` on a canvas that holds all of
    it.
    """


@register(rotate, *PICTURES)
def rotate_image(
    image: Any,
    angle: float,
    interpolation: Any = NEAREST,
    expand: bool = False,
    center: Any = None,
    fill: Any = None,
) -> Any:
    """`rotate` for tensors; quarter turns move pixels and change none."""
    angle = angle % 360
    square = expand or image.shape[-1] == image.shape[-2]
    if center is None and angle in ((0, 90, 180, 270) if square else (0, 180)):
        return rl.rot90(image, k=int(angle // 90), dims=(-2, -1)) if angle else image.clone()
    return v1.rotate(image, angle, interpolation, expand, center, fill)


register(rotate, PIL)(v1.rotate)


@register(rotate, Mask)
def rotate_mask(mask: Any, angle: float, expand: bool = False, center: Any = None, fill: Any = None) -> Any:
    """`rotate` for masks, by the nearest value."""
    return _turned_mask(mask, angle, expand, center, fill)


_turned_mask = mask_kernel(rotate_image, interpolation=NEAREST)


def _turn(canvas_size: Any, angle: float, center: Any, expand: bool) -> tuple[Any, list[float], Any]:
    """The matrix of a turn, the upper left corner of the canvas after it, and the size of that."""
    forth, back = _matrices(_on_canvas(canvas_size, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    if not expand:
        return forth, [0.0, 0.0], canvas_size
    height, width = canvas_size
    corners = rl.tensor([[0.0, 0.0], [0.0, height], [width, height], [width, 0.0]])
    corner = _affine_map(forth, rl.float32)(corners).amin(0).tolist()
    new_width, new_height = warp.turned_size(back, width, height)
    return forth, corner, (new_height, new_width)


@register(rotate, BoundingBoxes)
def rotate_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    canvas_size: Any,
    angle: float,
    expand: bool = False,
    center: Any = None,
    clamping_mode: Any = "soft",
) -> tuple[Any, Any]:
    """`rotate` for boxes: they, and the size of their canvas."""
    if bounding_boxes.numel() == 0:
        return bounding_boxes, canvas_size
    forth, corner, canvas_size = _turn(canvas_size, angle, center, expand)
    return _affine_boxes(bounding_boxes, format, canvas_size, forth, corner, clamping_mode), canvas_size


@register(rotate, KeyPoints)
def rotate_keypoints(
    keypoints: Any, canvas_size: Any, angle: float, expand: bool = False, center: Any = None
) -> tuple[Any, Any]:
    """`rotate` for points: they, and the size of their canvas."""
    if keypoints.numel() == 0:
        return keypoints, canvas_size
    forth, corner, canvas_size = _turn(canvas_size, angle, center, expand)
    return _affine_points(keypoints, forth, corner), canvas_size


# ---- perspective


def _coefficients(startpoints: Any, endpoints: Any, coefficients: Any) -> list[float]:
    if (coefficients is None) == (startpoints is None or endpoints is None):
        raise ValueError("perspective: give either startpoints and endpoints, or coefficients")
    if coefficients is None:
        return perspective_coefficients(startpoints, endpoints)
    if len(coefficients) != 8:
        raise ValueError(f"perspective: coefficients are 8 numbers, got {len(coefficients)}")
    return list(coefficients)


def _perspective_map(a: Sequence[float], dtype: Any) -> PointMap:
    """The map of points that belongs to coefficients, which say where pixels come from."""
    det = a[0] * a[4] - a[1] * a[3]
    if det == 0:
        raise RuntimeError(f"perspective: the coefficients {a} have no way back for boxes and points")
    rows = [
        [a[4] - a[5] * a[7], a[2] * a[7] - a[1], a[1] * a[5] - a[2] * a[4]],
        [a[5] * a[6] - a[3], a[0] - a[2] * a[6], a[2] * a[3] - a[0] * a[5]],
        [a[3] * a[7] - a[4] * a[6], a[1] * a[6] - a[0] * a[7], det],
    ]
    weights = rl.tensor([[v / det for v in row] for row in rows], dtype=dtype)

    def move(points: Any) -> Any:
        seen = points @ weights[:, :2].T + weights[:, 2]
        return seen[:, :2] / seen[:, 2:]

    return move


@dispatched
def perspective(
    inpt: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = BILINEAR,
    fill: Any = None,
    coefficients: Any = None,
) -> Any:
    """The input seen so that four `startpoints` come to lie on the `endpoints`; or by eight coefficients."""


@register(perspective, *PICTURES)
def perspective_image(
    image: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = BILINEAR,
    fill: Any = None,
    coefficients: Any = None,
) -> Any:
    """`perspective` for tensors."""
    found = _coefficients(startpoints, endpoints, coefficients)
    return warp.perspective(image, found, checked_mode(interpolation), fill)


@register(perspective, PIL)
def _perspective_picture(
    image: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = BILINEAR,
    fill: Any = None,
    coefficients: Any = None,
) -> Any:
    found = _coefficients(startpoints, endpoints, coefficients)
    return on_picture.perspective(image, found, checked_mode(interpolation), fill)


perspective_mask = register(perspective, Mask)(mask_kernel(perspective_image, interpolation=NEAREST))


@register(perspective, BoundingBoxes)
def perspective_bounding_boxes(
    bounding_boxes: Any,
    format: Any,
    canvas_size: Any,
    startpoints: Any,
    endpoints: Any,
    coefficients: Any = None,
    clamping_mode: Any = "soft",
) -> Any:
    """`perspective` for boxes."""
    if bounding_boxes.numel() == 0:
        return bounding_boxes
    dtype = bounding_boxes.dtype if bounding_boxes.is_floating_point() else rl.float32
    move = _perspective_map(_coefficients(startpoints, endpoints, coefficients), dtype)
    corners = XYXYXYXY if is_rotated_bounding_format(format) else XYXY
    moved, middle = _mapped_boxes(converted(bounding_boxes, format, corners), corners, move)
    return _held(moved, middle, bounding_boxes, format, canvas_size, clamping_mode)


@register(perspective, KeyPoints)
def perspective_keypoints(
    keypoints: Any, canvas_size: Any, startpoints: Any, endpoints: Any, coefficients: Any = None
) -> Any:
    """`perspective` for points."""
    if keypoints.numel() == 0:
        return keypoints
    exact = keypoints if keypoints.is_floating_point() else keypoints.float()
    move = _perspective_map(_coefficients(startpoints, endpoints, coefficients), exact.dtype)
    return move(exact.reshape(-1, 2)).reshape(keypoints.shape).to(keypoints.dtype)


# ---- waves


@dispatched
def elastic(inpt: Any, displacement: Any, interpolation: Any = BILINEAR, fill: Any = None) -> Any:
    """The input with each pixel fetched from a place that `displacement` [1, H, W, 2] says."""


@register(elastic, *PICTURES)
def elastic_image(image: Any, displacement: Any, interpolation: Any = BILINEAR, fill: Any = None) -> Any:
    """`elastic` for tensors."""
    return v1.elastic_transform(image, displacement, interpolation, fill)


register(elastic, PIL)(lambda image, **options: v1.elastic_transform(image, **options))
elastic_mask = register(elastic, Mask)(mask_kernel(elastic_image, interpolation=NEAREST))
elastic_transform = elastic


def _unwaved(points: Any, displacement: Any, canvas_size: Any, dtype: Any) -> Any:
    """Where points [N, 2] go, about: each by the displacement of its pixel."""
    if tuple(displacement.shape) != (1, *canvas_size, 2):
        raise ValueError(
            f"elastic: displacement should be of shape {(1, *canvas_size, 2)}, got "
            f"{tuple(displacement.shape)}"
        )
    height, width = canvas_size
    x, y = points.to(rl.int64).unbind(-1)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    columns, rows = (rl.linspace((1 - s) / s, (s - 1) / s, s, dtype=dtype) for s in (width, height))
    there = rl.stack([columns[x], rows[y]], dim=-1) - displacement[0, y, x].to(dtype)
    return (there + 1) * (rl.tensor([width, height], dtype=dtype) * 0.5) - 0.5


@register(elastic, BoundingBoxes)
def elastic_bounding_boxes(
    bounding_boxes: Any, format: Any, canvas_size: Any, displacement: Any, clamping_mode: Any = "soft"
) -> Any:
    """`elastic` for boxes."""
    if bounding_boxes.numel() == 0:
        return bounding_boxes
    dtype = bounding_boxes.dtype if bounding_boxes.is_floating_point() else rl.float32
    if is_rotated_bounding_format(format):  # their centres move, they do not turn
        boxes, middle = converted(bounding_boxes, format, CXCYWHR).reshape(-1, 5), CXCYWHR
        centres = _unwaved(boxes[:, :2].ceil(), displacement, canvas_size, dtype)
        moved = rl.cat([centres, boxes[:, 2:]], dim=1)
        return _held(moved, middle, bounding_boxes, format, canvas_size, clamping_mode)
    boxes = converted(bounding_boxes, format, XYXY).reshape(-1, 4)
    points = _unwaved(boxes[:, CORNERS].reshape(-1, 2).ceil(), displacement, canvas_size, dtype)
    points = points.reshape(-1, 4, 2)
    moved = rl.cat([points.amin(1), points.amax(1)], dim=1).to(bounding_boxes.dtype)
    return _held(moved, XYXY, bounding_boxes, format, canvas_size, clamping_mode)


@register(elastic, KeyPoints)
def elastic_keypoints(keypoints: Any, canvas_size: Any, displacement: Any) -> Any:
    """`elastic` for points."""
    dtype = keypoints.dtype if keypoints.is_floating_point() else rl.float32
    moved = _unwaved(keypoints.reshape(-1, 2), displacement, canvas_size, dtype)
    return moved.reshape(keypoints.shape).to(keypoints.dtype)
