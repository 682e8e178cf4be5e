"""Places in ascending rows by generated code: numpy's, NaN last, whatever the rows and the type."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import searching
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture(params=["off", "force"])
def mode(request):
    before = settings.set_kernel_mode(request.param)
    yield request.param
    settings.set_kernel_mode(before)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8"])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8, 100, 1000])
@pytest.mark.parametrize("side", ["left", "right"])
def test_against_numpy(mode, dtype, length, side):
    random = np.random.default_rng(length)
    rows = guarded.copy(np.sort(random.integers(0, 60, (3, length)).astype(dtype), -1))
    values = guarded.copy(random.integers(0, 70, (3, 45)).astype(dtype))
    if dtype[0] == "f":
        values.flat[:3] = np.nan, np.inf, -np.inf
    made = rushlight.searchsorted(rushlight.tensor(rows), rushlight.tensor(values), side=side)
    exact = [np.searchsorted(r, v, side) for r, v in zip(rows, values)]
    np.testing.assert_array_equal(made.numpy(), exact)
    one = rushlight.bucketize(rushlight.tensor(values).t(), rushlight.tensor(rows[0]), right=side == "right")
    np.testing.assert_array_equal(one.numpy(), np.searchsorted(rows[0], values.T, side))


def test_what_numpy_is_to_do():
    search, rows, values = searching.load(), np.zeros((3, 4)), np.zeros((3, 5))
    out = np.zeros((3, 5), np.int64)
    assert search(out, rows, values.astype("f4"), 0) is None
    assert search(out[:2], rows, values, 0) is None
    assert search(out[:2], rows, values[:2], 0) is None
    assert search(out, rows.astype(complex), values.astype(complex), 0) is None
    assert search(out, rows.reshape(2, 6)[:, ::2], values, 0) is None


def test_numbers_drawn_with_replacement_do_not_depend_on_kernels(mode):
    weights = rushlight.arange(1.0, 2001.0).reshape(20, 100)
    rushlight.manual_seed(5)
    made = rushlight.multinomial(weights, 300, True)
    rushlight.manual_seed(5)
    rows = [rushlight.multinomial(row, 300, True) for row in weights]
    assert (made == rushlight.stack(rows)).all()


def test_different_elements(mode):
    x = np.random.default_rng(0).integers(0, 9, 3000)
    values, counts = rushlight.unique(rushlight.tensor(x), return_counts=True)
    exact = np.unique(x, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), exact[0])
    np.testing.assert_array_equal(counts.numpy(), exact[1])
    runs, lengths = rushlight.unique_consecutive(rushlight.tensor(x), return_counts=True)
    np.testing.assert_array_equal(np.repeat(runs.numpy(), lengths.numpy()), x)
    assert (runs[1:] != runs[:-1]).all()
    assert rushlight.unique(rushlight.tensor([])).shape == (0,)
