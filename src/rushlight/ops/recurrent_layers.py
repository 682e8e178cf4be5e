"""Layers of recurrent networks in one direction over whole sequences: one operator with its gradient each.

x is (time, batch, features), or (batch, time, features) with `batch_first`; when `sizes` is given it is the
rows of all times one after another, and `sizes` says how many sequences run at each time. A state is (1,
batch, size) or (batch, size). `kept` is a list that receives what the gradient needs, or None.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..autograd.placed import Placed
from ..kernels import recurrent as kernels
from ..lang.recurrent import gru_backward, gru_forward, lstm_backward, lstm_forward, rnn_backward, rnn_forward
from ..tensor.core import Tensor
from . import recurrent_steps as steps
from .declare import operator


class Times(NamedTuple):
    """Which rows belong to which time."""

    shape: tuple[int, ...]  # of the input
    packed: tuple[int, ...] | None  # sequences that run at each time; None where all do at all times
    reverse: bool
    batch_first: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        if self.packed is not None:
            return self.packed
        return (self.shape[1 - self._time],) * self.shape[self._time]

    @property
    def _time(self) -> int:
        return 1 if self.batch_first else 0

    @property
    def sequences(self) -> kernels.Sequences:
        if self.packed is not None:
            return kernels.packed_sequences(self.packed, self.reverse)
        return kernels.sequences(self.shape[self._time], self.shape[1 - self._time], self.reverse)

    def by_time(self, x):
        """The array with time first."""
        return x.swapaxes(0, 1) if self.batch_first else x

    def part(self, g):
        """The first time that has a gradient, and the gradients from there on with time first, or None."""
        if type(g) is not Placed:
            return 0, None if g is None else self.by_time(g)
        found = None if self.packed is not None else g.along(self._time)
        first, part = (0, np.asarray(g)) if found is None else found
        return first, self.by_time(part)

    def rows(self, x):
        """All times one after another."""
        if self.packed is not None:
            return x
        return self.by_time(x).reshape((self.shape[0] * self.shape[1], x.shape[2]))

    def like_input(self, rows):
        """Rows of all times in the order of the input's dimensions."""
        if self.packed is not None:
            return rows
        count = self.shape[self._time]
        return self.by_time(rows.reshape((count, self.shape[1 - self._time], rows.shape[1])))


def _flat(state):
    return state.reshape(state.shape[-2:])


def _differentiated_again(g, x):
    return isinstance(x, Tensor) or any(isinstance(t, Tensor) for t in g)


def _forward(kind, x, states, weights, times, kept):
    """Outputs and last states by a kernel; None where numpy is to do the work."""
    h, c = states if kind == "lstm" else (*states, None)
    made = kernels.forward(kind, times.by_time(x), h, c, weights, times.sequences, kept is not None)
    if made is None:
        return None
    out, hn, cn, parts = made
    if kept is not None:
        kept[:] = [parts]
    out = times.by_time(out)
    return (out, hn) if cn is None else (out, hn, cn)


def _backward(kind, g, x, states, weights, times, kept, out, needs):
    """The gradients of x, the states and the weights, where a kernel has left what it needs; or None."""
    if not kept or type(kept[0]) is not kernels.Kept:
        return None
    h, c = states if kind == "lstm" else (*states, None)
    needs = needs if kind == "lstm" else (*needs[:2], False, *needs[2:])
    first, of_out = times.part(g[0])
    x, out = times.by_time(x), times.by_time(out)
    made = kernels.backward(
        kind, (of_out, *g[1:]), first, x, h, c, weights, times.sequences, kept[0], out, needs
    )
    if made is None:
        return None
    dx, dh, dc, *others = made
    dx = None if dx is None else times.by_time(dx)
    return [dx, dh, dc, *others] if kind == "lstm" else [dx, dh, *others]


def _whole(g, results):
    """The gradients of all results, with zeros where none came."""
    return [np.zeros_like(r) if a is None else np.asarray(a) for a, r in zip(g, results)]


def _parts(kept, out, times, again):
    """What numpy's gradient needs: what its forward pass has kept, or another forward pass makes."""
    if kept and type(kept[0]) is not kernels.Kept:
        return *kept, times.rows(out)
    return again()[-1]


# ---- what PyTorch calls the step that gives the outputs: a sum of the cell, or how it joins all times


def _step(x, sizes, cell, layer):
    if sizes is None:
        return layer
    return cell if sizes == (x.shape[0],) else "CatBackward0"


def _rnn_step(x, sizes, tanh):
    return _step(x, sizes, "TanhBackward0" if tanh else "ReluBackward0", "StackBackward0")


def _gru_step(x, sizes):
    return _step(x, sizes, "AddBackward0", "StackBackward0")


