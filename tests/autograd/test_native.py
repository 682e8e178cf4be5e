"""Recording and going back by generated code: the same graphs, gradients and errors as by Python.

Every program runs both ways. What generated code must not do is counted too: references to objects that all
of Python shares (None, True, 0, ...) that it takes without giving them back, or gives back too often.
"""

import gc
import sys

import numpy as np
import pytest

import rushlight as torch
from rushlight import nn
from rushlight.autograd import native
from rushlight.kernels import objects
from rushlight.runtime import session

pytestmark = pytest.mark.skipif(not session.available(), reason="no compiler here")


@pytest.fixture(autouse=True)
def python_afterwards():
    yield
    native.forget()


def both_ways(program):
    """What a program gives with Python's functions and with generated code."""
    native.forget()
    torch.manual_seed(0)
    expected = program()
    native.start()
    assert native.functions is not None
    torch.manual_seed(0)
    return expected, program()


def test_a_python_that_counts_references_otherwise_stays_with_its_own_functions(monkeypatch):
    native.forget()
    objects.check_layouts.cache_clear()
    monkeypatch.setattr(objects, "_count", lambda address: 1)
    native.start()
    assert native.functions is None
    with pytest.raises(session.Unavailable, match="references"):
        objects.check_layouts()


def test_a_network():
    def program():
        net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
        x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
        nn.functional.cross_entropy(net(x), y).backward()
        return [p.grad.numpy() for p in net.parameters()]

    for a, b in zip(*both_ways(program)):
        np.testing.assert_array_equal(a, b)


def test_branches_that_meet_and_leaves_used_twice():
    def program():
        a, b = torch.rand(4, 3, requires_grad=True), torch.rand(3, requires_grad=True)
        one, two = (a * b).exp(), (a + b).sin()
        parts = torch.stack([one, two, one * two]).unbind(0)
        (parts[0] * parts[2] + a.sum(0) * parts[1]).sum().backward()
        return a.grad.numpy(), b.grad.numpy()

    for a, b in zip(*both_ways(program)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [5, 100_000])
def test_sums_on_the_spot_change_no_gradient_that_others_hold(size):
    def program():
        a, b, c, d = (torch.rand(size, requires_grad=True) for _ in range(4))
        seen = []
        x, y = a * c, b * d
        both = x + y  # x and y get the same array
        both.register_hook(lambda g: seen.append(g))
        (both * c + x.sin() + y.cos() + x * y + b * x.detach() + y * 2).sum().backward(retain_graph=True)
        first = [g.clone() for g in (a.grad, b.grad, c.grad, d.grad)]
        x.sum().backward()
        return [g.numpy() for g in (*first, a.grad, b.grad, c.grad, d.grad, *seen)]

    for a, b in zip(*both_ways(program)):
        np.testing.assert_array_equal(a, b)


def test_the_graph_looks_the_same():
    def program():
        x, w = torch.rand(2, 3), torch.rand(4, 3, requires_grad=True)
        y = nn.functional.linear(x, w).relu()[0]
        named, stack = [], [y.grad_fn]
        while stack:
            node = stack.pop()
            named.append((node.name(), [k for _, k in node.next_functions]))
            stack += [n for n, _ in node.next_functions if n is not None]
        return named, y.requires_grad, y.is_leaf, y._base is None

    expected, got = both_ways(program)
    assert expected == got


