"""The kernels of small linear layers: products, gradients, odd sizes, and what they leave to numpy."""

import numpy as np
import pytest

from rushlight.kernels import linear
from rushlight.runtime import available, set_kernel_mode

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")

SHAPES = [
    (100, 1, 10),
    (100, 10, 1),
    (1, 1, 1),
    (33, 17, 19),
    (3, 40, 50),
    (64, 5, 128),
    (0, 3, 4),
    (5, 0, 3),
    (7, 1, 33),
]


def arrays(rows, inner, columns, dtype):
    draw = np.random.default_rng(rows + inner + columns).standard_normal
    shapes = [(rows, inner), (columns, inner), (columns,), (rows, columns)]
    return [draw(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_and_gradients(shape, dtype):
    x, w, bias, g = arrays(*shape, dtype)
    near = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(linear.forward(x, w, bias), x @ w.T + bias, **near)
    np.testing.assert_allclose(linear.forward(x, w, None), x @ w.T, **near)
    gx, gw, gb = linear.backward(g, x, w, (True, True, True))
    np.testing.assert_allclose(gx, g @ w, **near)
    np.testing.assert_allclose(gw, g.T @ x, **near)
    np.testing.assert_allclose(gb, g.sum(0), **near)


def test_only_what_is_asked_for_is_computed():
    x, w, _, g = arrays(5, 3, 4, "float32")
    assert [r is not None for r in linear.backward(g, x, w, (False, True, False))] == [False, True, False]


@pytest.mark.parametrize(
    ("x", "w"),
    [
        (np.ones((4, 3), "f4").T, np.ones((2, 4), "f4")),  # not contiguous
        (np.ones((4, 3), "f4"), np.ones((2, 4), "f4")),  # sizes that do not fit
        (np.ones((4, 3), "f4"), np.ones((2, 3), "f8")),  # two types
        (np.ones((4, 3), "i4"), np.ones((2, 3), "i4")),  # whole numbers
        (np.ones((2, 4, 3), "f4"), np.ones((2, 3), "f4")),  # three dimensions
        (np.ones((1000, 300), "f4"), np.ones((300, 300), "f4")),  # too large
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_numpy(x, w):
    assert linear.forward(x, w, None) is None


def test_the_mode_switches_them_off():
    x, w, bias, _ = arrays(4, 3, 2, "float32")
    before = set_kernel_mode("off")
    try:
        assert linear.forward(x, w, bias) is None
    finally:
        set_kernel_mode(before)
    assert linear.forward(x, w, bias) is not None
