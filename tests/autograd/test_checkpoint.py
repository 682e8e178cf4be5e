"""Checkpoints: the same gradients and random numbers, with less kept."""

# short functions are there to be transformed
# ruff: noqa: E731

import contextlib

import numpy as np
import pytest

import rushlight as torch
from rushlight.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def noisy(x, scale=1.0):
    return (x.sin() * torch.rand(2, dtype=torch.float64)).exp() * scale


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradients_and_random_numbers_are_the_same(use_reentrant):
    x = leaf(1.0, 2.0)
    torch.manual_seed(3)
    y = checkpoint(noisy, x * 2, use_reentrant=use_reentrant)
    after = torch.rand(1)
    y.sum().backward()
    found, x.grad = x.grad, None
    torch.manual_seed(3)
    z = noisy(x * 2)
    assert torch.equal(torch.rand(1), after)
    state = torch.get_rng_state()
    z.sum().backward()
    assert torch.equal(y, z)
    assert torch.equal(found, x.grad)
    assert torch.equal(state, torch.get_rng_state())


def test_without_reentering_everything_goes():
    x = leaf(1.0, 2.0)
    f = lambda x, k: {"y": (x * x * k, x.exp())}
    y = checkpoint(f, x, k=3.0, use_reentrant=False)["y"]
    (g,) = torch.autograd.grad(y[0].sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, retain_graph=True)
    assert g.tolist() == [6.0, 12.0]
    assert h.tolist() == [6.0, 6.0]
    (again,) = torch.autograd.grad(y[0].sum(), x, retain_graph=True)
    assert again.tolist() == [6.0, 12.0]
    w = leaf(5.0, 5.0)
    checkpoint(lambda x: x * w, x.detach(), use_reentrant=False).sum().backward()
    assert w.grad.tolist() == [1.0, 2.0]
    with torch.no_grad():
        assert not checkpoint(noisy, x, use_reentrant=False).requires_grad


def test_checkpoints_in_checkpoints():
    x = leaf(0.5)
    inner = lambda x: checkpoint(torch.sin, x * 2, use_reentrant=False).exp()
    checkpoint(inner, x, use_reentrant=False).backward()
    assert x.grad.item() == pytest.approx(2 * np.cos(1.0) * np.exp(np.sin(1.0)))


def test_nothing_is_kept_between():
    import weakref

    kept = []

    def f(x):
        y = x * 2
        kept.append(weakref.ref(y))
        return y.exp().sin()

    x = leaf(1.0)
    z = checkpoint(f, x, use_reentrant=False)
    assert kept[0]() is None
    z.backward()
    assert x.grad.item() == pytest.approx(np.cos(np.exp(2.0)) * np.exp(2.0) * 2)


def test_a_function_that_changes_is_found_out():
    calls = []

    def shrinking(x):
        calls.append(1)
        return (x.exp() if len(calls) == 1 else x[:1].exp()).sum()

    with pytest.raises(CheckpointError, match="different metadata"):
        checkpoint(shrinking, leaf(1.0, 2.0), use_reentrant=False).backward()
    calls.clear()

    def shortening(x):
        calls.append(1)
        return x.exp().sin() if len(calls) == 1 else x * 1

    with pytest.raises(CheckpointError, match="different number of tensors"):
        checkpoint(shortening, leaf(1.0), use_reentrant=False, determinism_check="none").backward()


def test_contexts_of_both_runs():
    seen = []

    @contextlib.contextmanager
    def note(what):
        seen.append(what)
        yield

    y = checkpoint(
        torch.exp, leaf(1.0), use_reentrant=False, context_fn=lambda: (note("first"), note("second"))
    )
    y.backward()
    assert seen == ["first", "second"]


def test_reentrant_needs_an_input_with_a_gradient():
    with pytest.warns(UserWarning, match="Gradients will be None"):
        assert not checkpoint(torch.exp, torch.ones(1), use_reentrant=True).requires_grad
    x = leaf(1.0)
    y = checkpoint(lambda x, k: (x * k, 3), x, 2.0, use_reentrant=True)[0]
    y.backward()
    assert x.grad.item() == 2.0
    with pytest.raises(RuntimeError, match="not necessary"):
        checkpoint(lambda x: x.detach() * 1, x, use_reentrant=True).backward()


def test_arguments_are_checked():
    x = leaf(1.0)
    with pytest.warns(UserWarning, match="use_reentrant"):
        checkpoint(torch.exp, x)
    with pytest.raises(ValueError, match="keyword arguments"):
        checkpoint(torch.exp, x, use_reentrant=True, other=1)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(torch.exp, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(torch.exp, x, use_reentrant=False, determinism_check="often")


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_chains(use_reentrant):
    steps = [torch.sin, torch.exp, torch.tanh, torch.sin, lambda x: x * 3]
    for segments in (1, 2, 5):
        x = leaf(0.3)
        checkpoint_sequential(steps, segments, x, use_reentrant=use_reentrant).backward()
        y = leaf(0.3)
        z = y
        for step in steps:
            z = step(z)
        z.backward()
        assert x.grad.item() == pytest.approx(y.grad.item())
    with pytest.raises(ValueError, match="segments"):
        checkpoint_sequential(steps, 9, leaf(1.0), use_reentrant=False)
    with pytest.raises(ValueError, match="keyword"):
        checkpoint_sequential(steps, 2, leaf(1.0), use_reentrant=False, more=1)


def test_settings_that_change_nothing():
    with set_checkpoint_early_stop(False), set_checkpoint_debug_enabled(None):
        checkpoint(torch.exp, leaf(1.0), use_reentrant=False).backward()
