"""Averaged weights: plain and exponential means, batch norms brought up to date."""

import numpy as np
import pytest

import rushlight as torch
from rushlight.optim import swa_utils

rng = np.random.default_rng(0)


def averaged(lib, **how):
    """An average over five random states of a small network, and those states."""
    draws = np.random.default_rng(4)
    net = lib.nn.Linear(3, 2).to(lib.float64)
    average = lib.optim.swa_utils.AveragedModel(net, **how)
    states = []
    for _ in range(5):
        states.append([draws.standard_normal(tuple(p.shape)) for p in net.parameters()])
        with lib.no_grad():
            for p, values in zip(net.parameters(), states[-1]):
                p.copy_(lib.tensor(values.tolist(), dtype=lib.float64))
        average.update_parameters(net)
    return average, states


def values(average):
    return [np.array(p.detach().tolist()) for p in average.module.parameters()]


def test_the_plain_mean():
    average, states = averaged(torch)
    for k, value in enumerate(values(average)):
        np.testing.assert_allclose(value, np.mean([s[k] for s in states], axis=0), rtol=1e-12)
    assert average.n_averaged.item() == 5
    assert list(average.state_dict()) == ["n_averaged", "module.weight", "module.bias"]


@pytest.mark.parametrize("way", ["avg_fn", "multi_avg_fn"])
def test_the_exponential_mean(way):
    make = swa_utils.get_ema_avg_fn if way == "avg_fn" else swa_utils.get_ema_multi_avg_fn
    average, states = averaged(torch, **{way: make(0.8)})
    for k, value in enumerate(values(average)):
        expected = states[0][k]
        for s in states[1:]:
            expected = 0.8 * expected + 0.2 * s[k]
        np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_averages_as_pytorch_makes_them():
    theirs = pytest.importorskip("torch")
    for pick in (
        lambda u: {},
        lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
        lambda u: {"use_buffers": True},
    ):
        a, _ = averaged(torch, **pick(swa_utils))
        b, _ = averaged(theirs, **pick(theirs.optim.swa_utils))
        for x, y in zip(values(a), values(b)):  # PyTorch divides by the count in single precision
            np.testing.assert_allclose(x, y, rtol=1e-6)


def test_the_average_is_a_model():
    average, _ = averaged(torch)
    x = torch.ones(4, 3, dtype=torch.float64)
    assert average(x).tolist() == average.module(x).tolist()


def test_one_way_of_averaging_only():
    with pytest.raises(AssertionError, match="both given"):
        swa_utils.AveragedModel(torch.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max)
    with pytest.raises(ValueError, match=r"Invalid decay value 1\.5"):
        swa_utils.get_ema_avg_fn(1.5)


def test_batch_norms_are_brought_up_to_date():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    net.eval()
    batches = [torch.tensor(rng.standard_normal((8, 3)), dtype=torch.float32) for _ in range(4)]
    swa_utils.update_bn([(b, None) for b in batches], net)
    assert not net.training
    assert net[1].momentum == 0.1
    expected = np.mean([net[0](b).mean(0).tolist() for b in batches], axis=0)
    np.testing.assert_allclose(net[1].running_mean.tolist(), expected, rtol=1e-5)
