"""Sampling images and volumes at any places: grid_sample, and the grids of affine maps."""

from __future__ import annotations

import warnings
from itertools import product
from math import prod

from .. import lang
from .declare import composite, operator
from .shapes import shape_of
from .spatial import expect_tensors

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


# ---- coordinates


def _unnormalized(x, size, align_corners):
    """From [-1, 1], between the centres of the outermost elements or their edges, to positions on an axis."""
    return (x + 1) * ((size - 1) / 2) if align_corners else ((x + 1) * size - 1) / 2


def _brought_inside(x, size, padding, align_corners):
    """Positions with what lies outside moved to the border, or reflected there; "zeros" leaves them."""
    if padding == "zeros":
        return x
    if padding == "reflection":
        x = _reflected(x, 0, size - 1) if align_corners else _reflected(x, -0.5, size - 0.5)
    return lang.where(x <= 0, 0.0, lang.where(x >= size - 1, float(size - 1), x))


def _reflected(x, low, high):
    span = high - low
    if span == 0:
        return lang.zeros_like(x)
    x = lang.where(x < low, low - x, x - low)
    turns = lang.floor(x / span)
    rest = x - turns * span
    return lang.where(turns * 0.5 == lang.floor(turns * 0.5), rest, span - rest) + low


def _coefficients(t):
    """The weights of the four neighbours in cubic interpolation, for a place `t` beyond the second."""
    a = -0.75
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1  # noqa: E731
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a  # noqa: E731
    return far(t + 1), near(t), near(1 - t), far(2 - t)


# ---- sampling


def _elements(flat, places, sizes):
    """The elements of `flat` (images, channels, elements) at whole `places` on each axis; zero outside."""
    inside, index = None, None
    for place, n in zip(places, sizes):
        fits = (place >= 0) & (place <= n - 1)
        inside = fits if inside is None else inside & fits
        index = place if index is None else index * n + place
    index = lang.cast(lang.where(inside, index, 0.0), "int64")
    images, channels, _ = flat.shape
    points = prod(index.shape[1:])
    inside, index = (
        lang.expand(lang.reshape(x, (images, 1, points)), (images, channels, points)) for x in (inside, index)
    )
    return lang.where(inside, lang.gather_along(flat, 2, index), 0.0)


def _weighted(value, weight):
    return value * lang.reshape(weight, (weight.shape[0], 1, prod(weight.shape[1:])))


def _linear(flat, at, sizes):
    floors = [lang.floor(x) for x in at]
    total = None
    for corner in product((0, 1), repeat=len(sizes)):
        places = [f + 1 if up else f for f, up in zip(floors, corner)]
        weight = None
        for x, f, up in zip(at, floors, corner):
            share = x - f if up else f + 1 - x
            weight = share if weight is None else weight * share
        part = _weighted(_elements(flat, places, sizes), weight)
        total = part if total is None else total + part
    return total


def _cubic(flat, at, sizes, padding, align_corners):
    floors = [lang.floor(x) for x in at]
    rows, columns = (_coefficients(x - f) for x, f in zip(at, floors))
    total = None
    for i, j in product(range(4), repeat=2):
        places = [
            _brought_inside(f + (k - 1), n, padding, align_corners) for f, k, n in zip(floors, (i, j), sizes)
        ]
        part = _weighted(_elements(flat, places, sizes), rows[i] * columns[j])
        total = part if total is None else total + part
    return total


@operator(name="_grid_sample", method=False, out=False)
def sample(input: Array, grid: Array, mode, padding, align_corners):
    """The input at the places of a grid."""
    images, channels, *sizes = input.shape
    flat = lang.reshape(input, (images, channels, prod(sizes)))
    axes = range(len(sizes) - 1, -1, -1)  # the first number of a point goes along the last axis
    at = [_unnormalized(lang.pick(grid, (Ellipsis, k)), n, align_corners) for k, n in zip(axes, sizes)]
    if mode == "bicubic":
        result = _cubic(flat, at, sizes, padding, align_corners)
    else:
        at = [_brought_inside(x, n, padding, align_corners) for x, n in zip(at, sizes)]
        result = (
            _linear(flat, at, sizes)
            if mode == "bilinear"
            else _elements(flat, [lang.round(x) for x in at], sizes)
        )
    return lang.reshape(result, (images, channels, *grid.shape[1:-1]))


