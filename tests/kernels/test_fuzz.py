"""Random graphs on random layouts between guard pages: generated code and numpy give the same bits.

RUSHLIGHT_FUZZ=10000 runs as many cases as that (300 by default).
"""

import os

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, input_node
from rushlight.runtime import get_num_threads, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
CASES = int(os.environ.get("RUSHLIGHT_FUZZ", "300"))
GRAPHS = 30  # each is compiled once and run on many layouts
BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "minimum": np.minimum, "maximum": np.maximum}
UNARY = {"neg": np.negative, "abs": np.abs, "square": np.square}
COMPARE = {"lt": np.less, "eq": np.equal, "ge": np.greater_equal}
DTYPES = ["float32", "float64", "int32", "int64", "int16", "uint8"]


def random_graph(random):
    """Up to four inputs and one to three outputs over a handful of exact primitives and casts."""
    nodes = [input_node(k, str(random.choice(DTYPES))) for k in range(int(random.integers(1, 5)))]
    for _ in range(int(random.integers(1, 9))):
        nodes.append(random_node(random, nodes))
    more = [nodes[int(k)] for k in random.integers(0, len(nodes), int(random.integers(0, 3)))]
    return [nodes[-1], *more]


def random_node(random, nodes):
    a = nodes[int(random.integers(len(nodes)))]
    same = [n for n in nodes if n.dtype == a.dtype]
    b = same[int(random.integers(len(same)))]
    kind = random.random()
    if a.dtype == "bool" or kind < 0.2:
        return cast(a, str(random.choice(DTYPES[:4])))
    if kind < 0.3:
        condition = Node(str(random.choice(list(COMPARE))), (a, b), "bool")
        return Node("where", (condition, b, a), a.dtype)
    if kind < 0.45:
        return Node(str(random.choice(list(UNARY))), (a,), a.dtype)
    if kind < 0.55:
        return Node(str(random.choice(list(COMPARE))), (a, int(random.integers(0, 5))), "bool")
    return Node(str(random.choice(list(BINARY))), (a, b), a.dtype)


def cast(node, dtype):
    """Floats are brought into the range of the integers first: beyond it C leaves the result open."""
    if node.dtype.startswith("float") and "int" in dtype:
        node = Node("maximum", (Node("minimum", (node, 100.0), node.dtype), 0.0), node.dtype)
    return Node("cast", (node,), dtype)


def interpret(node, arrays, known):
    """The value of a node by numpy."""
    if id(node) in known:
        return known[id(node)]
    if node.op == "input":
        value = arrays[node.args[0]]
    else:
        dtype = next(a.dtype for a in node.args if isinstance(a, Node))
        args = [
            interpret(a, arrays, known) if isinstance(a, Node) else np.dtype(dtype).type(a) for a in node.args
        ]
        if node.op == "cast":
            value = args[0].astype(node.dtype)
        elif node.op == "where":
            value = np.where(*args)
        else:
            value = (BINARY | UNARY | COMPARE)[node.op](*args)
    known[id(node)] = value
    return value


def random_array(random, shape, dtype, broadcast):
    """Permuted, stepped, reversed, or broadcast memory of small whole numbers, flush against a guard page."""
    steps = [int(random.choice([1, 1, 1, 2, -1, -3])) for _ in shape]
    order = random.permutation(len(shape))
    kept = [1 if broadcast and random.random() < 0.25 else n for n in shape]
    memory = guarded.empty([kept[d] * abs(steps[d]) for d in order], dtype, bool(random.random() < 0.5))
    memory[...] = random.integers(0, 20, memory.shape)
    view = memory.transpose(np.argsort(order)) if len(shape) else memory
    return view[(*(slice(None, None, step) for step in steps), ...)]


def random_shape(random):
    shape = [int(n) for n in random.integers(1, 9, int(random.integers(0, 6)))]
    if len(shape) > 1 and random.random() < 0.3:  # many short rows
        shape[0], shape[-1] = int(random.integers(200, 2000)), int(random.integers(1, 40))
    elif shape and random.random() < 0.5:
        shape[int(random.integers(len(shape)))] = int(random.choice([16, 31, 64, 65, 257, 600]))
    return shape if np.prod(shape) < 200_000 else shape[:2]


