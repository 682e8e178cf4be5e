"""Recurrent layers by generated kernels: whole sequences in one call, forwards and backwards.

`forward` and `backward` answer None when they do not apply, and numpy does the work then. Results do not
depend on the number of threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool
from . import invoke
from .recurrent_plans import Sequences, backward_plan, forward_plan, packed_sequences, sequences

__all__ = ["Kept", "Sequences", "backward", "forward", "packed_sequences", "sequences"]


class Kept(NamedTuple):
    """What the gradient needs of a forward pass, apart from its results."""

    gates: np.ndarray
    cells: np.ndarray | None


def _ready(arrays: tuple, dtype: np.dtype) -> list | None:
    """All arrays in one piece and of one type, or None."""
    ready = []
    for a in arrays:
        if a is not None:
            if type(a) is not np.ndarray or (a.dtype is not dtype and a.dtype != dtype):
                return None
            if not a.flags.carray:
                a = np.ascontiguousarray(a)
        ready.append(a)
    return ready


def _side_by_side(a: np.ndarray) -> np.ndarray:
    """The array, or a copy of it, with the elements of its last axis one after another."""
    if a.strides[-1] == a.itemsize and a.flags.aligned:
        return a
    return np.ascontiguousarray(a)


def forward(
    kind: str, x: np.ndarray, h: np.ndarray, c: Any, weights: tuple, when: Sequences, keep: bool
) -> Any:
    """The rows of all outputs, the last state and memory, and what the gradient needs; or None.

    `x` is (time, batch, features), or the rows of all times one after another; weights are w_ih, w_hh, b_ih
    and b_hh, of which the biases may be None, as is the memory `c` of what has none. Without `keep` less
    memory is used.
    """
    dtype, shape, hidden = x.dtype, x.shape, h.shape[-1]
    x = _side_by_side(x)
    steps, threads = len(when.sizes), pool.get_num_threads()
    plan = forward_plan(kind, dtype.char, hidden, steps, when.batch, shape, x.strides, keep, threads)
    ready = _ready((*weights, h, c), dtype)
    if plan is None or ready is None or not dtype.isnative:
        return None
    empty = memory.empty
    out, hn = empty((*shape[:-1], hidden), dtype), np.empty(h.shape, dtype)
    gates = empty((when.rows, plan.sums), dtype) if plan.sums else None
    cells = cn = None
    if c is not None:
        cells, cn = empty((when.rows if keep else when.batch, plan.memory), dtype), np.empty(c.shape, dtype)
    invoke.load()(
        plan.address,
        plan.release,
        x,
        *ready,
        out,
        hn,
        cn,
        gates,
        cells,
        when.places,
        when.sizes,
        plan.scratch(),
        plan.threads,
        plan.shared_bytes,
        plan.slot_bytes,
        *plan.numbers,
    )
    return out, hn, cn, Kept(gates, cells)


def backward(
    kind: str,
    g: tuple,
    first: int,
    x: np.ndarray,
    h: np.ndarray,
    c: Any,
    weights: tuple,
    when: Sequences,
    kept: Kept,
    out: np.ndarray,
    needs: tuple,
) -> Any:
    """The gradients of x, h, c and the four weights that `needs` asks for; or None.

    `g` has those of the outputs (time, batch, size) from the `first` time on, or rows of packed sequences, of
    the last state and memory; any may be None.
    """
    dtype, shape, hidden, steps = x.dtype, x.shape, h.shape[-1], len(when.sizes)
    x, of_out = _side_by_side(x), None if g[0] is None else _side_by_side(g[0])
    gradient = _lying(of_out, when)
    needs, threads = tuple(map(bool, needs)), pool.get_num_threads()
    plan = backward_plan(
        kind, dtype.char, hidden, steps, when.batch, shape, x.strides, gradient, needs, threads
    )
    ready = _ready((*g[1:], *weights[:2], h, c, out, kept.gates, kept.cells), dtype)
    if plan is None or ready is None or (of_out is not None and of_out.dtype != dtype):
        return None
    wanted = (x, h, c, *weights)
    made = [
        memory.empty(a.shape, dtype) if need and a is not None else None for a, need in zip(wanted, needs)
    ]
    last = [ready[0], ready[1] if c is not None else None, x, *ready[len(g) - 1 :]]
    invoke.load()(
        plan.address,
        plan.release,
        of_out,
        *last,
        *made,
        when.places,
        when.sizes,
        plan.scratch(),
        plan.threads,
        plan.shared_bytes,
        plan.slot_bytes,
        first,
        *plan.numbers,
    )
    return made


def _lying(g: np.ndarray | None, when: Sequences) -> tuple[int, int, int, int]:
    """How the gradients of the outputs lie: unit of places, how many units, steps of those and of rows."""
    if g is None:
        return 1, 0, 0, 0
    time, *row, _ = g.strides
    return (when.batch, len(g), time, *row) if when.plain else (1, len(g), time, time)
