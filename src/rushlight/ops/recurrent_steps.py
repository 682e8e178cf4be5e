"""Recurrent layers step by step on tensors: a graph with nodes for each step, for gradients of gradients."""

from __future__ import annotations

from .. import lang
from ..autograd.api import grad


def _affine(x, w, b):
    y = lang.matmul(x, lang.transpose(w, 0, 1))
    return y if b is None else y + b


def tanh_cell(x, states, w_ih, w_hh, b_ih, b_hh):
    return (lang.tanh(_affine(x, w_ih, b_ih) + _affine(states[0], w_hh, b_hh)),)


def relu_cell(x, states, w_ih, w_hh, b_ih, b_hh):
    return (lang.maximum(_affine(x, w_ih, b_ih) + _affine(states[0], w_hh, b_hh), 0.0),)


def gru_cell(x, states, w_ih, w_hh, b_ih, b_hh):
    (h,) = states
    a, b = _affine(x, w_ih, b_ih).chunk(3, 1), _affine(h, w_hh, b_hh).chunk(3, 1)
    r, z = lang.sigmoid(a[0] + b[0]), lang.sigmoid(a[1] + b[1])
    new = lang.tanh(a[2] + r * b[2])
    return (new + z * (h - new),)


def lstm_cell(x, states, w_ih, w_hh, b_ih, b_hh, w_hr):
    h, c = states
    i, f, new, o = (_affine(x, w_ih, b_ih) + _affine(h, w_hh, b_hh)).chunk(4, 1)
    c = lang.sigmoid(f) * c + lang.sigmoid(i) * lang.tanh(new)
    h = lang.sigmoid(o) * lang.tanh(c)
    return (h if w_hr is None else _affine(h, w_hr, None)), c


def gradients(cell, g, x, states, weights, times, needs):
    """The gradients by way of a graph that can be differentiated once more."""
    inputs = [None if t is None else lang.copy(t) for t in (x, *states, *weights)]
    count = len(states)
    results = _unrolled(cell, inputs[0], inputs[1 : count + 1], inputs[count + 1 :], times)
    wanted = [t for t, n in zip(inputs, needs) if n]
    found = iter(grad(results, wanted, g, create_graph=True, allow_unused=True))
    return [next(found) if n else None for n in needs]


def _unrolled(cell, x, states, weights, times):
    shapes = [s.shape for s in states]
    states = [lang.reshape(s, s.shape[-2:]) for s in states]
    rows, starts, place = times.rows(x), [], 0
    for n in times.sizes:
        starts.append((place, n))
        place += n
    outputs = {}
    for start, n in reversed(starts) if times.reverse else starts:
        new = cell(rows[start : start + n], [s[:n] for s in states], *weights)
        outputs[start] = new[0]
        states = [a if n == len(s) else lang.cat([a, s[n:]], 0) for a, s in zip(new, states)]
    out = times.like_input(lang.cat([outputs[start] for start, _ in starts], 0))
    return out, *(lang.reshape(s, shape) for s, shape in zip(states, shapes))
