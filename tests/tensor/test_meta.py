"""Tensors without data: operators give the right size, strides and type, and use no memory."""

from __future__ import annotations

import copy

import pytest

import rushlight as rl

CASES = {
    "add": lambda t, x: x + 1,
    "compare": lambda t, x: x > 0,
    "product": lambda t, x: x @ x.t(),
    "sum": lambda t, x: x.sum(0, keepdim=True),
    "argmax": lambda t, x: x.argmax(1),
    "several": lambda t, x: x.max(0)[1],
    "view": lambda t, x: x.t()[1:],
    "reshape": lambda t, x: x.t().reshape(-1),
    "promotion": lambda t, x: x + t.ones((), dtype=t.float64),
    "half": lambda t, x: x.half() * 2,
    "cast": lambda t, x: x.t().to(t.int32),
    "like": lambda t, x: t.randn_like(x.t()),
    "list": lambda t, x: t.cat([x, x]),
    "in place": lambda t, x: x.add_(1).zero_().normal_(),
    "out of place": lambda t, x: t.nn.functional.relu(x),
}


def shape_of(x):
    return [tuple(x.shape), list(x.stride()), str(x.dtype).rsplit(".")[-1], x.device.type, x.requires_grad]


@pytest.mark.parametrize("name", CASES)
def test_like_pytorch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = (CASES[name](t, t.empty(3, 4, device="meta")) for t in (rl, torch))
    assert shape_of(ours) == shape_of(theirs)


@pytest.mark.parametrize("name", CASES)
def test_like_the_same_on_the_cpu(name):
    meta, real = CASES[name](rl, rl.empty(3, 4, device="meta")), CASES[name](rl, rl.zeros(3, 4))
    assert meta.is_meta
    assert (meta.shape, meta.stride(), meta.dtype) == (real.shape, real.stride(), real.dtype)


def test_more_than_the_machine_has():
    x = rl.empty(1 << 16, 1 << 16, 64, device="meta")
    assert x.nbytes == 1 << 40
    assert x[5, :, None].shape == (1 << 16, 1, 64)


def test_graph_through_meta_tensors():
    weight = rl.nn.Parameter(rl.empty(3, 4, device="meta"))
    loss = (weight @ weight.t()).sum()
    loss.backward()
    assert loss.is_meta
    assert weight.grad.is_meta
    assert weight.grad.shape == (3, 4)


def test_data_is_refused():
    x = rl.empty(2, device="meta")
    with pytest.raises(NotImplementedError, match="no data"):
        x.to("cpu")
    with pytest.raises(NotImplementedError, match="no data"):
        x.tolist()
    with pytest.raises(RuntimeError, match="meta"):
        x.sum().item()
    with pytest.raises(RuntimeError, match="not on the expected device meta"):
        x + rl.ones(2)


def test_parameters_on_meta_are_parameters():
    weight = rl.nn.Parameter(rl.empty(2, device="meta"))
    assert isinstance(weight, rl.nn.Parameter)
    assert isinstance(copy.deepcopy(weight), rl.nn.Parameter)
    assert repr(weight).startswith("Parameter containing:\ntensor(..., device='meta', size=(2,)")
    assert rl.empty_like(weight, device="cpu").is_cpu


def test_data_of_another_device_is_refused():
    for x, data in ((rl.empty(2, device="meta"), rl.ones(2)), (rl.ones(2), rl.empty(2, device="meta"))):
        with pytest.raises(RuntimeError, match="device"):
            x.data = data
