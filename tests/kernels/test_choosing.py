"""The largest or smallest few of rows by generated code: in order, the first of equals first, NaN largest."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import choosing
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
SHAPES = [(1,), (17,), (9000,), (4, 8), (33, 70), (3, 5, 40), (20, 1000)]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


def in_order(x, k, largest, dim):
    rows = np.moveaxis(x, dim, -1)
    order = np.argsort(rows[..., ::-1] if largest else rows, -1, kind="stable")
    order = (rows.shape[-1] - 1 - order[..., ::-1] if largest else order)[..., :k]
    return np.moveaxis(np.take_along_axis(rows, order, -1), -1, dim), np.moveaxis(order, -1, dim)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "i2"])
@pytest.mark.parametrize("largest", [True, False])
def test_against_a_stable_order(dtype, largest):
    random = np.random.default_rng(0)
    for shape in SHAPES:
        x = np.round(random.normal(size=shape) * 20).astype(dtype)
        if dtype[0] == "f":
            x[random.random(shape) < 0.1] = np.nan
        for dim in range(len(shape)):
            for k in {1, min(3, shape[dim]), min(16, shape[dim])}:
                values, places = rushlight.topk(rushlight.tensor(x), k, dim, largest)
                exact = in_order(x, k, largest, dim)
                np.testing.assert_array_equal(values.numpy(), exact[0])
                np.testing.assert_array_equal(places.numpy(), exact[1])


def test_gradients_go_to_where_the_elements_were():
    x = rushlight.randn(6, 50, requires_grad=True)
    values, places = x.topk(3, 1)
    (slope,) = rushlight.autograd.grad(values.sum(), x)
    np.testing.assert_array_equal(slope.gather(1, places).numpy(), np.ones((6, 3), np.float32))
    assert slope.sum() == 18


def test_what_numpy_is_to_do():
    choose, x = choosing.load(), guarded.copy(np.zeros((3, 8), np.float32))
    places = np.zeros((3, 2), np.int64)
    assert choose(np.zeros((3, 2), np.float64), places, x, 1) is None
    assert choose(np.zeros((3, 9), np.float32), np.zeros((3, 9), np.int64), x, 1) is None
    assert choose(np.zeros((3, 2), np.float32), places[:2], x, 1) is None
    assert choose(np.zeros((3, 2), np.float32), places, x.T[:3].copy().T, 1) is None
    assert choose(np.zeros((3, 2), bool), places, np.zeros((3, 8), bool), 1) is None
