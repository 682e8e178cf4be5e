"""Regions whose cells each have channels of their own: `ps_roi_align`, `ps_roi_pool`."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight as rl
from rushlight import nn

from ..transforms.geometry import pair
from .regions import region_rows, roi_align


def _channels_of_cells(name: str, input: Any, size: list[int]) -> int:
    cells = size[0] * size[1]
    if input.shape[1] % cells:
        raise ValueError(f"{name}: {input.shape[1]} channels do not divide into {cells} cells")
    return input.shape[1] // cells


def ps_roi_align(
    input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1
) -> Any:
    """[K, C / (h * w), h, w]: `roi_align` in which each cell looks at channels of its own."""
    height, width = size = pair(output_size, "output_size")
    channels = _channels_of_cells("ps_roi_align", input, size)
    everywhere = roi_align(input, boxes, size, spatial_scale, sampling_ratio, aligned=True)
    by_cell = everywhere.reshape(-1, channels, height * width, height * width)
    return by_cell.diagonal(dim1=-2, dim2=-1).reshape(-1, channels, height, width)


def ps_roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """[K, C / (h * w), h, w]: the mean of each cell of each box, over channels of the cell's own."""
    height, width = size = pair(output_size, "output_size")
    channels = _channels_of_cells("ps_roi_pool", input, size)
    rows = region_rows(boxes)
    if not len(rows):
        return input.new_zeros((0, channels, height, width))
    corners = np.floor(np.abs(rows[:, 1:] * spatial_scale) + 0.5) * np.sign(rows[:, 1:])
    down = _means(corners[:, 1], corners[:, 3], height, input.shape[2])
    across = _means(corners[:, 0], corners[:, 2], width, input.shape[3])
    maps = input.reshape(input.shape[0], channels, height, width, *input.shape[2:])
    chosen = maps[rl.from_numpy(rows[:, 0].astype(np.int64))]
    weights = [rl.from_numpy(w).to(input.dtype) for w in (down, across)]
    return rl.einsum("kcijyx,kiy,kjx->kcij", chosen, *weights)


def _means(low: np.ndarray, high: np.ndarray, cells: int, length: int) -> np.ndarray:
    """[boxes, cells, length]: the weight of each pixel along a side in the mean of a cell."""
    step = np.maximum(high - low, 1)[:, None] / cells
    start = np.floor(np.arange(cells) * step) + low[:, None]
    end = np.ceil(np.arange(1, cells + 1) * step) + low[:, None]
    # torchvision never comes to the last row and column
    start, end = (np.clip(edge, 0, length - 1)[..., None] for edge in (start, end))
    pixels = np.arange(length)
    return ((pixels >= start) & (pixels < end)) / np.maximum(end - start, 1)


class PSRoIAlign(nn.Module):
    """`ps_roi_align` as a module."""

    def __init__(self, output_size: int, spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: Any, rois: Any) -> Any:
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio})"
        )


class PSRoIPool(nn.Module):
    """`ps_roi_pool` as a module."""

    def __init__(self, output_size: int, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Any, rois: Any) -> Any:
        return ps_roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
