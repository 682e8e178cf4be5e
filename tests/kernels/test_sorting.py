"""Rows in order by generated code: numpy's stable order, NaN last, for all types, lengths and threads."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import sorting
from rushlight.runtime import pool, settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
SHAPES = [(1,), (5,), (9, 16), (3, 100), (2, 208), (2, 209), (3, 700), (40_000,), (2, 9000), (4, 1), (0, 5)]
TYPES = ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


def drawn(random, shape, dtype, few):
    if dtype[0] == "f":
        x = np.round(random.normal(size=shape) * 9) if few else random.normal(size=shape) * 1e3
        x = x.astype(dtype)
        for special in (np.nan, -np.nan, np.inf, -np.inf, -0.0):
            x[random.random(shape) < 0.03] = special
        return x
    if dtype == "?":
        return random.random(shape) < 0.5
    fits = np.iinfo(dtype)
    low, high = (max(fits.min, -10), 20) if few else (fits.min, fits.max)
    return random.integers(low, high, shape, dtype=dtype, endpoint=True)


def stable(x, descending):
    if not descending:
        return np.argsort(x, -1, kind="stable")
    return x.shape[-1] - 1 - np.argsort(x[..., ::-1], -1, kind="stable")[..., ::-1]


def check(x, descending):
    values, places = sorting.load().rows(guarded.copy(x), descending)
    order = stable(x, descending)
    np.testing.assert_array_equal(places, order)
    assert np.take_along_axis(x, order, -1).tobytes() == values.tobytes()  # signs of zeros and NaN too


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_all_types_and_lengths(dtype, descending):
    random = np.random.default_rng(0)
    for shape in SHAPES:
        for few in (False, True):
            x = drawn(random, shape, dtype, few)
            check(x, descending)
            check(np.sort(x, -1), descending)


@pytest.mark.parametrize("descending", [False, True])
def test_wide_keys_that_are_equal_in_their_first_half(descending):
    random = np.random.default_rng(1)
    for n in (300, 20_000):
        check(random.integers(0, 50, n) << 40, descending)
        check((random.integers(0, 3, n) << 60) + random.integers(0, 1000, n), descending)  # too many equal
        check(np.where(random.random(n) < 0.01, 1e300, 1 + random.random(n) * 1e-12), descending)
        check(random.normal(size=n) * 1e-300, descending)


def test_threads_change_nothing():
    random, before, found = np.random.default_rng(2), pool.get_num_threads(), []
    arrays = [
        np.round(random.normal(size=shape)).astype("f4") for shape in ((100_000,), (50, 900), (3, 40_000))
    ]
    try:
        for count in (1, 2, 3):
            pool.set_num_threads(count)
            found.append([sorting.load().rows(x, True)[1] for x in arrays])
    finally:
        pool.set_num_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_the_same_without_kernels(dim):
    x = rushlight.tensor(np.round(np.random.default_rng(3).normal(size=(4, 60, 5)) * 5).astype("f4"))

    def results():
        middle, where = x.median(dim)
        return [x.sort(dim), x.sort(dim, True), (x.argsort(dim),), x.topk(3, dim), x.topk(4, dim, False),
                x.kthvalue(2, dim), (middle, where), x.mode(dim), (x.quantile(0.3, dim),)]  # fmt: skip

    ours = results()
    settings.set_kernel_mode("off")
    for one, other in zip(ours, results()):
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_what_numpy_is_to_do():
    sort, x = sorting.load().sort, np.zeros((3, 500), np.float32)
    places, scratch = np.zeros((3, 500), np.int64), np.zeros(1 << 16, np.uint8)
    assert sort(None, places, x, scratch, 0, 1, 0) is True
    assert sort(None, places, x, scratch[:100], 0, 1, 0) is None
    assert sort(None, places, x.astype(np.complex64), scratch, 0, 1, 0) is None
    assert sort(np.zeros((3, 500)), places, x, scratch, 0, 1, 0) is None
    assert sort(None, places[:2], x, scratch, 0, 1, 0) is None
    assert sort(None, places, x.copy().T, scratch, 0, 1, 0) is None
