"""Boxes that may be turned: as corner, sizes and angle, or as four corners [..., 8]."""

from __future__ import annotations

from typing import Any

import rushlight as rl


def _sides(boxes: Any) -> tuple[Any, Any, Any, Any]:
    """Sizes of boxes, and cosine and sine of their angles."""
    angle = boxes[..., 4] * rl.pi / 180.0
    return boxes[..., 2], boxes[..., 3], angle.cos(), angle.sin()


def _shifted(boxes: Any, sign: float) -> Any:
    """From the corner of boxes to their centre (1), or back (-1)."""
    width, height, cos, sin = _sides(boxes)
    width, height = (rl.div(s, -2, rounding_mode=_rounding(s)).abs() for s in (width, height))
    x = boxes[..., 0] + sign * (width * cos) + sign * (height * sin)
    y = boxes[..., 1] - sign * (width * sin) + sign * (height * cos)
    return rl.cat([x[..., None], y[..., None], boxes[..., 2:]], dim=-1)


def _rounding(sizes: Any) -> str | None:
    return None if sizes.is_floating_point() else "floor"


def turned_by_centre(boxes: Any) -> Any:
    """Boxes by centre, sizes and angle, of those by corner."""
    return _shifted(boxes, 1.0)


def turned_by_corner(boxes: Any) -> Any:
    """Boxes by corner, sizes and angle, of those by centre."""
    return _shifted(boxes, -1.0)


def corners_of_turned(boxes: Any) -> Any:
    """Four corners, from top left round, of boxes by corner, sizes and angle."""
    width, height, cos, sin = _sides(boxes)
    x, y = boxes[..., 0], boxes[..., 1]
    across, down = (width * cos, -(width * sin)), (height * sin, height * cos)
    third = (across[0] + down[0], -(width * sin - height * cos))
    corners = [x, y, x + across[0], y + across[1], x + third[0], y + third[1], x + down[0], y + down[1]]
    return rl.stack(corners, dim=-1)


def turned_of_corners(corners: Any) -> Any:
    """Boxes by corner, sizes and angle, of four corners."""
    exact = corners if corners.dtype in (rl.float32, rl.float64) else corners.float()
    x1, y1, x2, y2, x3, y3 = exact[..., :6].unbind(-1)
    angle = rl.atan2(y1 - y2, x2 - x1)
    width, height = _distance(x2 - x1, y2 - y1), _distance(x3 - x2, y3 - y2)
    return rl.stack([x1, y1, width, height, angle / rl.pi * 180.0], dim=-1).to(corners.dtype)


def _distance(x: Any, y: Any) -> Any:
    return (x**2 + y**2).sqrt()


def boxes_round(parallelograms: Any) -> Any:
    """Corners of the boxes that hold slanted ones, turned as the longer side is."""
    exact = parallelograms if parallelograms.dtype in (rl.float32, rl.float64) else parallelograms.float()
    x1, y1, x2, y2, x3, y3, x4, y4 = exact.unbind(-1)
    middle = (x1 + x3) / 2, (y1 + y3) / 2
    side, other = _distance(x2 - x1, y2 - y1), _distance(x4 - x1, y4 - y1)
    angle, other_angle = rl.atan2(y1 - y2, x2 - x1), rl.atan2(y1 - y4, x4 - x1)
    between = angle - other_angle
    sign = rl.where(between > rl.pi / 2, -1, 1)
    cos, sin = between.cos(), between.sin()
    width = rl.where(side < other, side * sin, side + other * cos * sign)
    height = rl.where(side > other, other * sin, other + side * cos * sign)
    turn = rl.where(other > side, other_angle + rl.pi / 2, angle)
    return _corners_round(middle, width / 2, height / 2, turn).to(parallelograms.dtype)


def _corners_round(middle: tuple[Any, Any], width: Any, height: Any, turn: Any) -> Any:
    """The corners at half sizes from a centre."""
    x, y = middle
    cos, sin = turn.cos(), turn.sin()
    corners = []
    for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        corners += [
            x + across * width * cos + down * height * sin,
            y + down * height * cos - across * width * sin,
        ]
    return rl.stack(corners, dim=-1)


# ---- keeping them inside: the left edge of the canvas is treated, four times, the canvas turned in between


