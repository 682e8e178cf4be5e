"""Cumulative operations, differences, derivatives and integrals agree with PyTorch, gradients included."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from support.against_torch import same

random = np.random.default_rng(1)
X = random.standard_normal((3, 4, 5))

CALLS = {
    "cumsum": lambda f, x: x.cumsum(1),
    "cumprod": lambda f, x: x.cumprod(-1),
    "cummax": lambda f, x: x.cummax(1),
    "cummin": lambda f, x: f.cummin(x, 0),
    "logcumsumexp": lambda f, x: x.logcumsumexp(2),
    "diff": lambda f, x: f.diff(x, n=2, dim=0, prepend=x[:2], append=x),
    "gradient": lambda f, x: f.gradient(x, spacing=0.5, dim=(0, 2)),
    "gradient, second order at the ends": lambda f, x: f.gradient(x, edge_order=2),
    "gradient at places": lambda f, x: f.gradient(
        x, spacing=[f.tensor([0.0, 1, 3, 4]).to(x.dtype)], dim=1, edge_order=2
    ),
    "trapezoid": lambda f, x: f.trapezoid(x, dx=0.5, dim=1),
    "trapezoid at places": lambda f, x: f.trapezoid(x, x[0, 0] * 2, dim=-1),
    "trapezoid at places of each row": lambda f, x: f.trapezoid(x, x * 2, dim=1),
    "cumulative_trapezoid": lambda f, x: f.cumulative_trapezoid(x, dim=1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_to_second_order(call):
    pytest.importorskip("torch")
    same(call, X, order=2)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "diff", "trapezoid"])
def test_complex_numbers(name):
    pytest.importorskip("torch")
    same(CALLS[name], X + 1j * random.standard_normal(X.shape), order=1)


@pytest.mark.parametrize("zeros", [[0], [2], [1, 3], [0, 1, 4], [4]])
def test_cumulative_product_with_zeros_to_third_order(zeros):
    pytest.importorskip("torch")
    x = np.array([2.0, -3.0, 0.5, 4.0, 1.5])
    x[zeros] = 0
    same(lambda f, x: x.cumprod(0), x, order=3)


def test_cumulative_product_with_zeros_without_an_oracle():
    x = rl.tensor([2.0, 0.0, 3.0], dtype=rl.float64, requires_grad=True)
    x.cumprod(0).sum().backward()
    assert x.grad.tolist() == [1.0, 2 + 2 * 3.0, 0.0]


def test_running_extremes_name_the_last_of_equals_and_let_nan_win():
    pytest.importorskip("torch")
    x = np.array([1.0, 3.0, 3.0, 2.0, np.nan, 5.0, np.nan])
    same(lambda f, x: (f.cummax(x, 0), f.cummin(x, 0)), x)
    same(lambda f, x: (f.cummax(x, 0), f.cummin(x, 0)), x[:4], order=1)


def test_logcumsumexp_of_extreme_values():
    pytest.importorskip("torch")
    x = np.array([-np.inf, -np.inf, -1000.0, 1000.0, 0.0, 1000.0])
    same(lambda f, x: x.logcumsumexp(0), x)
    t = rl.from_numpy(x).requires_grad_()
    t.logcumsumexp(0)[-1].backward()
    np.testing.assert_allclose(t.grad.numpy(), [0, 0, 0, 0.5, 0, 0.5], atol=1e-12)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32"])
@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: x.cumsum(0),
        lambda f, x: x.cumprod(1),
        lambda f, x: f.diff(x),
        lambda f, x: x.cumsum(0, dtype=f.float64),
    ],
)
def test_result_types(call, dtype):
    pytest.importorskip("torch")
    same(call, random.integers(0, 2, (3, 4)).astype(dtype))


def test_running_totals_are_kept_in_double_precision():
    x = np.full(300_000, 0.1, "float32")
    total = rl.from_numpy(x).cumsum(0)[-1].item()
    assert abs(total - 300_000 * float(np.float32(0.1))) < 0.01


def test_without_elements_and_without_dimensions():
    assert rl.zeros(0, 3).cumsum(0).shape == (0, 3)
    assert rl.tensor(2.0).cumprod(0).item() == 2
    values, indices = rl.tensor(2.0).cummax(0)
    assert (values.item(), indices.item()) == (2, 0)


def test_messages():
    with pytest.raises(RuntimeError, match="at least one-dimensional"):
        rl.diff(rl.tensor(1.0))
    with pytest.raises(RuntimeError, match="edge_order"):
        rl.gradient(rl.ones(1))
    with pytest.raises(RuntimeError, match="one `x` value for each sample"):
        rl.trapezoid(rl.ones(3), rl.ones(4))


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp"])
def test_gradients_along_an_axis_counted_from_the_end(name):
    """-1 names the same axis as its number does: the gradient runs the other way along it."""
    x, g = rl.rand(3, 5, dtype=rl.float64) + 0.5, rl.rand(3, 5, dtype=rl.float64)
    found = []
    for dim in (1, -1):
        leaf = x.clone().requires_grad_()
        getattr(leaf, name)(dim).backward(g)
        found.append(leaf.grad)
    assert rl.equal(*found)


@pytest.mark.parametrize(("shape", "dim"), [((700,), 0), ((40, 9), 1), ((9, 40), 0), ((5, 30, 7), 1)])
@pytest.mark.parametrize("spread", [1e-5, 1, 10, 100, "-inf", "nan"])
def test_logcumsumexp_of_many(shape, dim, spread):
    drawn = np.random.default_rng(1)
    x = drawn.standard_normal(shape).astype("f4")
    if isinstance(spread, str):
        x[drawn.random(shape) < 0.1] = float(spread)
    else:
        x *= spread
    with np.errstate(invalid="ignore"):
        exact = np.logaddexp.accumulate(x, dim, np.float64)
    made = rl.tensor(x).logcumsumexp(dim)
    np.testing.assert_allclose(made.numpy(), exact, rtol=1e-7, atol=1e-13)
