"""Random graphs of exact primitives, and their values by numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rushlight.kernels import Node, input_node, scalar_node
from rushlight.kernels.graph import FLOATS, INTEGERS, RULES

from .draw import Draw

BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "minimum": np.minimum, "maximum": np.maximum}
BINARY |= {"fmin": np.fmin, "fmax": np.fmax, "fmod": np.fmod, "remainder": np.remainder}
BINARY |= {"left_shift": np.left_shift, "right_shift": np.right_shift}
BINARY |= {name: getattr(np, name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")}
UNARY = {"neg": np.negative, "abs": np.abs, "square": np.square, "bitwise_not": np.invert}
UNARY |= {"sign": lambda x: np.where(x != x, 0, np.sign(x)), "round": np.rint}
UNARY |= {name: getattr(np, name) for name in ("floor", "ceil", "trunc", "sqrt")}
COMPARE = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
COMPARE |= {"eq": np.equal, "ne": np.not_equal}
LOGIC = {name: getattr(np, name) for name in ("logical_and", "logical_or", "logical_xor")}
QUESTIONS = {name: getattr(np, name) for name in ("logical_not", "isnan", "isinf", "isfinite")}
PRIMITIVES: dict[str, Callable[..., Any]] = BINARY | UNARY | COMPARE | LOGIC | QUESTIONS
PRIMITIVES |= {"where": np.where, "copysign": np.copysign, "signbit": np.signbit}
PRIMITIVES |= {"div": np.divide, "floor_divide": np.floor_divide}
DTYPES = ("float32", "float64", *INTEGERS)
STORED = ("float16", "bool")  # of arrays; the rest of the graph computes with others


def random_graph(draw: Draw) -> tuple[list[Node], list[str], list[str]]:
    """One to three outputs of up to four inputs and a number, and the dtypes of these."""
    nodes = [input_node(k, draw.one(*DTYPES, *DTYPES, *STORED)) for k in range(draw.number(1, 4))]
    if draw.chance(0.3):
        nodes.append(scalar_node(0, draw.one(*DTYPES)))
    leaves = len(nodes)
    for _ in range(draw.number(1, 8)):
        nodes.append(_random_node(draw, nodes, leaves))
    return _numbered([nodes[-1], *(_stored(draw, draw.one(*nodes)) for _ in range(draw.number(0, 2)))])


def _takes(dtype: str, *tables: Mapping[str, Any]) -> list[str]:
    """The primitives for that type."""
    return [name for table in tables for name in table if dtype in RULES[name].dtypes]


def _random_node(draw: Draw, nodes: list[Node], leaves: int) -> Node:
    a = draw.one(*nodes)
    if a.dtype == "float16":
        return _cast(a, "float32")
    alike = [n for n in nodes if n.dtype == a.dtype]
    b, given = draw.one(*alike), [n for n in nodes[:leaves] if n.dtype == a.dtype]
    kind = draw.random.random()
    if kind < 0.15:
        return _cast(a, draw.one(*DTYPES))
    if kind < 0.25:
        return Node("where", (Node(draw.one(*COMPARE), (a, b), "bool"), b, a), a.dtype)
    if kind < 0.35:
        return _node(draw.one(*_takes(a.dtype, UNARY, QUESTIONS)), a)
    if kind < 0.45:
        return _node(draw.one(*COMPARE), a, draw.number(0, 1 if a.dtype == "bool" else 4))
    if kind < 0.6 and a.dtype in FLOATS and given:  # kernels and numpy may differ in what sign a zero has
        name = draw.one("copysign", "signbit", "div", "floor_divide")
        return _node(name, *([draw.one(*given)] if name == "signbit" else [a, draw.one(*given)]))
    return _node(draw.one(*_takes(a.dtype, BINARY, LOGIC)), a, b)


def _node(name: str, a: Node, *others: Any) -> Node:
    return Node(name, (a, *others), "bool" if RULES[name].result == "bool" else a.dtype)


def _cast(node: Node, dtype: str) -> Node:
    """Floats are brought into the range of the integers first: beyond it C leaves the result open."""
    if node.dtype in FLOATS and dtype not in FLOATS:
        node = Node("fmax", (Node("fmin", (node, 100.0), node.dtype), 0.0), node.dtype)
    return Node("cast", (node,), dtype)


def _stored(draw: Draw, node: Node) -> Node:
    """An output, in half precision now and then."""
    if node.dtype != "float32" or draw.chance(0.7):
        return node
    node = Node("cast", (node,), "float16")
    return node if draw.chance(0.5) else Node("cast", (node,), "float32")


def _numbered(outputs: list[Node]) -> tuple[list[Node], list[str], list[str]]:
    """The same outputs with their leaves numbered without gaps, and the dtypes of these."""
    numbers: dict[str, dict[int, tuple[int, str]]] = {"input": {}, "scalar": {}}
    made: dict[int, Node] = {}

    def copy(node: Node) -> Node:
        if id(node) not in made:
            args = tuple(copy(a) if isinstance(a, Node) else a for a in node.args)
            if node.op in numbers:
                known = numbers[node.op]
                args = (known.setdefault(node.args[0], (len(known), node.dtype))[0],)
            made[id(node)] = Node(node.op, args, node.dtype)
        return made[id(node)]

    copies = [copy(node) for node in outputs]
    return copies, *([dtype for _, dtype in known.values()] for known in numbers.values())


def value_of(
    node: Node, arrays: Sequence[np.ndarray], numbers: Sequence[float], known: dict[int, np.ndarray]
) -> np.ndarray:
    """The value of a node by numpy."""
    if id(node) not in known:
        known[id(node)] = np.asarray(_value(node, arrays, numbers, known))
    return known[id(node)]


def _value(node: Node, arrays: Sequence, numbers: Sequence, known: dict[int, np.ndarray]) -> Any:
    if node.op == "input":
        return arrays[node.args[0]]
    if node.op == "scalar":
        return np.dtype(node.dtype).type(numbers[node.args[0]])
    dtype = next(a.dtype for a in node.args if isinstance(a, Node))
    args = [
        value_of(a, arrays, numbers, known) if isinstance(a, Node) else np.dtype(dtype).type(a)
        for a in node.args
    ]
    return (args[0] if node.op == "cast" else PRIMITIVES[node.op](*args)).astype(node.dtype)
