"""What a kernel computes, as a small graph of element-wise primitives.

    x, y = input_node(0, "float32"), input_node(1, "float32")
    body = Node("mul", (Node("tanh", (x,), "float32"), y), "float32")

`args` are nodes or Python numbers, which become constants of the other arguments' dtype.  A node used twice
is computed once.  Arguments of one primitive share a dtype: conversions are `cast` nodes, made by who
builds the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
STORED_FLOATS = ("float16", "bfloat16")  # can be read, written and converted, not computed with
DTYPES = (*FLOATS, *INTEGERS, *STORED_FLOATS, "bool")
NUMBERS = (*FLOATS, *INTEGERS)
ANY = (*NUMBERS, "bool")


class Node:
    """One primitive applied to nodes and constants; compared by identity."""

    __slots__ = ("args", "attrs", "dtype", "op")

    def __init__(self, op: str, args: tuple = (), dtype: str = "float32", attrs: tuple = ()):
        self.op, self.args, self.dtype, self.attrs = op, args, dtype, attrs

    def __repr__(self):
        return f"{self.op}[{self.dtype}]({', '.join(map(repr, self.args))})"


def input_node(index: int, dtype: str) -> Node:
    """The array argument number `index`."""
    return Node("input", (index,), dtype)


def scalar_node(index: int, dtype: str) -> Node:
    """The number argument `index`, given at each call."""
    return Node("scalar", (index,), dtype)


def length_node(dtype: str) -> Node:
    """The number of elements of a row."""
    return Node("length", (), dtype)


class Rule(NamedTuple):
    """What a primitive takes: how many arguments, of which dtypes, and what comes out."""

    count: int
    dtypes: tuple[str, ...]
    result: str = "same"  # or "bool"


def _rules(names: str, count: int, dtypes: tuple[str, ...], result: str = "same") -> dict[str, Rule]:
    return dict.fromkeys(names.split(), Rule(count, dtypes, result))


RULES: dict[str, Rule] = {
    **_rules("add sub mul", 2, NUMBERS),
    **_rules("div floor_divide remainder fmod pow atan2 copysign", 2, FLOATS),
    **_rules("minimum maximum fmin fmax", 2, ANY),
    **_rules("neg abs sign square", 1, NUMBERS),
    **_rules("exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal", 1, FLOATS),
    **_rules(
        "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc normal_below sigmoid", 1, FLOATS
    ),
    **_rules("floor ceil round trunc", 1, FLOATS),
    **_rules("eq ne lt le gt ge", 2, ANY, "bool"),
    **_rules("logical_and logical_or logical_xor", 2, ANY, "bool"),
    **_rules("logical_not", 1, ANY, "bool"),
    **_rules("isnan isinf isfinite signbit", 1, FLOATS, "bool"),
    **_rules("bitwise_and bitwise_or bitwise_xor", 2, (*INTEGERS, "bool")),
    **_rules("bitwise_not", 1, (*INTEGERS, "bool")),
    **_rules("left_shift right_shift", 2, INTEGERS),
    **_rules("fma", 3, FLOATS),
}


# over the last axis; a node of them is one number a row, and meets other nodes as such
REDUCTIONS = ("sum", "prod", "amax", "amin")


class Unsupported(ValueError):
    """No kernel can be generated for this graph; the message names the node."""


class Signature(NamedTuple):
    """The dtypes of a kernel's arguments, in the order of the call."""

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    scalars: tuple[str, ...]


class Graph:
    """Outputs with everything they depend on: nodes in order of computation, the signature and a key."""

    def __init__(self, outputs: Node | Sequence[Node]):
        self.outputs = (outputs,) if isinstance(outputs, Node) else tuple(outputs)
        if not self.outputs:
            raise Unsupported("a kernel without outputs")
        self.nodes = _in_order(self.outputs)
        for node in self.nodes:
            check(node)
        self.reduces = any(node.op in REDUCTIONS for node in self.nodes)
        inputs = _leaf_dtypes(self.nodes, "input")
        self.signature = Signature(
            tuple(n.dtype for n in self.outputs), inputs, _leaf_dtypes(self.nodes, "scalar")
        )
        self.key = _key(self.nodes, self.outputs)


def has_type(graph: Graph, dtype: str) -> bool:
    """Has a kernel of this graph any array of that type?"""
    return dtype in graph.signature.outputs + graph.signature.inputs


