"""Convolutions of bfloat16 by products of pairs: two channels, outputs or images are one element."""

import numpy as np
import pytest

import rushlight as rl
from rushlight import kernels, lang
from rushlight.kernels import convolution_halves as pairs
from rushlight.lang.convolution import output_sizes
from rushlight.nn import functional as F
from rushlight.runtime import pool, session, settings
from support import guarded

pytestmark = pytest.mark.skipif(
    not kernels.available() or "avx512_bf16" not in session.instructions(), reason="no products of pairs here"
)
TOLERANCE = 2e-6

# images, channels, outputs, sizes, taps, stride, padding: each with odd numbers somewhere
CASES = [
    (2, 4, 16, (12, 13), (3, 3), (1, 1), (1, 1)),
    (3, 3, 17, (15, 14), (7, 7), (2, 2), (3, 3)),
    (5, 7, 33, (9, 8), (1, 1), (1, 1), (0, 0)),
    (2, 6, 5, (11, 16), (4, 4), (2, 2), (1, 1)),
    (4, 5, 9, (40,), (8,), (4,), (0,)),
]


class Case:
    """Random arrays of bfloat16, and between forbidden pages."""

    def __init__(self, case):
        images, channels, outputs, self.sizes, self.taps, stride, padding = case
        draw = np.random.default_rng(0).standard_normal
        self.how = (stride, padding, (1,) * len(stride), 1)
        self.places = output_sizes(self.sizes, self.taps, *self.how[:3])
        half = rl.bfloat16.np
        self.x, self.weight, self.g, self.bias = (
            guarded.copy(draw(shape).astype(half))
            for shape in (
                (images, channels, *self.sizes),
                (outputs, channels, *self.taps),
                (images, outputs, *self.places),
                (outputs,),
            )
        )


@pytest.fixture(params=CASES, ids=str)
def case(request, monkeypatch):
    monkeypatch.setattr(pairs, "MOST_MULTIPLICATIONS_TO_WIDEN", 0)
    pairs._plans.forget()
    yield Case(request.param)
    pairs._plans.forget()


def close(made, primitive, *arguments):
    """Is `made` what numpy's primitive gives in float64?"""
    before = settings.set_kernel_mode("off")
    exact = primitive(*[a.astype("f8") if isinstance(a, np.ndarray) else a for a in arguments])
    settings.set_kernel_mode(before)
    assert made.dtype == np.float32
    assert made.shape == exact.shape
    assert np.abs(made - exact).max() <= TOLERANCE * np.abs(exact).max()


def test_forwards(case):
    for bias in (case.bias, None):
        made = pairs.forward(case.x, case.weight, bias, case.places, *case.how)
        close(made, lang.convolution, case.x, case.weight, bias, *case.how)


def test_to_the_input(case):
    made = pairs.input_gradient(case.g, case.weight, None, case.sizes, *case.how)
    close(made, lang.convolution_input, case.g, case.weight, None, case.sizes, *case.how)


def test_to_the_weight(case):
    made = pairs.weight_gradient(case.g, case.x, case.taps, *case.how)
    close(made, lang.convolution_weight, case.g, case.x, case.taps, *case.how)


def test_threads_give_the_same_bits(case):
    before, made = pool.get_num_threads(), []
    for threads in (1, 3):
        pool.set_num_threads(threads)
        made.append(
            (
                pairs.forward(case.x, case.weight, None, case.places, *case.how).tobytes(),
                pairs.weight_gradient(case.g, case.x, case.taps, *case.how).tobytes(),
            )
        )
    pool.set_num_threads(before)
    assert made[0] == made[1]


def test_infinities_are_where_they_belong():
    x = rl.zeros(2, 24, 20, 20, dtype=rl.bfloat16)
    x[1, 3, 10, 10] = float("inf")
    weight = rl.ones(32, 24, 3, 3, dtype=rl.bfloat16)
    found = F.conv2d(x, weight, stride=2, padding=1)
    assert found.isinf().sum() == 32 * 1
    assert not found.isnan().any()


def test_a_network_of_them_has_the_gradients_of_float32():
    rl.manual_seed(0)
    layers = rl.nn.Sequential(rl.nn.Conv2d(4, 32, 8, 4), rl.nn.Conv2d(32, 33, 4, 2))
    x = rl.randn(4, 4, 84, 84)
    found = []
    for dtype in (rl.float32, rl.bfloat16):
        made = layers.to(dtype)(x.to(dtype))
        grads = rl.autograd.grad(made.float().square().mean(), layers.parameters())
        found.append([made.detach().float(), *(g.float() for g in grads)])
        assert all(g.dtype is dtype for g in grads)
    for single, half in zip(*found):
        assert (single - half).abs().max() <= 0.03 * single.abs().max()
