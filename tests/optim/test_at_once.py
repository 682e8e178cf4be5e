"""Steps of a whole group by generated code: the same parameters, states and versions as one by one."""

import warnings

import numpy as np
import pytest

import rushlight as torch
from rushlight import optim
from rushlight.optim import elementwise, native

pytestmark = pytest.mark.skipif(native.functions() is None, reason="no compiler here")
STEPS = 30  # the kernels come after twenty small updates
MAKERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "nadam": lambda p: optim.NAdam(p),  # has a counter of its own, so goes one by one
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
}


def parameters():
    torch.manual_seed(3)
    shapes = [(4, 3), (3,), (), (0, 2), (2, 2)]
    made = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    made[4].requires_grad_(False)  # never gets a gradient
    return [*made, torch.nn.Parameter(torch.randn(3, 4).t())]


def loss_of(params):
    return sum((p * p * (k + 1)).sin().sum() for k, p in enumerate(params))


def trained(make, at_once, monkeypatch, params=None, between=lambda params, k: None):
    """Parameters, states and versions after some steps."""
    with monkeypatch.context() as patch:
        if not at_once:
            patch.setattr(elementwise, "functions", lambda: None)
        params = params or parameters()
        opt = make(params)
        for k in range(STEPS):
            opt.zero_grad()
            loss_of(params).backward()
            between(params, k)
            opt.step()
        states = [{name: t.numpy().copy() for name, t in opt.state[p].items()} for p in params]
        return [p.detach().numpy().copy() for p in params], states, [p._version for p in params]


def assert_same(one, other):
    for a, b in zip(one[0], other[0]):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(one[1], other[1]):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    assert one[2] == other[2]


@pytest.mark.parametrize("name", MAKERS)
def test_all_at_once_or_one_by_one(name, monkeypatch):
    one_by_one = trained(MAKERS[name], False, monkeypatch)
    assert_same(one_by_one, trained(MAKERS[name], True, monkeypatch))


def test_a_graph_keeps_the_old_values(monkeypatch):
    torch.manual_seed(0)
    w = torch.nn.Parameter(torch.randn(3, 3))
    opt = optim.Adam([w], lr=0.1)
    x = torch.randn(2, 3)
    for _ in range(STEPS):
        loss = ((x @ w).relu() @ w).sum()
        opt.zero_grad()
        loss.backward(retain_graph=True)
        expected = w.grad.clone()
        opt.step()
        opt.zero_grad()
        loss.backward()  # with the values from before the step
        np.testing.assert_array_equal(w.grad.numpy(), expected.numpy())


def test_views_and_numpy_arrays_see_the_steps():
    w = torch.nn.Parameter(torch.ones(3))
    opt = optim.SGD([w], lr=0.5)
    for _ in range(STEPS):
        w.grad = torch.ones(3)
        opt.step()
    view, array = w.detach()[1:], w.detach().numpy()
    w.grad = torch.ones(3)
    opt.step()
    assert view.tolist() == array[1:].tolist() == w.tolist()[1:] == [1 - 0.5 * (STEPS + 1)] * 2


def test_a_parameter_listed_twice_is_stepped_twice(monkeypatch):
    def make(params):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return optim.Adam([*params, params[0], params[1]], lr=0.01)

    assert_same(trained(make, False, monkeypatch), trained(make, True, monkeypatch))


def test_parameters_at_different_steps(monkeypatch):
    def drop(params, k):
        if k % 3 == 0:
            params[1].grad = None

    make = MAKERS["adam"]
    one_by_one = trained(make, False, monkeypatch, between=drop)
    assert_same(one_by_one, trained(make, True, monkeypatch, between=drop))


def test_two_types_in_one_group(monkeypatch):
    def params():
        return [*parameters(), torch.nn.Parameter(torch.ones(3, dtype=torch.float64))]

    make = MAKERS["momentum"]
    assert_same(trained(make, False, monkeypatch, params()), trained(make, True, monkeypatch, params()))


def test_a_storage_goes_when_nobody_shares_it():
    w = torch.nn.Parameter(torch.ones(3))
    opt = optim.SGD([w], lr=0.5)
    for _ in range(STEPS):
        w.grad = torch.ones(3)
        opt.step()
    assert w._s is None
    assert w._version == STEPS
    w.detach()
    assert w._version == STEPS
