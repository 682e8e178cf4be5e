"""Random graphs of exact primitives, and their values by numpy."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import Node, input_node

from .draw import Draw

BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "minimum": np.minimum, "maximum": np.maximum}
UNARY = {"neg": np.negative, "abs": np.abs, "square": np.square}
COMPARE = {"lt": np.less, "eq": np.equal, "ge": np.greater_equal}
DTYPES = ("float32", "float64", "int32", "int64", "int16", "uint8")


def random_graph(draw: Draw) -> tuple[list[Node], list[str]]:
    """One to three outputs of up to four inputs, and the dtypes of these."""
    nodes = [input_node(k, draw.one(*DTYPES)) for k in range(draw.number(1, 4))]
    for _ in range(draw.number(1, 8)):
        nodes.append(_random_node(draw, nodes))
    return _numbered([nodes[-1], *(draw.one(*nodes) for _ in range(draw.number(0, 2)))])


def _random_node(draw: Draw, nodes: list[Node]) -> Node:
    a = draw.one(*nodes)
    b = draw.one(*(n for n in nodes if n.dtype == a.dtype))
    kind = draw.random.random()
    if a.dtype == "bool" or kind < 0.2:
        return _cast(a, draw.one(*DTYPES[:4]))
    if kind < 0.3:
        return Node("where", (Node(draw.one(*COMPARE), (a, b), "bool"), b, a), a.dtype)
    if kind < 0.45:
        return Node(draw.one(*UNARY), (a,), a.dtype)
    if kind < 0.55:
        return Node(draw.one(*COMPARE), (a, draw.number(0, 4)), "bool")
    return Node(draw.one(*BINARY), (a, b), a.dtype)


def _cast(node: Node, dtype: str) -> Node:
    """Floats are brought into the range of the integers first: beyond it C leaves the result open."""
    if node.dtype.startswith("float") and "int" in dtype:
        node = Node("maximum", (Node("minimum", (node, 100.0), node.dtype), 0.0), node.dtype)
    return Node("cast", (node,), dtype)


def _numbered(outputs: list[Node]) -> tuple[list[Node], list[str]]:
    """The same outputs with their inputs numbered without gaps, and the dtypes of these."""
    numbers: dict[int, tuple[int, str]] = {}
    made: dict[int, Node] = {}

    def copy(node: Node) -> Node:
        if id(node) not in made:
            if node.op == "input":
                number = numbers.setdefault(node.args[0], (len(numbers), node.dtype))[0]
                made[id(node)] = input_node(number, node.dtype)
            else:
                args = tuple(copy(a) if isinstance(a, Node) else a for a in node.args)
                made[id(node)] = Node(node.op, args, node.dtype)
        return made[id(node)]

    return [copy(node) for node in outputs], [dtype for _, dtype in numbers.values()]


def value_of(node: Node, arrays: list[np.ndarray], known: dict[int, np.ndarray]) -> np.ndarray:
    """The value of a node by numpy."""
    if id(node) in known:
        return known[id(node)]
    if node.op == "input":
        value = arrays[node.args[0]]
    else:
        dtype = next(a.dtype for a in node.args if isinstance(a, Node))
        args = [
            value_of(a, arrays, known) if isinstance(a, Node) else np.dtype(dtype).type(a) for a in node.args
        ]
        if node.op == "cast":
            value = args[0].astype(node.dtype)
        elif node.op == "where":
            value = np.where(*args)
        else:
            value = (BINARY | UNARY | COMPARE)[node.op](*args)
    known[id(node)] = value
    return value
