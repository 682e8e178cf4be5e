"""Boxes, given by their corners (x1, y1, x2, y2): areas, overlaps, selection."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight as rl

FORMATS = ("xyxy", "xywh", "cxcywh")


def _wide(t: Any) -> Any:
    """Numbers that can be multiplied without running over."""
    if t.is_floating_point():
        return t if t.dtype in (rl.float32, rl.float64) else t.float()
    return t if t.dtype in (rl.int32, rl.int64) else t.int()


def _checked(name: str, boxes: Any) -> Any:
    if boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise ValueError(f"{name}: boxes are to be of shape [..., 4], got {tuple(boxes.shape)}")
    return boxes


def box_convert(boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Boxes in another form: corners (xyxy), corner and size (xywh), or centre and size (cxcywh)."""
    for fmt in (in_fmt, out_fmt):
        if fmt not in FORMATS:
            raise ValueError(f"box_convert: formats are {', '.join(FORMATS)}, got {fmt!r}")
    if in_fmt == out_fmt:
        return boxes.clone()
    a, b, c, d = _checked("box_convert", boxes).unbind(-1)
    if in_fmt == "xywh":
        c, d = a + c, b + d
    elif in_fmt == "cxcywh":
        a, b, c, d = a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d
    if out_fmt == "xywh":
        c, d = c - a, d - b
    elif out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return rl.stack([a, b, c, d], dim=-1)


def box_area(boxes: Any, fmt: str = "xyxy") -> Any:
    """The area of each box."""
    if fmt != "xyxy":
        boxes = box_convert(boxes, fmt, "xyxy")
    x1, y1, x2, y2 = _wide(_checked("box_area", boxes)).unbind(-1)
    return (x2 - x1) * (y2 - y1)


def _overlaps(boxes1: Any, boxes2: Any) -> tuple[Any, Any]:
    """Common area and area of both together, for each box of the first with each of the second."""
    low = rl.max(boxes1[..., :, None, :2], boxes2[..., None, :, :2])
    high = rl.min(boxes1[..., :, None, 2:], boxes2[..., None, :, 2:])
    common = _wide(high - low).clamp(min=0).prod(-1)
    return common, box_area(boxes1)[..., :, None] + box_area(boxes2)[..., None, :] - common


def box_iou(boxes1: Any, boxes2: Any, fmt: str = "xyxy") -> Any:
    """Common area over area of both, for each box of the first with each of the second."""
    if fmt != "xyxy":
        boxes1, boxes2 = box_convert(boxes1, fmt, "xyxy"), box_convert(boxes2, fmt, "xyxy")
    common, together = _overlaps(_checked("box_iou", boxes1), _checked("box_iou", boxes2))
    return common / together


def _hull(boxes1: Any, boxes2: Any) -> Any:
    """Width and height of the box round each pair."""
    low = rl.min(boxes1[..., :, None, :2], boxes2[..., None, :, :2])
    high = rl.max(boxes1[..., :, None, 2:], boxes2[..., None, :, 2:])
    return _wide(high - low).clamp(min=0)


def generalized_box_iou(boxes1: Any, boxes2: Any) -> Any:
    """`box_iou` less the share of the box round both that neither fills."""
    common, together = _overlaps(boxes1, boxes2)
    around = _hull(boxes1, boxes2).prod(-1)
    return common / together - (around - together) / around


def distance_box_iou(boxes1: Any, boxes2: Any, eps: float = 1e-7) -> Any:
    """`box_iou` less how far apart the centres are, for the size of the box round both."""
    common, together = _overlaps(boxes1, boxes2)
    return common / together - _distance(boxes1, boxes2, eps)


def _distance(boxes1: Any, boxes2: Any, eps: float) -> Any:
    diagonal = (_hull(boxes1, boxes2) ** 2).sum(-1) + eps
    centres1, centres2 = ((_wide(b[..., :2]) + b[..., 2:]) / 2 for b in (boxes1, boxes2))
    return ((centres1[..., :, None, :] - centres2[..., None, :, :]) ** 2).sum(-1) / diagonal


def complete_box_iou(boxes1: Any, boxes2: Any, eps: float = 1e-7) -> Any:
    """`distance_box_iou` less how unlike the shapes are."""
    common, together = _overlaps(boxes1, boxes2)
    iou = common / together
    slopes = (rl.atan((b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])) for b in (boxes1, boxes2))
    slope1, slope2 = slopes
    unlike = 4 / rl.pi**2 * (slope1[..., :, None] - slope2[..., None, :]) ** 2
    weight = (unlike / (1 - iou + unlike + eps)).detach()
    return iou - _distance(boxes1, boxes2, eps) - weight * unlike


def clip_boxes_to_image(boxes: Any, size: tuple[int, int]) -> Any:
    """Boxes cut off at the borders of a picture of `size` (height, width)."""
    height, width = size
    across, down = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return rl.stack([across, down], dim=-1).reshape(boxes.shape)


def remove_small_boxes(boxes: Any, min_size: float) -> Any:
    """Indices of the boxes whose sides are both at least `min_size`."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return rl.where((sides >= min_size).all(dim=1))[0]


def masks_to_boxes(masks: Any) -> Any:
    """The box round what is set in each of [N, H, W] masks."""
    boxes = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(boxes, masks.numpy()):
        rows, columns = np.nonzero(mask)
        if len(rows):
            box[:] = columns.min(), rows.min(), columns.max(), rows.max()
    return rl.from_numpy(boxes)


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Indices of boxes to keep, best first: none overlaps a better one by more than the threshold."""
    if boxes.ndim != 2 or boxes.shape[-1] != 4 or tuple(scores.shape) != (boxes.shape[0],):
        raise RuntimeError(
            f"nms: boxes should be [N, 4] and scores [N], got {tuple(boxes.shape)} and {tuple(scores.shape)}"
        )
    return _kept(boxes, scores, np.zeros(len(boxes), int), iou_threshold)


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """`nms` within each of the groups that `idxs` numbers."""
    if boxes.numel() == 0:
        return rl.empty((0,), dtype=rl.int64)
    return _kept(boxes, scores, idxs.detach().numpy(), iou_threshold)


def _kept(boxes: Any, scores: Any, groups: np.ndarray, threshold: float) -> Any:
    corners = _wide(boxes.detach()).numpy()
    order = np.argsort(-scores.detach().double().numpy(), kind="stable")
    corners, groups = corners[order], groups[order]
    low, high = corners[:, :2], corners[:, 2:]
    areas = (high - low).prod(1)
    alive, kept = np.ones(len(order), bool), []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(order[i])
        rest = np.flatnonzero(alive[i + 1 :] & (groups[i + 1 :] == groups[i])) + i + 1
        sides = np.minimum(high[i], high[rest]) - np.maximum(low[i], low[rest])
        common = np.clip(sides, 0, None).prod(1)
        together = areas[i] + areas[rest] - common
        alive[rest[common > threshold * together]] = False
    return rl.tensor(np.array(kept, np.int64))
