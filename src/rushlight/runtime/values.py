"""Types and values of LLVM IR: a value's operators write instructions into the function it belongs to."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ir import Function


class Type:
    """An LLVM first-class type: `kind` is int, float, ptr, array or void."""

    __slots__ = ("bits", "kind", "lanes", "text")

    def __init__(self, kind: str, bits: int, text: str, lanes: int = 1):
        self.kind, self.bits, self.text, self.lanes = kind, bits, text, lanes

    def __str__(self):
        return self.text

    __repr__ = __str__

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.bits * self.lanes // 8

    @property
    def scalar(self) -> Type:
        return _SCALARS[self.kind, self.bits]

    def vector(self, lanes: int) -> Type:
        return self.scalar if lanes == 1 else _vector(self.scalar, lanes)

    def like(self, scalar: Type) -> Type:
        """`scalar` with as many lanes as this type has."""
        return scalar.vector(self.lanes)


@cache
def _vector(scalar: Type, lanes: int) -> Type:
    return Type(scalar.kind, scalar.bits, f"<{lanes} x {scalar}>", lanes)


void = Type("void", 0, "void")
ptr = Type("ptr", 64, "ptr")
i1, i8, i16, i32, i64 = (Type("int", bits, f"i{bits}") for bits in (1, 8, 16, 32, 64))
f16, f32, f64 = Type("float", 16, "half"), Type("float", 32, "float"), Type("float", 64, "double")
bf16 = Type("bfloat", 16, "bfloat")  # for instructions that take it; there is no arithmetic on it
_SCALARS = {(t.kind, t.bits): t for t in (ptr, i1, i8, i16, i32, i64, f16, bf16, f32, f64)}


def _float_text(number: float, bits: int) -> str:
    if bits == 16:
        return f"0xH{struct.unpack('<H', struct.pack('<e', number))[0]:04X}"
    if bits == 32:
        number = _round_to_f32(number)
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


def _round_to_f32(number: float) -> float:
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:  # beyond the largest float32: rounds to infinity, as a cast does
        return float("inf") if number > 0 else float("-inf")


def constant(type: Type, number) -> Value:
    """`number` as a value of `type`; every lane the same when it is a vector."""
    if type.kind == "float":
        text = _float_text(float(number), type.bits)
    elif type.kind == "ptr":
        text = "null" if not number else f"inttoptr (i64 {int(number)} to ptr)"
    elif type.bits == 1:
        text = "true" if number else "false"
    else:
        text = str(int(number))
    return Value(None, type, text if type.lanes == 1 else f"splat ({type.scalar} {text})")


def lane_numbers(type: Type) -> Value:
    """The vector 0, 1, 2, ... of an integer type."""
    return Value(None, type, "<" + ", ".join(f"{type.scalar} {k}" for k in range(type.lanes)) + ">")


class Value:
    """Something with a type inside a function; operators emit its instructions (integers are signed)."""

    __slots__ = ("function", "text", "type")
    __hash__ = object.__hash__

    def __init__(self, function: Function | None, type: Type, text: str):
        self.function, self.type, self.text = function, type, text

    def __str__(self):
        return f"{self.type} {self.text}"

    def _other(self, other) -> Value:
        if isinstance(other, Value):
            if other.type is not self.type:
                raise TypeError(f"cannot combine {self.type} with {other.type} (%{self.text}, %{other.text})")
            return other
        return constant(self.type, other)

    def _binary(self, integer: str, floating: str, other, reflected=False) -> Value:
        other = self._other(other)
        left, right = (other, self) if reflected else (self, other)
        function = self.function or other.function
        name = floating if self.type.kind == "float" else integer
        return function.value(self.type, f"{name} {left}, {right.text}")

    def __add__(self, other):
        return self._binary("add", "fadd", other)

    def __radd__(self, other):
        return self._binary("add", "fadd", other, True)

    def __sub__(self, other):
        return self._binary("sub", "fsub", other)

    def __rsub__(self, other):
        return self._binary("sub", "fsub", other, True)

    def __mul__(self, other):
        return self._binary("mul", "fmul", other)

    def __rmul__(self, other):
        return self._binary("mul", "fmul", other, True)

    def __truediv__(self, other):
        return self._binary("sdiv", "fdiv", other)

    def __rtruediv__(self, other):
        return self._binary("sdiv", "fdiv", other, True)

    def __floordiv__(self, other):
        return self._binary("udiv", "fdiv", other)

    def __mod__(self, other):
        return self._binary("urem", "frem", other)

    def __and__(self, other):
        return self._binary("and", "and", other)

    def __or__(self, other):
        return self._binary("or", "or", other)

    def __xor__(self, other):
        return self._binary("xor", "xor", other)

    def __lshift__(self, other):
        return self._binary("shl", "shl", other)

    def __rshift__(self, other):
        """Arithmetic shift; `lshr` is the logical one."""
        return self._binary("ashr", "ashr", other)

    def lshr(self, other) -> Value:
        return self._binary("lshr", "lshr", other)

    def __neg__(self):
        if self.type.kind == "float":
            return self.function.value(self.type, f"fneg {self}")
        return 0 - self

    def __invert__(self):
        return self ^ -1

    def compare(self, predicate: str, other) -> Value:
        """`predicate` as LLVM spells it: olt, uge, uno... for floats, slt, ult, eq... for integers."""
        other = self._other(other)
        function = self.function or other.function
        instruction = "fcmp" if self.type.kind == "float" else "icmp"
        return function.value(self.type.like(i1), f"{instruction} {predicate} {self}, {other.text}")

    def _ordered(self, name: str, other) -> Value:
        return self.compare(("o" if self.type.kind == "float" else "s") + name, other)

    def __lt__(self, other):
        return self._ordered("lt", other)

    def __le__(self, other):
        return self._ordered("le", other)

    def __gt__(self, other):
        return self._ordered("gt", other)

    def __ge__(self, other):
        return self._ordered("ge", other)

    def equals(self, other) -> Value:
        return self.compare("oeq" if self.type.kind == "float" else "eq", other)

    def differs(self, other) -> Value:
        return self.compare("une" if self.type.kind == "float" else "ne", other)

    def offset(self, size) -> Value:
        """The pointer `size` bytes further."""
        if isinstance(size, int):
            if size == 0:
                return self
            size = constant(i64, size)
        return self.function.value(ptr, f"getelementptr i8, {self}, {size}")

    def bitcast(self, scalar: Type) -> Value:
        """The same bits read as another type of the same size."""
        return self.convert("bitcast", scalar)

    def convert(self, instruction: str, scalar: Type) -> Value:
        """`instruction` is LLVM's: trunc, zext, sext, fptrunc, fpext, sitofp, fptosi, bitcast, ptrtoint..."""
        target = self.type.like(scalar)
        if target is self.type:
            return self
        return self.function.value(target, f"{instruction} {self} to {target}")


class Variable:
    """A mutable local; becomes a register after `sroa`."""

    __slots__ = ("function", "place", "type")

    def __init__(self, function: Function, place: Value, type: Type):
        self.function, self.place, self.type = function, place, type

    def get(self) -> Value:
        return self.function.load(self.type, self.place)

    def set(self, value) -> None:
        if not isinstance(value, Value):
            value = constant(self.type, value)
        self.function.store(value, self.place)
