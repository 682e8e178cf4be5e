"""Samples at the places of a grid and both gradients by kernels: as by the formula, the same bits always."""

import itertools

import numpy as np
import pytest

import rushlight as rl
import rushlight.nn.functional as F
from rushlight import kernels
from rushlight.runtime import pool, settings

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
SHAPES = [
    ((2, 3, 7, 9), (5, 8)),
    ((1, 2, 33, 20), (4, 23)),
    ((2, 2, 1, 1), (3, 3)),
    ((2, 3, 4, 5, 6), (3, 4, 7)),
]


def gradients(x, grid, mode, padding, align_corners, kernel_mode):
    before = settings.set_kernel_mode(kernel_mode)
    x, grid = rl.tensor(x, requires_grad=True), rl.tensor(grid, requires_grad=True)
    y = F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=align_corners)
    weight = rl.arange(y.numel(), dtype=y.dtype).sin().reshape(y.shape)
    made = [y, *rl.autograd.grad(y, [x, grid], weight)]
    settings.set_kernel_mode(before)
    return [t.detach().numpy() for t in made]


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("shape", "points"), SHAPES)
def test_kernels_say_what_the_formula_says(shape, points, mode, padding):
    if mode == "bicubic" and len(shape) == 5:
        mode = "bilinear"  # there is no other for volumes
    rng = np.random.default_rng(0)
    for dtype, align_corners in itertools.product(("float32", "float64"), (True, False)):
        x = rng.standard_normal(shape).astype(dtype)
        grid = (rng.random((shape[0], *points, len(points))) * 3 - 1.5).astype(dtype)
        how = x, grid, mode, padding, align_corners
        for made, exact in zip(gradients(*how, "force"), gradients(*how, "off")):
            np.testing.assert_allclose(made, exact, rtol=0, atol=2e-4 if dtype == "float32" else 1e-12)


def test_points_that_are_no_numbers_or_far_away():
    x = np.ones((1, 1, 4, 4), "f4")
    grid = np.array([[[[np.nan, 0], [1e30, 0], [0, -np.inf], [0, 0]]]], "f4")
    for padding in ("zeros", "border", "reflection"):
        how = x, grid, "nearest", padding, False
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(gradients(*how, "force")[0], gradients(*how, "off")[0])


def test_the_nearest_sample_does_not_change_with_its_place():
    grid = rl.zeros(1, 2, 2, 2, requires_grad=True)
    F.grid_sample(rl.ones(1, 1, 4, 4), grid, mode="nearest", align_corners=False).sum().backward()
    assert (grid.grad == 0).all()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_second_derivatives(mode):
    rl.manual_seed(0)
    x = rl.randn(1, 2, 4, 5, dtype=rl.float64, requires_grad=True)
    grid = (rl.rand(1, 2, 3, 2, dtype=rl.float64) * 1.6 - 0.8).requires_grad_()
    sample = lambda x, grid: F.grid_sample(x, grid, mode=mode, align_corners=False)  # noqa: E731
    assert rl.autograd.gradcheck(sample, (x, grid))
    assert rl.autograd.gradgradcheck(sample, (x, grid))


def test_as_many_threads_as_there_are_give_the_same_bits():
    rng = np.random.default_rng(0)
    x, grid = rng.standard_normal((1, 6, 40, 50)).astype("f4"), rng.random((1, 60, 70, 2)).astype("f4")
    threads, made = pool.get_num_threads(), []
    for count in (1, 2, 3):
        pool.set_num_threads(count)
        made.append([a.tobytes() for a in gradients(x, grid, "bilinear", "zeros", False, "force")])
    pool.set_num_threads(threads)
    assert made[0] == made[1] == made[2]
