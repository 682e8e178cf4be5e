"""Generated convolutions say what numpy says in float64, and touch nothing but their arrays."""

import numpy as np
import pytest

from rushlight import kernels, lang
from rushlight.kernels import convolution, convolution_apart, graph, policy, switches
from rushlight.kernels.epilogues import Epilogue, with_vectors
from rushlight.lang.convolution import output_sizes
from rushlight.runtime import pool, settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}

# images, channels, outputs, sizes, taps, stride, padding, dilation
CASES = [
    (3, 1, 16, (28, 28), (5, 5), (1, 1), (2, 2), (1, 1)),
    (2, 3, 20, (15, 13), (3, 3), (1, 1), (1, 1), (1, 1)),
    (1, 17, 5, (9, 40), (3, 2), (2, 1), (1, 0), (1, 2)),
    (2, 6, 33, (11, 8), (1, 1), (1, 1), (0, 0), (1, 1)),
    (2, 6, 33, (11, 8), (1, 1), (2, 2), (0, 0), (1, 1)),
    (1, 4, 7, (60, 70), (3, 3), (3, 2), (0, 4), (2, 1)),
    (40, 5, 18, (4, 4), (3, 3), (1, 1), (1, 1), (1, 1)),
    (1, 2, 3, (1, 1), (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 2, 3, (7, 6), (2, 2), (2, 2), (0, 0), (1, 1)),
    (1, 70, 170, (14, 14), (1, 1), (1, 1), (0, 0), (1, 1)),  # lines and blocks of outputs are tasks
    (1, 40, 24, (40, 35), (1, 1), (1, 1), (0, 0), (1, 1)),
    (1, 65, 150, (13, 13), (3, 3), (2, 2), (1, 1), (1, 1)),
    (1, 70, 90, (5, 5), (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 70, 90, (15, 14), (1, 1), (2, 3), (0, 0), (1, 1)),
    (2, 3, 17, (1, 400), (1, 60), (1, 4), (0, 5), (1, 1)),  # rows of taps for the weight
    (1, 12, 20, (1, 2700), (1, 9), (1, 1), (0, 4), (1, 1)),  # a sequence as lines
    (1, 40, 16, (1, 2405), (1, 5), (1, 2), (0, 0), (1, 3)),
]
WINOGRAD = [
    (2, 32, 48, (18, 15), (3, 3), (1, 1), (1, 1), (1, 1)),
    (3, 16, 32, (13, 13), (5, 5), (1, 1), (2, 2), (1, 1)),
    (1, 32, 64, (14, 14), (3, 3), (1, 1), (1, 1), (1, 1)),
    (1, 144, 160, (14, 14), (3, 3), (1, 1), (1, 1), (1, 1)),  # tasks are blocks of outputs
]

APART = [  # and whether each tap becomes a product
    (6, 48, 64, (17, 14), (3, 3), (1, 1), (2, 2), (2, 2), False),
    (3, 48, 48, (26, 31), (3, 3), (1, 1), (4, 7), (3, 5), False),
    (2, 48, 80, (20, 20), (5, 5), (1, 1), (4, 4), (2, 2), False),
    (4, 64, 50, (9, 8), (3, 3), (1, 1), (7, 7), (7, 7), True),
    (3, 50, 64, (9, 9), (3, 3), (2, 2), (8, 8), (8, 8), True),
    (3, 50, 64, (3, 3), (3, 3), (1, 1), (12, 12), (12, 12), True),
]


@pytest.fixture(autouse=True)
def forced(monkeypatch):
    """Generated kernels at all sizes, and those for small ones only where a test says so."""
    monkeypatch.setattr(policy, "FEW_MULTIPLICATIONS", 0)
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


class Case:
    """Random arrays of a convolution, between forbidden pages."""

    def __init__(self, case, dtype="float32", at_end=True):
        images, channels, outputs, sizes, taps, *how = case
        rng = np.random.default_rng(0)

        def draw(*shape):
            return guarded.copy(rng.standard_normal(shape).astype(dtype), at_end)

        self.sizes, self.taps, self.how = sizes, taps, (*how, 1)
        self.places = output_sizes(sizes, taps, *how)
        self.x, self.weight = draw(images, channels, *sizes), draw(outputs, channels, *taps)
        self.g = draw(images, outputs, *self.places)
        self.bias, self.input_bias = draw(outputs), draw(channels)
        self.tolerance = TOLERANCE[dtype]

    def close(self, made, primitive, *arguments):
        """Is `made` what numpy's primitive gives in float64?"""
        before = settings.set_kernel_mode("off")
        exact = primitive(*[a.astype("f8") if isinstance(a, np.ndarray) else a for a in arguments], *self.how)
        settings.set_kernel_mode(before)
        assert made is not None
        assert made.shape == exact.shape
        assert np.abs(made - exact).max() <= self.tolerance * np.abs(exact).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_forward(case, dtype):
    c = Case(case, dtype)
    for bias in (c.bias, None):
        made = convolution.forward(c.x, c.weight, bias, c.places, *c.how)
        c.close(made, lang.convolution, c.x, c.weight, bias)


@pytest.mark.parametrize("case", APART)
def test_taps_that_lie_apart(case, monkeypatch):
    for name in ("PART_MULTIPLICATIONS", "TAP_MULTIPLICATIONS", "TAP_PIXELS"):
        monkeypatch.setattr(convolution_apart, name, 0)
    convolution._plans.forget()
    *case, as_products = case
    c, f = Case(case), silu("float32")
    c.tolerance = TOLERANCE["float32"] if as_products else 1e-4  # Winograd's
    made = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    plan = list(convolution._plans._known.values())[-1]
    assert isinstance(plan, convolution_apart.Products if as_products else convolution_apart.Phases)
    c.close(made, lang.convolution, c.x, c.weight, c.bias)
    at_once = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how, epilogue=Epilogue(f))
    np.testing.assert_array_equal(at_once, f(made, made))
    made = convolution.input_gradient(c.g, c.weight, c.input_bias, c.sizes, *c.how)
    c.close(made, lang.convolution_input, c.g, c.weight, c.input_bias, c.sizes)
    made = convolution.weight_gradient(c.g, c.x, c.taps, *c.how)
    c.close(made, lang.convolution_weight, c.g, c.x, c.taps)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(c.x, 1, -1)), -1, 1)
    made = convolution.forward(last, c.weight, None, c.places, *c.how)
    c.close(made, lang.convolution, c.x, c.weight, None)
    convolution._plans.forget()


