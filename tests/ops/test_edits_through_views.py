"""Edits in place through views enter the graph as in PyTorch: random programs give the same on both."""

from __future__ import annotations

import random

import numpy as np
import pytest

import rushlight

torch = pytest.importorskip("torch")

SHAPES = [(4, 3), (2, 3, 4), (6,), (3, 1, 2), (2, 2, 2, 2)]


def index_of(shape, draw):
    """A basic index into a tensor of this shape."""
    index = []
    for n in shape:
        kind = draw.randrange(4)
        if kind == 0:
            index.append(slice(None))
        elif kind == 1:
            index.append(draw.randrange(-n, n))
        elif kind == 2:
            index.append(slice(draw.randrange(n), None, draw.choice([1, 1, 2])))
        else:
            index.append(slice(0, draw.randrange(1, n + 1)))
    return tuple(index[: draw.randrange(1, len(index) + 1)])


def look(t, draw, several):
    """A function that makes a view of a tensor shaped like `t`; `several`: perhaps one of several at once."""
    ndim = t.dim()
    choices = ["alias"]
    if ndim:
        choices += ["index", "index", "unsqueeze", "view", "flatten_view"]
    if ndim > 1:
        choices += ["transpose", "permute", "diagonal", "select", "narrow", "t_part"]
    if ndim and several and t.numel():
        choices += ["unbind", "split", "iter"]
    kind = draw.choice(choices)
    if kind == "index":
        index = index_of(t.shape, draw)
        return lambda x: x[index]
    if kind == "unbind":
        dim = draw.randrange(ndim)
        return lambda x: x.unbind(dim)[-1]
    if kind == "split":
        return lambda x: x.split(2, -1)[0]
    if kind == "iter":
        return lambda x: next(iter(x))
    if kind == "unsqueeze":
        dim = draw.randrange(ndim + 1)
        return lambda x: x.unsqueeze(dim)
    if kind == "view" and t.is_contiguous():
        return lambda x: x.view(-1)
    if kind == "flatten_view":
        return lambda x: x[None].squeeze(0)
    if kind == "transpose":
        a, b = draw.randrange(ndim), draw.randrange(ndim)
        return lambda x: x.transpose(a, b)
    if kind == "permute":
        order = list(range(ndim))
        draw.shuffle(order)
        return lambda x: x.permute(order)
    if kind == "diagonal":
        offset = draw.randrange(-1, 2)
        return lambda x: x.diagonal(offset)
    if kind == "select":
        dim = draw.randrange(ndim)
        i = draw.randrange(t.shape[dim])
        return lambda x: x.select(dim, i)
    if kind == "narrow":
        return lambda x: x.narrow(-1, 0, 1)
    return lambda x: x[...]


def edit(t, draw, values):
    """A function that edits a tensor shaped like `t` in place."""
    kind = draw.choice(
        [
            "mul_",
            "add_",
            "fill_",
            "zero_",
            "copy_",
            "setitem",
            "setitem_value",
            "exp_",
            "mask",
            "index",
            "iadd",
        ]
    )
    number = draw.choice([0.5, -1.5, 2.0])
    value = draw.randrange(len(values))
    if kind == "mul_":
        return lambda x, v: x.mul_(number)
    if kind == "add_":
        return lambda x, v: x.add_(v[value].sum() * number)
    if kind == "iadd":
        return lambda x, v: x.__iadd__(x.sin() * 0.1)
    if kind == "fill_":
        return lambda x, v: x.fill_(number)
    if kind == "zero_":
        return lambda x, v: x.zero_()
    if kind == "copy_":
        return lambda x, v: x.copy_(v[value][0])
    if kind == "exp_":
        return lambda x, v: x.mul_(0.1).exp_()
    if kind == "mask":
        return lambda x, v: x.__setitem__(x > 0.3, number)
    if not t.dim() or not t.numel():
        return lambda x, v: x.mul_(v[value][1])
    if kind == "index":
        rows = [draw.randrange(t.shape[0])]
        return lambda x, v: x.__setitem__(rows, v[value][2])
    index = index_of(t.shape, draw)
    if kind == "setitem":
        return lambda x, v: x.__setitem__(index, number)
    return lambda x, v: x.__setitem__(index, v[value][0] * 2)