def _lstm_step(x, w_hr, sizes):
    whole = w_hr is None and x.dtype.itemsize == 4
    return _step(x, sizes, "MulBackward0", "MkldnnRnnLayerBackward0" if whole else "StackBackward0")


# ---- the plain recurrent network


@operator(name="_rnn_layer", method=False, out=False, fresh=True, node=_rnn_step, takes_parts=True)
def rnn_layer(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    sizes,
    reverse,
    batch_first,
    tanh,
    kept,
):
    """h = tanh(w_ih x + b_ih + w_hh h + b_hh) at each time: all states, and the last."""
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    made = _forward("tanh" if tanh else "relu", x, (h,), weights, times, kept)
    if made is not None:
        return made
    out, last = rnn_forward(times.rows(x), _flat(h), *weights, times.sizes, reverse, tanh)
    return times.like_input(out), last.reshape(h.shape)


@rnn_layer.gradient
def _(g, x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, batch_first, tanh, kept, results, needs):
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    if _differentiated_again(g, x):
        return steps.gradients("tanh" if tanh else "relu", g, x, (h,), weights, times, needs)
    made = _backward("tanh" if tanh else "relu", g, x, (h,), weights, times, kept, results[0], needs)
    if made is not None:
        return made
    g = _whole(g, results)
    g, out = (times.rows(g[0]), _flat(g[1])), times.rows(results[0])
    dx, dh, *others, bias = rnn_backward(
        g, times.rows(x), _flat(h), w_ih, w_hh, times.sizes, reverse, tanh, out
    )
    return times.like_input(dx), dh.reshape(h.shape), *others, bias, bias


# ---- gated recurrent units


@operator(name="_gru_layer", method=False, out=False, fresh=True, node=_gru_step, takes_parts=True)
def gru_layer(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    sizes,
    reverse,
    batch_first,
    kept,
):
    """Gated recurrent units: all states, and the last."""
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    made = _forward("gru", x, (h,), weights, times, kept)
    if made is not None:
        return made
    out, last, parts = gru_forward(times.rows(x), _flat(h), *weights, times.sizes, reverse)
    if kept is not None:
        kept[:] = parts[:2]
    return times.like_input(out), last.reshape(h.shape)


@gru_layer.gradient
def _(g, x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, batch_first, kept, results, needs):
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    if _differentiated_again(g, x):
        return steps.gradients("gru", g, x, (h,), weights, times, needs)
    made = _backward("gru", g, x, (h,), weights, times, kept, results[0], needs)
    if made is not None:
        return made
    given = times.rows(x), _flat(h)
    parts = _parts(kept, results[0], times, lambda: gru_forward(*given, *weights, times.sizes, reverse))
    g = _whole(g, results)
    g = times.rows(g[0]), _flat(g[1])
    dx, dh, *others = gru_backward(g, *given, w_ih, w_hh, times.sizes, reverse, parts)
    return times.like_input(dx), dh.reshape(h.shape), *others


# ---- long short-term memory


@operator(name="_lstm_layer", method=False, out=False, fresh=True, node=_lstm_step, takes_parts=True)
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
    batch_first,
    kept,
):
    """Long short-term memory: all states, the last one and its memory."""
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    made = _forward("lstm", x, (h, c), weights, times, kept) if w_hr is None else None
    if made is not None:
        return made
    made = lstm_forward(times.rows(x), _flat(h), _flat(c), *weights, w_hr, times.sizes, reverse)
    out, last, memory, parts = made
    if kept is not None:
        kept[:] = parts[:2]
    return times.like_input(out), last.reshape(h.shape), memory.reshape(c.shape)


@lstm_layer.gradient
def _(g, x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, sizes, reverse, batch_first, kept, results, needs):
    times, weights = Times(x.shape, sizes, reverse, batch_first), (w_ih, w_hh, b_ih, b_hh)
    if _differentiated_again(g, x):
        return steps.gradients("lstm", g, x, (h, c), (*weights, w_hr), times, needs)
    made = _backward("lstm", g, x, (h, c), weights, times, kept, results[0], needs)
    if made is not None:
        return [*made, None]
    given = times.rows(x), _flat(h), _flat(c)
    parts = _parts(
        kept, results[0], times, lambda: lstm_forward(*given, *weights, w_hr, times.sizes, reverse)
    )
    g = _whole(g, results)
    g = times.rows(g[0]), _flat(g[1]), _flat(g[2])
    *found, bias, of_hr = lstm_backward(g, *given, w_ih, w_hh, w_hr, times.sizes, reverse, parts)
    dx, dh, dc, *others = found
    return times.like_input(dx), dh.reshape(h.shape), dc.reshape(c.shape), *others, bias, bias, of_hr
