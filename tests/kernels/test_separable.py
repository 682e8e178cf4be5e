"""Weighted sums along axes by kernels: any taps, the same bits for any threads, NaN in its place."""

import numpy as np
import pytest

from rushlight import kernels, lang
from rushlight.kernels import separable
from rushlight.lang.resample import Resampling
from rushlight.lang.windows import Windows
from rushlight.runtime import pool, settings
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
PLANS = [
    (Resampling(9, 20, "linear", 9 / 20), Resampling(33, 12, "linear", 33 / 12)),
    (Resampling(9, 9, "cubic", 1.0), Resampling(33, 70, "cubic", 33 / 70)),
    (Resampling(9, 5, "cubic", 9 / 5, False, True), Resampling(33, 33, "cubic", 1.0, False, True)),
    (Resampling(9, 18, "nearest", 0.5), Resampling(33, 11, "nearest", 3.0)),
    (Resampling(33, 60, "linear", 33 / 60),),
    (Resampling(5, 10, "linear", 0.5), Resampling(9, 4, "linear", 9 / 4), Resampling(33, 66, "linear", 0.5)),
]


@pytest.fixture(autouse=True)
def forced():
    before = settings.set_kernel_mode("force")
    yield
    settings.set_kernel_mode(before)


def by_numpy(primitive, *arguments):
    before = settings.set_kernel_mode("off")
    made = primitive(*arguments)
    settings.set_kernel_mode(before)
    return made


def draw(sizes, dtype, lead=(3, 7)):
    rng = np.random.default_rng(0)
    shape = (*lead, *sizes)
    values = rng.integers(0, 256, shape) if dtype == "uint8" else rng.standard_normal(shape)
    return guarded.copy(values.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("plan", PLANS)
def test_resampling_and_its_transpose(plan, dtype):
    x = draw([r.size for r in plan], dtype)
    made = lang.resample(x, plan)
    tolerance = {"float32": 2e-6, "float64": 1e-14, "uint8": 0}[dtype]
    np.testing.assert_allclose(made, by_numpy(lang.resample, x, plan), rtol=0, atol=tolerance)
    if dtype != "uint8":
        g = draw([r.count for r in plan], dtype)
        exact = by_numpy(lang.resample_back, g, plan)
        np.testing.assert_allclose(lang.resample_back(g, plan), exact, rtol=0, atol=5 * tolerance)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("pads", [((0, 0), (2, 3)), ((1, 0), (0, 4)), ((-1, 2), (3, -2))])
def test_borders(mode, pads):
    x, pads = draw((6, 21), "float32"), ((0, 0), (0, 0), *pads)
    x[0, 0, 0, 0], x[0, 0, 3, 3] = -0.0, np.nan
    made = lang.pad_continued(x, pads, mode)
    exact = by_numpy(lang.pad_continued, x, pads, mode)
    assert made.tobytes() == exact.tobytes()
    g = draw(made.shape[2:], "float32")
    back = lang.pad_continued_back(g, x.shape, pads, mode)
    np.testing.assert_allclose(back, by_numpy(lang.pad_continued_back, g, x.shape, pads, mode), atol=2e-6)


@pytest.mark.parametrize("divisor", ["present", "padded", 7])
@pytest.mark.parametrize(
    "windows",
    [
        (Windows(10, 7, 0), Windows(20, 3, 0)),
        (Windows(9, 5, 3, 2, 1), Windows(20, 10, 3, 2, 1)),
        (Windows(20, 7, 0),),
        (Windows(6, 3, 2, 2), Windows(9, 4, 0), Windows(7, 7, 3, 1, 1)),
    ],
)
def test_means_and_shares(windows, divisor):
    if any(w.kernel == 0 for w in windows) and divisor == "padded":
        divisor = "present"  # windows that part an axis have no padding
    x, g = (draw(sizes, "float32") for sizes in ([w.size for w in windows], [w.count for w in windows]))
    np.testing.assert_allclose(
        lang.window_mean(x, windows, divisor), by_numpy(lang.window_mean, x, windows, divisor), atol=1e-6
    )
    np.testing.assert_allclose(
        lang.window_mean_back(g, windows, divisor),
        by_numpy(lang.window_mean_back, g, windows, divisor),
        atol=1e-6,
    )


def test_means_of_whole_numbers_are_exact():
    windows = (Windows(9, 3, 3, 3), Windows(10, 3, 0))
    x = np.full((2, 4, 9, 10), 7, "f4")
    assert (lang.window_mean(x, windows) == 7).all()


def test_an_infinite_neighbour_does_not_spoil_what_is_not_made_of_it():
    plan = (Resampling(8, 4, "nearest", 2.0), Resampling(40, 80, "linear", 0.5))
    x = draw((8, 40), "float32")
    x[..., 1, 7], x[..., 2, 3] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        exact = by_numpy(lang.resample, x, plan)
    made = lang.resample(x, plan)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(exact))
    assert not np.isinf(made).any()


def test_as_many_threads_as_there_are_give_the_same_bits():
    plan = (Resampling(40, 80, "linear", 0.5), Resampling(50, 77, "cubic", 50 / 77))
    x = draw((40, 50), "float32", (8, 8))
    threads = pool.get_num_threads()
    made = []
    for count in (1, 2, 3):
        pool.set_num_threads(count)
        made.append(lang.resample(x, plan).tobytes())
    pool.set_num_threads(threads)
    assert made[0] == made[1] == made[2]


def test_what_kernels_do_not_take():
    maps = lambda: ([separable.Map.of_taps(3, np.arange(3), np.arange(3), np.ones(3), 3)], None)  # noqa: E731
    assert separable.run(np.ones((2, 3), "f2"), 1, maps) is None
    assert separable.run(np.ones((0, 3), "f4"), 1, maps) is None
    assert separable.run(np.ones((2, 3), ">f4"), 1, maps) is None
    np.testing.assert_array_equal(separable.run(np.ones((3, 2), "f4").T, 1, maps), np.ones((2, 3)))
