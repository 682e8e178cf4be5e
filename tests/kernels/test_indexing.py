"""Kernels for indices: numpy's elements, sums in the order of the indices, and nothing beyond the arrays."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import indexing
from rushlight.lang.counting import bincount
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
FOLDED = {"mul": np.multiply, "max": np.maximum, "min": np.minimum}


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


def call(mode, written, read, dim, index, wrap=1):
    return indexing.load(mode)(written, read, dim, index, wrap, written.itemsize)


def by_hand(x, values, dim, index, mode):
    wide = index if index.ndim == x.ndim else index.reshape([-1 if k == dim else 1 for k in range(x.ndim)])
    where = every_axis(np.broadcast_to(wide, values.shape), dim)
    if mode == "take":
        values[...] = x[where]
    elif mode == "put":
        x[where] = values
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            (FOLDED.get(mode) or np.add).at(x, where, values)


@pytest.mark.parametrize("mode", ["take", "put", "add", *FOLDED])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "i1", "f2", "c8", "?"])
def test_all_layouts(mode, dtype):
    random = np.random.default_rng(3)
    if mode == "add" and dtype in ("f2", "c8", "?"):
        assert call("add", np.zeros(9, dtype), np.ones(9, dtype), 0, np.arange(9)) is None
        return
    if mode in FOLDED and dtype not in ("f4", "f8", "i4", "i8"):
        assert call(mode, np.zeros(9, dtype), np.ones(9, dtype), 0, np.arange(9)) in (None, dtype == "i1")
        return
    for shape, dim in SHAPES:
        near_shape = tuple(n + 3 if k == dim else n for k, n in enumerate(shape))
        for x, values in zip(layouts(random, shape, dtype), layouts(random, near_shape, dtype)):
            for index in indices(random, near_shape, dim, shape[dim]):
                ours, theirs = (x.copy(), values.copy()), (x.copy(), values.copy())
                if x.flags.c_contiguous:
                    ours = guarded.copy(x), guarded.copy(values)
                assert call(mode, *(reversed(ours) if mode == "take" else ours), dim, index)
                by_hand(*theirs, dim, index, mode)
                for a, b in zip(ours, theirs):
                    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mode", ["max", "min"])
def test_nan_is_an_extreme_and_stays(mode):
    far, index = np.array([1, np.nan, 2], np.float32), np.array([0, 0, 1, 2, 2, 2])
    near = np.array([np.nan, 5, 1, -np.inf, np.inf, 3], np.float32)
    expected = far.copy()
    with np.errstate(invalid="ignore"):
        FOLDED[mode].at(expected, index, near)
    assert call(mode, far, near, 0, index)
    np.testing.assert_array_equal(far, expected)


def test_sums_keep_the_order_of_the_indices():
    values = np.array([2.0**60, 1, -(2.0**60), 1] * 30000, np.float32)
    out = np.zeros(3, np.float32)
    assert call("add", out, values, 0, np.tile([0, 1, 0, 0], 30000))
    expected = np.zeros(3, np.float32)
    np.add.at(expected, np.tile([0, 1, 0, 0], 30000), values)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("mode", ["take", "put", "add", *FOLDED])
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 70_000])
def test_an_index_outside_touches_nothing_outside_and_is_told(mode, count):
    random = np.random.default_rng(0)
    for shape, dim in (((count,), 0), ((3, count), 1), ((count, 3), 0), ((count, 2), 1)):
        far = guarded.copy(np.zeros([4 if k == dim else n for k, n in enumerate(shape)], np.float32))
        near = guarded.copy(np.zeros(shape, np.float32))
        arrays = (near, far) if mode == "take" else (far, near)
        for bad, wrap in ((4, 1), (-5, 1), (1 << 62, 1), (-(1 << 63), 1), (-1, 0), (4, 0)):
            index = random.integers(0, 4, shape)
            assert call(mode, *arrays, dim, index, wrap) is True
            index.flat[random.integers(index.size)] = bad
            assert call(mode, *arrays, dim, index, wrap) is False


def test_what_numpy_is_to_do():
    x = np.zeros((4, 8), np.float32)
    two = np.array([0, 1])
    assert call("add", x, x[:2], 0, two) is None  # shared memory
    assert call("take", np.empty((2, 8), np.float64), x, 0, two) is None  # another dtype
    assert call("take", np.empty((2, 8), np.float32), x, 0, two.astype(np.int32)) is None
    assert call("take", np.empty((2, 8), np.float32), x, 2, two) is None
    assert call("put", np.zeros((), np.float32), np.ones(1, np.float32), 0, two[:1]) is None
    assert call("put", x, np.ones((2, 9), np.float32), 0, two) is None  # wider than there is room
    assert call("put", x, np.ones((2, 8), np.float32), 0, two[:1]) is None  # an index too few
    assert call("take", np.empty((0, 8), np.float32), x, 0, two[:0]) is True
    assert call("take", np.empty((2, 8), np.float32), x[:0], 0, two) is False


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


BAD = [
    ("gather", 1),
    ("scatter", 1),
    ("scatter_add", 1),
    ("index_select", 0),
    ("index_add", 0),
    ("index_copy", 0),
]


@pytest.mark.parametrize("kernels_are", ["off", "force"])
@pytest.mark.parametrize(("name", "like"), BAD)
def test_the_bad_index_is_named(kernels_are, name, like):
    settings.set_kernel_mode(kernels_are)
    x = rushlight.zeros(6, 9)
    for bad in (9, -1):
        index = rushlight.zeros((6, 9) if like else (9,), dtype=rushlight.int64)
        index[..., 7] = bad
        source = (rushlight.ones(6, 9),) if name not in ("gather", "index_select") else ()
        with pytest.raises((IndexError, RuntimeError), match=rf"{name}\(\): index {bad} is out of bounds"):
            getattr(rushlight, name)(x, 1, index, *source)
        if source:
            with pytest.raises((IndexError, RuntimeError), match=f"index {bad} is out of bounds"):
                getattr(x, name + "_")(1, index, *source)


@pytest.mark.parametrize("kernels_are", ["off", "force"])
def test_tuples_of_index_tensors(kernels_are):
    settings.set_kernel_mode(kernels_are)
    random = np.random.default_rng(0)
    a = random.normal(size=(20, 30, 5)).astype(np.float32)
    i, j, mask = random.integers(-20, 20, 70), random.integers(-30, 30, 70), random.random(30) < 0.4
    x, ti, tj, tm = (rushlight.tensor(v) for v in (a, i, j, mask))
    whole = slice(None)
    for ours, theirs in (
        ((ti, tj), (i, j)),
        ((whole, tj), (whole, j)),
        ((whole, tm), (whole, mask)),
        ((whole, tj.reshape(7, 10)), (whole, j.reshape(7, 10))),
        ((ti, whole, ti % 5), (i, whole, i % 5)),
    ):
        np.testing.assert_array_equal(x[ours].numpy(), a[theirs])
        edited, expected = x.clone(), a.copy()
        edited[ours], expected[theirs] = 2.5, 2.5
        np.testing.assert_array_equal(edited.numpy(), expected)
    with pytest.raises(IndexError, match="index 30 is out of bounds for dimension 1 with size 30"):
        x[:, rushlight.tensor([0, 30])]


@pytest.mark.parametrize("step", [1, 3, -1])
def test_many_elements_are_counted(step):
    x = np.random.default_rng(0).integers(0, 100, 30_000)[::step]
    for minlength in (0, 50, 200):
        made = rushlight.tensor(x.copy()).bincount(minlength=minlength)
        np.testing.assert_array_equal(made.numpy(), np.bincount(x, minlength=minlength))
    np.testing.assert_array_equal(bincount.on_arrays(x), np.bincount(x))
    with pytest.raises(RuntimeError, match="the smallest is -1"):
        rushlight.tensor(x - 1).bincount()
    with pytest.raises(RuntimeError, match="the smallest is -101"):
        rushlight.tensor(x - 101).bincount()
