"""Recurrent networks of several layers and directions, on plain and packed sequences, and single cells."""

from __future__ import annotations

import numpy as np

from .. import lang
from ..autograd.modes import state
from ..autograd.node import Node
from ..tensor.core import QUICK, Tensor, share, wrap
from .declare import composite
from .dropout import dropout as dropped
from .intercept import casts, interceptors
from .recurrent_layers import gru_layer, lstm_layer, rnn_layer

# ---- a layer in one direction: (x, states, weights, sizes, reverse, batch_first) to (outputs, *last states)


def _kept():
    """Where a layer leaves what its gradient needs."""
    return [] if state.grad else None


def _run_lstm(x, states, weights, *how):
    return lstm_layer(x, *states, *weights, *how, _kept())


def _run_gru(x, states, weights, *how):
    return gru_layer(x, *states, *weights[:4], *how, _kept())


def _run_tanh(x, states, weights, *how):
    return rnn_layer(x, *states, *weights[:4], *how, True, _kept())


def _run_relu(x, states, weights, *how):
    return rnn_layer(x, *states, *weights[:4], *how, False, _kept())


RUNS = {"LSTM": _run_lstm, "GRU": _run_gru, "RNN_TANH": _run_tanh, "RNN_RELU": _run_relu}


def plain_layers(mode, input, hx, groups, directions, p, batch_first):
    """The outputs and the last states for a plain batch that fits the weights; None for anything else.

    `groups` has w_ih, w_hh, b_ih, b_hh and w_hr of each layer and direction. The way for small networks,
    whose time is mostly that of checks.
    """
    if not _plain(input, 3, groups[0][0]):
        return None
    shape = len(groups), input._a.shape[0 if batch_first else 1], groups[0][1]._a.shape[1]
    states = _states(mode, hx, shape, input.dtype)
    if states is None:
        return None
    out, *last = _stacked(mode, RUNS[mode], input, None, batch_first, states, groups, p, directions)
    return _turned(mode, out) if batch_first else out, tuple(last) if len(last) > 1 else last[0]


def one_step(mode, input, hx, weights):
    """The next state of one layer on a plain batch that fits it; None for anything else."""
    if not _plain(input, 2, weights[0]):
        return None
    batch = len(input._a)
    states = _states(mode, hx, (batch, weights[1]._a.shape[1]), input.dtype)
    if states is None:
        return None
    _, *last = RUNS[mode](input, states, (*weights, None), (batch,), False, False)
    return tuple(last) if len(last) > 1 else last[0]


def _plain(input, dimensions, weight):
    """Is it an ordinary tensor that fits the weight, and does nothing step in?"""
    if interceptors or casts or type(input) not in QUICK or type(weight) not in QUICK:
        return False
    x, w = input._a, weight._a
    return x.ndim == dimensions and x.size and input.dtype is weight.dtype and x.shape[-1] == w.shape[1]


def _states(mode, hx, shape, dtype):
    """The states to begin with, of which none is zeros; None where they are not plain tensors that fit."""
    if hx is None:
        zeros = wrap(np.zeros(shape, dtype.np), dtype)
        return (zeros, zeros) if mode == "LSTM" else (zeros,)
    states = tuple(hx) if mode == "LSTM" else (hx,)
    if len(states) != 1 + (mode == "LSTM"):
        return None
    for s in states:
        if type(s) not in QUICK or s.dtype is not dtype or s._a.shape != shape:
            return None
    return states


# ---- what is checked


def _weights_of(name, params, has_biases, layers, directions):
    """(w_ih, w_hh, b_ih, b_hh, w_hr) for each layer and direction, with None for what there is not."""
    params = list(params)
    each = len(params) // max(layers * directions, 1)
    if len(params) != each * layers * directions or each not in ((4, 5) if has_biases else (2, 3)):
        raise RuntimeError(
            f"{name}: got {len(params)} weights for {layers} layers in {directions} directions; each has "
            "w_ih and w_hh"
            + (", b_ih and b_hh" if has_biases else "")
            + " (and w_hr if there is a projection)"
        )
    groups = []
    for k in range(0, len(params), each):
        group = params[k : k + each]
        biases = group[2:4] if has_biases else [None, None]
        groups.append([*group[:2], *biases, group[-1] if each in (3, 5) else None])
    return groups