def silu(dtype):
    x = graph.input_node(0, dtype)
    return kernels.elementwise(graph.Node("mul", (x, graph.Node("sigmoid", (x,), dtype)), dtype), "silu")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [*CASES, *WINOGRAD])
def test_an_epilogue_gives_the_bits_that_its_kernel_gives_afterwards(case, dtype):
    c, f = Case(case, dtype), silu(dtype)
    plain = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    made = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how, epilogue=Epilogue(f))
    np.testing.assert_array_equal(made, f(plain, plain))


def scaled(dtype):
    x, mean, scale, shift = (graph.input_node(k, dtype) for k in range(4))
    moved = graph.Node("mul", (graph.Node("sub", (x, mean), dtype), scale), dtype)
    return kernels.elementwise(graph.Node("add", (moved, shift), dtype), "scaled")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("case", [*CASES, *WINOGRAD])
def test_an_epilogue_with_numbers_for_each_channel(case, groups, dtype):
    images, channels, outputs, *rest = case
    c = Case((images, channels, outputs * groups, *rest), dtype)
    how, x = (*c.how[:-1], groups), np.concatenate([c.x] * groups, 1)
    vectors = np.random.default_rng(1).standard_normal((3, outputs * groups)).astype(dtype)
    plain = convolution.forward(x, c.weight, c.bias, c.places, *how)
    if plain is None:
        pytest.skip("groups of few channels are numpy's")
    made = convolution.forward(
        x, c.weight, c.bias, c.places, *how, epilogue=with_vectors(scaled(dtype), *vectors)
    )
    wanted = scaled(dtype)(np.empty_like(plain), plain, *(v.reshape(-1, 1, 1) for v in vectors))
    np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_input_gradient(case, at_end):
    c = Case(case, at_end=at_end)
    extra = tuple(n + s - 1 for n, s in zip(c.sizes, c.how[0]))  # what a transposed convolution may add
    for sizes, bias in ((c.sizes, None), (extra, c.input_bias)):
        made = convolution.input_gradient(c.g, c.weight, bias, sizes, *c.how)
        c.close(made, lang.convolution_input, c.g, c.weight, bias, sizes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_weight_gradient(case, dtype):
    c = Case(case, dtype)
    made = convolution.weight_gradient(c.g, c.x, c.taps, *c.how)
    c.close(made, lang.convolution_weight, c.g, c.x, c.taps)


def test_sequences_and_strided_arrays_take_the_same_way():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 9, 50)).astype("f4")[:, ::2]
    weight = rng.standard_normal((4, 3, 5)).astype("f4").transpose(0, 2, 1)
    made = convolution.forward(x, weight, None, (48,), (1,), (0,), (1,), 1)
    settings.set_kernel_mode("off")
    exact = lang.convolution(x.astype("f8"), weight.astype("f8"), None, (1,), (0,), (1,), 1)
    np.testing.assert_allclose(made, exact, rtol=0, atol=1e-5)


