"""Generated pools say what numpy says, and read nothing outside of their arrays."""

import numpy as np
import pytest

from rushlight import kernels, lang
from rushlight.kernels import pooling
from rushlight.lang.windows import Windows
from rushlight.runtime import settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)

# shape, taps, stride, padding, dilation
CASES = [
    ((3, 4, 28, 28), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((2, 3, 15, 33), (3, 3), (2, 2), (1, 1), (1, 1)),
    ((1, 2, 9, 40), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((1, 2, 20, 37), (2, 3), (3, 3), (0, 1), (1, 1)),
    ((1, 2, 20, 70), (3, 2), (1, 4), (0, 0), (2, 3)),
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((5, 6, 3, 3), (3, 3), (1, 2), (1, 1), (1, 1)),
]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


def windows_of(case, ceil=False):
    shape, *given = case
    made = []
    for n, k, s, p, d in zip(shape[2:], *given):
        room = n + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil else room // s) + 1
        if ceil and (count - 1) * s >= n + p:
            count -= 1
        made.append(Windows(n, count, k, s, p, d))
    return tuple(made)


def draw(shape, dtype="float32", at_end=True, special=()):
    """Few different values, so that there are equal ones, and some special ones."""
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 4, shape).astype(dtype)
    for value in special:
        x[rng.random(shape) < 0.1] = value
    return guarded.copy(x, at_end)


def by_numpy(primitive, *arguments):
    before = settings.set_kernel_mode("off")
    with np.errstate(invalid="ignore"):
        made = primitive(*arguments)
    settings.set_kernel_mode(before)
    return made


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("special", [(), (np.nan, -np.inf, np.inf), (-np.inf,)])
@pytest.mark.parametrize("case", CASES)
def test_largest(case, special, ceil):
    windows = windows_of(case, ceil)
    for dtype, at_end in (("float32", True), ("float32", False), ("float64", True)):
        x = draw(case[0], dtype, at_end, special)
        values, places = by_numpy(lang.window_argmax, x, windows)
        made = pooling.largest_and_where(x, windows)
        if made is None:  # dilated windows that stick out are numpy's
            assert max(case[4]) > 1
            continue
        np.testing.assert_array_equal(made[0], values)
        np.testing.assert_array_equal(made[1], places)
        np.testing.assert_array_equal(pooling.largest(x, windows), values)


def test_only_minus_infinity():
    x = guarded.copy(np.full((1, 1, 6, 6), -np.inf, "f4"))
    windows = windows_of((x.shape, (3, 3), (2, 2), (1, 1), (1, 1)))
    np.testing.assert_array_equal(
        pooling.largest_and_where(x, windows)[1], by_numpy(lang.window_argmax, x, windows)[1]
    )


@pytest.mark.parametrize("case", CASES)
def test_mean(case):
    windows = windows_of(case)
    x = draw(case[0])
    made = pooling.mean(x, windows, 7)
    if not all(w.whole for w in windows):
        np.testing.assert_allclose(made, by_numpy(lang.window_mean, x, windows, 7), rtol=1e-6, atol=1e-6)


def test_sequences_and_windows_that_part_evenly():
    x = draw((4, 3, 50))
    windows = (Windows(50, 25, 2, 2),)
    np.testing.assert_array_equal(pooling.largest(x, windows), x.reshape(4, 3, 25, 2).max(-1))
    x = draw((2, 3, 12, 18))
    windows = (Windows(12, 4, 0), Windows(18, 9, 0))
    exact = x.reshape(2, 3, 4, 3, 9, 2).mean((3, 5))
    np.testing.assert_allclose(pooling.mean(x, windows, 6), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elements_go_back_to_their_places(dtype):
    rng = np.random.default_rng(0)
    x = guarded.copy(rng.standard_normal((5, 40)).astype(dtype))
    places = guarded.copy(rng.integers(0, 13, (5, 40)))
    made = pooling.add_at(x, places, 13)
    np.testing.assert_allclose(made, by_numpy(lang.add_flat_at, x, places, 13), rtol=0, atol=1e-5)


def test_a_place_outside_is_left_to_numpy():
    x, places = np.ones((2, 3), "f4"), np.array([[0, 1, 2], [0, 1, 5]])
    assert pooling.add_at(x, places, 5) is None
    with pytest.raises(IndexError):
        lang.add_flat_at(x, places, 5, True)


def test_what_kernels_do_not_take():
    windows = windows_of(CASES[0])
    x = draw(CASES[0][0])
    assert pooling.largest(x[:, ::2], windows) is None
    assert pooling.largest(x.astype("f2"), windows) is None
    assert pooling.largest(x[:0], windows) is None
    assert pooling.largest(draw((1, 1, 10, 10)), (Windows(10, 3, 0), Windows(10, 3, 0))) is None
    settings.set_kernel_mode("off")
    assert pooling.largest(x, windows) is None


@pytest.mark.parametrize("special", [(), (np.nan, -np.inf, np.inf)])
@pytest.mark.parametrize(
    ("shape", "taps"), [((3, 2, 28, 28), (2, 2)), ((2, 2, 6, 36), (3, 2)), ((2, 1, 8, 60), (1, 3))]
)
def test_back_to_the_largest(shape, taps, special):
    windows = windows_of((shape, taps, taps, (0, 0), (1, 1)))
    for dtype in ("float32", "float64"):
        x = draw(shape, dtype, True, special)
        places = tuple(w.count for w in windows)
        g = guarded.copy(np.random.default_rng(1).standard_normal((*shape[:2], *places)).astype(dtype))
        exact = by_numpy(lang.window_max_back, g, x, windows)
        np.testing.assert_array_equal(pooling.back_to_largest(g, x, windows), exact)


def test_windows_that_overlap_go_back_through_their_places():
    case = ((2, 3, 15, 33), (3, 3), (2, 2), (1, 1), (1, 1))
    x, windows = draw(case[0]), windows_of(case)
    g = np.ones((2, 3, *(w.count for w in windows)), "f4")
    assert pooling.back_to_largest(g, x, windows) is None
    exact = by_numpy(lang.window_max_back, g, x, windows)
    np.testing.assert_array_equal(lang.window_max_back(g, x, windows), exact)


@pytest.mark.parametrize(
    ("shape", "taps", "stride", "padding"),
    [
        ((3, 2, 28, 28), (2, 2), (2, 2), (0, 0)),
        ((2, 1, 6, 60), (3, 4), (3, 4), (0, 0)),
        ((2, 2, 9, 37), (3, 3), (1, 1), (1, 1)),
        ((2, 2, 9, 20), (2, 5), (1, 1), (0, 2)),
    ],
)
def test_shares_of_means(shape, taps, stride, padding):
    windows = windows_of((shape, taps, stride, padding, (1, 1)))
    for dtype in ("float32", "float64"):
        g = draw((*shape[:2], *(w.count for w in windows)), dtype)
        exact = by_numpy(lang.window_mean_back, g, windows, 7)
        np.testing.assert_allclose(pooling.mean_back(g, windows, 7), exact, rtol=1e-6, atol=1e-6)
    even = tuple(w._replace(kernel=0, stride=1) for w in windows if w.kernel == w.stride)
    if even:
        exact = by_numpy(lang.window_mean_back, g, windows, 7)
        np.testing.assert_allclose(pooling.mean_back(g, even, 7), exact, rtol=1e-6, atol=1e-6)


def test_shares_of_means_of_sequences():
    g = draw((4, 3, 25))
    exact = np.repeat(g, 2, -1) / 2
    np.testing.assert_array_equal(pooling.mean_back(g, (Windows(50, 25, 2, 2),), 2), exact)
    assert pooling.mean_back(g, (Windows(51, 25, 3, 2),), 3) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "windows",
    [
        (Windows(10, 3, 0), Windows(11, 4, 0)),
        (Windows(50, 7, 0),),
        (Windows(6, 3, 3, 2, 1), Windows(7, 4, 3, 2, 1), Windows(9, 4, 2, 2)),
        (Windows(9, 3, 2, 2, 0, 3), Windows(8, 8, 1)),
    ],
)
def test_windows_of_any_kind(windows, dtype):
    x = draw((5, 7, *(w.size for w in windows)), dtype, special=(np.nan, -np.inf))
    values, places = by_numpy(lang.window_argmax, x, windows)
    for made in (lang.window_argmax(x, windows), (lang.window_max(x, windows), places)):
        np.testing.assert_array_equal(made[0], values)
        np.testing.assert_array_equal(made[1], places)


def test_where_the_largest_are_is_kept_for_the_gradient_alone():
    import rushlight as rl

    x = rl.randn(2, 3, 12, 12, requires_grad=True)
    y = rl.nn.functional.max_pool2d(x, 3, 2, 1)
    assert y.grad_fn.name() == "MaxPool2DWithIndicesBackward0"
    (g,) = rl.autograd.grad(y.sum(), x)
    assert g.sum() == y.numel()
    with rl.no_grad():
        assert (rl.nn.functional.max_pool2d(x, 3, 2, 1) == y).all()
