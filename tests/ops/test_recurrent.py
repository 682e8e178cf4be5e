"""Recurrent networks: mixtures of layers, directions and packing, gradients of two orders, random numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import rushlight

PARTS = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
SIZES = [3, 3, 2, 1, 1]
INPUT, HIDDEN, BATCH = 3, 4, 3


def weights(generator, kind, layers, directions, bias, projection):
    """The flat list of a network's weights."""
    out, found = projection or HIDDEN, []
    for layer in range(layers):
        for _ in range(directions):
            width = INPUT if layer == 0 else out * directions
            shapes = [(PARTS[kind] * HIDDEN, width), (PARTS[kind] * HIDDEN, out)]
            shapes += [(PARTS[kind] * HIDDEN,)] * 2 if bias else []
            shapes += [(projection, HIDDEN)] if projection else []
            found += [0.4 * generator.standard_normal(s) for s in shapes]
    return found


def results(f, kind, packed, x, states, params, bias, layers, directions, batch_first, order):
    """Outputs, gradients, and the gradients of those."""
    x, *rest = (f.tensor(a, requires_grad=True) for a in (x, *states, *params))
    states, params = rest[: len(states)], rest[len(states) :]
    hx = tuple(states) if kind == "lstm" else states[0]
    sizes, last = ([f.tensor(SIZES)], []) if packed else ([], [batch_first])
    found = getattr(f, kind)(x, *sizes, hx, params, bias, layers, 0.0, False, directions == 2, *last)
    total = sum((k + 1) * (t * t).sum() for k, t in enumerate(found))
    first = f.autograd.grad(total, [x, *rest], create_graph=order > 1)
    found = [*found, *first]
    if order > 1:
        found += f.autograd.grad(sum((t * t).sum() for t in first), [x, *rest])
    return [t.detach().numpy() for t in found]


CASES = [
    (kind, layers, directions, bias, projection, form)
    for kind, layers, directions, bias, projection, form in itertools.product(
        PARTS, (1, 2), (1, 2), (True, False), (0, 2), ("plain", "batch first", "packed")
    )
    if not projection or kind == "lstm"
]