def test_what_kernels_do_not_take():
    x, weight = np.ones((1, 4, 8, 8), "f4"), np.ones((4, 4, 3, 3), "f4")
    how = ((6, 6), (1, 1), (0, 0), (1, 1), 1)
    assert convolution.forward(x, weight, None, *how) is not None
    assert convolution.forward(x.astype("f2"), weight.astype("f2"), None, *how) is None
    assert convolution.forward(x, weight.astype("f8"), None, *how) is None
    assert convolution.forward(x[:0], weight, None, *how) is None
    settings.set_kernel_mode("off")
    assert convolution.forward(x, weight, None, *how) is None


def test_small_work_stays_with_numpy():
    settings.set_kernel_mode("auto")
    x, weight = np.ones((1, 1, 8, 8), "f4"), np.ones((1, 1, 3, 3), "f4")
    assert convolution.forward(x, weight, None, (6, 6), (1, 1), (0, 0), (1, 1), 1) is None


@pytest.mark.parametrize("images", [1, 5])
def test_small_filters_as_large_as_the_image_are_products(images):
    """Squeezed channels are weighed by layers of this kind, which numpy would gather patches for."""
    settings.set_kernel_mode("auto")
    c = Case((images, 13, 7, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)))
    made = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how, epilogue=Epilogue(silu("float32")))
    plain = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    c.close(plain, lang.convolution, c.x, c.weight, c.bias)
    np.testing.assert_allclose(made, plain / (1 + np.exp(-plain)), rtol=1e-5, atol=1e-6)
    made = convolution.input_gradient(c.g, c.weight, c.input_bias, c.sizes, *c.how)
    c.close(made, lang.convolution_input, c.g, c.weight, c.input_bias, c.sizes)
    c.close(convolution.weight_gradient(c.g, c.x, c.taps, *c.how), lang.convolution_weight, c.g, c.x, c.taps)


def test_threads_give_the_same_bits():
    c = Case((20, 8, 24, (20, 20), (3, 3), (1, 1), (1, 1), (1, 1)))
    before = pool.get_num_threads()
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