def test_hooks_on_nodes_tensors_and_leaves():
    def program():
        seen = []
        a = torch.rand(3, requires_grad=True)
        a.register_hook(lambda g: seen.append(("leaf", g.tolist())))
        b = a * 2
        b.register_hook(lambda g: g * 10)
        b.retain_grad()
        c = b.exp()
        c.grad_fn.register_hook(lambda inputs, outputs: seen.append(("node", inputs[0].tolist())))
        c.sum().backward()
        return seen, a.grad.tolist(), b.grad.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_kept_graphs_and_gradients_that_add_up():
    def program():
        a = torch.rand(3, requires_grad=True)
        y = (a**3).sum()
        y.backward(retain_graph=True)
        first = a.grad
        y.backward()
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()
        return first is a.grad, a.grad.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_gradients_that_meet_in_types_and_layouts():
    def program():
        a = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
        b, c = torch.rand(3, 4, requires_grad=True), torch.rand(3, 4, requires_grad=True)
        t, one = b.t(), c[:, 1:]
        total = (a * a.sin()).sum() + (t @ b * 2).sum() + (t.exp() * t).sum() + (one * c[:, :3]).sum()
        for _ in range(3):
            total.backward(retain_graph=True)
        held = b.grad.numpy()  # somebody else looks: not added to on the spot
        total.backward()
        return [x.grad.tolist() for x in (a, b, c)], held.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_gradients_of_gradients():
    def program():
        a = torch.rand(3, requires_grad=True)
        (g,) = torch.autograd.grad((a**3).sum(), a, create_graph=True)
        (g * a).sum().backward()
        return a.grad.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_saved_values_survive_edits_in_place():
    def program():
        a = torch.rand(3, requires_grad=True)
        x = torch.rand(3)
        view = x[:2]
        y = (a * x).sum()
        view.zero_()
        y.backward()
        return a.grad.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_values_shared_with_numpy_are_checked():
    native.start()
    x = torch.from_numpy(np.ones(3, np.float32))
    a = torch.rand(3, requires_grad=True)
    y = (a * x).sum()
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_a_gradient_that_others_hold_is_copied():
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            held.append(g)
            return g

    native.start()
    held = []
    a, b = torch.rand(2, requires_grad=True), torch.rand(2, requires_grad=True)
    (Same.apply(a) + b).sum().backward()
    a.grad.zero_()
    assert held[0].tolist() == b.grad.tolist() == [1, 1]


def test_an_error_names_its_operation():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("broken here")

    native.start()
    a = torch.rand(2, requires_grad=True)
    with pytest.raises(ValueError, match="broken here") as caught:
        (Broken.apply(a) * 3).sum().backward()
    notes = getattr(caught.value, "__notes__", caught.value.args)
    assert any("BrokenBackward" in note for note in notes)


def test_many_nodes_at_once_and_long_chains():
    def program():
        a = torch.rand(2, requires_grad=True)
        total = sum((a * k).sin() for k in range(300))
        for _ in range(300):
            total = total * 1.001 + a
        total.sum().backward()
        return a.grad.tolist()

    expected, got = both_ways(program)
    assert expected == got


def test_no_reference_is_lost_or_won():
    native.start()
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    x, view = torch.rand(5, 3), torch.rand(5, 4)[:, :1]
    hooked = torch.rand(1, requires_grad=True)
    hooked.register_hook(lambda g: None)
    shared = {"None": None, "True": True, "False": False, "0": 0, "1": 1, "()": (), "dtype": torch.float32}

    def step():
        out = net(x)
        loss = ((out * view + hooked) * 2).mean() + (out * 3).sum()
        net.zero_grad()
        loss.backward(retain_graph=True)
        loss.backward()

    def counts():
        gc.collect()
        return {name: sys.getrefcount(thing) for name, thing in shared.items()}

    for _ in range(30):
        step()
    before = counts()
    for _ in range(200):
        step()
    after = counts()
    assert all(abs(after[name] - before[name]) < 100 for name in shared), (before, after)


def test_views_share_memory_and_history():
    native.start()
    x = torch.arange(12.0).reshape(3, 4).clone()
    for _ in range(100):  # more views than their list is long: those that are gone are forgotten
        view = x.T
    assert len(x._s._members) < 100
    assert view._base is x
    assert view[0]._base is x
    x.add_(1.0)
    assert view[0].tolist() == [1.0, 5.0, 9.0]
    y = torch.ones(3, 4, requires_grad=True)
    z = y * 2
    part = z[1].view(2, 2).t()
    part.mul_(3.0)
    z.sum().backward()
    assert y.grad.tolist() == [[2.0] * 4, [6.0] * 4, [2.0] * 4]