@pytest.mark.parametrize(("kind", "layers", "directions", "bias", "projection", "form"), CASES)
def test_networks_agree_with_pytorch_up_to_second_gradients(kind, layers, directions, bias, projection, form):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(7)
    params = weights(generator, kind, layers, directions, bias, projection)
    shape = {"plain": (5, BATCH, INPUT), "batch first": (BATCH, 5, INPUT), "packed": (sum(SIZES), INPUT)}[
        form
    ]
    x = generator.standard_normal(shape)
    states = [generator.standard_normal((layers * directions, BATCH, projection or HIDDEN))]
    if kind == "lstm":
        states.append(generator.standard_normal((layers * directions, BATCH, HIDDEN)))
    order = 2 if layers == 1 and bias else 1
    ours, theirs = (
        results(
            f,
            kind,
            form == "packed",
            x,
            states,
            params,
            bias,
            layers,
            directions,
            form == "batch first",
            order,
        )
        for f in (rushlight, torch)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_dropout_between_layers_draws_the_numbers_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(8)
    params = weights(generator, kind, 3, 2, True, 0)
    x, h = generator.standard_normal((5, BATCH, INPUT)), generator.standard_normal((6, BATCH, HIDDEN))
    found = []
    for f in (rushlight, torch):
        f.manual_seed(5)
        state = f.tensor(h)
        hx = (state, state) if kind == "lstm" else state
        out = getattr(f, kind)(
            f.tensor(x), hx, [f.tensor(p) for p in params], True, 3, 0.4, True, True, False
        )
        found.append(out[0].numpy())
    np.testing.assert_allclose(*found, rtol=1e-9)


@pytest.mark.parametrize("batch", [2, 32])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_dropout_goes_by_time_where_batches_come_first(kind, batch):
    """The numbers of both layouts are the same, whatever the size of the kernels' results."""
    net = getattr(rushlight.nn, kind)(6, 12, 2, dropout=0.5, bidirectional=True)
    x = rushlight.randn(9, batch, 6)
    rushlight.manual_seed(3)
    by_time = net(x)[0].detach().numpy()
    net.batch_first = True
    rushlight.manual_seed(3)
    by_batch = net(x.transpose(0, 1))[0]
    assert by_batch.stride() == (24, batch * 24, 1)
    np.testing.assert_allclose(by_batch.transpose(0, 1).detach().numpy(), by_time, rtol=1e-5, atol=1e-6)


def test_one_step_of_each_cell_by_hand():
    one = rushlight.ones(1, 1, dtype=rushlight.float64)
    s = 1 / (1 + math.exp(-2))
    new, memory = rushlight.lstm_cell(one, (one, one), one.expand(4, 1), one.expand(4, 1))
    assert memory.item() == pytest.approx(s + s * math.tanh(2))
    assert new.item() == pytest.approx(s * math.tanh(memory.item()))
    assert rushlight.rnn_tanh_cell(one, one, one, one).item() == pytest.approx(math.tanh(2))
    assert rushlight.rnn_relu_cell(one, one, -one, one / 2).item() == 0
    gated = rushlight.gru_cell(one, one, one.expand(3, 1), one.expand(3, 1))
    new = math.tanh(1 + s)
    assert gated.item() == pytest.approx(new + s * (1 - new))


def test_messages_say_what_is_wrong():
    x, h = rushlight.ones(5, 2, 3), rushlight.zeros(1, 2, 4)
    params = [rushlight.ones(12, 3), rushlight.ones(12, 4)]
    with pytest.raises(RuntimeError, match="Expected 3, got 2"):
        rushlight.gru(x[..., :2], h, params, False, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 2, 4\)"):
        rushlight.gru(x, h[..., :3], params, False, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="2 weights for 2 layers"):
        rushlight.gru(x, h, params, False, 2, 0.0, False, False, False)
    with pytest.raises(TypeError, match="takes"):
        rushlight.lstm(x, h)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_edits_of_what_a_layer_was_given_or_gave_spoil_no_gradient(kind):
    """Outputs, states, inputs and weights may be written to between the forward pass and the backward one."""
    x, found = rushlight.randn(4, 3, 5), []
    for edited in (False, True):
        rushlight.manual_seed(0)
        layer = getattr(rushlight.nn, kind)(5, 6, batch_first=True)
        given = x.clone()
        out, last = layer(given)
        total = (out * out).sum()
        if edited:
            with rushlight.no_grad():
                for t in (out, given, *(last if kind == "LSTM" else [last]), *layer.parameters()):
                    t.fill_(7.0)
        total.backward()
        found.append([p.grad.numpy() for p in layer.parameters()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_going_back_twice_adds_the_same_gradients_again(kind):
    layer = getattr(rushlight.nn, kind)(5, 6)
    loss = layer(rushlight.randn(4, 3, 5))[0].sin().sum()
    loss.backward(retain_graph=True)
    once = [p.grad.numpy().copy() for p in layer.parameters()]
    loss.backward()
    for one, p in zip(once, layer.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), 2 * one, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNN", {}),
        ("RNN", {"nonlinearity": "relu"}),
        ("GRU", {"bidirectional": True}),
        ("LSTM", {"num_layers": 2}),
        ("LSTM", {"proj_size": 3}),
    ],
)
def test_gradients_for_each_sample_are_those_of_a_loop(kind, options):
    """vmap over grad: the gradients go through formulas on batched tensors."""
    from rushlight.func import functional_call, grad, vmap

    rushlight.manual_seed(0)
    net = getattr(rushlight.nn, kind)(3, 4, batch_first=True, dtype=rushlight.float64, **options)
    weights = {name: p.detach() for name, p in net.named_parameters()}
    x = rushlight.randn(5, 7, 3, dtype=rushlight.float64)

    def loss(weights, x):
        return functional_call(net, weights, (x.unsqueeze(0),))[0].square().sum()

    both = grad(loss, argnums=(0, 1))
    of_weights, of_x = vmap(both, in_dims=(None, 0))(weights, x)
    for k, sample in enumerate(x):
        one_weights, one_x = both(weights, sample)
        np.testing.assert_allclose(of_x[k], one_x, rtol=1e-9, atol=1e-12)
        for name, one in one_weights.items():
            np.testing.assert_allclose(of_weights[name][k], one, rtol=1e-9, atol=1e-12)