def program(seed, several=False):
    """A random program: what to do with a leaf and some values, as functions for any framework."""
    draw = random.Random(seed)
    shape = draw.choice(SHAPES)
    model = torch.zeros(shape, dtype=torch.float64)
    values = [torch.zeros(4, dtype=torch.float64) for _ in range(2)]
    tensors, steps = [model], []
    for _ in range(draw.randrange(2, 9)):
        at = draw.randrange(len(tensors))
        if draw.random() < 0.5:
            f = look(tensors[at], draw, several)
            tensors.append(f(tensors[at]))
            steps.append(("look", at, f))
        else:
            steps.append(("edit", at, edit(tensors[at], draw, values)))
    return shape, steps


def draw_values(lib, shape):
    """The leaf, the values and the weights of the loss: the same numbers every time."""
    rng = np.random.default_rng(7)
    leaves = [rng.standard_normal(s) for s in (shape, 4, 4)]
    return leaves, lambda t: lib.tensor(rng.standard_normal(tuple(t.shape)), dtype=lib.float64)


def loss_of(lib, leaves, weight, steps, leaf_is_graph):
    x, *values = leaves
    base = x * 1.5 if leaf_is_graph else x.detach().clone()
    tensors = [base]
    for kind, at, f in steps:
        if kind == "look":
            tensors.append(f(tensors[at]))
        else:
            f(tensors[at], values)
    return tensors, sum((t * weight(t)).sum() for t in tensors)


def run(lib, shape, steps, leaf_is_graph):
    """The final values of all tensors of a program, and the first and second gradients of its leaves."""
    arrays, weight = draw_values(lib, shape)
    leaves = [lib.tensor(a, dtype=lib.float64, requires_grad=True) for a in arrays]
    tensors, loss = loss_of(lib, leaves, weight, steps, leaf_is_graph)
    final = [t.detach().numpy() for t in tensors]
    if not loss.requires_grad:
        return final, None, None
    first = lib.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
    total = sum((g * g).sum() for g in first if g is not None)
    second = lib.autograd.grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * 3
    plain = lambda gs: [None if g is None else g.detach().numpy() for g in gs]  # noqa: E731
    return final, plain(first), plain(second)


def agree(a, b):
    if a is None or b is None:  # no gradient and a gradient of zeros are the same thing
        return all(g is None or not np.any(g) for g in (a, b))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)


def by_torch(shape, steps, leaf_is_graph):
    """PyTorch's answer; None where it refuses because a saved value was edited, which is no problem here."""
    try:
        return run(torch, shape, steps, leaf_is_graph)
    except RuntimeError:
        return None


def check(expected, actual, seed):
    assert all(agree(a, b) for a, b in zip(expected[0], actual[0])), f"values of program {seed}"
    for order in (1, 2):
        none = [None] * 3
        pairs = zip(expected[order] or none, actual[order] or none)
        assert all(agree(a, b) for a, b in pairs), f"gradient {order} of program {seed}"


@pytest.mark.parametrize("leaf_is_graph", [True, False])
@pytest.mark.parametrize("block", range(8))
def test_programs_agree_with_torch(block, leaf_is_graph):
    compared = 0
    for seed in range(block * 40, block * 40 + 40):
        shape, steps = program(seed)
        actual = run(rushlight, shape, steps, leaf_is_graph)
        expected = by_torch(shape, steps, leaf_is_graph)
        if expected is not None:
            compared += 1
            check(expected, actual, seed)
    assert compared > 20


def numeric_gradient(shape, steps):
    """By central differences, along every coordinate of the leaf and the values."""

    def loss(arrays):
        _, weight = draw_values(rushlight, shape)
        return loss_of(rushlight, [rushlight.tensor(a) for a in arrays], weight, steps, True)[1].item()

    arrays, _ = draw_values(rushlight, shape)
    result = []
    for i, a in enumerate(arrays):
        g = np.zeros_like(a)
        for k in np.ndindex(a.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [b.copy() for b in arrays]
                moved[i][k] += step
                ends.append(loss(moved))
            g[k] = (ends[0] - ends[1]) / 2e-6
        result.append(g)
    return result


@pytest.mark.parametrize("block", range(4))
def test_programs_agree_with_finite_differences(block):
    """Also those that PyTorch refuses, and edits of one of several views that were made at once."""
    for seed in range(1000 + block * 15, 1015 + block * 15):
        shape, steps = program(seed, several=True)
        first = run(rushlight, shape, steps, True)[1] or [None] * 3
        for g, n in zip(first, numeric_gradient(shape, steps)):
            assert np.allclose(0 if g is None else g, n, atol=1e-5, rtol=1e-5), f"program {seed}"
