"""Sampling images and volumes at any places: grid_sample, and the grids of affine maps."""

from __future__ import annotations

from itertools import product
from math import prod

from .. import lang
from ..kernels import sampling
from ..warned import warn
from .declare import composite, operator
from .shapes import shape_of
from .spatial import expect_tensors

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


# ---- where a point lies on an axis, and what it is made of there


def _unnormalized(x, size, align_corners):
    """From [-1, 1], between the centres of the outermost elements or their edges, to positions on an axis."""
    return (x + 1) * ((size - 1) / 2) if align_corners else ((x + 1) * size - 1) / 2


def _brought_inside(x, turn, size, padding, align_corners):
    """Positions with what lies outside moved to the border, or reflected there; "zeros" leaves them.

    `turn` is how they change with the coordinate.
    """
    if padding == "zeros":
        return x, turn
    if padding == "reflection":
        x, turn = _reflected(x, turn, *((0, size - 1) if align_corners else (-0.5, size - 0.5)))
    low, high = x <= 0, x >= size - 1
    return lang.where(low, 0.0, lang.where(high, float(size - 1), x)), lang.where(low | high, 0.0, turn)


def _reflected(x, turn, low, high):
    span = high - low
    if span == 0:
        return lang.zeros_like(x), lang.zeros_like(x)
    before = x < low
    x, turn = lang.where(before, low - x, x - low), lang.where(before, -turn, turn)
    turns = lang.floor(x / span)
    rest = x - turns * span
    even = turns * 0.5 == lang.floor(turns * 0.5)
    return lang.where(even, rest, span - rest) + low, lang.where(even, turn, -turn)


def _coefficients(t):
    """The weights of four neighbours for a place `t` beyond the second, and how they change with it."""
    a = -0.75
    near = lambda x: (((a + 2) * x - (a + 3)) * x * x + 1, (3 * (a + 2) * x - 2 * (a + 3)) * x)  # noqa: E731
    far = lambda x: (((a * x - 5 * a) * x + 8 * a) * x - 4 * a, (3 * a * x - 10 * a) * x + 8 * a)  # noqa: E731
    mirrored = [(weight, -slope) for weight, slope in (near(1 - t), far(2 - t))]
    return [far(t + 1), near(t), *mirrored]


def _taps(coordinate, size, mode, padding, align_corners):
    """The places that a sample is made of along an axis: each with its weight and how that changes."""
    x = _unnormalized(coordinate, size, align_corners)
    turn = lang.ones_like(x) * ((size - 1) / 2 if align_corners else size / 2)
    if mode == "bicubic":
        below = lang.floor(x)
        return [
            (_brought_inside(below + (k - 1), turn, size, padding, align_corners)[0], weight, slope * turn)
            for k, (weight, slope) in enumerate(_coefficients(x - below))
        ]
    x, turn = _brought_inside(x, turn, size, padding, align_corners)
    if mode == "nearest":
        return [(lang.round(x), lang.ones_like(x), lang.zeros_like(x))]
    below = lang.floor(x)
    return [(below, below + 1 - x, -turn), (below + 1, x - below, turn)]


class _Corners:
    """What each point is made of: an element for each choice of a place along each axis."""

    def __init__(self, input, grid, mode, padding, align_corners):
        self.images, self.channels, *self.sizes = input.shape
        self.flat = lang.reshape(input, (self.images, self.channels, prod(self.sizes)))
        self.points = prod(grid.shape[1:-1])
        axes = range(len(self.sizes) - 1, -1, -1)  # the first number of a point goes along the last axis
        self.taps = [
            _taps(lang.pick(grid, (Ellipsis, k)), n, mode, padding, align_corners)
            for k, n in zip(axes, self.sizes)
        ]

    def __iter__(self):
        return product(*self.taps)

    def where(self, corner):
        """Which elements these are, and whether they are there, for all channels."""
        inside, index = None, None
        for (place, _, _), n in zip(corner, self.sizes):
            fits = (place >= 0) & (place <= n - 1)
            inside = fits if inside is None else inside & fits
            index = place if index is None else index * n + place
        index = lang.cast(lang.where(inside, index, 0.0), "int64")
        return self.spread(index), self.spread(inside)

    def spread(self, x):
        """A number for each point as one for each point of each channel."""
        shape = (self.images, self.channels, self.points)
        return lang.expand(lang.reshape(x, (self.images, 1, self.points)), shape)

    def values(self, corner):
        index, inside = self.where(corner)
        return lang.where(inside, lang.gather_along(self.flat, 2, index), 0.0)


def _times(factors):
    made = None
    for factor in factors:
        made = factor if made is None else made * factor
    return made


@operator(name="_grid_sample", method=False, out=False)
def sample(input: Array, grid: Array, mode, padding, align_corners):
    """The input at the places of a grid."""
    made = sampling.sample(input, grid, mode, padding, align_corners)
    if made is not None:
        return made
    corners, total = _Corners(input, grid, mode, padding, align_corners), None
    for corner in corners:
        weight = _times(weight for _, weight, _ in corner)
        part = corners.values(corner) * corners.spread(weight)
        total = part if total is None else total + part
    return lang.reshape(total, (*input.shape[:2], *grid.shape[1:-1]))


@sample.gradient
def _sample_rule(g, input, grid, mode, padding, align_corners, needs):
    how = mode, padding, align_corners
    rules = (_input_gradient, sampling.input_gradient), (_grid_gradient, sampling.grid_gradient)
    made = [
        by_kernel(g, input, grid, *how) if wanted else None for wanted, (_, by_kernel) in zip(needs, rules)
    ]
    return tuple(
        by_formula(g, input, grid, *how) if wanted and done is None else done
        for wanted, done, (by_formula, _) in zip(needs, made, rules)
    )


def _input_gradient(g, input, grid, *how):
    corners, total = _Corners(input, grid, *how), None
    g = lang.reshape(g, (*input.shape[:2], corners.points))
    for corner in corners:
        index, inside = corners.where(corner)
        weight = _times(weight for _, weight, _ in corner)
        part = lang.where(inside, g * corners.spread(weight), 0.0)
        part = lang.add_flat_at(part, index, prod(corners.sizes), False)
        total = part if total is None else total + part
    return lang.reshape(total, input.shape)


def _grid_gradient(g, input, grid, mode, *how):
    if mode == "nearest":
        return lang.zeros_like(grid)
    how = mode, *how
    corners = _Corners(input, grid, *how)
    g = lang.reshape(g, (*input.shape[:2], corners.points))
    slopes = [None] * len(corners.sizes)
    for corner in corners:
        change = lang.reshape(lang.sum(g * corners.values(corner), 1), grid.shape[:-1])
        for axis in range(len(corner)):
            factors = [slope if k == axis else weight for k, (_, weight, slope) in enumerate(corner)]
            part = change * _times(factors)
            slopes[axis] = part if slopes[axis] is None else slopes[axis] + part
    return lang.stack(slopes[::-1], len(grid.shape) - 1)


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
        warn(
            f"Default {name} behavior has align_corners=False since 1.3.0; give align_corners=True for the "
            "behavior before it.",
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
        warn(
            "Since version 1.3.0, affine_grid puts the point of a unit size at 0 if align_corners=True.",
        )
    if shape[0] != size[0]:
        raise RuntimeError(
            f"affine_grid: theta has {shape[0]} maps, but size {size} asks for {size[0]} grids; give one map "
            "for each"
        )
    return affine_grid_generator(theta, size, aligned)
