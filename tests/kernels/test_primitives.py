"""Each primitive means what numpy's function of that name means, for every dtype it has a kernel for."""

import itertools

import numpy as np
import pytest

from rushlight import kernels, lang
from rushlight.kernels import Node, Unsupported, input_node
from rushlight.kernels.graph import ANY, DTYPES, FLOATS, INTEGERS, NUMBERS

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


def values(dtype, size=700, seed=0):
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(size) < 0.5
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        made = random.integers(info.min, info.max, size, dtype=dtype, endpoint=True)
        made[:300] = random.integers(-5 if info.min else 0, 6, 300)
        return made
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 3e38, 1e-40]
    made = random.normal(scale=3, size=size)
    made[: len(special) ** 2] = [pair[seed % 2] for pair in itertools.product(special, special)]
    with np.errstate(over="ignore"):
        return made.astype(dtype)


def run(op, arguments, result, dtypes):
    nodes = tuple(input_node(k, dtype) for k, dtype in enumerate(dtypes))
    kernel = kernels.elementwise(Node(op, nodes, result), name=op)
    return kernel(np.empty(arguments[0].shape, result), *arguments)


def check(op, reference, dtype, count, result=None):
    arguments = [values(dtype, seed=k) for k in range(count)]
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(*arguments))
    got = run(op, arguments, result or dtype, [dtype] * count)
    np.testing.assert_array_equal(got, expected.astype(result or dtype))


NUMPY = {
    "add": (np.add, 2, NUMBERS),
    "sub": (np.subtract, 2, NUMBERS),
    "mul": (np.multiply, 2, NUMBERS),
    "div": (np.divide, 2, FLOATS),
    "floor_divide": (np.floor_divide, 2, FLOATS),
    "minimum": (np.minimum, 2, ANY),
    "maximum": (np.maximum, 2, ANY),
    "fmin": (np.fmin, 2, ANY),
    "fmax": (np.fmax, 2, ANY),
    "copysign": (np.copysign, 2, FLOATS),
    "neg": (np.negative, 1, NUMBERS),
    "abs": (np.abs, 1, NUMBERS),
    "sign": (lang.sign, 1, NUMBERS),
    "square": (np.square, 1, NUMBERS),
    "floor": (np.floor, 1, FLOATS),
    "ceil": (np.ceil, 1, FLOATS),
    "round": (np.round, 1, FLOATS),
    "trunc": (np.trunc, 1, FLOATS),
    "bitwise_and": (np.bitwise_and, 2, (*INTEGERS, "bool")),
    "bitwise_or": (np.bitwise_or, 2, (*INTEGERS, "bool")),
    "bitwise_xor": (np.bitwise_xor, 2, (*INTEGERS, "bool")),
    "bitwise_not": (np.invert, 1, (*INTEGERS, "bool")),
}
COMPARISONS = {
    "eq": (np.equal, 2, ANY),
    "ne": (np.not_equal, 2, ANY),
    "lt": (np.less, 2, ANY),
    "le": (np.less_equal, 2, ANY),
    "gt": (np.greater, 2, ANY),
    "ge": (np.greater_equal, 2, ANY),
    "logical_and": (np.logical_and, 2, ANY),
    "logical_or": (np.logical_or, 2, ANY),
    "logical_xor": (np.logical_xor, 2, ANY),
    "logical_not": (np.logical_not, 1, ANY),
    "isnan": (np.isnan, 1, FLOATS),
    "isinf": (np.isinf, 1, FLOATS),
    "isfinite": (np.isfinite, 1, FLOATS),
    "signbit": (np.signbit, 1, FLOATS),
}


@pytest.mark.parametrize(("op", "dtype"), [(op, dtype) for op, case in NUMPY.items() for dtype in case[2]])
def test_arithmetic(op, dtype):
    reference, count, _ = NUMPY[op]
    check(op, reference, dtype, count)


@pytest.mark.parametrize(
    ("op", "dtype"), [(op, dtype) for op, case in COMPARISONS.items() for dtype in case[2]]
)
def test_comparisons(op, dtype):
    reference, count, _ = COMPARISONS[op]
    check(op, reference, dtype, count, "bool")


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize(
    ("op", "reference"), [("left_shift", np.left_shift), ("right_shift", np.right_shift)]
)
def test_shifts(op, reference, dtype):
    a = values(dtype)
    b = np.random.default_rng(3).integers(0, 70, a.size).astype(dtype)
    np.testing.assert_array_equal(run(op, [a, b], dtype, [dtype, dtype]), reference(a, b))


