"""Row kernels, reductions over the last axis with all around them: numpy's answer, always the same bits."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, input_node, length_node
from rushlight.runtime import get_num_threads, memory, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
REDUCERS = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min}


def f32(op, *args):
    return Node(op, args, "float32")


X = input_node(0, "float32")


def reduction(op, dtype="float32"):
    return kernels.rowwise(Node(op, (input_node(0, dtype),), dtype), name=op)


def softmax():
    e = f32("exp", f32("sub", X, f32("amax", X)))
    return kernels.rowwise(f32("div", e, f32("sum", e)), name="softmax")


def layer_norm():
    """Outputs: the normalised rows, their mean and the reciprocal of their deviation."""
    mean = f32("div", f32("sum", X), length_node("float32"))
    centred = f32("sub", X, mean)
    variance = f32("div", f32("sum", f32("square", centred)), length_node("float32"))
    scale = f32("rsqrt", f32("add", variance, 1e-5))
    weight, bias = input_node(1, "float32"), input_node(2, "float32")
    result = f32("add", f32("mul", f32("mul", centred, scale), weight), bias)
    return kernels.rowwise([result, mean, scale], name="layer_norm")


@pytest.fixture(params=[1, 2])
def threads(request):
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("op", REDUCERS)
def test_every_row_length(op, dtype):
    random = np.random.default_rng(0)
    kernel = reduction(op, dtype)
    for size in [*range(1, 131), 8191, 8192, 8193, 20_000]:
        rows = int(random.integers(1, 4))
        whole = dtype.startswith("int")
        values = (
            random.integers(-3, 4, (rows, size)) if whole else random.uniform(-1.3, 1.3, (rows, size)) + 0.5
        )
        if op == "prod" and size > 130:
            continue
        a = guarded.copy(values.astype(dtype), at_end=size % 2 == 0)
        out = guarded.empty((rows, 1), dtype)
        expected = REDUCERS[op](
            a.astype(np.longdouble if dtype.startswith("f") else a.dtype), axis=1, keepdims=True
        )
        kernel(out, a)
        if dtype.startswith("int"):
            np.testing.assert_array_equal(out, expected.astype(dtype))
        else:
            scale = np.abs(a).sum(1, keepdims=True) if op == "sum" else np.abs(expected)
            allowed = np.finfo(dtype).eps * (size if op == "prod" else 4) * scale
            allowed = allowed + np.finfo(dtype).tiny
            assert (np.abs(out - expected) <= allowed.astype(np.longdouble)).all(), (size, out, expected)


@pytest.mark.parametrize("op", ["amax", "amin", "sum"])
@pytest.mark.parametrize("place", [0, 5, 63, 64, 99])
def test_special_values(op, place):
    kernel = reduction(op)
    for special in (np.nan, np.inf, -np.inf):
        a = np.random.default_rng(1).normal(size=(3, 100)).astype(np.float32)
        a[1, place] = special
        out = kernel(np.empty((3, 1), np.float32), a)
        np.testing.assert_allclose(out, REDUCERS[op](a, axis=1, keepdims=True), rtol=1e-5)
    a[1, place], a[1, (place + 1) % 100] = np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = REDUCERS[op](a, axis=1, keepdims=True)
    np.testing.assert_allclose(kernel(np.empty((3, 1), np.float32), a), expected, rtol=1e-5)


def test_rows_without_elements_give_the_neutral_element():
    a = np.empty((4, 0), np.float32)
    np.testing.assert_array_equal(reduction("sum")(np.full((4, 1), 7, np.float32), a), 0)
    np.testing.assert_array_equal(reduction("prod")(np.full((4, 1), 7, np.float32), a), 1)
    none = reduction("sum")(np.empty((0, 1), np.float32), np.empty((0, 5), np.float32))
    assert none.shape == (0, 1)


def test_sums_have_the_same_bits_for_any_number_of_threads():
    before = get_num_threads()
    a = np.random.default_rng(2).normal(size=(1, 3_000_017)).astype(np.float32)
    many = np.repeat(a[:, :100_000], 50, axis=0)
    results = set()
    try:
        for count in (1, 2, 3, 5):
            set_num_threads(count)
            one = reduction("sum")(np.empty((1, 1), np.float32), a)
            rows = reduction("sum")(np.empty((50, 1), np.float32), many)
            few = reduction("sum")(np.empty((2, 1), np.float32), many[:2])
            assert len({*rows.ravel().tolist(), *few.ravel().tolist()}) == 1
            results.add((one.tobytes(), rows[0].tobytes()))
    finally:
        set_num_threads(before)
    assert len(results) == 1
    np.testing.assert_allclose(one, a.sum(dtype=np.float64), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 63, 64, 65, 100, 1000, 9000, 70_000])
def test_softmax(size, threads):
    random = np.random.default_rng(size)
    a = guarded.copy((5 * random.normal(size=(9, size))).astype(np.float32))
    out = guarded.empty(a.shape, np.float32)
    softmax()(out, a)
    exact = np.exp(a.astype(np.float64) - a.max(1, keepdims=True))
    np.testing.assert_allclose(out, exact / exact.sum(1, keepdims=True), rtol=5e-6, atol=1e-30)
    softmax()(a, a)  # in place
    np.testing.assert_array_equal(a, out)


@pytest.mark.parametrize("width", [1, 3, 10, 16, 64, 100, 257, 1000, 3000])
def test_short_rows_have_the_same_bits_in_any_group(width, threads):
    """Those of a group are reduced together; alone, a row is worked on as a long one is."""
    a = np.random.default_rng(width).normal(size=(2, 37, width)).astype(np.float32)
    weight, bias = np.random.default_rng(8).normal(size=(2, width)).astype(np.float32)
    made = softmax()(np.empty_like(a), a)
    normal = [np.empty_like(a), *np.empty((2, 2, 37, 1), np.float32)]
    layer_norm()(*normal, a, weight, bias)
    gaps = np.zeros((2, 40, width + 5), np.float32)[:, :37, :width]
    gaps[:] = a
    np.testing.assert_array_equal(softmax()(np.empty_like(a), gaps), made)
    for i in range(2):
        for k in range(37):
            alone = [np.empty_like(out[i, k : k + 1]) for out in normal]
            layer_norm()(*alone, a[i, k : k + 1], weight, bias)
            for one, out in zip(alone, normal, strict=True):
                np.testing.assert_array_equal(one[0], out[i, k])
            row = a[i, k : k + 1]
            np.testing.assert_array_equal(softmax()(np.empty_like(row), row)[0], made[i, k])


def test_results_beyond_the_caches_have_the_same_bits():
    """They are stored past the caches where every row starts on a cache line, and as others where not."""
    from rushlight.kernels.llvm.streaming import STREAM_FROM

    rows, width = STREAM_FROM // 8192 + 3, 1024
    a = np.random.default_rng(7).normal(size=(rows, width)).astype(np.float32)
    expected = np.concatenate([softmax()(np.empty_like(part), part) for part in np.array_split(a, 5)])
    for first in (0, 1, 16):
        flat = memory.empty((rows * width + first,), np.float32)[first:]
        np.testing.assert_array_equal(softmax()(flat.reshape(a.shape), a), expected)
    np.testing.assert_array_equal(softmax()(a, a), expected)


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (4, 5, 64), (2, 3, 4, 1000), (700, 300), (2, 100_001)])
def test_layer_norm(shape, threads):
    random = np.random.default_rng(3)
    a = random.normal(loc=3, size=shape).astype(np.float32)
    weight, bias = random.normal(size=(2, shape[-1])).astype(np.float32)
    out, mean, scale = np.empty_like(a), *np.empty((2, *shape[:-1], 1), np.float32)
    layer_norm()(out, mean, scale, a, weight, bias)
    exact = a.astype(np.float64)
    expected_mean = exact.mean(-1, keepdims=True)
    expected_scale = 1 / np.sqrt(exact.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(mean, expected_mean, rtol=2e-6)
    np.testing.assert_allclose(scale, expected_scale, rtol=2e-6)
    np.testing.assert_allclose(
        out, (exact - expected_mean) * expected_scale * weight + bias, rtol=1e-4, atol=2e-5
    )


def test_numbers_of_a_row_can_be_inputs():
    """The backward of softmax: (grad - sum(grad * y)) * y, here with a factor for each row."""
    grad, y, factor = (input_node(k, "float32") for k in range(3))
    inner = f32("sum", f32("mul", grad, y))
    kernel = kernels.rowwise(
        f32("mul", f32("mul", f32("sub", grad, inner), y), factor), name="softmax_backward"
    )
    random = np.random.default_rng(4)
    g, p = random.normal(size=(2, 5, 6, 77)).astype(np.float32)
    f = random.normal(size=(6, 1)).astype(np.float32)
    out = kernel(np.empty_like(g), g, p, f)
    exact = (g - (g.astype(np.float64) * p).sum(-1, keepdims=True)) * p * f
    np.testing.assert_allclose(out, exact, rtol=1e-4, atol=1e-5)


def test_rows_of_any_layout():
    random = np.random.default_rng(5)
    base = random.normal(size=(6, 8, 10)).astype(np.float32)
    kernel = reduction("sum")
    for a in (
        base.transpose(1, 0, 2),
        base[::-1, ::2],
        base[..., ::2],
        base.T,
        base.transpose(2, 0, 1),
        base[:, :1],
    ):
        expected = a.sum(-1, keepdims=True, dtype=np.float64)
        np.testing.assert_allclose(
            kernel(np.empty(expected.shape, np.float32), a), expected, rtol=1e-5, atol=1e-5
        )
        strided = np.empty((*expected.shape, 3), np.float32)[..., 1]
        np.testing.assert_allclose(kernel(strided, a), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(softmax()(np.empty_like(a), a).sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3, 4), (3, 5)), r"input 0 of shape \(3, 5\) does not fit \(3, 4\)"),
        (((), ()), "reduces axis -1"),
    ],
)
def test_wrong_shapes_are_explained(shapes, message):
    with pytest.raises(ValueError, match=message):
        softmax()(*(np.zeros(shape, np.float32) for shape in shapes))


def test_outputs_of_a_row_end_in_one():
    with pytest.raises(ValueError, match=r"output 0 has shape \(3,\), expected \(3, 1\)"):
        reduction("sum")(np.zeros(3, np.float32), np.zeros((3, 4), np.float32))


@pytest.mark.parametrize("op", ["amax", "amin"])
@pytest.mark.parametrize("width", [1, 15, 16, 63, 64, 65, 130, 8200])
def test_a_nan_is_the_extreme_of_its_row_wherever_it_stands(op, width):
    """Kernels look for NaN apart from the comparison, in pairs of vectors and in the lanes that are left."""
    places = range(width) if width <= 130 else [0, 1, 64, 127, 4096, 8191, 8192, 8199]
    x = np.random.default_rng(0).standard_normal((len(places) + 1, width)).astype(np.float32)
    for row, place in enumerate(places):
        x[row, place] = np.nan
    x[-1] = -np.inf if op == "amax" else np.inf
    expected = REDUCERS[op](x, axis=1, keepdims=True)
    np.testing.assert_array_equal(reduction(op)(np.empty_like(expected), x), expected)


def test_softmax_of_scores_far_below_the_largest():
    """The exponential of x - max looks after no upper limit; infinities and NaN come out all the same."""
    x = np.zeros((6, 40), np.float32)
    x[0, 1:] = -np.geomspace(1e-3, 3e38, 39)
    x[1, 1:] = -np.inf
    x[2, 3] = np.inf
    x[3] = -np.inf
    x[4, 7] = np.nan
    x[5] = 3e38
    made = softmax()(np.empty_like(x), x)
    with np.errstate(all="ignore"):
        e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
        np.testing.assert_allclose(made, e / e.sum(1, keepdims=True), rtol=3e-7, atol=1e-45)


def test_the_first_pass_may_be_the_dearest():
    x = np.random.default_rng(0).integers(-9, 9, (3, 20_000)).astype(np.float32)
    total = f32("sum", f32("fmod", X, 4.0))
    made = kernels.rowwise(f32("sub", X, total), name="dear_first")(np.empty_like(x), x)
    np.testing.assert_array_equal(made, x - np.fmod(x, 4).sum(-1, keepdims=True))
