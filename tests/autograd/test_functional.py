"""`autograd.functional` against formulas and against PyTorch."""

# tables have a line for each case
# ruff: noqa: E501

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import functional as F


def randn(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape))


def cubes(x):
    return (x**3).sum()


def two(x, y):
    return x * y.exp(), (x * y).sum()


def flat(result):
    return [result] if not isinstance(result, (tuple, list)) else [t for r in result for t in flat(r)]


CALLS = {
    "jacobian": lambda F, x, y: F.jacobian(two, (x, y)),
    "jacobian vectorized": lambda F, x, y: F.jacobian(two, (x, y), vectorize=True),
    "jacobian forward": lambda F, x, y: F.jacobian(two, (x, y), vectorize=True, strategy="forward-mode"),
    "jacobian of one": lambda F, x, y: F.jacobian(lambda x: x.exp() * y, x),
    "jacobian unused": lambda F, x, y: F.jacobian(lambda x, y: x * 2, (x, y)),
    "jacobian constant": lambda F, x, y: F.jacobian(lambda x: y * 2, x, vectorize=True),
    "hessian": lambda F, x, y: F.hessian(cubes, x),
    "hessian of two": lambda F, x, y: F.hessian(lambda x, y: (x * y * y).sum(), (x, y)),
    "hessian vectorized": lambda F, x, y: F.hessian(lambda x, y: (x * y * y).sum(), (x, y), vectorize=True),
    "hessian forward": lambda F, x, y: F.hessian(lambda x, y: (x * y * y).sum(), (x, y), vectorize=True, outer_jacobian_strategy="forward-mode"),
    "hessian forward of one": lambda F, x, y: F.hessian(cubes, x, vectorize=True, outer_jacobian_strategy="forward-mode"),
    "vjp": lambda F, x, y: F.vjp(two, (x, y), (y, x.sum())),
    "vjp of one number": lambda F, x, y: F.vjp(cubes, x),
    "jvp": lambda F, x, y: F.jvp(two, (x, y), (y, x)),
    "hvp": lambda F, x, y: F.hvp(cubes, x, y),
    "vhp": lambda F, x, y: F.vhp(lambda x, y: (x * y * y).sum(), (x, y), (y, x)),
    "hvp of two": lambda F, x, y: F.hvp(lambda x, y: (x * y * y).sum(), (x, y), (y, x)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch(name):
    oracle = pytest.importorskip("torch")
    values = [np.random.default_rng(k).standard_normal(3) for k in range(2)]
    expected = CALLS[name](oracle.autograd.functional, *map(oracle.tensor, values))
    found = CALLS[name](F, *map(torch.tensor, values))
    assert len(flat(found)) == len(flat(expected))
    for a, b in zip(flat(found), flat(expected)):
        assert not a.requires_grad
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_formulas():
    x, v = randn(3), randn(3, seed=1)
    np.testing.assert_allclose(F.hessian(cubes, x).numpy(), np.diag(6 * x.numpy()))
    for product in (F.hvp, F.vhp):
        value, found = product(cubes, x, v)
        np.testing.assert_allclose(found.numpy(), 6 * x.numpy() * v.numpy())
        assert value.item() == pytest.approx(cubes(x).item())


def test_results_with_a_graph():
    x = randn(3).requires_grad_()
    for found in (
        F.jacobian(lambda x: x**3, x, create_graph=True),
        F.jacobian(lambda x: x**3, x, create_graph=True, vectorize=True),
        F.jacobian(lambda x: x**3, x, create_graph=True, vectorize=True, strategy="forward-mode"),
        F.vjp(lambda x: x**3, x, torch.ones(3, dtype=torch.float64), create_graph=True)[1],
        F.jvp(lambda x: x**3, x, torch.ones(3, dtype=torch.float64), create_graph=True)[1],
    ):
        (g,) = torch.autograd.grad(found.sum(), x)
        np.testing.assert_allclose(g.numpy(), 6 * x.detach().numpy())
    (g,) = torch.autograd.grad(
        F.hvp(cubes, x, torch.ones(3, dtype=torch.float64), create_graph=True)[1].sum(), x
    )
    np.testing.assert_allclose(g.numpy(), 6.0)


def test_inputs_are_not_touched():
    x = randn(3).requires_grad_()
    F.jacobian(cubes, x)
    assert x.grad is None


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.jacobian(cubes, 3.0), TypeError, "inputs given to jacobian must be either a Tensor"),
        (lambda x: F.jacobian(lambda x: (x, 3), x), TypeError, "at index 1"),
        (lambda x: F.jacobian(cubes, x, strategy="both"), AssertionError, "strategy"),
        (lambda x: F.jacobian(cubes, x, strict=True, vectorize=True), RuntimeError, "strict"),
        (lambda x: F.jacobian(cubes, x, strict=True, strategy="forward-mode"), RuntimeError, "strict"),
        (lambda x: F.jacobian(cubes, x, strategy="forward-mode"), NotImplementedError, "vectorize=True"),
        (lambda x: F.jacobian(lambda y: x * 2, x, strict=True), RuntimeError, "independent of the inputs"),
        (lambda x: F.jacobian(lambda y, z: y * 2, (x, x), strict=True), RuntimeError, "independent of input 1"),
        (lambda x: F.jacobian(lambda y: y * 2, x, strict=True, create_graph=True), RuntimeError, "independent"),
        (lambda x: F.hessian(lambda x: x, x), RuntimeError, "single element"),
        (lambda x: F.hessian(lambda x: 3, x), RuntimeError, "single element"),
        (lambda x: F.hessian(lambda x: x.sum(), x, strict=True), RuntimeError, "gradient with respect to input"),
        (lambda x: F.hessian(cubes, x, outer_jacobian_strategy="x"), AssertionError, "strategy"),
        (lambda x: F.hessian(cubes, x, strict=True, vectorize=True, outer_jacobian_strategy="forward-mode"), RuntimeError, "strict"),
        (lambda x: F.hvp(lambda x: x, x, x), RuntimeError, "single element"),
        (lambda x: F.vjp(lambda x: x * 2, x), RuntimeError, "can only be None"),
        (lambda x: F.vjp(lambda x: x * 2, x, (x, x)), RuntimeError, "invalid length"),
        (lambda x: F.jvp(lambda x: x * 2, x, x[:1]), RuntimeError, "invalid size"),
        (lambda x: F.jvp(lambda y: x * 1, x, x, strict=True), RuntimeError, "independent"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(call, error, says):
    with pytest.raises(error, match=says):
        call(randn(3))


def test_what_is_independent_gives_zeros():
    x = randn(3)
    assert F.jvp(lambda y: x * 1, x, x)[1].tolist() == [0.0] * 3
    assert F.vjp(lambda y: x * 1, x, x)[1].tolist() == [0.0] * 3
