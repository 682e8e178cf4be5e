"""A max pool and the ReLU before it go back by one kernel; nobody can tell, not from a bit nor by a hook."""

import numpy as np
import pytest

import rushlight as rl
import rushlight.nn.functional as F
from rushlight import kernels
from rushlight.autograd import native
from rushlight.ops import back_together

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


@pytest.fixture
def made(monkeypatch):
    """The gradients that went back through two nodes at once."""
    found, plain = [], back_together._passing_on

    def passing_on(node, done):
        found.append(done)
        return plain(node, done)

    monkeypatch.setattr(back_together, "_passing_on", passing_on)
    native.start()
    yield found
    native.forget()


def start(shape=(4, 8, 20, 18)):
    values = np.random.default_rng(0).standard_normal(shape).astype("f4")
    values[0, 0, :4, :6] = [np.nan, np.inf, -np.inf, 0.0, -0.0, np.nan]
    values[1, :2] = -np.abs(values[1, :2])
    return rl.from_numpy(values).requires_grad_()


def network(x, look=lambda r: None):
    r = F.relu(x * 1.5)
    look(r)
    p = F.max_pool2d(r, 2)
    return r, (p * p * 0.5).sum()


def one_by_one():
    x = start()
    network(x, lambda r: r.register_hook(lambda g: None))[1].backward()
    return x.grad.numpy()


def same(a, b):
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_the_same_bits(made):
    x, exact = start(), one_by_one()
    assert not made
    network(x)[1].backward()
    assert len(made) == 1
    assert same(x.grad, exact)


def test_a_graph_that_is_kept_and_gone_through_again(made):
    x, exact = start(), one_by_one()
    _, loss = network(x)
    for _ in range(2):
        x.grad = None
        loss.backward(retain_graph=True)
        assert same(x.grad, exact)
    assert len(made) == 2
    x.grad = None
    loss.backward(create_graph=True)
    assert len(made) == 2
    assert same(x.grad.detach(), exact)


def test_who_looks_sees_what_they_always_saw(made):
    x = start()
    r, loss = network(x, lambda r: r.retain_grad())
    loss.backward()
    seen = r.grad.numpy()
    assert not made
    assert np.isnan(seen[0, 0, 1, 0])
    asked = rl.autograd.grad(network(x, lambda r: None)[1], [x])[0]
    assert not made
    assert same(asked, x.grad)
    r, loss = network(x)
    assert same(rl.autograd.grad(loss, [r])[0], seen)
    assert not made
    steps = []
    _, loss = network(x, lambda r: r.grad_fn.register_hook(lambda gi, go: steps.append(go[0])))
    loss.backward()
    assert not made
    assert same(steps[0], seen)


def test_an_activation_with_other_uses(made):
    def both(look):
        x = start()
        r, loss = network(x, look)
        (loss + (r * r * 0.25).sum()).backward()
        return x.grad.numpy()

    exact = both(lambda r: r.register_hook(lambda g: None))
    assert not made
    assert same(both(lambda r: None), exact)
    assert made


def test_an_activation_that_is_overwritten_after(made):
    x, exact = start(), one_by_one()
    r, loss = network(x)
    with rl.no_grad():
        r.mul_(-1)
    loss.backward()
    assert same(x.grad, exact)


def test_a_second_way_back_inside_a_hook(made):
    """The pass inside wants a gradient of what is between, while one goes on in which nobody does."""
    x, inside = start(), []
    r, loss = network(start())

    def hook(g):
        inside.append(rl.autograd.grad(loss, [r])[0])

    y = x * 2
    y.register_hook(hook)
    network(y)[1].backward()
    assert len(made) == 1
    wanted, again = network(start())
    assert same(inside[0], rl.autograd.grad(again, [wanted])[0])
