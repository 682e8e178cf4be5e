"""Gradients that are zero but for a part give what whole ones give; hooks see whole ones."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import placed

WHOLE = slice(None)
PICKS = {
    "last": (WHOLE, -1),
    "first row": (0,),
    "last times": (WHOLE, slice(-3, None)),
    "none": (WHOLE, slice(4, 2)),
    "one number": (2, 1, 3),
    "some features": (WHOLE, 2, slice(1, 4)),
    "steps": (WHOLE, slice(None, None, 2)),
    "new axis": (None, WHOLE, 1),
    "dots": (..., -1, WHOLE),
}


@pytest.fixture(autouse=True)
def _of_any_size(monkeypatch):
    monkeypatch.setattr(placed, "FROM_BYTES", 0)


class Net:
    """A layer and its input; `made` are the results of a forward pass."""

    def __init__(self, kind, batch_first):
        rl.manual_seed(0)
        self.layer = getattr(rl.nn, kind)(3, 6, batch_first=batch_first)
        self.x = rl.randn(4, 5, 3)
        self.made, _ = self.layer(self.x)

    def gradients(self):
        return [p.grad.numpy().copy() for p in self.layer.parameters()]


def _whole(net, picks):
    """The gradients from an array with zeros in it."""
    given = np.zeros(tuple(net.made.shape), "f4")
    for pick in picks:
        given[pick] += 1 + np.arange(given[pick].size, dtype="f4").reshape(given[pick].shape)
    net.made.backward(rl.from_numpy(given))
    return net.gradients()


def _by_parts(net, picks):
    loss = 0
    for pick in picks:
        part = net.made[pick]
        loss = loss + (part * (1 + rl.arange(part.numel()).reshape(part.shape))).sum()
    loss.backward()
    return net.gradients()


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_parts_give_what_whole_gradients_give(kind, batch_first):
    for picks in [(p,) for p in PICKS] + [("last", "first row"), ("one number", "last", "last times")]:
        indices = [PICKS[p] for p in picks]
        found, expected = _by_parts(Net(kind, batch_first), indices), _whole(Net(kind, batch_first), indices)
        for a, b in zip(found, expected):
            np.testing.assert_allclose(
                a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max(initial=1), err_msg=str(picks)
            )


def test_hooks_and_kept_gradients_are_whole():
    net, seen = Net("LSTM", True), []
    net.made.register_hook(lambda g: seen.append(g.numpy().copy()))
    net.made.retain_grad()
    net.made[:, -1].sum().backward()
    expected = np.zeros((4, 5, 6), "f4")
    expected[:, -1] = 1
    np.testing.assert_array_equal(seen[0], expected)
    np.testing.assert_array_equal(net.made.grad.numpy(), expected)


def test_a_gradient_of_the_last_state_alone_is_enough():
    net = Net("LSTM", False)
    _, (h, _) = net.layer(net.x)
    h.sum().backward()
    found = net.gradients()
    net.layer.zero_grad()
    net.layer(net.x)[0][-1].sum().backward()
    for a, b in zip(found, net.gradients()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_part_lies_along_one_axis_where_the_others_are_whole():
    part = np.ones((4, 6), "f4")
    assert placed.Placed(part, (4, 5, 6), (WHOLE, -1)).along(1)[0] == 4
    assert placed.Placed(part, (4, 5, 6), (slice(0, 4), 2, WHOLE)).along(1)[1].shape == (4, 1, 6)
    for index in ((WHOLE, 2, slice(1, 2)), (..., 2, WHOLE), (None, 2), (2,), (slice(1, 3), 2)):
        assert placed.Placed(part, (4, 5, 6), index).along(1) is None
    assert placed.Placed(part, (4, 5, 6), (WHOLE, slice(0, 5, 2))).along(1) is None


def test_a_second_derivative_goes_through():
    net = Net("LSTM", True)
    net.made[:, -1].pow(2).sum().backward(create_graph=True)
    total = sum((p.grad**2).sum() for p in net.layer.parameters())
    (g,) = rl.autograd.grad(total, [net.layer.weight_hh_l0])
    assert np.isfinite(g.numpy()).all()
    assert np.abs(g.numpy()).max() > 0