# ---- what users call


def _check(input, grid, mode):
    expect_tensors("grid_sampler", input=input, grid=grid)
    x, points = shape_of(input), shape_of(grid)
    if input.dtype is not grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has {input.dtype} and "
            f"grid has {grid.dtype}"
        )
    if len(x) not in (4, 5) or len(points) != len(x):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input "
            "with sizes "
            f"{list(x)} and grid with sizes {list(points)}"
        )
    if x[0] != points[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(x)} and grid with sizes {list(points)}"
        )
    if points[-1] != len(x) - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {len(x) - 2} in last dimension, but got grid with "
            f"sizes {list(points)}"
        )
    if 0 in x[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(x)}"
        )
    if mode == "bicubic" and len(x) != 4:
        raise RuntimeError(
            "grid_sampler(): bicubic interpolation only supports 4D input, but got 5D; use mode='bilinear'"
        )
    if input.dtype.category != 2:
        raise NotImplementedError(
            f'"grid_sampler" not implemented for {input.dtype.name}; convert input and grid first: x.float()'
        )


def _sampled(input, grid, mode, padding, align_corners):
    _check(input, grid, mode)
    return sample(input, grid, mode, padding, align_corners)


@composite(namespace="nn.functional", method=False, out=False, node="GridSampler2DBackward0")
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input at given points, (x, y) or (x, y, z), in coordinates that go from -1 to 1 across it."""
    if mode not in MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
            f"'{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
            f"but got: '{padding_mode}'"
        )
    return _sampled(input, grid, mode, padding_mode, _aligned("grid_sample", align_corners))


def _aligned(name, align_corners):
    if align_corners is None:
        warnings.warn(
            f"Default {name} behavior has align_corners=False since 1.3.0; give align_corners=True for the "
            "behavior before it.",
            stacklevel=4,
        )
    return bool(align_corners)


@composite(method=False, out=False)
def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """`grid_sample` with its modes as numbers."""
    return _sampled(input, grid, MODES[interpolation_mode], PADDINGS[padding_mode], align_corners)


@composite(method=False, out=False)
def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """`grid_sampler` for images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


@composite(method=False, out=False)
def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """`grid_sampler` for volumes."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


# ---- grids of affine maps


@operator(name="_grid_points", method=False, out=False, differentiable=False)
def grid_points(like: Array, sizes, align_corners):
    """The points of a regular grid."""
    return lang.grid_points(like, sizes, align_corners)


@operator(method=False, out=False)
def affine_grid_generator(theta: Array, size, align_corners):
    """Where each element of a result of `size` comes from under affine maps of the plane or space."""
    points = lang.matmul(lang.grid_points(theta, size[2:], align_corners), lang.transpose(theta, 1, 2))
    return lang.reshape(points, (size[0], *size[2:], len(size) - 2))


def _theta_rule(g, theta, size, align_corners):
    points = lang.grid_points(theta, size[2:], align_corners)
    flat = lang.reshape(g, (size[0], prod(size[2:]), len(size) - 2))
    return lang.matmul(lang.transpose(flat, 1, 2), points)


affine_grid_generator.gradient(theta=_theta_rule)


@composite(namespace="nn.functional", method=False, out=False)
def affine_grid(theta, size, align_corners=None):
    """Grids for `grid_sample`: points of a result of `size` (images, channels, *sizes) under maps `theta`."""
    expect_tensors("affine_grid", theta=theta)
    size, shape = [int(n) for n in size], list(shape_of(theta))
    aligned = _aligned("affine_grid", align_corners)
    if theta.dtype.category != 2:
        raise ValueError(
            f"Expected theta to have floating point type, but got {theta.dtype}; convert it: theta.float()"
        )
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got "
            f"size {size}."
        )
    if len(shape) != 3 or shape[1:] != [n, n + 1]:
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if aligned and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid puts the point of a unit size at 0 if align_corners=True.",
            stacklevel=3,
        )
    if shape[0] != size[0]:
        raise RuntimeError(
            f"affine_grid: theta has {shape[0]} maps, but size {size} asks for {size[0]} grids; give one map "
            "for each"
        )
    return affine_grid_generator(theta, size, aligned)
