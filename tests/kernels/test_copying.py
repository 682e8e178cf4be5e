"""Copies of any layout by kernels: the very elements, and nothing beyond them."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import copying
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
LAYOUTS = [
    ((100, 101), (1, 0)),
    ((300, 40), (1, 0)),
    ((17, 1000), (1, 0)),
    ((5, 40, 70), (0, 2, 1)),
    ((5, 40, 70), (2, 1, 0)),
    ((5, 40, 70), (1, 0, 2)),
    ((8, 3, 33, 40), (0, 2, 3, 1)),
    ((8, 33, 40, 3), (0, 3, 1, 2)),
    ((2, 3, 4, 5, 6, 100), (5, 4, 3, 2, 1, 0)),
    ((2, 2, 2, 2, 2, 2, 2, 2, 2, 60), (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)),
    ((9000,), (0,)),
]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i8", "f2", "c8", "?"])
def test_turned_copies(dtype):
    random = np.random.default_rng(0)
    copied = 0
    for number, (shape, order) in enumerate(LAYOUTS):
        x = guarded.copy(random.integers(0, 100, shape).astype(dtype), at_end=number % 2 == 0).transpose(
            order
        )
        out = guarded.empty(x.shape, x.dtype)
        if copying.put(out, x):
            copied += 1
            np.testing.assert_array_equal(out, x)
    assert copied >= len(LAYOUTS) - 1


def test_views_with_gaps():
    whole = np.random.default_rng(1).normal(size=(150, 160, 3)).astype(np.float32)
    views = [
        whole[::2],
        whole[:, ::-1],
        whole[..., 1],
        whole[3:, 5:].transpose(1, 2, 0),
        whole[10:140, :, :2].T,
    ]
    views += [np.broadcast_to(whole[:1], whole.shape), np.broadcast_to(whole[..., :1], whole.shape)]
    for x in views:
        out = guarded.empty(x.shape, x.dtype)
        if not copying.put(out, x):
            np.copyto(out, x)
        np.testing.assert_array_equal(out, x)
        target = np.zeros(x.T.shape, x.dtype).T  # the result's axes in another order
        if copying.put(target, x):
            np.testing.assert_array_equal(target, x)


def test_large_results_go_past_the_caches():
    x = np.arange(4096 * 4096, dtype=np.float32).reshape(4096, 4096).T
    from rushlight.runtime import memory

    out = memory.empty(x.shape, x.dtype)
    assert copying.put(out, x)
    assert (out == x).all()


def test_what_numpy_is_to_do():
    x = np.zeros((100, 100), np.float32)
    assert not copying.put(x, x.T)  # the same memory
    assert not copying.put(np.empty((10, 10)), np.zeros((10, 10)).T)  # small
    assert not copying.put(np.empty((100, 100), np.complex128), np.zeros((100, 100), np.complex128).T)
    assert not copying.put(np.empty((100, 100), np.float64), x.T)  # another type