@pytest.mark.parametrize("dtype", ANY)
def test_where(dtype):
    condition, a, b = values("bool"), values(dtype), values(dtype, seed=1)
    got = run("where", [condition, a, b], dtype, ["bool", dtype, dtype])
    np.testing.assert_array_equal(got, np.where(condition, a, b))


NUMPYS = [d for d in DTYPES if d != "bfloat16"]  # that is for test_halves
CASTS = [(a, b) for a in NUMPYS for b in NUMPYS if {a, b} != {"float16", "float64"}]


@pytest.mark.parametrize(("source", "target"), CASTS)
def test_casts(source, target):
    a = values(source)
    if source in (*FLOATS, "float16") and target in INTEGERS:
        a = np.nan_to_num(a, posinf=100, neginf=-100).clip(
            -100, 100
        )  # beyond the range C leaves the result open
    if source in FLOATS and target == "uint8":
        a = abs(a)
    with np.errstate(all="ignore"):
        expected = a.astype(target)
    np.testing.assert_array_equal(run("cast", [a], target, [source]), expected)


def test_constants_follow_the_other_argument():
    x = input_node(0, "float32")
    kernel = kernels.elementwise(
        Node("mul", (Node("sub", (1, x), "float32"), 0.1), "float32"), name="constants"
    )
    a = values("float32")
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(kernel(np.empty_like(a), a), (1 - a) * np.float32(0.1))


def test_a_chain_rounds_as_separate_operations_do():
    """No contraction to fused multiply-add behind the caller's back: a*a - a*a is zero."""
    x, y = input_node(0, "float32"), input_node(1, "float32")
    square = Node("mul", (x, y), "float32")
    again = Node("mul", (y, x), "float32")
    kernel = kernels.elementwise(Node("sub", (square, again), "float32"), name="zero")
    a, b = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    assert not kernel(np.empty_like(a), a, b).any()


def test_several_outputs_update_in_place():
    """An optimiser's step: momentum and parameter in one pass."""
    parameter, gradient, momentum = (input_node(k, "float32") for k in range(3))
    rate = kernels.scalar_node(0, "float32")
    new_momentum = Node("add", (Node("mul", (momentum, 0.9), "float32"), gradient), "float32")
    new_parameter = Node("sub", (parameter, Node("mul", (new_momentum, rate), "float32")), "float32")
    step = kernels.elementwise([new_parameter, new_momentum], name="sgd")
    p, g, m = np.random.default_rng(0).normal(size=(3, 50_000)).astype(np.float32)
    expected_m = m * np.float32(0.9) + g
    expected_p = p - expected_m * np.float32(0.1)
    step(p, m, p, g, m, 0.1)
    np.testing.assert_array_equal(m, expected_m)
    np.testing.assert_array_equal(p, expected_p)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Node("lgamma", (input_node(0, "float32"),), "float32"), "lgamma has no kernel"),
        (Node("exp", (input_node(0, "complex64"),), "complex64"), "no kernels for dtype complex64"),
        (Node("exp", (input_node(0, "int32"),), "int32"), "exp has no kernel for int32"),
        (Node("add", (input_node(0, "float32"), input_node(1, "float64")), "float32"), "expected one dtype"),
        (Node("add", (input_node(1, "float32"), 1), "float32"), "leave gaps"),
        (Node("eq", (input_node(0, "float32"), 1), "float32"), "gives bool"),
        (Node("add", (input_node(0, "float32"),), "float32"), "takes 2 arguments, got 1"),
    ],
)
def test_unsupported_graphs_say_why(node, message):
    assert not kernels.supports(node)
    assert message in kernels.why_not(node)
    with pytest.raises(Unsupported, match=message):
        kernels.elementwise(node)


def test_a_long_chain_needs_no_recursion():
    node = input_node(0, "float32")
    for _ in range(3000):
        node = Node("neg", (node,), "float32")
    graph = kernels.Graph(node)
    assert len(graph.nodes) == 3001
