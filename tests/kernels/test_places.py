"""Where the extremes of many short rows are: numpy's answer, the first of equals and the first NaN."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.lang import places
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture(autouse=True)
def _forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
@pytest.mark.parametrize("shape", [(1, 2), (7, 3), (5, 4, 8), (100, 10), (33, 63), (9, places.SHORT)])
def test_against_numpy(dtype, shape):
    random = np.random.default_rng(shape[-1])
    x = random.integers(-3, 4, shape).astype(dtype)
    if dtype[0] == "f":
        x[random.random(shape) < 0.1] = -np.inf
        x[random.random(shape) < 0.05] = np.nan
        x[random.random(shape) < 0.1] = -0.0
    x = guarded.copy(x)
    for name, extreme in (("argmax", "amax"), ("argmin", "amin")):
        made = places.in_short_rows(extreme, x, -1, False)
        np.testing.assert_array_equal(made, getattr(x, name)(-1))
        assert made.dtype == np.int64
        kept = getattr(rushlight.tensor(x), name)(-1, keepdim=True)
        np.testing.assert_array_equal(kept.numpy(), getattr(x, name)(-1, keepdims=True))


def test_rows_of_nothing_but_the_least():
    x = np.full((40, 5), -np.inf, np.float32)
    assert not places.in_short_rows("amax", x, 1, False).any()
    x[3] = np.nan
    assert not places.in_short_rows("amin", x, 1, False).any()


def test_what_numpy_is_to_do():
    x = np.zeros((40, places.SHORT + 1), np.float32)
    assert places.in_short_rows("amax", x, 1, False) is None
    assert places.in_short_rows("amax", x[:, :4], 1, False) is None
    assert places.in_short_rows("amax", x[:, :1].copy(), 1, False) is None
    assert places.in_short_rows("amax", x[:, :4].copy(), 0, False) is None
    assert places.in_short_rows("amax", x[:, :4].copy(), None, False) is None
    assert places.in_short_rows("amax", x[:, :4].astype("f2"), 1, False) is None
