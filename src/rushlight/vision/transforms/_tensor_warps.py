"""Transforms of tensors that bend pictures: affine maps, perspective, blur, elastic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import functional as F

from ._functional_tensor import as_batch, assert_image
from .interpolation import InterpolationMode

MOST_AT_ONCE = 25  # weights of a blur
WARP_MODES = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)


def _grid_dtype(img: Any) -> Any:
    return img.dtype if img.is_floating_point() else rl.float32


def _check_warp(name: str, img: Any, interpolation: InterpolationMode) -> None:
    assert_image(name, img)
    if interpolation not in WARP_MODES:
        raise ValueError(f"{name}: tensors are warped with nearest or bilinear, got {interpolation.value}")


def affine(img: Any, matrix: Sequence[float], interpolation: InterpolationMode, fill: Any) -> Any:
    """The picture whose pixels are found through a 2x3 matrix, relative to the centre."""
    _check_warp("affine", img, interpolation)
    height, width = img.shape[-2:]
    return _sampled(img, _affine_grid(img, matrix, width, height), interpolation, fill)


def rotate(
    img: Any, matrix: Sequence[float], interpolation: InterpolationMode, expand: bool, fill: Any
) -> Any:
    """Like `affine`; with `expand` on a canvas that holds all of the turned picture."""
    _check_warp("rotate", img, interpolation)
    height, width = img.shape[-2:]
    out_width, out_height = turned_size(matrix, width, height) if expand else (width, height)
    return _sampled(img, _affine_grid(img, matrix, out_width, out_height), interpolation, fill)


def turned_size(matrix: Sequence[float], width: int, height: int) -> tuple[int, int]:
    """Width and height of the canvas that a picture takes after an affine map."""
    x, y = 0.5 * width, 0.5 * height
    corners = rl.tensor([[-x, -y, 1.0], [-x, y, 1.0], [x, y, 1.0], [x, -y, 1.0]])
    moved = corners @ rl.tensor(list(matrix)).reshape(2, 3).T + rl.tensor([x, y])
    tolerance = 1e-4  # so that rounding does not add a pixel
    high = ((moved.amax(0) / tolerance).trunc() * tolerance).ceil()
    low = ((moved.amin(0) / tolerance).trunc() * tolerance).floor()
    out_width, out_height = (high - low).tolist()
    return int(out_width), int(out_height)


def _pixel_centres(out_width: int, out_height: int, x: float, y: float, dtype: Any) -> Any:
    """[1, H * W, 3]: the columns and rows of the pixels from x and y on, and 1."""
    columns = rl.linspace(x, x + out_width - 1, out_width, dtype=dtype)
    rows = rl.linspace(y, y + out_height - 1, out_height, dtype=dtype)
    ones = rl.ones(out_height, out_width, dtype=dtype)
    grid = rl.stack([columns.expand(out_height, -1), rows[:, None].expand(-1, out_width), ones], dim=-1)
    return grid.reshape(1, out_height * out_width, 3)


def _affine_grid(img: Any, matrix: Sequence[float], out_width: int, out_height: int) -> Any:
    dtype = _grid_dtype(img)
    height, width = img.shape[-2:]
    centres = _pixel_centres(out_width, out_height, 0.5 - 0.5 * out_width, 0.5 - 0.5 * out_height, dtype)
    theta = rl.tensor(list(matrix), dtype=dtype).reshape(1, 2, 3)
    half = rl.tensor([0.5 * width, 0.5 * height], dtype=dtype)
    return centres.bmm(theta.transpose(1, 2) / half).reshape(1, out_height, out_width, 2)


def perspective(img: Any, coefficients: Sequence[float], interpolation: InterpolationMode, fill: Any) -> Any:
    """The picture whose pixels are found through a plane in perspective: eight coefficients."""
    _check_warp("perspective", img, interpolation)
    dtype = _grid_dtype(img)
    height, width = img.shape[-2:]
    a = list(coefficients)
    above = rl.tensor([[a[0:3], a[3:6]]], dtype=dtype)
    below = rl.tensor([[[*a[6:8], 1.0], [*a[6:8], 1.0]]], dtype=dtype)
    centres = _pixel_centres(width, height, 0.5, 0.5, dtype)
    half = rl.tensor([0.5 * width, 0.5 * height], dtype=dtype)
    grid = centres.bmm(above.transpose(1, 2) / half) / centres.bmm(below.transpose(1, 2)) - 1.0
    return _sampled(img, grid.reshape(1, height, width, 2), interpolation, fill)


def elastic(img: Any, displacement: Any, interpolation: InterpolationMode, fill: Any) -> Any:
    """The picture with each pixel fetched from a little way off."""
    _check_warp("elastic_transform", img, interpolation)
    rows, columns = (rl.linspace((1 - s) / s, (s - 1) / s, s, dtype=_grid_dtype(img)) for s in img.shape[-2:])
    shape = (len(rows), len(columns))
    identity = rl.stack([columns.expand(*shape), rows[:, None].expand(*shape)], dim=-1)
    return _sampled(img, identity[None] + displacement.to(_grid_dtype(img)), interpolation, fill)


def _sampled(img: Any, grid: Any, interpolation: InterpolationMode, fill: Any) -> Any:
    """The picture at the places of `grid`; `fill` is the colour outside of it."""
    batch, undo = as_batch(img, (grid.dtype,))
    grid = grid.expand(batch.shape[0], *grid.shape[1:])
    mode = interpolation.value
    if fill is None:
        return undo(F.grid_sample(batch, grid, mode=mode, padding_mode="zeros", align_corners=False))
    batch = rl.cat([batch, rl.ones_like(batch[:, :1])], dim=1)
    sampled = F.grid_sample(batch, grid, mode=mode, padding_mode="zeros", align_corners=False)
    pixels, inside = sampled[:, :-1], sampled[:, -1:]
    colour = _fill_colour(fill, pixels.shape[1], pixels.dtype)
    if mode == "nearest":
        return undo(rl.where(inside < 0.5, colour, pixels))
    return undo(pixels * inside + (1.0 - inside) * colour)


def _fill_colour(fill: Any, channels: int, dtype: Any) -> Any:
    values = [float(v) for v in fill] if isinstance(fill, (list, tuple)) else [float(fill)]
    if len(values) not in (1, channels):
        raise ValueError(f"fill has {len(values)} values, but the picture has {channels} channels")
    return rl.tensor(values, dtype=dtype).reshape(1, -1, 1, 1)


def gaussian_blur(img: Any, kernel_size: Sequence[int], sigma: Sequence[float]) -> Any:
    """The picture under a bell of the given widths, mirrored at its borders."""
    assert_image("gaussian_blur", img)
    columns, rows = (_bell(k, s, _grid_dtype(img)) for k, s in zip(kernel_size, sigma))
    channels = img.shape[-3] if img.ndim > 2 else 1
    batch, undo = as_batch(img, (rows.dtype,))
    x, y = kernel_size[0] // 2, kernel_size[1] // 2
    padded = F.pad(batch, [x, x, y, y], mode="reflect")
    if len(rows) * len(columns) > MOST_AT_ONCE:  # along one axis after the other
        padded = F.conv2d(padded, columns.expand(channels, 1, 1, len(columns)), groups=channels)
        columns = columns.new_ones(1)
    kernel = (rows[:, None] * columns[None, :]).expand(channels, 1, len(rows), len(columns))
    return undo(F.conv2d(padded, kernel, groups=channels))


def _bell(size: int, sigma: float, dtype: Any) -> Any:
    half = (size - 1) * 0.5
    x = rl.linspace(-half, half, size, dtype=dtype)
    weights = rl.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum()
