"""Kernels for running sums, products and extremes: numpy's results on any layout, NaN and ties included."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import scanning
from rushlight.lang import scan as lang
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
SHAPES = [(1,), (9,), (5000,), (3, 5), (17, 40), (40, 131), (4, 7, 5), (2, 3, 1), (300, 200)]
NUMPY = {"add": lang.cumsum, "mul": lang.cumprod, "max": lang.cummax, "min": lang.cummin}


@pytest.fixture(autouse=True)
def numpy_beside():
    before = settings.set_kernel_mode("off")
    yield
    settings.set_kernel_mode(before)


def drawn(random, shape, dtype, op):
    x = random.normal(size=shape) if op == "mul" else random.integers(-4, 5, shape)
    x = x.astype(dtype)
    if dtype != "i8" and op != "mul":
        for value in (np.nan, np.inf, -np.inf):
            x[random.random(shape) < 0.004] = value
    return x


@pytest.mark.parametrize("op", list(NUMPY))
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_all_layouts(op, dtype):
    random = np.random.default_rng(0)
    for shape in SHAPES:
        x = drawn(random, shape, dtype, op)
        for a in (
            guarded.copy(x),
            guarded.copy(x, at_end=False),
            np.asfortranarray(x),
            x[::-1],
            x[..., ::-1],
        ):
            for axis in range(-1, x.ndim):
                ours, theirs = scanning.scan(op, a, axis), NUMPY[op](a, axis)
                for one, other in zip(*((r if isinstance(r, tuple) else (r,)) for r in (ours, theirs))):
                    assert one.dtype == other.dtype
                    np.testing.assert_array_equal(one, other)


def test_threads_change_nothing():
    from rushlight.runtime import pool

    x = np.random.default_rng(1).normal(size=(300, 200)).astype(np.float32)
    threads, found = pool.get_num_threads(), []
    for count in (1, 2):
        pool.set_num_threads(count)
        found.append([scanning.scan("add", x, axis) for axis in (0, 1)])
    pool.set_num_threads(threads)
    np.testing.assert_array_equal(*found)


def test_what_numpy_is_to_do():
    assert scanning.scan("add", np.zeros((0, 3)), 0) is None
    assert scanning.scan("add", np.zeros(9, np.complex64), 0) is None
    assert scanning.scan("max", np.zeros(9, np.float16), 0) is None