def _check(name, features, batch, states, groups):
    expected = groups[0][0].shape[1]
    if features != expected:
        raise RuntimeError(
            f"{name}: input.size(-1) must be equal to input_size. Expected {expected}, got {features}: the "
            "weight w_ih of "
            f"the first layer is {list(groups[0][0].shape)}"
        )
    for what, s in zip(("hx", "cx"), states):
        width = groups[0][1].shape[1] if what == "hx" else groups[0][1].shape[0] // 4
        shape = (len(groups), batch, width)
        if tuple(s.shape) != shape:
            raise RuntimeError(
                f"{name}: Expected hidden size {shape} for {what}, got {list(s.shape)}: (layers * "
                "directions, batch, size)"
            )


# ---- all layers


class Named(Node):
    """Passes gradients on. PyTorch stacks the states of all layers and turns outputs round; a layer here
    gives them so, and only carries the names that users know those steps by.
    """

    __slots__ = ()

    @property
    def takes_parts(self):
        return self.edges[0][0].takes_parts

    def apply(self, grads, lifted):
        return grads


class StackBackward0(Named):
    __slots__ = ()
    label = "StackBackward0"


class TransposeBackward0(Named):
    __slots__ = ()
    label = "TransposeBackward0"


class TransposeBackward1(Named):
    __slots__ = ()
    label = "TransposeBackward1"


def _turned(mode, out):
    """The outputs of a network whose batches come first."""
    return _named(TransposeBackward0 if mode.lower() == "lstm" else TransposeBackward1, out)


def _named(kind, result):
    """The tensor, as a result of a step of that name."""
    if result._node is not None:
        result._node, result._out = kind(((result._node, result._out),)), 0
    return result


def _stacked(name, run, x, sizes, batch_first, states, groups, p, directions):
    """Every layer in turn: the last one's outputs, and the last states of all."""
    if len(groups) == 1:
        out, *final = run(x, states, groups[0], sizes, False, batch_first)
        return out, *(_named(StackBackward0, s) for s in final)
    last = [[] for _ in states]
    count = len(groups) // directions
    for layer in range(count):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            mine = [_part(s, k) for s in states]
            out, *final = run(x, mine, groups[k], sizes, direction == 1, batch_first)
            outputs.append(out)
            for kept, s in zip(last, final):
                kept.append(s)
        x = outputs[0] if directions == 1 else _side_by_side(outputs, batch_first)
        if p and layer + 1 < count:
            x = dropped(x, p)
    return x, *(_together(s) for s in last)


def _side_by_side(outputs, batch_first):
    """The outputs of both directions. Times stay apart in memory: dropout draws in that order."""
    if not batch_first:
        return lang.cat(outputs, -1)
    return lang.transpose(lang.cat([lang.transpose(x, 0, 1) for x in outputs], -1), 0, 1)


def _part(states, k):
    """Layer `k` of the states; the quick way where no gradient goes through it."""
    if type(states) not in QUICK or states._rg:
        return states[k]
    part = states._a[k]  # nothing keeps it where nothing is recorded
    return share(states, part) if state.grad else wrap(part, states.dtype)


def _together(states):
    """The states of all layers; the quick way where no gradient goes through them."""
    if all(type(s) in QUICK and not s._rg for s in states):
        return wrap(np.stack([s._a for s in states]), states[0].dtype)
    return lang.stack(states, 0)


def _recurrent(name, run, input, states, params, has_biases, layers, p, train, bidirectional, batch_first):
    """A network on a batch of sequences of one length."""
    if input.ndim != 3:
        raise RuntimeError(f"{name}: input must have 3 dimensions (time, batch, features), got {input.ndim}")
    batch, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    if not steps:
        shape = [steps, batch, input.shape[2]]
        raise RuntimeError(
            f"{name}: Expected sequence length to be larger than 0 in RNN, but input is {shape}"
        )
    directions = 2 if bidirectional else 1
    groups = _weights_of(name, params, has_biases, layers, directions)
    _check(name, input.shape[2], batch, states, groups)
    p = p if train else 0.0
    out, *last = _stacked(name, run, input, None, batch_first, states, groups, p, directions)
    return _turned(name, out) if batch_first else out, *last