def clamped_turned(corners: Any, canvas_size: Any, mode: str) -> Any:
    """Corners [N, 8] of boxes, kept within the canvas."""
    height, width = canvas_size
    original = corners
    for _ in range(4):
        order = _from_leftmost(corners)
        ordered, first = corners.gather(1, order), original.gather(1, order)
        ordered = _clamped_left(ordered, first, (height, width), mode)
        corners = _quarter_turned(ordered.gather(1, order), width)
        original = _quarter_turned(first.gather(1, order), width)
        height, width = width, height
    return corners


def _quarter_turned(corners: Any, width: int) -> Any:
    x, y = corners[:, 0::2], corners[:, 1::2]
    return rl.stack([y, width - x], dim=-1).reshape(corners.shape)


def _from_leftmost(corners: Any) -> Any:
    """[N, 8]: the places of the coordinates, from the leftmost (of these the uppermost) corner on."""
    x, y = corners[:, 0::2], corners[:, 1::2]
    rank = y / y.abs().amax(dim=1, keepdim=True) + x / x.abs().amax(dim=1, keepdim=True) * 100
    start = rank.min(dim=1).indices * 2
    return (start[:, None] + rl.arange(8)) % 8


def _lines(corners: Any) -> tuple[Any, Any]:
    """Slope and intercept of the side after each corner."""
    x, y = corners[..., 0::2], corners[..., 1::2]
    slope = (y.roll(-1, -1) - y) / (x.roll(-1, -1) - x)
    return slope, y - slope * x


def _meeting_points(slope: Any, intercept: Any) -> Any:
    """Where each side meets the one before."""
    x = -(intercept - intercept.roll(1, -1)) / (slope - slope.roll(1, -1))
    return rl.stack([x, slope * x + intercept], dim=-1).reshape(-1, 8)


def _clamped_intercepts(corners: Any, original: Any, canvas_size: Any, mode: str) -> Any:
    height, width = canvas_size
    slope, intercept = _lines(corners)
    a1, a2, a3, a4 = slope.unbind(-1)
    b1, b2, b3, b4 = intercept.unbind(-1)
    m1, m2, m3, m4 = _lines(original)[1].unbind(-1)
    b1 = b2.clamp(b1, b3).clamp(0, height)
    b4 = b3.clamp(b2, b4).clamp(0, height)
    if mode == "hard":
        b1 = b4 = (b1 + b4) / 2
        reach = [b1 * a2 / a1, b3 * a2 / a3, (a1 - a2) * width + b1, (a3 - a2) * width + b3]
        b2 = rl.stack(reach, dim=1).max(dim=1).values.clamp(max=b2)
        reach = [
            height * (1 - a3 / a4) + b4 * a3 / a4,
            height * (1 - a3 / a2) + b2 * a3 / a2,
            (a2 - a3) * width + b2,
            (a4 - a3) * width + b4,
        ]
        b3 = rl.stack(reach, dim=1).min(dim=1).values.clamp(min=b3)
    held = [b1.clamp(m1, m3), b2.clamp(m2, m4), b3.clamp(m1, m3), b4.clamp(m2, m4)]
    if mode == "hard":  # the first and the last are one line there, held by both
        held[0] = held[3] = held[0].clamp(m2, m4)
    return rl.stack(held, dim=-1)


def _clamped_left(corners: Any, original: Any, canvas_size: Any, mode: str) -> Any:
    """Corners, the leftmost first, moved along their sides to the left edge of the canvas."""
    slope, _ = _lines(corners)
    moved = _meeting_points(slope, _clamped_intercepts(corners, original, canvas_size, mode))
    cut = corners.clone()
    cut[:, [0, 6]] = cut[:, [0, 6]].clamp(min=0)
    x1, x2, _, _ = corners[:, 0::2].unbind(-1)
    y1, y2, y3, y4 = corners[:, 1::2].unbind(-1)
    leaves = (x1 < 0) & ~moved.isnan().any(-1)
    upright = y1.isclose(y2) | y3.isclose(y4)
    gone = (corners[:, 0::2] <= 0).all(-1) | y1.isclose(y4) | y2.isclose(y3) | (upright & x1.isclose(x2))
    for applies, result in ((leaves, moved), (upright, cut), (gone, rl.zeros_like(cut))):
        corners = rl.where(applies[:, None], result, corners)
    return corners
