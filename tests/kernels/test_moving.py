"""Moves by generated code that reads arrays itself: the very elements, a refusal where they do not fit."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.kernels import moving
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture
def moves():
    return moving.load()


@pytest.fixture(params=["off", "force"])
def mode(request):
    before = settings.set_kernel_mode(request.param)
    yield request.param
    settings.set_kernel_mode(before)


@pytest.mark.parametrize("dtype", ["?", "u1", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 200, 100_000])
def test_rows_of_every_length(moves, dtype, length):
    x = guarded.copy((np.arange(length) % 100).astype(dtype))
    for source in (x, x[::-1], x[::2], np.broadcast_to(x[:1], x.shape)):
        out = guarded.empty(source.shape, source.dtype)
        assert moves.copy(out, source, out.itemsize)
        np.testing.assert_array_equal(out, source)


def test_what_does_not_fit_is_refused(moves):
    x = np.zeros((3, 4), np.float32)
    assert moves.copy(np.empty((4, 3), np.float32), x, 4) is None
    assert moves.copy(np.empty((3, 4), np.int32), x, 4) is None
    assert moves.copy(np.empty((3, 4), ">f4"), x, 4) is None
    assert moves.copy(np.empty(2, object), np.array([None, 1]), 8) is None
    assert moves.copy(np.empty((1,) * 20, np.float32), np.zeros((1,) * 20, np.float32), 4) is None
    assert moves.extent([x, np.zeros(3, np.float32)], 0) is None
    assert moves.extent([x, x], 2) is None
    assert moves.join(np.empty((5, 4), np.float32), [x, x], 4, 0, 0) is None  # too short
    assert moves.join(np.empty((2, 3, 4), np.float32), [x, x[:2]], 4, 0, 1) is None
    assert moves.triangle(np.empty((3, 4), np.float32).T, x.T, 4, 0, 1) is None


def test_no_elements(moves):
    x = np.zeros((0, 4), np.float32)
    assert moves.copy(np.empty((0, 4), np.float32), x, 4)
    assert moves.extent([x, x], 0) == 0
    assert moves.join(np.empty((0, 8), np.float32), [x, x], 4, 1, 0)
    assert moves.triangle(np.empty((0, 4), np.float32), x, 4, 0, 1)


@pytest.mark.parametrize("dims", [(0,), (1,), (0, 2), (0, 1, 2)])
def test_flips_keep_the_order_in_memory(mode, dims):
    x = rushlight.arange(9000).reshape(30, 3, 100)
    for t in (x, x.transpose(0, 2), x[:, :, ::3]):
        made = t.flip(dims)
        np.testing.assert_array_equal(made.numpy(), np.flip(t.numpy(), dims))
    assert x.transpose(0, 2).flip(dims).stride() == x.transpose(0, 2).stride()


@pytest.mark.parametrize(
    ("shifts", "dims"), [(3, None), ((1, -2), (0, 2)), ((5, 5), (1, 1)), (-4000, 2), (0, 0)]
)
def test_rolls(mode, shifts, dims):
    x = np.arange(9000).reshape(30, 3, 100)
    made = rushlight.roll(rushlight.tensor(x), shifts, dims)
    np.testing.assert_array_equal(made.numpy(), np.roll(x, shifts, dims))


@pytest.mark.parametrize("layout", ["constant", "reflect", "replicate", "circular"])
def test_borders(mode, layout):
    numpys = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    for shape in ((2, 3, 5, 7), (2, 3, 50, 70)):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        for pads in ((1, 2, 0, 4), (0, 6, 3, 0), (0, 0, 0, 0)):
            made = rushlight.nn.functional.pad(rushlight.tensor(x), pads, layout)
            exact = np.pad(x, ((0, 0), (0, 0), pads[2:], pads[:2]), numpys[layout])
            np.testing.assert_array_equal(made.numpy(), exact)


@pytest.mark.parametrize("wanted", [False, True])
def test_lists_of_tensors_are_joined_as_by_numpy(mode, wanted):
    arrays = [np.random.default_rng(k).normal(size=(3, 1 + k % 3)).astype(np.float32) for k in range(40)]
    for _ in range(60):  # generated code comes in after some
        tensors = [rushlight.tensor(a, requires_grad=wanted and k == 7) for k, a in enumerate(arrays)]
        joined = rushlight.cat(tensors, 1)
        np.testing.assert_array_equal(joined.detach().numpy(), np.concatenate(arrays, 1))
        assert joined.requires_grad == wanted
    first = tuple(t[:, 0] for t in tensors)
    np.testing.assert_array_equal(
        rushlight.stack(first, -1).detach().numpy(), np.stack([a[:, 0] for a in arrays], -1)
    )
    assert rushlight.stack([t.double() if k else t for k, t in enumerate(first)]).dtype is rushlight.float64
    with pytest.raises(TypeError, match="expected Tensor as element 1"):
        rushlight.cat([tensors[0], 1])


@pytest.mark.parametrize("diagonal", [-1000, -2, 0, 1, 77, 1000])
def test_triangles(mode, diagonal):
    for shape in ((3, 60, 80), (80, 60), (1, 1), (0, 4)):
        x = np.random.default_rng(0).integers(0, 9, shape)
        for a in (x, np.swapaxes(np.ascontiguousarray(np.swapaxes(x, -1, -2)), -1, -2)):
            np.testing.assert_array_equal(rushlight.tensor(a).tril(diagonal).numpy(), np.tril(a, diagonal))
            np.testing.assert_array_equal(rushlight.tensor(a).triu(diagonal).numpy(), np.triu(a, diagonal))


def test_the_largest_numbers_of_half_precision():
    infinities = rushlight.tensor([float("inf"), -float("inf"), float("nan"), 1.0])
    for dtype in (rushlight.float16, rushlight.float32, rushlight.float64):
        most = rushlight.finfo(dtype).max
        assert infinities.to(dtype).nan_to_num().tolist() == [most, -most, 0.0, 1.0]


def test_each_element_several_times(mode):
    x = rushlight.randn(50, 100, requires_grad=True)
    for dim in (0, 1, None):
        made = x.repeat_interleave(3, dim)
        np.testing.assert_array_equal(made.detach().numpy(), np.repeat(x.detach().numpy(), 3, dim))
        (slope,) = rushlight.autograd.grad(made.sum(), x)
        assert (slope == 3).all()