def compact(outputs):
    """The outputs with their inputs numbered without gaps, and the dtypes of the inputs."""
    graph_inputs, made = {}, {}

    def copy(node):
        if id(node) not in made:
            if node.op == "input":
                number = graph_inputs.setdefault(node.args[0], (len(graph_inputs), node.dtype))[0]
                made[id(node)] = input_node(number, node.dtype)
            else:
                args = tuple(copy(a) if isinstance(a, Node) else a for a in node.args)
                made[id(node)] = Node(node.op, args, node.dtype)
        return made[id(node)]

    copies = [copy(node) for node in outputs]
    return copies, [dtype for _, dtype in graph_inputs.values()]


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_random_graphs(seed):
    random = np.random.default_rng(seed)
    outputs, dtypes = compact(random_graph(random))
    kernel = kernels.elementwise(outputs, name=f"fuzz{seed}")
    before = get_num_threads()
    set_num_threads(1 + seed % 2)
    try:
        for _ in range(-(-CASES // GRAPHS)):
            shape = random_shape(random)
            arrays = [random_array(random, shape, dtype, True) for dtype in dtypes]
            outs = [random_array(random, shape, node.dtype, False) for node in outputs]
            known = {}
            with np.errstate(all="ignore"):
                expected = [np.broadcast_to(interpret(node, arrays, known), shape) for node in outputs]
            kernel(*outs, *arrays)
            for out, wanted in zip(outs, expected, strict=True):
                np.testing.assert_array_equal(out, wanted)
    finally:
        set_num_threads(before)


SMALL = {"add": np.add, "sub": np.subtract, "minimum": np.minimum, "maximum": np.maximum}
REDUCE = {"sum": np.sum, "amax": np.max, "amin": np.min}


def random_reduction(random, axis):
    """A reduction of a chain whose values stay exact, and for rows perhaps an output of the whole shape."""
    dtype = str(random.choice(DTYPES[:4]))
    inputs = [input_node(k, dtype) for k in range(int(random.integers(1, 4)))]
    body = inputs[0]
    for other in inputs:
        body = Node(str(random.choice(list(SMALL))), (body, other), dtype)
    reduced = Node(str(random.choice(list(REDUCE))), (body,), dtype)
    outputs = [Node("neg", (reduced,), dtype)]
    if axis == -1 and random.random() < 0.5:
        outputs.append(Node("sub", (body, reduced), dtype))
    return outputs, [dtype] * len(inputs)


def interpret_reduction(node, arrays, axis):
    if node.op == "input":
        return arrays[node.args[0]]
    args = [interpret_reduction(a, arrays, axis) for a in node.args]
    if node.op in REDUCE:
        return REDUCE[node.op](args[0], axis=axis, keepdims=True).astype(node.dtype)
    return (SMALL | UNARY)[node.op](*args)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("seed", range(GRAPHS // 3))
def test_random_reductions(seed, axis):
    random = np.random.default_rng(1000 + seed)
    outputs, dtypes = random_reduction(random, axis)
    make = kernels.rowwise if axis == -1 else kernels.columnwise
    kernel = make(outputs, name=f"fuzz_reduction{seed}")
    before = get_num_threads()
    set_num_threads(1 + seed % 2)
    try:
        for _ in range(-(-CASES // GRAPHS)):
            shape = random_shape(random)
            shape = [*[2] * (-axis - len(shape)), *shape]
            arrays = [random_array(random, shape, dtype, k > 0) for k, dtype in enumerate(dtypes)]
            expected = [interpret_reduction(node, arrays, axis) for node in outputs]
            outs = [random_array(random, e.shape, e.dtype, False) for e in expected]
            kernel(*outs, *arrays)
            for out, wanted in zip(outs, expected, strict=True):
                np.testing.assert_array_equal(out, wanted)
    finally:
        set_num_threads(before)
