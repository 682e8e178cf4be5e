"""Winograd's convolutions are what numpy says in float64, to within the rounding that is documented."""

import numpy as np
import pytest

import rushlight
from rushlight import kernels, lang
from rushlight.kernels import convolution, convolution_winograd
from rushlight.lang.convolution import output_sizes
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
ROUNDING = 3e-5

# images, channels, outputs, sizes, taps, padding, and the stride if it is not one
CASES = [
    (2, 16, 32, (14, 14), 5, (2, 2)),
    (3, 32, 16, (9, 11), 3, (1, 1)),
    (1, 16, 16, (33, 70), 3, (0, 2)),
    (4, 48, 16, (16, 16), 3, (1, 1)),
    (2, 16, 48, (12, 31), 5, (0, 4)),
    (32, 160, 160, (4, 4), 3, (1, 1)),
    (2, 176, 144, (14, 14), 3, (1, 1)),
    (3, 320, 288, (8, 8), 3, (1, 1)),
    (40, 192, 160, (4, 4), 3, (1, 1)),  # filters get theirs by blocks of outputs
    (3, 32, 32, (90, 93), 3, (1, 1)),  # from several chunks of tiles
    (8, 32, 16, (16, 24), 3, (1, 1), 2),
    (2, 16, 48, (57, 55), 3, (1, 1), 2),
    (2, 16, 16, (64, 66), 3, (2, 0), 2),  # a last column that no filter sees
    (6, 64, 80, (31, 34), 3, (1, 1), 2),  # filters get theirs from parts of the tiles
    (36, 128, 272, (14, 15), 3, (1, 1), 2),  # from chunks of them
    (16, 256, 320, (8, 8), 3, (1, 1), 2),  # by blocks of outputs
]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)
    rushlight.backends.winograd.enabled = True


class Case:
    """Random arrays of a convolution, between forbidden pages."""

    def __init__(self, case, at_end=True):
        images, channels, outputs, sizes, taps, padding, *stride = case
        rng = np.random.default_rng(0)

        def draw(*shape):
            return guarded.copy(rng.standard_normal(shape).astype("f4"), at_end)

        self.sizes, self.taps, self.how = sizes, (taps, taps), ((*stride, 1)[:1] * 2, padding, (1, 1), 1)
        self.places = output_sizes(sizes, self.taps, *self.how[:3])
        self.x, self.weight = draw(images, channels, *sizes), draw(outputs, channels, taps, taps)
        self.g, self.bias = draw(images, outputs, *self.places), draw(outputs)
        how = (self.x.dtype, self.x.shape, self.weight.shape, self.places, self.how)
        assert convolution_winograd.applies(convolution.geometry_of(*how), "forward")

    def exact(self, primitive, *arguments):
        before = settings.set_kernel_mode("off")
        wide = [a.astype("f8") if isinstance(a, np.ndarray) else a for a in arguments]
        made = primitive(*wide, *self.how)
        settings.set_kernel_mode(before)
        return made


def error(made, exact):
    assert made.shape == exact.shape
    return np.abs(made - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_against_float64(case, at_end):
    c = Case(case, at_end)
    made = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    assert error(made, c.exact(lang.convolution, c.x, c.weight, c.bias)) < ROUNDING
    made = convolution.input_gradient(c.g, c.weight, None, c.sizes, *c.how)
    assert error(made, c.exact(lang.convolution_input, c.g, c.weight, None, c.sizes)) < ROUNDING
    made = convolution.weight_gradient(c.g, c.x, c.taps, *c.how)
    assert error(made, c.exact(lang.convolution_weight, c.g, c.x, c.taps)) < ROUNDING


def test_threads_give_the_same_bits():
    from rushlight.runtime import pool

    before = pool.get_num_threads()
    for case in CASES[:2] + CASES[-6:]:
        c = Case(case)
        made = []
        for threads in (1, 3):
            pool.set_num_threads(threads)
            made.append(
                (
                    convolution.forward(c.x, c.weight, c.bias, c.places, *c.how),
                    convolution.input_gradient(c.g, c.weight, None, c.sizes, *c.how),
                    convolution.weight_gradient(c.g, c.x, c.taps, *c.how),
                )
            )
        pool.set_num_threads(before)
        for alone, shared in zip(*made):
            assert alone.tobytes() == shared.tobytes()


def test_the_switch():
    c = Case(CASES[1])
    exact = c.exact(lang.convolution, c.x, c.weight, c.bias)
    fast = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    rushlight.backends.winograd.enabled = False
    plain = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    assert error(plain, exact) < 1e-6 < error(fast, exact) * 3
    assert (plain != fast).any()
    rushlight.backends.winograd.enabled = True
    again = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    assert again.tobytes() == fast.tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"stride": (2, 2)},
        {"stride": (1, 2)},
        {"stride": (3, 3), "places": (3, 3)},
        {"dilation": (2, 2)},
        {"channels": 24},
        {"outputs": 8},
        {"taps": (3, 5)},
        {"dtype": "float64"},
        {"padding": (3, 3)},
        {"places": (7, 7)},
    ],
)
def test_where_it_does_not_apply(change):
    from rushlight.kernels.convolution_plans import Geometry

    usual = Geometry("float32", 4, 16, 16, (8, 8), (3, 3), (1, 1), (1, 1), (1, 1), (8, 8))
    assert convolution_winograd.applies(usual, "forward")
    assert not convolution_winograd.applies(usual._replace(**change), "forward")
