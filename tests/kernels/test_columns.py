"""Column kernels, reductions over the second last axis: numpy's answer, always the same bits."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, Unsupported, input_node, length_node
from rushlight.runtime import get_num_threads, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
REDUCERS = {"sum": np.sum, "amax": np.max, "amin": np.min}
SHAPES = [
    (1, 1),
    (3, 1),
    (5, 17),
    (64, 64),
    (65, 63),
    (1000, 10),
    (10, 3000),
    (300, 2049),
    (2, 3, 20, 33),
    (40, 70, 9),
]


def reduction(op, dtype="float32"):
    return kernels.columnwise(Node(op, (input_node(0, dtype),), dtype), name=f"column_{op}")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("op", REDUCERS)
def test_shapes(op, dtype, threads):
    before = get_num_threads()
    set_num_threads(threads)
    try:
        for shape in SHAPES:
            values = 100 * np.random.default_rng(0).normal(size=shape)
            a = guarded.copy(values.astype(dtype))
            expected = REDUCERS[op](
                a.astype(np.longdouble) if dtype.startswith("f") else a, axis=-2, keepdims=True
            )
            out = guarded.empty(expected.shape, dtype)
            reduction(op, dtype)(out, a)
            np.testing.assert_allclose(
                out, expected.astype(dtype), rtol=1e-6, atol=1e-6 * np.abs(values).sum(-2).max()
            )
    finally:
        set_num_threads(before)


def test_mean_and_sum_of_products_in_one_pass():
    """The gradients of a layer norm's weight and bias."""
    grad, x, shift = input_node(0, "float32"), input_node(1, "float32"), input_node(2, "float32")
    product = Node("mul", (grad, Node("sub", (x, shift), "float32")), "float32")
    mean = Node("div", (Node("sum", (grad,), "float32"), length_node("float32")), "float32")
    kernel = kernels.columnwise([Node("sum", (product,), "float32"), mean], name="weight_and_bias")
    random = np.random.default_rng(1)
    g, a = random.normal(size=(2, 500, 130)).astype(np.float32)
    for s in (random.normal(size=130), random.normal(size=(500, 1)), random.normal(size=())):
        s = s.astype(np.float32)
        total, average = np.empty((2, 1, 130), np.float32)
        kernel(total, average, g, a, s)
        np.testing.assert_allclose(total[0], (g.astype(np.float64) * (a - s)).sum(0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(average[0], g.astype(np.float64).mean(0), rtol=1e-4, atol=1e-6)


def test_special_values_and_empty_matrices():
    a = np.ones((70, 20), np.float32)
    a[3, 4], a[66, 5], a[0, 6], a[1, 6] = np.nan, np.inf, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        for op, reference in REDUCERS.items():
            out = reduction(op)(np.empty((1, 20), np.float32), a)
            np.testing.assert_array_equal(out, reference(a, axis=0, keepdims=True))
    empty = reduction("sum")(np.ones((1, 5), np.float32), np.empty((0, 5), np.float32))
    np.testing.assert_array_equal(empty, 0)
    assert reduction("sum")(np.ones((1, 0), np.float32), np.empty((4, 0), np.float32)).shape == (1, 0)


def test_the_same_bits_for_any_number_of_threads():
    before = get_num_threads()
    a = np.random.default_rng(2).normal(size=(30_000, 70)).astype(np.float32)
    results = set()
    try:
        for count in (1, 2, 3):
            set_num_threads(count)
            results.add(reduction("sum")(np.empty((1, 70), np.float32), a).tobytes())
    finally:
        set_num_threads(before)
    assert len(results) == 1


def test_any_layout():
    base = np.random.default_rng(3).normal(size=(40, 30, 20)).astype(np.float32)
    for a in (base.T, base[::-1, ::2], base[..., ::3], base.transpose(1, 2, 0), base[:, ::-1, ::-1]):
        expected = a.sum(-2, keepdims=True, dtype=np.float64)
        out = reduction("sum")(np.empty(expected.shape, np.float32), a)
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_what_needs_two_passes_is_refused():
    x = input_node(0, "float32")
    centred = Node("sub", (x, Node("amax", (x,), "float32")), "float32")
    with pytest.raises(Unsupported, match="one pass"):
        kernels.columnwise(Node("sum", (centred,), "float32"))
    with pytest.raises(Unsupported, match="only those"):
        kernels.columnwise(x)
    with pytest.raises(ValueError, match="reduces axis -2"):
        reduction("sum")(np.zeros(1, np.float32), np.zeros(3, np.float32))
