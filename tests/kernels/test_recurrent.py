"""Recurrent layers by kernels, beside numpy in float64: sizes with tails, packed sequences, what is not
asked for.
"""

import numpy as np
import pytest

from rushlight.kernels import recurrent as kernels
from rushlight.lang import recurrent as plain
from rushlight.runtime import available, get_num_threads, set_kernel_mode, set_num_threads

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
KINDS = ["tanh", "relu", "gru", "lstm"]
GATES = {"lstm": 4, "gru": 3}
SIZES = [  # sequences at each time, features, hidden
    ((3,) * 5, 4, 16),
    ((1,) * 7, 1, 32),
    ((1,) * 3, 2, 150),
    ((17,) * 3, 20, 33),
    ((64,) * 6, 28, 64),
    ((5, 5, 3, 2, 2, 1), 6, 18),
    ((9, 8, 8, 1), 3, 5),
]
FEW = [  # few steps and large weights, which are read as they lie
    ((1,), 17, 256),
    ((7,), 130, 201),
    ((2,) * 3, 256, 208),
    ((6, 5, 5, 1), 300, 215),
]


class Case:
    """Arrays of a layer, and what numpy makes of them in float64."""

    def __init__(self, kind, sizes, features, hidden, dtype="float32", reverse=False, bias=True):
        self.kind, self.sizes, self.reverse = kind, sizes, reverse
        self.draw = np.random.default_rng(sum(sizes) + hidden).standard_normal
        batch, rows, gates = max(sizes), sum(sizes), GATES.get(kind, 1) * hidden
        self.dtype = dtype
        self.x, self.h = self.array(rows, features), self.array(batch, hidden)
        self.c = self.array(batch, hidden) if kind == "lstm" else None
        scale = self.dtype_of(hidden**-0.5)
        self.weights = [self.array(gates, features) * scale, self.array(gates, hidden) * scale]
        self.weights += [self.array(gates), self.array(gates)] if bias else [None, None]
        self.g = [self.array(rows, hidden)] + [self.array(batch, hidden) for _ in range(1 + (kind == "lstm"))]
        self.when = kernels.packed_sequences(sizes, reverse)

    def array(self, *shape):
        return self.draw(shape).astype(self.dtype)

    def dtype_of(self, number):
        return np.dtype(self.dtype).type(number)

    def forward(self, keep=True):
        return kernels.forward(self.kind, self.x, self.h, self.c, self.weights, self.when, keep)

    def backward(self, made, needs=(True,) * 7):
        given = self.x, self.h, self.c, self.weights, self.when
        return kernels.backward(self.kind, self.g, 0, *given, made[3], made[0], needs)

    def truth(self):
        """Outputs, last state and memory; then all gradients."""
        x, h, c, *weights = map(in_double, (self.x, self.h, self.c, *self.weights))
        g, how = [in_double(a) for a in self.g], (self.sizes, self.reverse)
        if self.kind == "lstm":
            *results, parts = plain.lstm_forward(x, h, c, *weights, None, *how)
            *back, bias, _ = plain.lstm_backward(g, x, h, c, *weights[:2], None, *how, parts)
            return results, [*back, bias, bias]
        if self.kind == "gru":
            out, last, parts = plain.gru_forward(x, h, *weights, *how)
            back = plain.gru_backward(g, x, h, *weights[:2], *how, parts)
            return [out, last, None], [*back[:2], None, *back[2:]]
        tanh = self.kind == "tanh"
        out, last = plain.rnn_forward(x, h, *weights, *how, tanh)
        *back, bias = plain.rnn_backward(g, x, h, *weights[:2], *how, tanh, out)
        return [out, last, None], [*back[:2], None, *back[2:], bias, bias]


def in_double(array):
    return None if array is None else array.astype("float64")


