"""Kernels for indices: numpy's elements, sums in the order of the indices, and nothing beyond the arrays."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import indexing
from rushlight.lang.index import every_axis
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
SHAPES = [
    ((7,), 0),
    ((40, 9), 0),
    ((9, 40), 1),
    ((5, 6, 7), 1),
    ((3, 4, 1, 6), 3),
    ((2, 3, 4, 5), 0),
    ((1, 1), 0),
]
SHAPES += [((300, 400), 0), ((300, 400), 1), ((70, 10, 80), 1), ((70000,), 0), ((257, 211), 0)]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


def layouts(random, shape, dtype):
    """Arrays of a shape: between guard pages, turned, and backwards with gaps."""
    whole = random.normal(size=shape) * 50
    yield guarded.copy(whole.astype(dtype))
    yield np.ascontiguousarray(whole.astype(dtype).T).T
    wide = np.zeros([2 * n for n in shape], dtype)
    yield wide[tuple(slice(None, None, -2) for _ in shape)]


def indices(random, shape, dim, size):
    """An index for each element, some from the end; the same for each row along `dim`; and a vector."""
    full = random.integers(-size, size, shape)
    yield guarded.copy(full)
    yield np.asfortranarray(full)
    vector = random.integers(-size, size, shape[dim])
    yield vector
    yield np.broadcast_to(vector.reshape([-1 if k == dim else 1 for k in range(len(shape))]), shape)


def by_hand(x, values, dim, index, mode):
    wide = index if index.ndim == x.ndim else index.reshape([-1 if k == dim else 1 for k in range(x.ndim)])
    where = every_axis(np.broadcast_to(wide, values.shape), dim)
    if mode == "take":
        values[...] = x[where]
    elif mode == "put":
        x[where] = values
    else:
        np.add.at(x, where, values)


@pytest.mark.parametrize("mode", ["take", "put", "add"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "i1", "f2", "c8", "?"])
def test_all_layouts(mode, dtype):
    random = np.random.default_rng(3)
    if mode == "add" and dtype not in ("f4", "f8", "i4", "i8"):
        assert not indexing.add(np.zeros(9, dtype), np.ones(9, dtype), 0, np.arange(9))
        return
    for shape, dim in SHAPES:
        near_shape = tuple(n + 3 if k == dim else n for k, n in enumerate(shape))
        for x, values in zip(layouts(random, shape, dtype), layouts(random, near_shape, dtype)):
            for index in indices(random, near_shape, dim, shape[dim]):
                ours, theirs = (x.copy(), values.copy()), (x.copy(), values.copy())
                if x.flags.c_contiguous:
                    ours = guarded.copy(x), guarded.copy(values)
                assert getattr(indexing, mode)(*reversed(ours) if mode == "take" else ours, dim, index)
                by_hand(*theirs, dim, index, mode)
                for a, b in zip(ours, theirs):
                    np.testing.assert_array_equal(a, b)


def test_sums_keep_the_order_of_the_indices():
    values = np.array([2.0**60, 1, -(2.0**60), 1] * 30000, np.float32)
    out = np.zeros(3, np.float32)
    assert indexing.add(out, values, 0, np.tile([0, 1, 0, 0], 30000))
    expected = np.zeros(3, np.float32)
    np.add.at(expected, np.tile([0, 1, 0, 0], 30000), values)
    np.testing.assert_array_equal(out, expected)


def test_an_index_outside_touches_nothing_and_says_so():
    x = guarded.copy(np.zeros((4, 8), np.float32))
    for index in ([0, 4], [-5, 0], [1 << 62, 0]):
        with pytest.raises(IndexError, match="size 4"):
            indexing.add(x, np.ones((2, 8), np.float32), 0, np.array(index))


def test_what_numpy_is_to_do():
    x = np.zeros((4, 8), np.float32)
    assert not indexing.add(x, x[:2], 0, np.array([0, 1]))  # shared memory
    assert not indexing.take(np.empty((2, 8), np.float64), x, 0, np.array([0, 1]))  # another dtype
    assert not indexing.take(np.empty((2, 8), np.float32), x, 0, np.array([0, 1], np.int32))
    assert not indexing.put(np.zeros((), np.float32), np.ones(1, np.float32), 0, np.zeros(1, np.int64))
    assert not indexing.put(x, np.ones((2, 9), np.float32), 0, np.array([0, 1]))  # wider than there is room
    assert not indexing.put(x, np.ones((2, 8), np.float32), 0, np.array([0]))  # an index too few
    assert not indexing.take(np.empty((0, 8), np.float32), x, 0, np.zeros(0, np.int64))


def test_rows_and_elements_through_the_language():
    """The same with kernels and without, for what embedding, index_add, gather and scatter are made of."""
    from rushlight.lang import index as lang

    random = np.random.default_rng(5)
    x, rows, vector = random.normal(size=(50, 64)), random.normal(size=(90, 64)), random.integers(0, 50, 90)
    full = random.integers(0, 50, (90, 64))
    calls = [
        lambda: lang.take_rows(x, 0, vector),
        lambda: lang.spread_rows(rows, x.shape, 0, vector),
        lambda: lang.put_rows(x, 0, vector, 3),
        lambda: lang.gather_along(x, 0, full),
        lambda: lang.spread_along(rows, x.shape, 0, full),
        lambda: lang.scatter_along(x, rows, 0, full),
        lambda: lang.index_set(x, rows[:, 0], (vector, vector - 50), True),
    ]
    found = [call() for call in calls]
    settings.set_kernel_mode("off")
    for call, result in zip(calls, found):
        np.testing.assert_allclose(result, call(), rtol=1e-13, atol=1e-13)
