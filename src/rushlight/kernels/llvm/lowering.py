"""Graphs to vector code: values of nodes, and how dtypes lie in memory and in registers."""

from __future__ import annotations

from collections.abc import Callable

from ...runtime.ir import (
    Function,
    Type,
    Value,
    constant,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
    lane_numbers,
    void,
)
from ..graph import STORED_FLOATS, Node, argument_dtype
from . import halves
from .maths.exponential import exp_of_negative
from .primitives import PRIMITIVES, REGISTERS, cast

LEAVES = ("input", "scalar", "length")
MEMORY = {"bool": i8, "int8": i8, "uint8": i8, "int16": i16, "int32": i32, "int64": i64}
MEMORY |= {"float16": i16, "bfloat16": i16, "float32": f32, "float64": f64}


def lanes_for(dtypes, vector_bytes: int) -> int:
    """How many elements fit one register of the widest of these dtypes."""
    return vector_bytes // max(MEMORY[dtype].size for dtype in dtypes)


def to_register(value: Value, dtype: str) -> Value:
    """A value as it is loaded to how it is computed with."""
    if dtype == "bool":
        return value.differs(0)
    return halves.widened(value, dtype) if dtype in STORED_FLOATS else value


def to_memory(value: Value, dtype: str) -> Value:
    if dtype == "bool":
        return value.convert("zext", i8)
    return halves.narrowed(value, dtype) if dtype in STORED_FLOATS else value


def load(f: Function, place: Value, dtype: str, lanes: int, mask: Value | None = None) -> Value:
    """`lanes` elements; only those of the mask are touched, the others are zero."""
    type = MEMORY[dtype].vector(lanes)
    if mask is None:
        return to_register(f.load(type, place), dtype)
    zero = Value(f, type, "zeroinitializer")
    value = _masked(
        f, "load", type, type, Value(f, place.type, f"align {type.scalar.size} {place.text}"), mask, zero
    )
    return to_register(value, dtype)


def store(
    f: Function, value: Value, place: Value, dtype: str, mask: Value | None = None, stream=False
) -> None:
    """`stream` stores past the caches; the place must then be aligned to the vector."""
    value = to_memory(value, dtype)
    if mask is None:
        f.store(value, place, stream=stream)
    else:
        aligned = Value(f, place.type, f"align {value.type.scalar.size} {place.text}")
        _masked(f, "store", value.type, void, value, aligned, mask)


def _masked(f: Function, name: str, type: Type, result: Type, *arguments: Value) -> Value | None:
    kind = f"{'f' if type.kind == 'float' else 'i'}{type.bits}"
    return f.call(f"llvm.masked.{name}.v{type.lanes}{kind}.p0", result, *arguments)


def first_lanes(f: Function, count: Value, lanes: int) -> Value:
    """A mask of the lanes below `count`."""
    numbers = lane_numbers(i32.vector(lanes))
    limit = f.splat(f.minimum(count, lanes).convert("trunc", i32), lanes)
    return f.value(i1.vector(lanes), f"icmp slt {numbers}, {limit.text}")


def load_scalar(f: Function, place: Value, dtype: str, lanes: int) -> Value:
    """A number of the call (a double, or an i64 for integers), in every lane."""
    register = REGISTERS[dtype]
    if register.kind == "float":
        value = f.load(f64, place)
        value = value.convert("fptrunc", register) if register.bits < 64 else value
    else:
        value = f.load(i64, place)
        value = value.differs(0) if dtype == "bool" else value.convert("trunc", register)
    return f.splat(value, lanes)


def _is_below_its_largest(node: Node) -> bool:
    """Is this x - amax(x), which is never above zero?"""
    if node.op != "sub" or not isinstance(node.args[1], Node):
        return False
    x, largest = node.args
    return largest.op == "amax" and largest.args[0] is x


class Lowering:
    """The values of a graph's nodes for one vector of elements.

    `leaf(node)` gives the value of an input, scalar or length node; everything else is computed, once each.
    """

    def __init__(self, f: Function, lanes: int, leaf: Callable[[Node], Value]):
        self.f, self.lanes, self.leaf = f, lanes, leaf
        self.values: dict[int, Value] = {}

    def compute(self, nodes: list[Node]) -> None:
        for node in nodes:
            if id(node) not in self.values:
                self.values[id(node)] = self._value(node)

    def _value(self, node: Node) -> Value:
        if node.op in LEAVES:
            return self.leaf(node)
        if node.op == "cast":
            return self._cast(node)
        if node.op == "where":
            return self.f.select(*self._where_arguments(node))
        dtype = argument_dtype(node)
        arguments = [self._argument(arg, dtype) for arg in node.args]
        if node.op == "exp" and _is_below_its_largest(node.args[0]):
            return exp_of_negative(self.f, *arguments)
        return PRIMITIVES[node.op](self.f, dtype, *arguments)

    def _cast(self, node: Node) -> Value:
        """What is stored in half precision is float32 in a register, rounded when it is looked at again."""
        (source,) = node.args
        value = self.values[id(source)]
        if source.dtype in STORED_FLOATS and source.op == "cast":
            value = halves.rounded(value, source.dtype)
        return cast(self.f, value, source.dtype, node.dtype)

    def _argument(self, arg, dtype: str) -> Value:
        if isinstance(arg, Node):
            return self.values[id(arg)]
        made = constant(REGISTERS[dtype].vector(self.lanes), arg)
        made.function = self.f
        return made

    def _where_arguments(self, node: Node) -> list[Value]:
        condition, *choices = node.args
        return [self.values[id(condition)], *(self._argument(choice, node.dtype) for choice in choices)]