def near(found, expected, dtype):
    bound = {"float32": 3e-6, "float64": 5e-15}[dtype]
    for one, other in zip(found, expected, strict=True):
        if one is not None:
            assert one.dtype == dtype
            np.testing.assert_allclose(one, other, atol=bound * max(1, abs(other).max()), rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_states_and_gradients(kind, dtype):
    for sizes, features, hidden in SIZES + FEW:
        for reverse in (False, True):
            case = Case(kind, sizes, features, hidden, dtype, reverse)
            made = case.forward()
            results, gradients = case.truth()
            near(made[:3], results, dtype)
            near(case.backward(made), gradients, dtype)
            for kept, other in zip(made[:3], case.forward(keep=False)[:3], strict=True):
                np.testing.assert_array_equal(kept, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("features", "hidden"), [(5, 20), (150, 210)])
def test_only_what_is_asked_for_is_computed(kind, features, hidden):
    case = Case(kind, (4,) * 3, features, hidden)
    made = case.forward()
    everything = case.backward(made)
    for k, whole in enumerate(everything):
        needs = [j == k for j in range(7)]
        found = case.backward(made, needs)
        assert [f is not None for f in found] == [n and w is not None for n, w in zip(needs, everything)]
        if whole is not None:
            np.testing.assert_array_equal(found[k], whole)


@pytest.mark.parametrize("kind", KINDS)
def test_without_biases_and_without_anything_kept(kind):
    case = Case(kind, (6,) * 4, 7, 24, bias=False)
    results, gradients = case.truth()
    near(case.forward(keep=False)[:3], results, "float32")
    found = case.backward(case.forward())
    assert found[5] is found[6] is None
    near(found[:5], gradients[:5], "float32")


@pytest.mark.parametrize(
    ("sizes", "hidden"), [((50,) * 20, 40), ((4,) * 9, 330), ((5, 5, 3, 1), 330), ((1,), 500)]
)
@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_threads_do_not_change_a_bit(kind, sizes, hidden):
    """Shared by sequences, and by blocks of the state where those are few and large."""
    case = Case(kind, sizes, 28, hidden)
    before, seen = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            made = case.forward()
            seen.append([a for a in (*made[:3], *case.backward(made)) if a is not None])
    finally:
        set_num_threads(before)
    for others in seen[1:]:
        for one, other in zip(seen[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(6, 3, 5), (3, 6, 5), (1, 9, 16), (9, 1, 16), (50, 60, 16)])
def test_inputs_and_gradients_in_any_order_in_memory(shape):
    """Sequences first, times first, parts of something larger, gradients spread from one number."""
    steps, batch, features = shape
    case = Case("lstm", (batch,) * steps, features, 16)
    case.when = kernels.sequences(steps, batch, False)
    x, g = case.x.reshape(shape), case.g[0].reshape(steps, batch, 16)
    wide = np.zeros((steps, batch + 1, features + 2), "float32")
    wide[:, 1:, 1:-1] = x
    results, gradients = case.truth()
    for a in (x, x.swapaxes(0, 1).copy().swapaxes(0, 1), wide[:, 1:, 1:-1], np.asfortranarray(x)):
        case.x, case.g[0] = a, g.swapaxes(0, 1).copy().swapaxes(0, 1)
        made = case.forward()
        assert made[0].shape == (steps, batch, 16)
        near([made[0].reshape(-1, 16), *made[1:3]], results, "float32")
        found = case.backward(made)
        near([found[0].reshape(-1, features), *found[1:]], gradients, "float32")
    case.g[0] = np.broadcast_to(np.float32(0.5), g.shape)
    found = case.backward(made)
    case.g[0] = case.g[0].copy()
    near(found, case.backward(made), "float32")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("steps", "batch", "features", "hidden"), [(7, 64, 28, 64), (3, 33, 16, 18), (2, 50, 5, 7)]
)
def test_gradients_of_weights_are_summed_by_shares_of_the_sequences(kind, steps, batch, features, hidden):
    case = Case(kind, (batch,) * steps, features, hidden)
    _, gradients = case.truth()
    case.when = kernels.sequences(steps, batch, False)
    case.x, case.g[0] = case.x.reshape(steps, batch, -1), case.g[0].reshape(steps, batch, -1)
    before, seen = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            dx, *others = case.backward(case.forward())
            seen.append([dx.reshape(-1, features), *others])
    finally:
        set_num_threads(before)
    near(seen[0], gradients, "float32")
    for others in seen[1:]:
        for one, other in zip(seen[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
    others = case.backward(case.forward(), [k == 4 for k in range(7)])
    np.testing.assert_array_equal(others[4], seen[0][4])


@pytest.mark.parametrize(("steps", "batch", "features"), [(4, 6, 16), (6, 4, 16), (6, 1, 16), (5, 3, 7)])
@pytest.mark.parametrize("axis", [0, 1])
def test_inputs_that_are_the_same_at_all_times_or_for_all_sequences(steps, batch, features, axis):
    case = Case("gru", (batch,) * steps, features, 16)
    case.when = kernels.sequences(steps, batch, False)
    case.g[0] = case.g[0].reshape(steps, batch, 16)
    x = case.x.reshape(steps, batch, features).take([0], axis)
    found = []
    for a in (np.broadcast_to(x, (steps, batch, features)), np.repeat(x, (steps, batch)[axis], axis)):
        case.x = a
        made = case.forward()
        found.append([*made[:2], *(g for g in case.backward(made) if g is not None)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_stays_where_it_is(kind):
    """One sequence's NaN or infinity does not touch the others."""
    case = Case(kind, (9,) * 3, 4, 16)
    clean = case.forward()[0].reshape(3, 9, 16)
    case.x[9 + 2, 1], case.x[9 + 5, 0] = np.nan, np.inf
    found = case.forward()[0].reshape(3, 9, 16)
    others = [n for n in range(9) if n not in (2, 5)]
    np.testing.assert_array_equal(found[:, others], clean[:, others])
    assert np.isnan(found[1, 2]).all()
    if kind != "relu":
        assert np.isfinite(found[:2, 5]).all() or kind == "gru"


def test_what_is_left_to_numpy():
    case = Case("lstm", (2,) * 3, 4, 8, "float64")
    case.weights[0] = case.weights[0].astype("float32")  # two types
    assert case.forward() is None
    before = set_kernel_mode("off")
    try:
        assert Case("lstm", (2,) * 3, 4, 8).forward() is None
    finally:
        set_kernel_mode(before)
    assert Case("lstm", (2,) * 3, 4, 8).forward() is not None