@pytest.mark.parametrize(("groups", "of_one"), [(2, 16), (3, 5)])
def test_groups(groups, of_one):
    rng = np.random.default_rng(2)
    x = guarded.copy(rng.standard_normal((3, groups * of_one, 12, 10)).astype("f4"))
    weight = guarded.copy(rng.standard_normal((groups * of_one, of_one, 3, 3)).astype("f4"))
    bias = guarded.copy(rng.standard_normal(groups * of_one).astype("f4"))
    how = ((1, 1), (1, 1), (1, 1), groups)
    made = (
        convolution.forward(x, weight, bias, (12, 10), *how),
        convolution.input_gradient(x, weight, None, (12, 10), *how),
        convolution.weight_gradient(x, x, (3, 3), *how),
    )
    settings.set_kernel_mode("off")
    x, weight, bias = (a.astype("f8") for a in (x, weight, bias))
    exact = (
        lang.convolution(x, weight, bias, *how),
        lang.convolution_input(x, weight, None, (12, 10), *how),
        lang.convolution_weight(x, x, (3, 3), *how),
    )
    for found, wanted in zip(made, exact):
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() < 3e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("sizes", "taps", "stride", "padding", "dilation"),
    [
        ((12, 40), (3, 3), (1, 1), (1, 1), (1, 1)),
        ((11, 35), (3, 5), (2, 2), (1, 2), (1, 1)),
        ((20, 21), (3, 3), (1, 1), (0, 2), (2, 2)),
        ((7, 7), (7, 7), (1, 1), (3, 3), (1, 1)),
        ((9, 8), (3, 3), (3, 2), (2, 0), (1, 1)),
    ],
)
@pytest.mark.parametrize("channels", [3, 16, 21])  # columns in the lanes, or channels
def test_a_filter_for_each_channel(sizes, taps, stride, padding, dilation, channels, dtype):
    rng = np.random.default_rng(3)
    how = (stride, padding, dilation, channels)
    places = output_sizes(sizes, taps, *how[:3])
    x, weight, bias, g = (
        guarded.copy(rng.standard_normal(shape).astype(dtype))
        for shape in (
            (3, channels, *sizes),
            (channels, 1, *taps),
            (channels,),
            (3, channels, *places),
        )
    )
    made = convolution.forward(x, weight, bias, places, *how)
    back = convolution.input_gradient(g, weight, None, sizes, *how)
    of_weight = convolution.weight_gradient(g, x, taps, *how)
    settings.set_kernel_mode("off")
    x, weight, bias, g = (a.astype("f8") for a in (x, weight, bias, g))
    for result, exact in (
        (made, lang.convolution(x, weight, bias, *how)),
        (back, lang.convolution_input(g, weight, None, sizes, *how)),
        (of_weight, lang.convolution_weight(g, x, taps, *how)),
    ):
        assert result.shape == exact.shape
        assert np.abs(result - exact).max() <= TOLERANCE[dtype] * np.abs(exact).max()


