"""Formulas along axes: kernels and numpy agree, for every axis, layout and size."""

import numpy as np
import pytest

import rushlight as rl
from rushlight import kernels, lang
from rushlight.lang.along import AXES, Along, arrange
from rushlight.runtime import settings

SHAPES = [
    (100, 100),
    (7, 33, 50),
    (64, 1, 100),
    (5000,),
    (2000, 10),
    (6000, 3),
    (10, 20, 30, 4),
    (3, 5, 700, 2),
]
needs_kernels = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture
def numpy_only():
    before = settings.set_kernel_mode("off")
    yield
    settings.set_kernel_mode(before)


def every_axes(rank):
    return [tuple(a for a in range(rank) if bits >> a & 1) for bits in range(1, 1 << rank)]


def layouts(x):
    return [x, np.asfortranarray(x), x[::-1], np.repeat(x, 2, -1)[..., ::2]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("name", ["sum", "amax", "amin", "prod"])
def test_reductions_over_any_axes(name, dtype):
    reference = {"sum": np.sum, "amax": np.max, "amin": np.min, "prod": np.prod}[name]
    random = np.random.default_rng(0)
    for shape in SHAPES:
        values = random.uniform(0.98, 1.02, shape) if name == "prod" else random.normal(size=shape) * 10
        for x in layouts(values.astype(dtype)):
            for axes in [None, *every_axes(len(shape))]:
                found = getattr(lang, name)(x, axes, True)
                expected = reference(x.astype(np.float64), axis=axes, keepdims=True)
                scale = (
                    np.abs(x).astype(np.float64).sum(axes, keepdims=True) if name == "sum" else abs(expected)
                )
                error = 0 if dtype == "int64" else np.finfo(dtype).eps
                error *= 4 if name == "sum" else x.size if name == "prod" else 0
                assert found.shape == expected.shape
                assert found.dtype == dtype
                assert (np.abs(found - expected) <= error * scale).all(), (shape, axes)


@needs_kernels
def test_the_kind_of_kernel_follows_the_axes():
    kinds = {
        ((4, 5, 6), (2,)): "rows",
        ((4, 5, 6), (1, 2)): "rows",
        ((4, 5, 6), (0, 1, 2)): "rows",
        ((4, 5, 6), (0, 2)): "planes",
        ((4, 5, 6), (1,)): "strips",
        ((4, 5, 6), (0,)): "strips",
        ((4, 5, 1), (1,)): "rows",
    }
    for (shape, axes), kind in kinds.items():
        assert arrange([shape], axes)[0] == kind
    assert arrange([(4, 5, 6, 7)], (0, 2)) is None
    assert arrange([(4, 5)], ()) is None
    assert arrange([(4, 5), (4, 2)], (1,)) is None


@needs_kernels
def test_a_formula_of_several_arrays_and_numbers():
    def moved(axes, x, weight, factor):
        mean = lang.sum(x, axes, True) / lang.count(x, axes)
        return (x - mean) * weight + factor, mean

    along = Along(moved)
    random = np.random.default_rng(1)
    for shape, axes, alone in [
        ((9, 8, 100), (2,), (0, 1)),
        ((9, 8, 100), (0, 2), (0, 2)),
        ((90, 80), (0,), (0,)),
    ]:
        x = random.normal(size=shape).astype(np.float32)
        weight = random.normal(size=[1 if a in alone else n for a, n in enumerate(shape)]).astype(np.float32)
        result, mean = along.by_kernel(axes, x, weight, 0.5)
        wide = x.astype(np.float64)
        expected = wide.mean(axes, keepdims=True)
        np.testing.assert_allclose(mean, expected, atol=1e-6)
        np.testing.assert_allclose(result, (wide - expected) * weight + 0.5, atol=1e-5)
        plain = moved(axes, x, weight, 0.5)
        np.testing.assert_allclose(result, plain[0], atol=1e-5)


def test_what_cannot_be_traced_is_left_to_numpy():
    along = Along(lambda axes, x: lang.sum(lang.sort(x, 0)[0], axes, True), "sorted_sum")
    x = np.ones((100, 100), np.float32)
    np.testing.assert_array_equal(along((0,), x), np.full((1, 100), 100))
    assert along.by_kernel((0,), x.astype(np.float16)) is None
    assert AXES not in (0, None)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_and_its_relatives_beside_pytorch(name, dtype):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    for shape in SHAPES:
        for dim in range(len(shape)):
            for turned in (False, True):
                x = torch.randn(shape, dtype=getattr(torch, dtype), generator=generator) * 3
                x = x.mT.contiguous().mT if turned and x.ndim > 1 else x
                ours = rl.from_numpy(x.numpy())
                x.requires_grad_(), ours.requires_grad_()
                expected, found = getattr(torch, name)(x, dim), getattr(rl, name)(ours, dim)
                g = torch.randn(expected.shape, dtype=x.dtype, generator=generator)
                expected.backward(g), found.backward(rl.from_numpy(g.numpy()))
                tolerance = 3e-6 if dtype == "float32" else 1e-13
                assert found.stride() == expected.stride()
                np.testing.assert_allclose(
                    found.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance
                )
                slope, expected_slope = ours.grad.numpy(), x.grad.numpy()
                np.testing.assert_allclose(slope, expected_slope, rtol=tolerance * 5, atol=tolerance * 10)


def test_scores_beyond_all_bounds():
    x = np.zeros((80, 100), np.float32)
    x[0, 1], x[1] = 1e30, -1e30
    x[2, 3], x[3] = -np.inf, -np.inf
    x[4, 5], x[5, 6] = np.inf, np.nan
    found = rl.softmax(rl.from_numpy(x), 1).numpy()
    assert found[0, 1] == 1
    assert found[0].sum() == 1
    np.testing.assert_allclose(found[1], 0.01, rtol=1e-6)
    assert found[2, 3] == 0
    assert np.isnan(found[3:6]).all()
    logs = rl.log_softmax(rl.from_numpy(x), 1).numpy()
    assert logs[0, 1] == 0
    assert logs[2, 3] == -np.inf
    assert np.isnan(logs[3:6]).all()


def test_numpy_alone_means_the_same(numpy_only):
    x = np.random.default_rng(2).normal(size=(90, 80)).astype(np.float32)
    alone = rl.softmax(rl.from_numpy(x), 0).numpy()
    settings.set_kernel_mode("auto")
    np.testing.assert_allclose(rl.softmax(rl.from_numpy(x), 0).numpy(), alone, rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33])
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "prod"])
def test_few_long_rows_are_added_alike_by_any_number_of_threads(name, rows):
    x = np.random.default_rng(rows).uniform(0.9, 1.1, (rows, 70_001)).astype(np.float32)
    before, results = rl.get_num_threads(), []
    for threads in (1, 2):
        rl.set_num_threads(threads)
        results.append(getattr(rl.from_numpy(x), name)(0).numpy())
    rl.set_num_threads(before)
    np.testing.assert_array_equal(*results)
    exact = {"amax": np.max}.get(name, getattr(np, name, None))(x.astype(np.float64), 0)
    np.testing.assert_allclose(results[0], exact, rtol=2e-6)
