"""Losses of detectors."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight.nn import functional as F

from .boxes import _wide


def _reduced(name: str, loss: Any, reduction: str) -> Any:
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean() if loss.numel() else 0.0 * loss.sum()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"{name}: reduction is none, mean or sum, got {reduction!r}")


def sigmoid_focal_loss(
    inputs: Any, targets: Any, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Any:
    """Cross entropy of logits that counts easy samples less; `alpha` weighs the targets 1 (negative: not)."""
    if not (0 <= alpha <= 1) and alpha != -1:
        raise ValueError(f"sigmoid_focal_loss: alpha is from 0 to 1, or -1 for no weights, got {alpha}")
    p = rl.sigmoid(inputs)
    right = p * targets + (1 - p) * (1 - targets)
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return _reduced("sigmoid_focal_loss", loss, reduction)


def _pairs(boxes1: Any, boxes2: Any, eps: float) -> tuple[Any, ...]:
    """For each pair of boxes: overlap, area of both, area round both, squared diagonal of that."""
    low, high = rl.max(boxes1[..., :2], boxes2[..., :2]), rl.min(boxes1[..., 2:], boxes2[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    area1, area2 = ((b[..., 2:] - b[..., :2]).prod(-1) for b in (boxes1, boxes2))
    together = area1 + area2 - common
    around = rl.max(boxes1[..., 2:], boxes2[..., 2:]) - rl.min(boxes1[..., :2], boxes2[..., :2])
    return common / (together + eps), together, around.prod(-1), (around**2).sum(-1) + eps


def generalized_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """1 less the generalised overlap of each pair of boxes."""
    iou, together, around, _ = _pairs(_wide(boxes1), _wide(boxes2), eps)
    loss = 1 - (iou - (around - together) / (around + eps))
    return _reduced("generalized_box_iou_loss", loss, reduction)


def _distance_loss(boxes1: Any, boxes2: Any, eps: float) -> tuple[Any, Any]:
    iou, _, _, diagonal = _pairs(boxes1, boxes2, eps)
    apart = (boxes1[..., :2] + boxes1[..., 2:] - boxes2[..., :2] - boxes2[..., 2:]) / 2
    return 1 - iou + (apart**2).sum(-1) / diagonal, iou


def distance_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """1 less the overlap of each pair of boxes, and how far apart their centres are."""
    loss, _ = _distance_loss(_wide(boxes1), _wide(boxes2), eps)
    return _reduced("distance_box_iou_loss", loss, reduction)


def complete_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """`distance_box_iou_loss` and how unlike the shapes are."""
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    loss, iou = _distance_loss(boxes1, boxes2, eps)
    slope1, slope2 = (rl.atan((b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])) for b in (boxes1, boxes2))
    unlike = 4 / rl.pi**2 * (slope2 - slope1) ** 2
    weight = (unlike / (1 - iou + unlike + eps)).detach()
    return _reduced("complete_box_iou_loss", loss + weight * unlike, reduction)
