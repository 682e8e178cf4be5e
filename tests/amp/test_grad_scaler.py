"""GradScaler scales, unscales, skips overflowing steps and adapts, as PyTorch's does."""

import pytest

import rushlight


def rehearsal(library, gradients):
    """The scale and the weight after each of some steps whose losses are weighted by `gradients`."""
    weight = library.ones(2, requires_grad=True)
    optimizer = library.optim.SGD([weight], lr=0.1)
    scaler = library.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    told = []
    for g in gradients:
        optimizer.zero_grad()
        scaler.scale((weight * g).sum()).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        told.append((scaler.get_scale(), weight.tolist(), scaler.state_dict()))
    return told


GRADIENTS = (1.0, 2.0, float("inf"), 1.0, float("nan"), 1.0, 1.0, 1.0)


def test_overflow_shrinks_the_scale_and_skips_the_step():
    scales = [scale for scale, *_ in rehearsal(rushlight, GRADIENTS)]
    assert scales == [8, 16, 8, 8, 4, 4, 8, 8]


def test_same_as_pytorch():
    torch = pytest.importorskip("torch")
    assert rehearsal(rushlight, GRADIENTS) == rehearsal(torch, GRADIENTS)


def test_a_state_goes_over():
    scaler = rushlight.GradScaler("cpu", init_scale=4.0)
    scaler.load_state_dict(rehearsal(rushlight, (1.0,))[0][2])
    assert scaler.get_scale() == 8
    with pytest.raises(RuntimeError, match="empty"):
        scaler.load_state_dict({})


def test_mistakes_are_named():
    weight = rushlight.ones(1, requires_grad=True)
    optimizer = rushlight.optim.SGD([weight], lr=0.1)
    scaler = rushlight.GradScaler("cpu")
    with pytest.raises(AssertionError, match="prior to update"):
        scaler.update()
    with pytest.raises(AssertionError, match="none of its parameters has a gradient"):
        scaler.step(optimizer)
    scaler.scale(weight.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(ValueError, match="iterable of Tensors"):
        scaler.scale(3.0)


def test_without_a_device_it_passes_everything_through():
    with pytest.warns(UserWarning, match="no cuda device"):
        scaler = rushlight.GradScaler()
    weight = rushlight.ones(1, requires_grad=True)
    optimizer = rushlight.optim.SGD([weight], lr=0.5)
    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == 0.5
    assert (scaler.state_dict(), scaler.get_scale()) == ({}, 1.0)
