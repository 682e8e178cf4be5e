"""Recurrent layers over whole sequences, forwards and backwards.

Rows of all times lie one after another: `sizes` says how many sequences are still running at each time (as in
a packed sequence; for plain ones it is the batch at every time). What needs no earlier time is done for all
times at once, in large matrix products; the loop over time does the rest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .summation import total

Array = np.ndarray


@lru_cache(maxsize=128)
def schedule(sizes: tuple[int, ...], reverse: bool) -> tuple[list[tuple[int, int]], Array]:
    """Each step's first row and their number, and for each row its state before, in [h0; outputs]."""
    starts = np.concatenate(([0], np.cumsum(sizes))).tolist()
    steps = list(zip(starts, sizes))
    if reverse:
        steps.reverse()
    batch = max(sizes)
    latest = np.arange(batch)
    previous = np.empty(starts[-1], np.int64)
    for start, n in steps:
        previous[start : start + n] = latest[:n]
        latest[:n] = batch + np.arange(start, start + n)
    return steps, previous


def _before(initial: Array, outputs: Array, previous: Array) -> Array:
    """The state before each row."""
    return np.concatenate((initial, outputs)).take(previous, 0)


def _continued(state: Array, new: Array) -> Array:
    """The state after a step that not all sequences took."""
    return new if len(new) == len(state) else np.concatenate((new, state[len(new) :]))


def _projected(x: Array, w: Array, *biases: Any) -> Array:
    """x w^T plus the biases, of which any may be missing."""
    y = np.dot(x, w.T)
    for b in biases:
        if b is not None:
            y += b
    return y


def _weight_gradients(g: Array, inputs: Array) -> Array:
    return np.dot(g.T, inputs)


# ---- the plain recurrent network


def rnn_forward(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Any,
    b_hh: Any,
    sizes: tuple,
    reverse: bool,
    tanh: bool,
) -> Any:
    """The outputs of all times and the last state."""
    out = _projected(x, w_ih, b_ih, b_hh)
    across = np.ascontiguousarray(w_hh.T)
    for start, n in schedule(sizes, reverse)[0]:
        y = out[start : start + n]
        y += np.dot(h[:n], across)
        np.tanh(y, y) if tanh else np.maximum(y, 0, out=y)
        h = _continued(h, y)
    return out, h.copy()


def rnn_backward(
    g: Any, x: Array, h: Array, w_ih: Array, w_hh: Array, sizes: tuple, reverse: bool, tanh: bool, out: Array
) -> Any:
    """The gradients of the input, the first state, both weights and the bias."""
    steps, previous = schedule(sizes, reverse)
    slope = (1 - out * out) if tanh else (out > 0).astype(out.dtype)
    slopes = np.empty_like(out)
    dh = g[1].copy()
    for start, n in reversed(steps):
        d = slopes[start : start + n]
        np.add(dh[:n], g[0][start : start + n], d)
        d *= slope[start : start + n]
        dh[:n] = np.dot(d, w_hh)
    of_hh = _weight_gradients(slopes, _before(h, out, previous))
    return np.dot(slopes, w_ih), dh, _weight_gradients(slopes, x), of_hh, total(slopes, 0)


# ---- long short-term memory


def _gates_first(w: Array, size: int) -> Array:
    """PyTorch's order i, f, g, o as o, i, f, g; three halved: sigmoid(x) = (tanh(x / 2) + 1) / 2."""
    w = np.concatenate((w[3 * size :], w[: 3 * size]))
    w[: 3 * size] *= w.dtype.type(0.5)
    return w


def _gates_back(w: Array, size: int) -> Array:
    """The order of PyTorch again."""
    return np.concatenate((w[size:], w[:size]))


def lstm_forward(
    x: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Any,
    b_hh: Any,
    w_hr: Any,
    sizes: tuple,
    reverse: bool,
) -> Any:
    """The outputs of all times, the last state and memory, and for the gradient: gates and memories."""
    size = c.shape[1]
    bias = b_ih if b_hh is None else b_ih + b_hh
    gates = _projected(x, _gates_first(w_ih, size), None if bias is None else _gates_first(bias, size))
    across = np.ascontiguousarray(_gates_first(w_hh, size).T)
    half = x.dtype.type(0.5)
    cells = np.empty((len(x), size), x.dtype)
    out = np.empty((len(x), h.shape[1]), x.dtype)
    for start, n in schedule(sizes, reverse)[0]:
        a, memory, y = gates[start : start + n], cells[start : start + n], out[start : start + n]
        a += np.dot(h[:n], across)
        np.tanh(a, a)
        sigmoids = a[:, : 3 * size]
        sigmoids *= half
        sigmoids += half
        np.multiply(c[:n], a[:, 2 * size : 3 * size], memory)
        memory += a[:, size : 2 * size] * a[:, 3 * size :]
        if w_hr is None:
            np.multiply(a[:, :size], np.tanh(memory), y)
        else:
            np.dot(a[:, :size] * np.tanh(memory), w_hr.T, y)
        h, c = _continued(h, y), _continued(c, memory)
    return out, h.copy(), c.copy(), (gates, cells, out)


