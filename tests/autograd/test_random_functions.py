"""Random functions: forward and reverse mode agree, and so do batches and loops, at every order."""

# short functions are there to be transformed
# ruff: noqa: E731

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

import rushlight as torch
from rushlight.func import grad, jvp, vjp, vmap

STEPS = {
    "sin": lambda x: x.sin(),
    "square": lambda x: x * x,
    "mix": lambda x: x * x.flip(0) + x.mean(),
    "softmax": lambda x: x.softmax(-1),
    "scan": lambda x: x.cumsum(0).tanh(),
    "turn": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1) * 0.5,
    "view": lambda x: x.reshape(-1).roll(1).reshape(x.shape),
    "sorted": lambda x: x.sort(0).values * 1.5,
    "pieces": lambda x: torch.cat(list(x.chunk(2))[::-1]),
    "product": lambda x: x @ x.mT @ x * 0.1,
    "choice": lambda x: torch.where(x > 0, x.exp(), x),
    "index": lambda x: x[torch.tensor([1, 0, 1])[: x.shape[0]]] + x[:1],
    "edit": lambda x: (x * 1).mul_(x).add_(1),
    "gather": lambda x: x.gather(0, torch.zeros(x.shape, dtype=torch.int64)) * x,
}

functions = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4)
shapes = st.tuples(st.integers(2, 3), st.integers(1, 3))


def composed(names):
    def f(x):
        for name in names:
            x = STEPS[name](x)
        return x

    return f


def draw(seed, *shape):
    return torch.tensor(np.random.default_rng(seed).uniform(-1.2, 1.2, shape))


def close(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-7, atol=1e-9)


@given(names=functions, shape=shapes, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_forward_and_reverse_mode_are_transposes(names, shape, seed):
    f, x, t, v = composed(names), draw(seed, *shape), draw(seed + 1, *shape), draw(seed + 2, *shape)
    value, tangent = jvp(f, (x,), (t,))
    again, pullback = vjp(f, x)
    close(value, again)
    close((v * tangent).sum(), (pullback(v)[0] * t).sum())


@given(names=functions, shape=shapes, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_batches_are_loops(names, shape, seed):
    f, x = composed(names), draw(seed, 3, *shape)
    slope = grad(lambda x: f(x).pow(2).sum())
    curve = lambda x: jvp(slope, (x,), (torch.ones_like(x),))[1]
    for g in (f, slope, curve):
        close(vmap(g)(x), torch.stack([g(one) for one in x]))


@given(names=functions, shape=shapes, seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_second_derivatives_are_symmetric_and_the_same_each_way(names, shape, seed):
    f, x, u, v = composed(names), draw(seed, *shape), draw(seed + 1, *shape), draw(seed + 2, *shape)
    slope = grad(lambda x: f(x).sin().sum())
    forward_over_reverse = (jvp(slope, (x,), (u,))[1] * v).sum()
    reverse_over_reverse = (vjp(slope, x)[1](v)[0] * u).sum()
    leaf = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(leaf).sin().sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((first * u).sum(), leaf)
    close(forward_over_reverse, reverse_over_reverse)
    close(forward_over_reverse, (second * v).sum())
