"""Elements that a mask chooses, by generated code: numpy's, whatever the mask, and nothing beside them."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import masking
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture(params=["off", "force"])
def mode(request):
    before = settings.set_kernel_mode(request.param)
    yield request.param
    settings.set_kernel_mode(before)


def masks_of(length):
    random = np.random.default_rng(length)
    for share in (0, 0.01, 0.5, 1):
        yield guarded.copy(random.random(length) < share)
    one = np.zeros(length, bool)
    one[-1] = True
    yield guarded.copy(one)


@pytest.mark.parametrize("dtype", ["?", "u1", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 63, 64, 65, 1000, 100_000])
def test_against_numpy(dtype, length):
    found = masking.load()
    x = guarded.copy((np.arange(length) % 90).astype(dtype))
    for mask in masks_of(length):
        np.testing.assert_array_equal(found.picked(x, mask), x[mask])
        np.testing.assert_array_equal(found.nonzero(mask), np.argwhere(mask))
        ours, theirs = guarded.copy(x), x.copy()
        source = guarded.copy(x[::-1][: mask.sum()])
        assert found.placed(ours, source, mask)
        theirs[mask] = source
        np.testing.assert_array_equal(ours, theirs)
        assert found.fill(ours, x[:1].reshape(()), mask, x.itemsize)
        theirs[mask] = x[0]
        np.testing.assert_array_equal(ours, theirs)


def test_matrices():
    random = np.random.default_rng(0)
    for shape in ((1, 9), (9, 2), (300, 7), (3, 1000), (400, 500)):
        for share in (0, 0.02, 0.5, 1):
            mask = random.random(shape) < share
            np.testing.assert_array_equal(masking.load().nonzero(mask), np.argwhere(mask))


def test_what_numpy_is_to_do():
    found, x = masking.load(), np.zeros((4, 6), np.float32)
    mask = x == 0
    assert found.picked(x.T, mask.T) is None
    assert found.picked(x, mask.astype(np.uint8)) is None
    assert found.picked(x, mask[:, :3].copy()) is None
    assert not found.placed(x, np.zeros(23, np.float32), mask)
    assert not found.placed(x, np.zeros(24), mask)
    assert found.fill(x, np.zeros(()), mask, 4) is None
    assert found.nonzero(np.zeros((2, 2, 2), bool)) is None


@pytest.mark.parametrize("shape", [(900,), (40, 50), (8, 9, 10)])
def test_through_tensors(mode, shape):
    random = np.random.default_rng(0)
    a, m = random.normal(size=shape).astype(np.float32), random.random(shape) < 0.4
    x, mask = rushlight.tensor(a, requires_grad=True), rushlight.tensor(m)
    source = rushlight.tensor(a.reshape(-1)[::-1].copy())
    with rushlight.no_grad():
        np.testing.assert_array_equal(x[mask].numpy(), a[m])
        np.testing.assert_array_equal(x.masked_select(mask).numpy(), a[m])
        np.testing.assert_array_equal(mask.nonzero().numpy(), np.argwhere(m))
        np.testing.assert_array_equal(x.masked_fill(mask, 2).numpy(), np.where(m, np.float32(2), a))
        edited = x.clone()
        edited[mask] = source[: int(m.sum())]
        np.testing.assert_array_equal(edited.numpy(), x.masked_scatter(mask, source).numpy())
        np.testing.assert_array_equal(edited.numpy()[m], a.reshape(-1)[::-1][: m.sum()])
        edited.masked_fill_(mask, -1.5)
        np.testing.assert_array_equal(edited.numpy(), np.where(m, np.float32(-1.5), a))
        edited[mask] = 7
        np.testing.assert_array_equal(edited.numpy(), np.where(m, np.float32(7), a))
    weights = rushlight.randn(int(m.sum()))
    (slope,) = rushlight.autograd.grad((x[mask] * weights).sum(), x)
    np.testing.assert_array_equal(slope.numpy()[m], weights.numpy())
    assert not slope.numpy()[~m].any()
    assert type(x.masked_fill(mask, 0).grad_fn).__name__ == "MaskedFillBackward0"


def test_errors_stay_as_they_were(mode):
    x, mask = rushlight.zeros(600), rushlight.ones(600, dtype=rushlight.bool)
    with pytest.raises(RuntimeError, match="cannot be broadcast"):
        x[mask] = rushlight.ones(599)
    with pytest.raises(RuntimeError, match="at least as many elements"):
        x.masked_scatter(mask, rushlight.ones(599))
    with pytest.raises(IndexError, match="does not match the shape"):
        x[mask[:599]]
