"""Regions of feature maps at one size: `roi_align`, `roi_pool`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight as rl
from rushlight import nn

from ..transforms.geometry import pair


def region_rows(boxes: Any) -> np.ndarray:
    """[K, 5] rows of picture, x1, y1, x2, y2, of such a tensor or of a list of boxes for each picture."""
    if isinstance(boxes, rl.Tensor):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise ValueError(f"boxes as one tensor are [K, 5]: picture, corners; got {tuple(boxes.shape)}")
        return boxes.detach().double().numpy()
    parts = [b.detach().double().numpy().reshape(-1, 4) for b in boxes]
    numbers = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    return np.column_stack([numbers, np.concatenate(parts)]) if parts else np.zeros((0, 5))


def roi_align(
    input: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """[K, C, h, w]: each box of a feature map [N, C, H, W] at one size, by means of bilinear samples.

    What a cell takes from a row of the map does not depend on its column, so each box is two matrices.
    """
    size = pair(output_size, "output_size")
    rows = region_rows(boxes)
    height, width = input.shape[-2:]
    options = (spatial_scale, sampling_ratio, aligned)
    down = np.array([_weights(r[2], r[4], size[0], height, *options) for r in rows]).reshape(
        -1, size[0], height
    )
    across = np.array([_weights(r[1], r[3], size[1], width, *options) for r in rows]).reshape(
        -1, size[1], width
    )
    results, places = [], []
    for i in np.unique(rows[:, 0]).astype(int):
        mine = np.flatnonzero(rows[:, 0] == i)
        left = rl.tensor(down[mine], dtype=input.dtype)[:, None]
        right = rl.tensor(across[mine], dtype=input.dtype)[:, None]
        results.append(left @ (input[i] @ right.transpose(-2, -1)))
        places.append(mine)
    if not results:
        return input.new_zeros((0, input.shape[1], *size))
    return rl.cat(results)[rl.from_numpy(np.argsort(np.concatenate(places), kind="stable"))]


def _weights(
    low: float, high: float, cells: int, length: int, scale: float, ratio: int, aligned: bool
) -> np.ndarray:
    """[cells, length]: how much of each pixel along a side goes into each cell of a box."""
    start = low * scale - (0.5 if aligned else 0.0)
    extent = high * scale - (0.5 if aligned else 0.0) - start
    extent = extent if aligned else max(extent, 1.0)
    count = ratio if ratio > 0 else math.ceil(extent / cells)
    step = extent / cells
    weights = np.zeros((cells, length))
    if count <= 0:
        return weights
    offsets = (np.arange(count) + 0.5) / count
    at = start + (np.arange(cells)[:, None] + offsets) * step
    inside = (at >= -1.0) & (at <= length)
    at = np.clip(at, 0.0, length - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, length - 1)
    part = at - below
    cell = np.broadcast_to(np.arange(cells)[:, None], at.shape)
    np.add.at(weights, (cell, below), (1 - part) * inside / count)
    np.add.at(weights, (cell, above), part * inside / count)
    return weights


def roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """[K, C, h, w]: the largest value in each cell of each box of a feature map [N, C, H, W]."""
    size = pair(output_size, "output_size")
    pooled = [_pooled(input[int(row[0])], row[1:] * spatial_scale, size) for row in region_rows(boxes)]
    return rl.stack(pooled) if pooled else input.new_zeros((0, input.shape[1], *size))


def _pooled(features: Any, corners: np.ndarray, size: list[int]) -> Any:
    x1, y1, x2, y2 = np.floor(corners + 0.5).astype(int).tolist()
    height, width = features.shape[-2:]
    rows = [
        [_largest(features[:, top:bottom, left:right]) for left, right in _cells(x1, x2, size[1], width)]
        for top, bottom in _cells(y1, y2, size[0], height)
    ]
    return rl.stack([rl.stack(row, dim=-1) for row in rows], dim=-2)


def _cells(low: int, high: int, count: int, length: int) -> list[tuple[int, int]]:
    """First and past last pixel of each cell along a side."""
    step = max(high - low + 1, 1) / count
    edges = [(math.floor(i * step) + low, math.ceil((i + 1) * step) + low) for i in range(count)]
    return [(min(max(a, 0), length), min(max(b, 0), length)) for a, b in edges]


def _largest(cell: Any) -> Any:
    """The largest value of each channel, 0 in a cell without pixels."""
    return cell.flatten(1).max(dim=1).values if cell.numel() else cell.new_zeros(cell.shape[0])


class RoIAlign(nn.Module):
    """`roi_align` as a module."""

    def __init__(
        self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Any, rois: Any) -> Any:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )


class RoIPool(nn.Module):
    """`roi_pool` as a module."""

    def __init__(self, output_size: Any, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Any, rois: Any) -> Any:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