def _in_order(outputs: Iterable[Node]) -> list[Node]:
    """Every node once, arguments before users (without recursion: graphs of long chains are fine)."""
    order: list[Node] = []
    done: set[int] = set()
    pending = [(node, False) for node in reversed(tuple(outputs))]
    while pending:
        node, ready = pending.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        pending.append((node, True))
        pending.extend((arg, False) for arg in reversed(node.args) if isinstance(arg, Node))
    return order


def _leaf_dtypes(nodes: list[Node], op: str) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for node in nodes:
        if node.op == op:
            (index,) = node.args
            if found.setdefault(index, node.dtype) != node.dtype:
                raise Unsupported(f"{op} {index} is used as {found[index]} and as {node.dtype}")
    if sorted(found) != list(range(len(found))):
        raise Unsupported(f"{op} numbers {sorted(found)} leave gaps: expected 0 to {len(found) - 1}")
    return tuple(found[index] for index in range(len(found)))


def _key(nodes: list[Node], outputs: tuple[Node, ...]) -> str:
    number = {id(node): k for k, node in enumerate(nodes)}

    def name(arg) -> str:
        return f"%{number[id(arg)]}" if isinstance(arg, Node) else f"{type(arg).__name__} {arg!r}"

    lines = [f"{n.op}:{n.dtype}:{','.join(map(name, n.args))}:{n.attrs!r}" for n in nodes]
    return ";".join([*lines, "->", *(name(n) for n in outputs)])


def argument_dtype(node: Node) -> str:
    """The dtype that a node's arguments share (constants follow it)."""
    dtypes = {arg.dtype for arg in node.args if isinstance(arg, Node)}
    if len(dtypes) > 1:
        raise Unsupported(
            f"{node.op} of {' and '.join(sorted(dtypes))}: expected one dtype, put casts in between"
        )
    return dtypes.pop() if dtypes else node.dtype


def check(node: Node) -> None:
    """Raise `Unsupported` unless the node's arguments and dtype are what its primitive takes."""
    if node.dtype not in DTYPES:
        raise Unsupported(f"{node.op}: no kernels for dtype {node.dtype}")
    if node.op in ("input", "scalar"):
        return
    if node.op == "cast":
        _check_cast(node)
    elif node.op == "where":
        _check_where(node)
    elif node.op in REDUCTIONS:
        _check_reduction(node)
    elif node.op == "length":
        if node.dtype not in FLOATS:
            raise Unsupported(f"length is a floating-point number, the node says {node.dtype}")
    else:
        _check_rule(node)


def _check_rule(node: Node) -> None:
    rule = RULES.get(node.op)
    if rule is None:
        raise Unsupported(f"{node.op} has no kernel")
    if len(node.args) != rule.count:
        raise Unsupported(f"{node.op} takes {rule.count} arguments, got {len(node.args)}")
    dtype = argument_dtype(node)
    if dtype not in rule.dtypes:
        raise Unsupported(f"{node.op} has no kernel for {dtype}")
    expected = dtype if rule.result == "same" else rule.result
    if node.dtype != expected:
        raise Unsupported(f"{node.op} of {dtype} gives {expected}, the node says {node.dtype}")


def _check_cast(node: Node) -> None:
    (source,) = node.args
    if not isinstance(source, Node):
        raise Unsupported("cast of a constant: give the constant to its user instead")
    if {source.dtype, node.dtype} == {"float16", "float64"}:
        raise Unsupported("casts between float16 and float64 have no kernel")


def _check_reduction(node: Node) -> None:
    (source,) = node.args
    if (
        not isinstance(source, Node)
        or source.dtype != node.dtype
        or node.dtype not in (*FLOATS, "int32", "int64")
    ):
        raise Unsupported(
            f"{node.op} has no kernel for {getattr(source, 'dtype', 'a constant')} to {node.dtype}"
        )


def _check_where(node: Node) -> None:
    condition, yes, no = node.args
    if not isinstance(condition, Node) or condition.dtype != "bool":
        raise Unsupported("where needs a bool condition")
    for choice in (yes, no):
        if isinstance(choice, Node) and choice.dtype != node.dtype:
            raise Unsupported(f"where of {choice.dtype} gives {choice.dtype}, the node says {node.dtype}")
    if node.dtype not in ANY:
        raise Unsupported(f"where has no kernel for {node.dtype}")
