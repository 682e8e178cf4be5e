"""Plane and strip kernels: whole formulas over axes that lie anywhere, as numpy has them in float64."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, input_node, length_node
from rushlight.runtime import get_num_threads, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
REDUCERS = {"sum": np.sum, "amax": np.max, "amin": np.min}
PLANES = [(1, 1, 1), (3, 2, 5), (4, 7, 49), (5, 33, 16), (2, 3, 8193), (1, 40, 1000), (6, 1, 300), (3, 5, 1)]
STRIPS = [(1, 1, 1), (3, 5, 7), (2, 40, 64), (1, 65, 130), (70, 10, 3), (4, 33, 200), (1, 5000, 20)]


def normalised(dtype):
    """Outputs: the normalised values times one weight for each piece, their mean, and their scale."""
    x, weight = input_node(0, dtype), input_node(1, dtype)

    def node(op, *args):
        return Node(op, args, dtype)

    mean = node("div", node("sum", x), length_node(dtype))
    gap = node("sub", x, mean)
    scale = node(
        "rsqrt", node("add", node("div", node("sum", node("square", gap)), length_node(dtype)), 1e-5)
    )
    return [node("mul", node("mul", gap, scale), weight), mean, scale]


def softmax(dtype):
    x = input_node(0, dtype)
    e = Node("exp", (Node("sub", (x, Node("amax", (x,), dtype)), dtype),), dtype)
    return Node("div", (e, Node("sum", (e,), dtype)), dtype)


@pytest.fixture(params=[1, 2])
def threads(request):
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


def drawn(shape, dtype, number=0):
    return guarded.copy(
        np.random.default_rng(number).normal(size=shape).astype(dtype), at_end=number % 2 == 0
    )


def channels_first(shape, dtype):
    """(channels, images, places) as a view of images of channels: what batch norm goes over."""
    return drawn((shape[1], shape[0], shape[2]), dtype).transpose(1, 0, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_planes_of_any_size(threads, dtype):
    kernel = kernels.planewise(normalised(dtype), name="plane_norm")
    for shape in PLANES:
        a, weight = channels_first(shape, dtype), drawn((shape[0], shape[1], 1), dtype, 1)
        out, (mean, scale) = np.empty(shape, dtype), np.empty((2, shape[0], 1, 1), dtype)
        kernel(out, mean, scale, a, weight)
        wide = a.astype(np.float64)
        expected_mean = wide.mean((1, 2), keepdims=True)
        expected_scale = 1 / np.sqrt(wide.var((1, 2), keepdims=True) + 1e-5)
        tolerance = {"rtol": 2e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-14}
        np.testing.assert_allclose(mean, expected_mean, **tolerance)
        if shape[1] * shape[2] > 1:
            np.testing.assert_allclose(scale, expected_scale, **tolerance)
            expected = (wide - expected_mean) * expected_scale * weight
            np.testing.assert_allclose(out, expected, rtol=1e-4, atol=tolerance["atol"] * 20)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_strips_of_any_size(threads, dtype):
    kernel = kernels.stripwise(softmax(dtype), name="strip_softmax")
    for shape in STRIPS:
        a = drawn(shape, dtype, 2) * 10
        out = kernel(guarded.empty(shape, dtype), a)
        e = np.exp(a.astype(np.float64) - a.max(1, keepdims=True))
        tolerance = 1e-6 if dtype == "float32" else 1e-14
        np.testing.assert_allclose(out, e / e.sum(1, keepdims=True), rtol=5 * tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("op", REDUCERS)
def test_reductions_alone(op, dtype, threads):
    node = Node(op, (input_node(0, dtype),), dtype)
    for kernel, axes, shapes in (
        (kernels.planewise(node, name=f"plane_{op}"), (1, 2), PLANES),
        (kernels.stripwise(node, name=f"strip_{op}"), (1,), STRIPS),
    ):
        for shape in shapes:
            a = (drawn(shape, np.float64, 3) * 100).astype(dtype)
            expected = REDUCERS[op](a.astype(np.float64), axis=axes, keepdims=True)
            out = guarded.empty(expected.shape, dtype)
            kernel(out, a)
            allowed = 4 * np.finfo(dtype).eps if dtype.startswith("f") else 0
            np.testing.assert_allclose(out, expected, rtol=0, atol=allowed * np.abs(a).sum(axes).max())


def test_special_values_and_nothing():
    for kernel, axes in ((kernels.planewise, (1, 2)), (kernels.stripwise, (1,))):
        a = np.ones((3, 70, 20), np.float32)
        a[0, 3, 4], a[1, 66, 5], a[2, 0, 6], a[2, 1, 6] = np.nan, np.inf, np.inf, -np.inf
        for op, reference in REDUCERS.items():
            with np.errstate(invalid="ignore"):
                expected = reference(a, axis=axes, keepdims=True)
            out = kernel(Node(op, (input_node(0, "float32"),), "float32"), name="special")
            np.testing.assert_array_equal(out(np.empty(expected.shape, np.float32), a), expected)
        total = kernel(Node("sum", (input_node(0, "float32"),), "float32"), name="special")
        empty = np.empty((2, 0, 5), np.float32)
        out = np.ones(np.sum(empty, axes, keepdims=True).shape, np.float32)
        np.testing.assert_array_equal(total(out, empty), 0)


def test_the_same_bits_for_any_number_of_threads():
    before = get_num_threads()
    a = np.random.default_rng(2).normal(size=(40, 90, 200)).astype(np.float32)
    results = set()
    try:
        for count in (1, 2, 3):
            set_num_threads(count)
            strip = kernels.stripwise(softmax("float32"), name="strip_softmax")(np.empty_like(a), a)
            total = Node("sum", (input_node(0, "float32"),), "float32")
            plane = kernels.planewise(total, name="plane_sum")(np.empty((40, 1, 1), np.float32), a)
            results.add(strip.tobytes() + plane.tobytes())
    finally:
        set_num_threads(before)
    assert len(results) == 1


def test_any_layout():
    base = np.random.default_rng(3).normal(size=(20, 30, 40)).astype(np.float32)
    plane = kernels.planewise(Node("sum", (input_node(0, "float32"),), "float32"), name="plane_sum")
    strip = kernels.stripwise(softmax("float32"), name="strip_softmax")
    for a in (base, base.T, base[::-1, ::2], base[..., ::3], base.transpose(1, 2, 0), base[:, ::-1, ::-1]):
        expected = a.sum((1, 2), keepdims=True, dtype=np.float64)
        np.testing.assert_allclose(plane(np.empty(expected.shape, np.float32), a), expected, atol=1e-4)
        e = np.exp(a - a.max(1, keepdims=True))
        np.testing.assert_allclose(
            strip(np.empty(a.shape, np.float32), a), e / e.sum(1, keepdims=True), atol=1e-6
        )
