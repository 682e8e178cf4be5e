"""Layers of recurrent networks in one direction over whole sequences: one operator with its gradient each."""

from __future__ import annotations

from .. import lang
from ..autograd.api import grad
from ..lang.recurrent import gru_backward, gru_forward, lstm_backward, lstm_forward, rnn_backward, rnn_forward
from ..tensor.core import Tensor
from .declare import operator

# `sizes` is how many sequences run at each time; x has the rows of all times one after another


@operator(name="_rnn_layer", method=False, out=False)
def rnn_layer(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, sizes, reverse, tanh
):
    """h = tanh(w_ih x + b_ih + w_hh h + b_hh) at each time: all states, and the last."""
    return rnn_forward(x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, tanh)


@rnn_layer.gradient
def _(g, x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, tanh, results, needs):
    if _differentiated_again(g, x):
        return _composed(_rnn_cell(tanh), g, x, (h,), (w_ih, w_hh, b_ih, b_hh), sizes, reverse, needs)
    *others, bias = rnn_backward(g, x, h, w_ih, w_hh, sizes, reverse, tanh, results[0])
    return *others, bias, bias


@operator(name="_gru_layer", method=False, out=False)
def gru_layer(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, sizes, reverse, kept
):
    """Gated recurrent units: all states, and the last; `kept` receives what the gradient needs."""
    out, last, parts = gru_forward(x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse)
    kept[:] = parts
    return out, last


@gru_layer.gradient
def _(g, x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, kept, needs):
    if _differentiated_again(g, x):
        return _composed(_gru_cell, g, x, (h,), (w_ih, w_hh, b_ih, b_hh), sizes, reverse, needs)
    return gru_backward(g, x, h, w_ih, w_hh, sizes, reverse, kept)


@operator(name="_lstm_layer", method=False, out=False)
def lstm_layer(
    x: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    w_hr: Array | None,
    sizes,
    reverse,
    kept,
):
    """Long short-term memory: all states, the last one and its memory; `kept` is for the gradient."""
    out, last, memory, parts = lstm_forward(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, sizes, reverse)
    kept[:] = parts
    return out, last, memory


@lstm_layer.gradient
def _(g, x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, sizes, reverse, kept, needs):
    if _differentiated_again(g, x):
        return _composed(_lstm_cell, g, x, (h, c), (w_ih, w_hh, b_ih, b_hh, w_hr), sizes, reverse, needs)
    *others, bias, of_hr = lstm_backward(g, x, h, c, w_ih, w_hh, w_hr, sizes, reverse, kept)
    return *others, bias, bias, of_hr


# ---- the same, step by step on tensors, for gradients of gradients


def _differentiated_again(g, x):
    return isinstance(x, Tensor) or any(isinstance(t, Tensor) for t in g)


def _affine(x, w, b):
    y = lang.matmul(x, lang.transpose(w, 0, 1))
    return y if b is None else y + b


def _rnn_cell(tanh):
    def step(x, states, w_ih, w_hh, b_ih, b_hh):
        y = _affine(x, w_ih, b_ih) + _affine(states[0], w_hh, b_hh)
        return (lang.tanh(y) if tanh else lang.maximum(y, 0.0),)

    return step


def _gru_cell(x, states, w_ih, w_hh, b_ih, b_hh):
    (h,) = states
    a, b = _affine(x, w_ih, b_ih).chunk(3, 1), _affine(h, w_hh, b_hh).chunk(3, 1)
    r, z = lang.sigmoid(a[0] + b[0]), lang.sigmoid(a[1] + b[1])
    new = lang.tanh(a[2] + r * b[2])
    return (new + z * (h - new),)


def _lstm_cell(x, states, w_ih, w_hh, b_ih, b_hh, w_hr):
    h, c = states
    i, f, new, o = (_affine(x, w_ih, b_ih) + _affine(h, w_hh, b_hh)).chunk(4, 1)
    c = lang.sigmoid(f) * c + lang.sigmoid(i) * lang.tanh(new)
    h = lang.sigmoid(o) * lang.tanh(c)
    return (h if w_hr is None else _affine(h, w_hr, None)), c


def _composed(cell, g, x, states, weights, sizes, reverse, needs):
    """The gradients by way of a graph with nodes for each step, which can be differentiated once more."""
    inputs = [None if t is None else lang.copy(t) for t in (x, *states, *weights)]
    count = len(states)
    results = _unrolled(cell, inputs[0], inputs[1 : count + 1], inputs[count + 1 :], sizes, reverse)
    wanted = [t for t, n in zip(inputs, needs) if n]
    found = iter(grad(results, wanted, g, create_graph=True, allow_unused=True))
    return [next(found) if n else None for n in needs]


def _unrolled(cell, x, states, weights, sizes, reverse):
    starts, place = [], 0
    for n in sizes:
        starts.append((place, n))
        place += n
    outputs = {}
    for start, n in reversed(starts) if reverse else starts:
        new = cell(x[start : start + n], [s[:n] for s in states], *weights)
        outputs[start] = new[0]
        states = [a if n == len(s) else lang.cat([a, s[n:]], 0) for a, s in zip(new, states)]
    return lang.cat([outputs[start] for start, _ in starts], 0), *states