@pytest.mark.parametrize("of_one", [4, 16])  # direct, and by Winograd's way
def test_threads_that_share_groups_give_the_same_bits(of_one):
    rng, groups, before = np.random.default_rng(5), 6, pool.get_num_threads()
    x = guarded.copy(rng.standard_normal((3, groups * of_one, 13, 12)).astype("f4"))
    weight = guarded.copy(rng.standard_normal((groups * of_one, of_one, 3, 3)).astype("f4"))
    bias, how = (
        guarded.copy(rng.standard_normal(groups * of_one).astype("f4")),
        ((1, 1), (1, 1), (1, 1), groups),
    )
    made = []
    for threads in (1, 3, 4):  # groups in slots, so too, and each group by all threads
        pool.set_num_threads(threads)
        made.append(convolution.forward(x, weight, bias, (13, 12), *how).tobytes())
        made[-1] += convolution.input_gradient(x, weight, None, (13, 12), *how).tobytes()
        made[-1] += convolution.weight_gradient(x, x, (3, 3), *how).tobytes()
    pool.set_num_threads(before)
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("channels", [4, 32])
def test_infinite_filters_make_no_nan_between_spread_gradients(channels):
    g, weight = np.ones((2, channels, 5, 5), "f4"), np.full((channels, 1, 3, 3), np.inf, "f4")
    how = ((2, 2), (1, 1), (1, 1), channels)
    assert convolution.input_gradient(g, weight, None, (9, 9), *how) is None
    assert np.isposinf(lang.convolution_input(g, weight, None, (9, 9), *how)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "case", [CASES[1], CASES[3], CASES[7], (3, 40, 70, (4, 5), (4, 5), (1, 1), (0, 0), (1, 1))]
)
def test_channels_that_lie_last_stay_there(case, dtype):
    c = Case(case, dtype)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(c.x, 1, -1)), -1, 1)
    made = convolution.forward(last, c.weight, c.bias, c.places, *c.how)
    c.close(made, lang.convolution, c.x, c.weight, c.bias)
    assert last.flags.c_contiguous or np.moveaxis(made, 1, -1).flags.c_contiguous
    back = np.moveaxis(np.ascontiguousarray(np.moveaxis(c.g, 1, -1)), -1, 1)
    made = convolution.input_gradient(back, c.weight, None, c.sizes, *c.how)
    c.close(made, lang.convolution_input, c.g, c.weight, None, c.sizes)
    made = convolution.weight_gradient(back, last, c.taps, *c.how)
    c.close(made, lang.convolution_weight, c.g, c.x, c.taps)


@pytest.mark.parametrize("images", [1, 2, 5, 60])
@pytest.mark.parametrize(
    ("channels", "outputs", "taps"), [(96, 4, (1, 1)), (700, 600, (1, 1)), (30, 90, (4, 3)), (60, 1, (4, 4))]
)
def test_filters_as_large_as_the_image(images, channels, outputs, taps):
    c = Case((images, channels, outputs, taps, taps, (1, 1), (0, 0), (1, 1)))
    made = convolution.forward(c.x, c.weight, c.bias, c.places, *c.how)
    c.close(made, lang.convolution, c.x, c.weight, c.bias)
    f = silu("float32")
    plain = convolution.forward(c.x, c.weight, None, c.places, *c.how)
    made = convolution.forward(c.x, c.weight, None, c.places, *c.how, epilogue=Epilogue(f))
    np.testing.assert_array_equal(made, f(plain, plain))
    for bias in (None, np.linspace(-1, 1, channels, dtype=c.x.dtype)):
        made = convolution.input_gradient(c.g, c.weight, bias, taps, *c.how)
        c.close(made, lang.convolution_input, c.g, c.weight, bias, taps)
    made = convolution.weight_gradient(c.g, c.x, taps, *c.how)
    c.close(made, lang.convolution_weight, c.g, c.x, taps)


