"""The gradients of recurrent layers step by step on tensors, so that they can be differentiated again.

Each cell says what a step gives and, of the gradients of that, what comes back to its sums. Nothing here asks
for a graph: whatever a function transform puts in the place of tensors goes through the same formulas.
"""

from __future__ import annotations

from .. import lang


def _affine(x, w, b):
    y = lang.matmul(x, lang.transpose(w, 0, 1))
    return y if b is None else y + b


def _outer(slope, x):
    return lang.matmul(lang.transpose(slope, 0, 1), x)


def _bend(s):
    """The slope of a sigmoid by its value."""
    return s * (1 - s)


class TanhCell:
    """One step: the new states from sums with input and state; then slopes of the sums, and of the states
    apart from the product with them.
    """

    def forward(self, inward, across, states, w_hr):
        self.y = lang.tanh(inward + across)
        return (self.y,)

    def backward(self, grads, states, w_hr):
        slope = grads[0] * (1 - self.y * self.y)
        return slope, slope, [None], None


class ReluCell:
    def forward(self, inward, across, states, w_hr):
        self.y = lang.maximum(inward + across, 0.0)
        return (self.y,)

    def backward(self, grads, states, w_hr):
        slope = lang.where(self.y > 0, grads[0], 0.0)
        return slope, slope, [None], None


class GruCell:
    def forward(self, inward, across, states, w_hr):
        (h,) = states
        a, b = inward.chunk(3, 1), across.chunk(3, 1)
        self.r, self.z, self.share = lang.sigmoid(a[0] + b[0]), lang.sigmoid(a[1] + b[1]), b[2]
        self.new = lang.tanh(a[2] + self.r * b[2])
        return (self.new + self.z * (h - self.new),)

    def backward(self, grads, states, w_hr):
        (d,), (h,) = grads, states
        of_new = d * (1 - self.z) * (1 - self.new * self.new)
        of_z = d * (h - self.new) * _bend(self.z)
        of_r = of_new * self.share * _bend(self.r)
        across = lang.cat([of_r, of_z, of_new * self.r], 1)
        return lang.cat([of_r, of_z, of_new], 1), across, [d * self.z], None


class LstmCell:
    def forward(self, inward, across, states, w_hr):
        i, f, new, o = (inward + across).chunk(4, 1)
        self.i, self.f, self.new, self.o = lang.sigmoid(i), lang.sigmoid(f), lang.tanh(new), lang.sigmoid(o)
        c = self.f * states[1] + self.i * self.new
        self.squashed = lang.tanh(c)
        h = self.o * self.squashed
        return h if w_hr is None else _affine(h, w_hr, None), c

    def backward(self, grads, states, w_hr):
        d, memory = grads
        of_hr = None
        if w_hr is not None:
            of_hr = _outer(d, self.o * self.squashed)
            d = lang.matmul(d, w_hr)
        memory = memory + d * self.o * (1 - self.squashed * self.squashed)
        slope = lang.cat(
            [
                memory * self.new * _bend(self.i),
                memory * states[1] * _bend(self.f),
                memory * self.i * (1 - self.new * self.new),
                d * self.squashed * _bend(self.o),
            ],
            1,
        )
        return slope, slope, [None, memory * self.f], of_hr


CELLS = {"tanh": TanhCell, "relu": ReluCell, "gru": GruCell, "lstm": LstmCell}


def gradients(kind, g, x, states, weights, times, needs):
    """The gradients of x, the states and the weights that `needs` asks for, by formulas on tensors."""
    w_ih, w_hh, b_ih, b_hh, w_hr = (*weights, None)[:5]
    rows, shapes = times.rows(x), [s.shape for s in states]
    walk = _walked(CELLS[kind], rows, [_flat(s) for s in states], (w_ih, w_hh, b_ih, b_hh, w_hr), times)
    of_out, carried = times.rows(g[0]), [_flat(s) for s in g[1:]]
    inputs, sums = {}, [None] * 5
    for cell, start, n, before in reversed(walk):
        grads = [s[:n] for s in carried]
        grads[0] = grads[0] + of_out[start : start + n]
        inward, across, direct, of_hr = cell.backward(grads, before, w_hr)
        inputs[start] = lang.matmul(inward, w_ih)
        back = lang.matmul(across, w_hh)
        new = [back if direct[0] is None else back + direct[0], *direct[1:]]
        carried = [_joined(a, s) for a, s in zip(new, carried)]
        found = _outer(inward, rows[start : start + n]), _outer(across, before[0])
        found += lang.sum(inward, 0), lang.sum(across, 0), of_hr
        sums = [_sum(s, a) for s, a in zip(sums, found)]
    of_x = times.like_input(lang.cat([inputs[start] for start in sorted(inputs)], 0))
    of_states = [lang.reshape(s, shape) for s, shape in zip(carried, shapes)]
    return [v if n else None for v, n in zip((of_x, *of_states, *sums), needs)]


def _sum(total, more):
    return more if total is None else total + more


def _flat(state):
    return lang.reshape(state, state.shape[-2:])


def _joined(new, state):
    """The states after a step that not all sequences took."""
    n = new.shape[0]
    return new if n == state.shape[0] else lang.cat([new, state[n:]], 0)


def _walked(kind, rows, states, weights, times):
    """The steps in order: each one's cell, first row, number of rows, and the states before it."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    starts, place = [], 0
    for n in times.sizes:
        starts.append((place, n))
        place += n
    walk = []
    for start, n in reversed(starts) if times.reverse else starts:
        cell, before = kind(), [s[:n] for s in states]
        inward = _affine(rows[start : start + n], w_ih, b_ih)
        new = cell.forward(inward, _affine(before[0], w_hh, b_hh), before, w_hr)
        walk.append((cell, start, n, before))
        states = [_joined(a, s) for a, s in zip(new, states)]
    return walk
