"""The cells of recurrent networks on vectors: what a step makes of its sums, and the gradients of that.

The sums of a row lie in slots. Some of them get the product with the input, some that with the state; most
get both, but the gated recurrent unit scales the state's share of its new values alone.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Value
from .maths import exponential
from .maths.common import absolute, clamp, copysign

LARGEST = 86.0  # so far from zero exp and its reciprocal are normal numbers in float32
SATURATED = 20.0  # from here on tanh is 1


class Kind(NamedTuple):
    """Which rows of the weights (by gate) each slot gets."""

    slots: int
    inward: tuple[int, ...]  # gates of the product with the input, from the first slot on
    across: tuple[int, ...]  # gates of the product with the state, up to the last slot

    @property
    def first_across(self) -> int:
        return self.slots - len(self.across)


KINDS = {
    "tanh": Kind(1, (0,), (0,)),
    "relu": Kind(1, (0,), (0,)),
    "gru": Kind(4, (2, 0, 1), (0, 1, 2)),  # new, reset, update, the state's share of new
    "lstm": Kind(4, (0, 1, 2, 3), (0, 1, 2, 3)),  # input, forget, new, output
}


class Back(NamedTuple):
    """What a step gives back: slopes of the slots, of the state before apart from products, of the memory."""

    slots: list[Value]
    state: Value | None = None
    memory: Value | None = None


def gates(
    f: Function, kind: str, sums: list[Value], memory: Value | None
) -> tuple[list[Value], Value | None]:
    """The first half of a step: slots as far as they do not wait for one another, and the next memory."""
    if kind == "lstm":
        i, forget, new, out = (tanh(f, s) if k == 2 else sigmoid(f, s) for k, s in enumerate(sums))
        return [i, forget, new, out], f.fma(forget, memory, i * new)
    if kind == "gru":
        return [sums[0], sigmoid(f, sums[1]), sigmoid(f, sums[2]), sums[3]], None
    return sums, None


def state(
    f: Function, kind: str, slots: list[Value], memory: Value | None, before: Value | None
) -> tuple[Value, Value]:
    """The second half: the first slot as it is kept, and the next state; a gru asks for the one before."""
    if kind == "lstm":
        return slots[0], slots[3] * tanh(f, memory)
    if kind == "gru":
        new = tanh(f, f.fma(slots[1], slots[3], slots[0]))
        return new, f.fma(slots[2], before - new, new)
    y = tanh(f, slots[0]) if kind == "tanh" else f.select(slots[0] < 0.0, 0.0, slots[0])
    return y, y


def backward(
    f: Function, kind: str, kept: list[Value], slope: Value, before: Value | None, memories: tuple | None
) -> Back:
    """The slopes by that of the state; `memories` are the one before, the one after and its slope."""
    if kind == "lstm":
        return _lstm_back(f, kept, slope, *memories)
    if kind == "gru":
        return _gru_back(kept, slope, before)
    (y,) = kept
    if kind == "tanh":
        return Back([slope * (1.0 - y * y)])
    return Back([f.select(y <= 0.0, 0.0, slope)])


def _lstm_back(
    f: Function, kept: list[Value], slope: Value, before: Value, after: Value, memory: Value
) -> Back:
    i, forget, new, out = kept
    squashed = tanh(f, after)
    memory = f.fma(slope * out, 1.0 - squashed * squashed, memory)
    slots = [
        memory * new * _bend(i),
        memory * before * _bend(forget),
        memory * i * (1.0 - new * new),
        slope * squashed * _bend(out),
    ]
    return Back(slots, None, memory * forget)


def _gru_back(kept: list[Value], slope: Value, before: Value) -> Back:
    new, reset, update, share = kept
    by_new = slope * (1.0 - update) * (1.0 - new * new)
    by_update = slope * (before - new) * _bend(update)
    return Back([by_new, by_new * share * _bend(reset), by_update, by_new * reset], slope * update)


def _bend(s: Value) -> Value:
    """The slope of a sigmoid by its value."""
    return s * (1.0 - s)


# ---- squashing functions, where arguments beyond the range of float32 are out of the way


def sigmoid(f: Function, x: Value) -> Value:
    """1 / (1 + e**-x): 3.2 ulp in float32 for |x| < 20, 5.4 ulp beyond."""
    if x.type.bits == 64:
        return exponential.sigmoid(f, x)
    return 1.0 / (exponential.exp_near(f, -clamp(f, x, -LARGEST, LARGEST)) + 1.0)


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent, from e**-2|x| - 1, so that it never is more than one: 2.5 ulp in float32."""
    if x.type.bits == 64:
        return exponential.tanh(f, x)
    half = -absolute(f, x)
    less = exponential.expm1_twice(f, f.select(half < -SATURATED, -SATURATED, half))
    return copysign(f, less / (less + 2.0), x)
