"""Convolutions of few multiplications: all sizes by one kernel, in any number of dimensions."""

from itertools import product

import numpy as np
import pytest

import rushlight as rl
from rushlight import kernels, lang
from rushlight.kernels import convolution_few as few
from rushlight.kernels import policy
from rushlight.lang.convolution import output_sizes
from rushlight.nn import functional as F
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}

# images, channels, outputs, sizes, taps, stride, padding, dilation, groups
CASES = [
    (1, 3, 8, (8, 8), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (5, 16, 7, (2, 2), (3, 3), (1, 1), (1, 1), (1, 1), 1),  # taps that see padding alone
    (2, 4, 6, (7, 9), (3, 2), (2, 3), (1, 0), (2, 1), 2),
    (3, 1, 5, (17,), (4,), (3,), (2,), (1,), 1),
    (2, 2, 5, (5, 6, 7), (2, 3, 3), (2, 1, 2), (1, 1, 1), (1, 1, 1), 1),
    (2, 16, 18, (5, 7), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (4, 3, 21, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (2, 6, 6, (20,), (3,), (1,), (1,), (1,), 6),
]


class Case:
    """Random arrays of a convolution that end where a forbidden page begins."""

    def __init__(self, case, dtype):
        images, channels, outputs, self.sizes, self.taps, *how, groups = case
        draw = np.random.default_rng(0).standard_normal
        self.how, self.tolerance = (*how, groups), TOLERANCE[dtype]
        self.places = output_sizes(self.sizes, self.taps, *how)
        self.x, self.weight, self.g, self.bias, self.input_bias = (
            guarded.copy(draw(shape).astype(dtype))
            for shape in (
                (images, channels, *self.sizes),
                (outputs, channels // groups, *self.taps),
                (images, outputs, *self.places),
                (outputs,),
                (channels,),
            )
        )

    def close(self, made, primitive, *arguments):
        """Is `made` what numpy's primitive gives in float64?"""
        before = settings.set_kernel_mode("off")
        exact = primitive(*[a.astype("f8") if isinstance(a, np.ndarray) else a for a in arguments])
        settings.set_kernel_mode(before)
        assert made.shape == exact.shape
        assert np.abs(made - exact).max() <= self.tolerance * np.abs(exact).max()


@pytest.fixture(params=product(CASES, TOLERANCE), ids=str)
def case(request):
    return Case(*request.param)


def test_forwards(case):
    for bias in (case.bias, None):
        made = few.forward(case.x, case.weight, bias, *case.how)
        case.close(made, lang.convolution, case.x, case.weight, bias, *case.how)


def test_to_the_input(case):
    extra = tuple(n + s - 1 for n, s in zip(case.sizes, case.how[0]))  # what a transposed one may add
    for sizes, bias in ((case.sizes, None), (extra, case.input_bias)):
        made = few.input_gradient(case.g, case.weight, bias, sizes, *case.how)
        case.close(made, lang.convolution_input, case.g, case.weight, bias, sizes, *case.how)


def sums(x):
    return x.sum((0, *range(2, x.ndim)))


def test_all_gradients_at_once(case):
    x, weight, g, how = case.x, case.weight, case.g, case.how
    for seen, filters in ((x, weight), (x, None), (None, weight)):
        of_x, of_weight, of_bias = few.back(g, seen, filters, True, x.shape, weight.shape, how)
        assert (of_x is None, of_weight is None) == (filters is None, seen is None)
        if seen is not None:
            case.close(of_weight, lang.convolution_weight, g, x, case.taps, *how)
        if filters is not None:
            case.close(of_x, lang.convolution_input, g, weight, None, case.sizes, *how)
        case.close(of_bias, sums, g)


def test_all_gradients_of_a_transposed_one(case):
    x, weight, g, how = case.g, case.weight, case.x, case.how
    of_x, of_weight, of_bias = few.transposed_back(g, x, weight, True, x.shape, weight.shape, how)
    case.close(of_x, lang.convolution, g, weight, None, *how)
    case.close(of_weight, lang.convolution_weight, x, g, case.taps, *how)
    case.close(of_bias, sums, g)


def test_what_it_leaves_to_others():
    x, weight = np.ones((2, 4, 8, 8), "f4"), np.ones((6, 4, 3, 3), "f4")
    how = ((1, 1), (0, 0), (1, 1), 1)
    assert few.forward(x, weight, None, *how) is not None
    assert few.forward(x.astype(">f4"), weight, None, *how) is None
    assert few.forward(x, weight.astype("f8"), None, *how) is None
    assert few.forward(x.transpose(0, 1, 3, 2), weight, None, *how) is None
    assert few.forward(x[:0], weight, None, *how) is None
    assert few.forward(x.repeat(policy.FEW_MULTIPLICATIONS >> 10, 0), weight, None, *how) is None
    before = settings.set_kernel_mode("off")
    assert few.forward(x, weight, None, *how) is None
    settings.set_kernel_mode(before)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("wanted", [(1, 1, 1), (1, 0, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1)])
def test_gradients_are_those_without_kernels(wanted, transposed):
    found = []
    for mode in ("auto", "off"):
        before = settings.set_kernel_mode(mode)
        rl.manual_seed(0)
        x, w, b = rl.randn(2, 3, 6, 5), rl.randn(3, 3, 3, 2), rl.randn(3)
        tensors = [t.requires_grad_(bool(yes)) for t, yes in zip((x, w, b), wanted)]
        layer = F.conv_transpose2d if transposed else F.conv2d
        (layer(x, w, b, stride=2) ** 3).sum().backward()
        found.append([None if t.grad is None else t.grad.numpy() for t in tensors])
        settings.set_kernel_mode(before)
    for made, exact, yes in zip(*found, wanted):
        assert (made is not None) == bool(yes)
        if yes:
            np.testing.assert_allclose(made, exact, rtol=1e-5, atol=1e-4)
