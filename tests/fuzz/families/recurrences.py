"""Recurrent layers: sequences of one length and of several, all cells, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight.kernels import recurrent
from rushlight.lang import recurrent as plain

from ..check import near
from ..draw import Draw
from . import family

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
ROUNDING = {"float32": 2e-5, "float64": 4e-14}  # of the largest value, or of one


class Layer:
    """The arrays of a layer and its input."""

    def __init__(self, draw: Draw) -> None:
        self.kind, self.dtype = draw.one(*GATES), draw.one("float32", "float32", "float64")
        self.hidden, features = draw.size(70), draw.size(40)
        steps, batch = draw.number(1, 6), draw.size(40)
        if draw.chance(0.15):  # few steps of a large layer, whose weights are read as they lie
            self.hidden, features = draw.number(180, 260), draw.number(180, 260)
            steps, batch = draw.number(1, 4), draw.size(9)
        self.sizes = tuple(sorted((draw.number(1, batch) for _ in range(steps)), reverse=True))
        if draw.chance(0.6):
            self.sizes = (batch,) * steps
        self.reverse = draw.chance(0.3)
        self.when = recurrent.packed_sequences(self.sizes, self.reverse)
        plain = len(set(self.sizes)) == 1 and draw.chance(0.7)
        batch, rows, gates = max(self.sizes), sum(self.sizes), GATES[self.kind] * self.hidden
        places = (rows,)
        if plain:
            places = steps, batch
            self.when = recurrent.sequences(steps, batch, self.reverse)
        self.x = draw.dense((*places, features), self.dtype)
        self.h = draw.dense((batch, self.hidden), self.dtype)
        self.c = draw.dense((batch, self.hidden), self.dtype) if self.kind == "lstm" else None
        scale = np.dtype(self.dtype).type((self.hidden + features) ** -0.5)
        shapes = (gates, features), (gates, self.hidden), (gates,), (gates,)
        self.weights = [draw.guarded(draw.values(shape, self.dtype) * scale) for shape in shapes]
        if draw.chance(0.3):
            self.weights[2:] = [None, None]
        shapes = [(*places, self.hidden), *[(batch, self.hidden)] * (2 if self.kind == "lstm" else 1)]
        self.first = 0  # time from which on the outputs have a gradient
        if plain and draw.chance(0.4):
            self.first = draw.number(0, steps - 1)
            shapes[0] = (draw.number(1, steps - self.first), *shapes[0][1:])
        self.g = [draw.dense(shape, self.dtype) if draw.chance(0.8) else None for shape in shapes]

    def wide(self) -> list[Any]:
        given = (_rows(self.x), self.h, self.c, *self.weights)
        return [None if a is None else a.astype("f8") for a in given]

    def whole_gradients(self) -> list[np.ndarray]:
        """Those of all results in double precision, with zeros where there are none."""
        batch, rows = len(self.h), sum(self.sizes)
        whole = [np.zeros((n, self.hidden)) for n in (rows, *[batch] * (len(self.g) - 1))]
        for a, g, low in zip(whole, self.g, (self.first * batch, 0, 0)):
            if g is not None:
                a[low : low + _rows(g).shape[0]] = _rows(g)
        return whole

    def forward(self) -> tuple[list[Any], Any]:
        """Outputs, last state and memory in double precision, and what the gradient needs of them."""
        x, h, c, *weights = self.wide()
        how = self.sizes, self.reverse
        if self.kind == "lstm":
            *results, parts = plain.lstm_forward(x, h, c, *weights, None, *how)
            return results, parts
        if self.kind == "gru":
            out, last, parts = plain.gru_forward(x, h, *weights, *how)
            return [out, last, None], parts
        out, last = plain.rnn_forward(x, h, *weights, *how, self.kind == "tanh")
        return [out, last, None], out

    def backward(self, parts: Any, out: np.ndarray) -> list[Any]:
        """All gradients in double precision; where a relu is zero is taken from the kernel's results."""
        x, h, c, *weights = self.wide()
        g, how = self.whole_gradients(), (self.sizes, self.reverse)
        if self.kind == "lstm":
            *back, bias, _ = plain.lstm_backward(g, x, h, c, *weights[:2], None, *how, parts)
            return [*back, bias, bias]
        if self.kind == "gru":
            back = plain.gru_backward(g, x, h, *weights[:2], *how, parts)
            return [*back[:2], None, *back[2:]]
        tanh = self.kind == "tanh"
        *back, bias = plain.rnn_backward(g, x, h, *weights[:2], *how, tanh, _rows(out).astype("f8"))
        return [*back[:2], None, *back[2:], bias, bias]


def _rows(a: np.ndarray) -> np.ndarray:
    """Rows of all times one after another."""
    return a.reshape(-1, a.shape[-1])


def _compare(made: Any, exact: list[Any], dtype: str) -> None:
    for one, other in zip(made, exact):
        if one is not None:
            near(_rows(one), _rows(other), ROUNDING[dtype] * max(1.0, np.abs(other).max(initial=0)))


@family("recurrent layers")
def forward(draw: Draw) -> bool:
    layer = Layer(draw)
    given = layer.kind, layer.x, layer.h, layer.c, layer.weights, layer.when, draw.chance(0.5)
    made = draw.run(recurrent.forward, *given)
    if made is None:
        return False
    _compare(made[:3], layer.forward()[0], layer.dtype)
    return True


@family("recurrent layers, gradients")
def backward(draw: Draw) -> bool:
    layer = Layer(draw)
    given = layer.x, layer.h, layer.c, layer.weights, layer.when
    results = draw.run(recurrent.forward, layer.kind, *given, True)
    if results is None:
        return False
    needs = [draw.chance(0.8) for _ in range(7)]
    given = layer.kind, layer.g, layer.first, *given, results[3], results[0], needs
    made = draw.run(recurrent.backward, *given)
    if made is None:
        return False
    present = [a is not None for a in (layer.x, layer.h, layer.c, *layer.weights)]
    assert [m is not None for m in made] == [n and p for n, p in zip(needs, present)]
    _compare(made, layer.backward(layer.forward()[1], results[0]), layer.dtype)
    return True