IN_LANES = [  # images, groups, channels of one, sizes, taps, stride, padding, dilation
    (2, 32, 4, (14, 15), (3, 3), (1, 1), (1, 1), (1, 1)),
    (1, 5, 4, (9, 30), (3, 3), (2, 2), (1, 1), (1, 1)),
    (2, 7, 8, (9, 8), (3, 2), (1, 2), (1, 0), (2, 1)),
    (3, 37, 1, (7, 7), (7, 7), (1, 1), (3, 3), (1, 1)),
    (1, 3, 16, (11, 12), (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 20, 2, (56, 70), (5, 5), (1, 1), (2, 2), (1, 1)),  # in bands of rows
    (1, 20, 1, (3, 3), (5, 5), (1, 1), (2, 2), (1, 1)),
    (1, 9, 2, (6, 20), (2, 4), (3, 3), (0, 4), (2, 3)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", IN_LANES)
def test_small_groups(case, dtype, monkeypatch):
    monkeypatch.setattr(switches.winograd, "enabled", False)  # it takes what is no whole part of a vector
    images, groups, size, sizes, taps, *how = case
    rng, places = np.random.default_rng(0), output_sizes(sizes, taps, *how)
    x, weight, bias = (
        guarded.copy(rng.standard_normal(shape).astype(dtype), at_end=bool(size % 2))
        for shape in ((images, groups * size, *sizes), (groups * size, size, *taps), (groups * size,))
    )
    for b in (bias, None):
        made = convolution.forward(x, weight, b, places, *how, groups)
        before = settings.set_kernel_mode("off")
        exact = lang.convolution(*(a if a is None else a.astype("f8") for a in (x, weight, b)), *how, groups)
        settings.set_kernel_mode(before)
        assert np.abs(made - exact).max() <= TOLERANCE[dtype] * np.abs(exact).max()
    f, plain = silu(dtype), convolution.forward(x, weight, bias, places, *how, groups)
    made = convolution.forward(x, weight, bias, places, *how, groups, epilogue=Epilogue(f))
    np.testing.assert_array_equal(made, f(plain, plain))


VOLUMES = [  # images, channels, outputs, sizes, taps, stride, padding, dilation, groups
    (2, 5, 7, (6, 9, 8), (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1),
    (3, 8, 12, (7, 5, 9), (2, 3, 1), (2, 1, 2), (1, 0, 1), (2, 1, 1), 2),
    (1, 16, 16, (5, 12, 12), (3, 3, 3), (1, 1, 1), (2, 1, 1), (1, 1, 1), 1),
    (2, 4, 4, (3, 6, 6), (1, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1), 1),
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", VOLUMES)
def test_volumes(case, dtype, monkeypatch):
    """Planes along the depth become channels, for an image at a time."""
    images, channels, outputs, sizes, taps, *how = case
    rng = np.random.default_rng(4)
    places = output_sizes(sizes, taps, *how[:3])
    shapes = (
        (images, channels, *sizes),
        (outputs, channels // how[3], *taps),
        (outputs,),
        (images, outputs, *places),
    )
    x, weight, bias, g = (guarded.copy(rng.standard_normal(shape).astype(dtype)) for shape in shapes)
    monkeypatch.setattr(convolution.volumes, "BLOCK_BYTES", x[0].nbytes)
    results = (
        convolution.forward(x, weight, bias, places, *how),
        convolution.input_gradient(g, weight, None, sizes, *how),
        convolution.weight_gradient(g, x, taps, *how),
    )
    settings.set_kernel_mode("off")
    x, weight, bias, g = (a.astype("f8") for a in (x, weight, bias, g))
    exact = (
        lang.convolution(x, weight, bias, *how),
        lang.convolution_input(g, weight, None, sizes, *how),
        lang.convolution_weight(g, x, taps, *how),
    )
    for result, right in zip(results, exact):
        assert result.shape == right.shape
        most = {"float32": 3e-5, "float64": 1e-13}[dtype]  # one of them goes Winograd's way
        assert np.abs(result - right).max() <= most * np.abs(right).max()


def test_arrays_that_do_not_fit_each_other_are_left_to_numpy():
    x, weight, g = np.ones((2, 4, 8, 8), "f4"), np.ones((6, 3, 3, 3), "f4"), np.ones((2, 6, 7, 7), "f4")
    how = ((1, 1), (0, 0), (1, 1), 1)
    assert convolution.forward(x, weight, None, (6, 6), *how) is None
    assert convolution.forward(x, np.ones((6, 4, 3, 3), "f4"), np.ones(5, "f4"), (6, 6), *how) is None
    assert convolution.input_gradient(g, np.ones((5, 4, 3, 3), "f4"), None, (8, 8), *how) is None
    assert convolution.weight_gradient(g, x, (3, 3), *how) is None
    assert convolution.weight_gradient(g[:1, :, :6, :6], x, (3, 3), *how) is None
