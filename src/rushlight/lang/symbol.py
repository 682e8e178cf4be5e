"""Symbols: what stands in for an array while a body is traced into the expression graph of a kernel."""

from __future__ import annotations

from typing import Any

from ..kernels.graph import REDUCTIONS, STORED_FLOATS, Node, input_node
from .along import AXES
from .dispatch import handle
from .quotient import SMALL_POWERS, is_small_power

FLOATS = ("float32", "float64")
Scalar = (bool, int, float)


class Untraceable(Exception):
    """The body does something that has no place in an element-wise kernel."""


class Symbol:
    """One value of an element-wise body; arithmetic on it grows the graph."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def dtype(self) -> str:
        return self.node.dtype

    def __bool__(self) -> bool:
        raise Untraceable("a branch on a value")


def computed_in(dtype: str) -> str:
    """The type that arrays of `dtype` are computed in."""
    return "float32" if dtype in STORED_FLOATS else dtype


def operand(index: int, dtype: str) -> Symbol:
    """What stands for the array argument `index`: its elements in the type that they are computed in."""
    return cast(Symbol(input_node(index, dtype)), computed_in(dtype))


COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "signbit"}
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}


def record(op: str, *args: Any) -> Symbol:
    """A new symbol for `op` of `args`; its dtype is that of the first symbol that has a say."""
    operands = tuple(a.node if isinstance(a, Symbol) else a for a in args)
    if not all(isinstance(a, (Node, *Scalar)) for a in operands):
        raise Untraceable(f"{op} of {[type(a).__name__ for a in args]}")
    if op in COMPARISONS or op in LOGICAL:
        dtype = "bool"
    else:
        voters = operands[1:] if op == "where" else operands
        dtype = next((a.dtype for a in voters if isinstance(a, Node)), "float32")
    return Symbol(Node(op, operands, dtype))


def cast(x: Symbol, dtype: str) -> Symbol:
    return x if x.dtype == dtype else Symbol(Node("cast", (x.node,), dtype))


def _on_symbols(name: str, args: tuple, kwargs: dict) -> Any:
    if name == "cast":
        return cast(*args, **kwargs)
    if name in ("conj", "real") and args[0].dtype in FLOATS:
        return args[0]
    if name == "pow" and is_small_power(args[1]) and (args[0].dtype in FLOATS or args[1] in (1, 2, 3)):
        return SMALL_POWERS[args[1]](args[0])
    if len(args) > 1 and args[1] is AXES:
        return _along_axes(name, args, kwargs)
    if kwargs:
        raise Untraceable(f"{name} with options")
    return record(name, *args)


def _along_axes(name: str, args: tuple, kwargs: dict) -> Symbol:
    """A reduction that keeps its axes, or the number of elements that go into one."""
    x = args[0]
    if name == "count" and not kwargs:
        return Symbol(Node("length", (), x.dtype))
    if name not in REDUCTIONS or args[2:] != (True,) or kwargs:
        raise Untraceable(
            f"{name} along axes: formulas have {', '.join(REDUCTIONS)} with keepdims, and count"
        )
    return Symbol(Node(name, (x.node,), x.dtype))


def _operator(name: str, swap: bool = False) -> Any:
    def method(self: Symbol, other: Any) -> Symbol:
        return record(name, other, self) if swap else record(name, self, other)

    return method


_BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
for _python, _op in _BINARY.items():
    setattr(Symbol, f"__{_python}__", _operator(_op))
    setattr(Symbol, f"__r{_python}__", _operator(_op, swap=True))
for _op in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Symbol, f"__{_op}__", _operator(_op))
Symbol.__neg__ = lambda self: record("neg", self)  # type: ignore[attr-defined]
Symbol.__pos__ = lambda self: self  # type: ignore[attr-defined]
Symbol.__abs__ = lambda self: record("abs", self)  # type: ignore[attr-defined]
Symbol.__invert__ = lambda self: record("bitwise_not", self)  # type: ignore[attr-defined]
Symbol.__hash__ = object.__hash__  # type: ignore[assignment]
handle(Symbol, _on_symbols)
