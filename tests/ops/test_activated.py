"""A linear layer with its activation in one pass: the values and the graph of the two calls."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn import functional as F
from rushlight.ops.activated import linear_activated
from rushlight.runtime import available

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
SIZES = [(2, 3, 5), (64, 784, 100), (130, 40, 260), (4, 70, 90, 200)]
ACTIVATIONS = {
    "relu": (rl.relu, {}),
    "sigmoid": (rl.sigmoid, {}),
    "tanh": (rl.tanh, {}),
    "gelu": (F.gelu, {}),
    "gelu_tanh": (F.gelu, {"approximate": "tanh"}),
    "silu": (F.silu, {}),
    "leaky": (F.leaky_relu, {"negative_slope": 0.2}),
}


def layer(sizes, dtype, bias=True):
    draw = np.random.default_rng(0)
    *lead, inner, columns = sizes
    shapes = (*lead, inner), (columns, inner), (columns,)
    x, w, b = (rl.tensor(draw.standard_normal(s), dtype=dtype) for s in shapes)
    return x, w, b if bias else None


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_values(name, sizes, bias):
    activation, options = ACTIVATIONS[name]
    for dtype in (rl.float32, rl.float64):
        x, w, b = layer(sizes, dtype, bias)
        found = linear_activated(x, w, b, activation, **options)
        wanted = activation(F.linear(x, w, b), **options)
        if found is not None:
            assert found.dtype is dtype
            assert found.shape == wanted.shape
            near = 1e-5 if dtype is rl.float32 else 1e-13
            np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=near, atol=near * 30)
        else:  # left to two calls: small, and not one of those with numpy's very bits
            assert wanted.numel() < 4096


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_those_of_two_calls(sizes):
    found, wanted = (layer(sizes, rl.float64) for _ in range(2))
    for t in (*found, *wanted):
        t.requires_grad_()
    one, two = linear_activated(*found, rl.relu), rl.relu(F.linear(*wanted))
    assert one.grad_fn.name() == two.grad_fn.name()
    assert [f[0].name() for f in one.grad_fn.next_functions] == [
        f[0].name() for f in two.grad_fn.next_functions
    ]
    for result, given in ((one, found), (two, wanted)):
        (g,) = rl.autograd.grad((result * result).sum(), given[0], create_graph=True)
        (g * g).sum().backward()
    for t, u in zip(found, wanted):
        np.testing.assert_allclose(t.grad.numpy(), u.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_a_gradient_that_needs_more_is_left_to_two_calls():
    x, w, b = layer(SIZES[1], rl.float32)
    assert linear_activated(x, w.requires_grad_(), b, F.gelu) is None
    with rl.no_grad():
        assert linear_activated(x, w, b, F.gelu) is not None


@pytest.mark.parametrize("given", ["mixed", "shape", "vector", "option", "function"])
def test_what_does_not_fit_is_refused(given):
    x, w, b = layer(SIZES[1], rl.float32)
    activation, options = rl.relu, {}
    if given == "mixed":
        w = w.double()
    elif given == "shape":
        x = x[:, :-1]
    elif given == "vector":
        x = x[0]
    elif given == "option":
        activation, options = F.gelu, {"approximate": []}
    else:
        activation = F.softmax
    assert linear_activated(x, w, b, activation, **options) is None


@pytest.mark.parametrize(("beta", "alpha"), [(1, 1), (0, 1), (0.5, 1), (1, -2.0), (2, 3), (0, 0.5)])
def test_products_with_factors(beta, alpha):
    draw = np.random.default_rng(1)
    for shapes in (
        ((70, 90), (70, 80), (80, 90)),
        ((90,), (70, 80), (80, 90)),
        ((70, 1), (70, 80), (80, 90)),
    ):
        c, a, b = (draw.standard_normal(s) for s in shapes)
        found = rl.addmm(*map(rl.tensor, (c, a, b)), beta=beta, alpha=alpha)
        np.testing.assert_allclose(found.numpy(), beta * c + alpha * (a @ b), rtol=1e-12, atol=1e-12)
    c, a, b = (draw.standard_normal(s) for s in ((3, 1, 50), (3, 60, 40), (3, 40, 50)))
    found = rl.baddbmm(*map(rl.tensor, (c, a, b)), beta=beta, alpha=alpha)
    np.testing.assert_allclose(found.numpy(), beta * c + alpha * (a @ b), rtol=1e-12, atol=1e-12)
    c[:] = np.nan
    assert np.isfinite(rl.baddbmm(*map(rl.tensor, (c, a, b)), beta=0).numpy()).all()