def _packed(name, run, data, batch_sizes, states, params, has_biases, layers, p, train, bidirectional):
    """A network on packed sequences, the longest first."""
    if batch_sizes.ndim != 1 or data.ndim != 2:
        raise RuntimeError(
            f"{name}: packed sequences are data (rows, features) and batch_sizes (times), but got "
            f"{list(data.shape)} and "
            f"{list(batch_sizes.shape)}"
        )
    directions = 2 if bidirectional else 1
    groups = _weights_of(name, params, has_biases, layers, directions)
    sizes = tuple(batch_sizes.tolist())
    if not sizes or list(sizes) != sorted(sizes, reverse=True) or sum(sizes) != len(data) or sizes[-1] < 1:
        raise RuntimeError(
            f"{name}: batch_sizes never grow, and add up to the {len(data)} rows of data, but they are "
            f"{list(sizes)}"
        )
    _check(name, data.shape[1], sizes[0], states, groups)
    return _stacked(name, run, data, sizes, False, states, groups, p if train else 0.0, directions)


def _publish(name, run):
    """torch.gru and its like: on a batch, or with batch_sizes in the second place on packed sequences."""

    def call(*arguments):
        if len(arguments) == 9 and not isinstance(arguments[2], (tuple, list)):
            data, batch_sizes, hx, params, *options = arguments
            return _packed(name, run, data, batch_sizes, (hx,), params, *options)
        _check_count(name, arguments)
        input, hx, params, *options = arguments
        return _recurrent(name, run, input, (hx,), params, *options)

    call.__doc__ = (
        f"""{name}(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)"""
    )
    return composite(call, name=name, method=False, out=False)


def _check_count(name, arguments):
    if len(arguments) != 9:
        raise TypeError(
            f"{name}() takes (input, hx, params, has_biases, num_layers, dropout, train, bidirectional, "
            "batch_first), or "
            "(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional), but got "
            f"{len(arguments)} arguments"
        )


gru = _publish("gru", _run_gru)
rnn_tanh = _publish("rnn_tanh", _run_tanh)
rnn_relu = _publish("rnn_relu", _run_relu)


@composite(method=False, out=False)
def lstm(*arguments):
    """Layers of long short-term memory: the outputs of all times, the last states and the last memories."""
    _check_count("lstm", arguments)
    if isinstance(arguments[1], Tensor):
        data, batch_sizes, hx, params, *options = arguments
        return _packed("lstm", _run_lstm, data, batch_sizes, tuple(hx), params, *options)
    input, hx, params, *options = arguments
    if len(hx) != 2:
        raise RuntimeError(f"lstm expects two hidden states, but hx has {len(hx)}")
    return _recurrent("lstm", _run_lstm, input, tuple(hx), params, *options)


# ---- single cells


def _cell(name, run, input, states, weights, parts):
    """One step of a layer."""
    for what, x in (("input", input), *(("hx", s) for s in states)):
        if x.ndim != 2:
            raise RuntimeError(
                f"{name}: {what} has dimensions (batch, size), but its shape is {list(x.shape)}"
            )
    batch, features = input.shape
    if features != weights[0].shape[1]:
        raise RuntimeError(
            f"{name}: input has inconsistent input_size: got {features} expected {weights[0].shape[1]}, the "
            "columns of w_ih"
        )
    width = weights[0].shape[0] // parts
    for s in states:
        if tuple(s.shape) != (batch, width):
            raise RuntimeError(
                f"{name}: a hidden state of {list(s.shape)} does not fit; for this input and these weights "
                "it is "
                f"{[batch, width]}: (batch, hidden_size)"
            )
    return run(input, states, (*weights, None), (batch,), False, False)[1:]


@composite(method=False, out=False)
def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of long short-term memory: the next state and memory."""
    return tuple(_cell("lstm_cell", _run_lstm, input, tuple(hx), (w_ih, w_hh, b_ih, b_hh), 4))


@composite(method=False, out=False)
def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The next state of gated recurrent units."""
    return _cell("gru_cell", _run_gru, input, (hx,), (w_ih, w_hh, b_ih, b_hh), 3)[0]


@composite(method=False, out=False)
def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The next state of a plain recurrent network."""
    return _cell("rnn_tanh_cell", _run_tanh, input, (hx,), (w_ih, w_hh, b_ih, b_hh), 1)[0]


@composite(method=False, out=False)
def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The next state of a plain recurrent network with relu."""
    return _cell("rnn_relu_cell", _run_relu, input, (hx,), (w_ih, w_hh, b_ih, b_hh), 1)[0]