def lstm_backward(
    g: Any,
    x: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    w_hr: Any,
    sizes: tuple,
    reverse: bool,
    kept: Any,
) -> Any:
    """The gradients of the input, the first state and memory, the weights, the bias and the projection."""
    gates, cells, out = kept
    size = c.shape[1]
    steps, previous = schedule(sizes, reverse)
    o, i, f, new = (gates[:, k * size : (k + 1) * size] for k in range(4))
    squashed = np.tanh(cells)
    through = o * (1 - squashed * squashed)
    factors = np.empty(
        (len(x), 4, size), x.dtype
    )  # of the gradients of the gates, by those of state and memory
    np.multiply(squashed, o * (1 - o), factors[:, 0])
    np.multiply(new, i * (1 - i), factors[:, 1])
    np.multiply(_before(c, cells, previous), f * (1 - f), factors[:, 2])
    np.multiply(i, 1 - new * new, factors[:, 3])
    back = np.concatenate((w_hh[3 * size :], w_hh[: 3 * size]))
    dh, dc = g[1].copy(), g[2].copy()
    states = None if w_hr is None else np.empty((len(x), dh.shape[1]), x.dtype)
    for start, n in reversed(steps):
        rows = slice(start, start + n)
        d = dh[:n] + g[0][rows]
        if states is not None:
            states[rows] = d
            d = np.dot(d, w_hr)
        memory = dc[:n]
        memory += d * through[rows]
        slope = factors[rows]
        slope[:, 0] *= d
        slope[:, 1:] *= memory[:, None]
        memory *= f[rows]
        dh[:n] = np.dot(slope.reshape(n, -1), back)
    slopes = _gates_back(factors.reshape(len(x), -1).T, size).T
    of_hh = _weight_gradients(slopes, _before(h, out, previous))
    of_hr = None if w_hr is None else _weight_gradients(states, o * squashed)
    return np.dot(slopes, w_ih), dh, dc, _weight_gradients(slopes, x), of_hh, total(slopes, 0), of_hr


# ---- the gated recurrent unit


def gru_forward(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Any, b_hh: Any, sizes: tuple, reverse: bool
) -> Any:
    """The outputs of all times, the last state, and for the gradient: gates, the states' share of news."""
    size = h.shape[1]
    half = x.dtype.type(0.5)
    gates = _projected(x, w_ih, b_ih)
    across = np.ascontiguousarray(w_hh.T)
    shares = np.empty((len(x), size), x.dtype)
    out = np.empty((len(x), size), x.dtype)
    for start, n in schedule(sizes, reverse)[0]:
        a, share, y = gates[start : start + n], shares[start : start + n], out[start : start + n]
        b = np.dot(h[:n], across)
        if b_hh is not None:
            b += b_hh
        sigmoids, new = a[:, : 2 * size], a[:, 2 * size :]
        sigmoids += b[:, : 2 * size]
        sigmoids *= half
        np.tanh(sigmoids, sigmoids)
        sigmoids *= half
        sigmoids += half
        share[...] = b[:, 2 * size :]
        new += a[:, :size] * share
        np.tanh(new, new)
        np.subtract(h[:n], new, y)
        y *= a[:, size : 2 * size]
        y += new
        h = _continued(h, y)
    return out, h.copy(), (gates, shares, out)


def gru_backward(
    g: Any, x: Array, h: Array, w_ih: Array, w_hh: Array, sizes: tuple, reverse: bool, kept: Any
) -> Any:
    """The gradients of the input, the first state, both weights and both biases."""
    gates, shares, out = kept
    size = h.shape[1]
    steps, previous = schedule(sizes, reverse)
    before = _before(h, out, previous)
    r, z, new = (gates[:, k * size : (k + 1) * size] for k in range(3))
    by_new = (1 - z) * (1 - new * new)
    factors = np.empty((len(x), 3, size), x.dtype)  # of the gradients of the gates, by that of the state
    np.multiply(by_new * shares, r * (1 - r), factors[:, 0])
    np.multiply(before - new, z * (1 - z), factors[:, 1])
    np.multiply(by_new, r, factors[:, 2])
    states = np.empty_like(out)
    dh = g[1].copy()
    for start, n in reversed(steps):
        rows = slice(start, start + n)
        d = states[rows]
        np.add(dh[:n], g[0][rows], d)
        slope = factors[rows]
        slope *= d[:, None]
        back = np.dot(slope.reshape(n, -1), w_hh)
        back += d * z[rows]
        dh[:n] = back
    across = factors.reshape(len(x), -1)
    inward = across.copy()
    np.multiply(states, by_new, inward[:, 2 * size :])
    of_ih, of_hh = _weight_gradients(inward, x), _weight_gradients(across, before)
    return np.dot(inward, w_ih), dh, of_ih, of_hh, total(inward, 0), total(across, 0)
