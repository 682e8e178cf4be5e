"""Products of small matrices and vectors in one call: layouts, odd sizes, and what is left to others."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.kernels import small_products
from rushlight.runtime import available, set_kernel_mode
from support import guarded

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
NEAR = {"float32": 1e-5, "float64": 1e-13}
SIZES = [0, 1, 2, 3, 7, 15, 16, 17, 33, 40]


def lying(draw, shape, dtype):
    """Values between guard pages, by rows or by columns."""
    turned = len(shape) > 1 and draw.random() < 0.5
    stored = (*shape[:-2], shape[-1], shape[-2]) if turned else shape
    array = guarded.empty(stored, dtype)
    array[...] = draw.standard_normal(stored)
    return array.swapaxes(-1, -2) if turned else array


@pytest.mark.parametrize("seed", range(150))
def test_products_of_any_layout(seed):
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    batch, rows, inner, columns = (int(draw.choice(SIZES)) for _ in range(4))
    cases = {
        "mm": ((rows, inner), (inner, columns)),
        "bmm": ((batch, rows, inner), (batch, inner, columns)),
        "mv": ((rows, inner), (inner,)),
        "dot": ((inner,), (inner,)),
        "times": ((inner,), (inner, columns)),
    }
    for name, shapes in cases.items():
        a, b = (lying(draw, shape, dtype) for shape in shapes)
        found = getattr(small_products, name)(a, b)
        wanted = np.matmul(a.astype("f8"), b.astype("f8"))
        if found is None:  # too much for one call
            assert wanted.size * inner > 1 << 18
            continue
        assert found.dtype == dtype
        assert found.shape == wanted.shape
        near = NEAR[dtype] * max(1.0, np.abs(wanted).max(initial=0))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=near)


@pytest.mark.parametrize("seed", range(60))
def test_added_to_something(seed):
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    batch, rows, inner, columns = (int(draw.choice(SIZES[1:6])) for _ in range(4))
    cases = {
        "addmm": ((rows, inner), (inner, columns)),
        "baddbmm": ((batch, rows, inner), (batch, inner, columns)),
        "addmv": ((rows, inner), (inner,)),
    }
    for name, shapes in cases.items():
        a, b = (lying(draw, shape, dtype) for shape in shapes)
        wanted = np.matmul(a.astype("f8"), b.astype("f8"))
        shape = wanted.shape[int(draw.integers(0, wanted.ndim)) :]
        start = guarded.empty(shape, dtype)
        start[...] = draw.standard_normal(shape)
        found = getattr(small_products, name)(start, a, b)
        near = NEAR[dtype] * max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(found, wanted + start, rtol=0, atol=near)
        op = getattr(rl, name)
        same = op(*(rl.tensor(np.array(x)) for x in (start, a, b)))
        np.testing.assert_allclose(same.numpy(), wanted + start, rtol=0, atol=near)
        assert getattr(small_products, name)(np.ones(9999, dtype), a, b) is None
        assert getattr(small_products, name)(np.ones((), dtype), a, b) is None


ONES = np.ones((4, 3), "f4")


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("mm", ONES, ONES),  # sizes that do not fit
        ("mm", ONES, np.ones((3, 2), "f8")),  # two types
        ("mm", ONES.astype("i4"), np.ones((3, 2), "i4")),  # whole numbers
        ("mm", np.ones((2, 4, 3), "f4"), np.ones((2, 3, 4), "f4")),  # not matrices
        ("mm", np.ones((8, 6), "f4")[::2, ::2], np.ones((3, 2), "f4")),  # gaps
        ("mm", np.ones((1000, 300), "f4"), np.ones((300, 300), "f4")),  # large
        ("bmm", np.ones((2, 4, 3), "f4"), np.ones((3, 3, 4), "f4")),  # other batches
        ("mv", ONES, np.ones((3, 1), "f4")),
        ("dot", ONES, np.ones(3, "f4")),
        ("times", np.ones((2, 4, 3), "f4"), np.ones((3, 4), "f4")),  # to be broadcast
        ("times", np.ones((), "f4"), np.ones(3, "f4")),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_others(name, a, b):
    assert getattr(small_products, name)(a, b) is None


def test_special_values_stay_where_they_are():
    a, b = np.ones((20, 5), "f4"), np.ones((5, 20), "f4")
    a[3, 2], b[1, 7] = np.nan, np.inf
    found = small_products.mm(a, b)
    np.testing.assert_array_equal(found, a @ b)


def test_errors_and_gradients_are_those_of_the_operators():
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        rl.mm(rl.ones(2, 3), rl.ones(2, 3))
    with pytest.raises(RuntimeError, match="must be a matrix"):
        rl.mm(rl.ones(1, 2, 3), rl.ones(1, 3, 2))
    with pytest.raises(RuntimeError, match="same dtype"):
        rl.mv(rl.ones(2, 3), rl.ones(3, dtype=rl.float64))
    x, y = rl.rand(3, 4, requires_grad=True), rl.rand(4, 2, requires_grad=True)
    z = rl.mm(x, y)
    assert z.grad_fn.name() == "MmBackward0"
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.tile(y.detach().numpy().sum(1), (3, 1)), rtol=1e-6)


def test_the_mode_switches_them_off():
    before = set_kernel_mode("off")
    try:
        assert small_products.mm(ONES, ONES.T.copy()) is None
    finally:
        set_kernel_mode(before)
