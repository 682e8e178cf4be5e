"""Each primitive as LLVM instructions on vectors: one line or one function an operation."""

from __future__ import annotations

import math

from ...runtime.ir import Function, Type, Value, constant, f32, f64, i1, i8, i16, i32, i64
from . import maths
from .maths.common import absolute, copysign, integer_bits, per_lane, square_root

UNSIGNED = {"uint8", "bool"}


def _less(name: str):
    def compare(f: Function, dtype: str, a: Value, b: Value) -> Value:
        kind = "o" if a.type.kind == "float" else "u" if dtype in UNSIGNED else "s"
        return a.compare(kind + name, b)

    return compare


def _maximum(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """The larger; NaN when either is."""
    larger = f.select(COMPARISONS["gt"](f, dtype, a, b), a, b)
    return f.select(a.compare("uno", a), a, larger) if a.type.kind == "float" else larger


def _minimum(f: Function, dtype: str, a: Value, b: Value) -> Value:
    smaller = f.select(COMPARISONS["lt"](f, dtype, a, b), a, b)
    return f.select(a.compare("uno", a), a, smaller) if a.type.kind == "float" else smaller


def _fmax(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """The larger; the other one when one is NaN."""
    larger = f.select(COMPARISONS["gt"](f, dtype, a, b), a, b)
    return f.select(b.compare("uno", b), a, larger) if a.type.kind == "float" else larger


def _fmin(f: Function, dtype: str, a: Value, b: Value) -> Value:
    smaller = f.select(COMPARISONS["lt"](f, dtype, a, b), a, b)
    return f.select(b.compare("uno", b), a, smaller) if a.type.kind == "float" else smaller


def _remainder(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """a modulo b with the sign of b; a zero has that of a."""
    rest = per_lane(f, "fmod", a, b)
    wrong_sign = rest.differs(0.0) & ((rest < 0.0) ^ (b < 0.0))
    return f.select(wrong_sign, rest + b, rest)


def _floor_divide(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """The largest whole number not above a/b, from the exact remainder."""
    rest = per_lane(f, "fmod", a, b)
    quotient = (a - rest) / b
    wrong_sign = rest.differs(0.0) & ((rest < 0.0) ^ (b < 0.0))
    quotient = f.select(wrong_sign, quotient - 1.0, quotient)
    whole = f.intrinsic("floor", quotient)
    whole = f.select(quotient - whole > 0.5, whole + 1.0, whole)
    whole = f.select(quotient.equals(0.0), copysign(f, quotient - quotient, a / b), whole)
    return f.select(b.equals(0.0), a / b, whole)


def _abs(f: Function, dtype: str, a: Value) -> Value:
    if a.type.kind == "float":
        return absolute(f, a)
    return a if dtype in UNSIGNED else f.maximum(a, -a)


def _sign(f: Function, dtype: str, a: Value) -> Value:
    """-1, 0 or 1; 0 for NaN."""
    zero = constant(a.type, 0)
    below = zero if dtype in UNSIGNED else f.select(a < 0, constant(a.type, -1), zero)
    return f.select(COMPARISONS["gt"](f, dtype, a, zero), constant(a.type, 1), below)


def _pow(f: Function, dtype: str, a: Value, b: Value) -> Value:
    return maths.BINARY["pow"](f, a, b)


def _left_shift(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """Zero when everything is shifted out."""
    fits = b.compare("ult", a.type.bits)
    return f.select(fits, a << f.select(fits, b, 0), 0)


def _right_shift(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """Copies of the sign when everything is shifted out."""
    fits = b.compare("ult", a.type.bits)
    if dtype in UNSIGNED:
        return f.select(fits, a.lshr(f.select(fits, b, 0)), 0)
    return a >> f.select(fits, b, a.type.bits - 1)


def _truth(a: Value) -> Value:
    """Whether each element is other than zero."""
    return a if a.type.bits == 1 else a.differs(0)


def _signbit(f: Function, dtype: str, a: Value) -> Value:
    return integer_bits(a) < 0


def _negative(f: Function, dtype: str, a: Value) -> Value:
    return -a


COMPARISONS = {name: _less(name) for name in ("lt", "le", "gt", "ge")} | {
    "eq": lambda f, dtype, a, b: a.equals(b),
    "ne": lambda f, dtype, a, b: a.differs(b),
}
LOGIC = {
    "logical_and": lambda f, dtype, a, b: _truth(a) & _truth(b),
    "logical_or": lambda f, dtype, a, b: _truth(a) | _truth(b),
    "logical_xor": lambda f, dtype, a, b: _truth(a) ^ _truth(b),
    "logical_not": lambda f, dtype, a: _truth(a) ^ 1,
    "isnan": lambda f, dtype, a: a.compare("uno", a),
    "isinf": lambda f, dtype, a: absolute(f, a).equals(math.inf),
    "isfinite": lambda f, dtype, a: absolute(f, a) < math.inf,
    "signbit": _signbit,
}
ARITHMETIC = {
    "add": lambda f, dtype, a, b: a + b,
    "sub": lambda f, dtype, a, b: a - b,
    "mul": lambda f, dtype, a, b: a * b,
    "div": lambda f, dtype, a, b: a / b,
    "fma": lambda f, dtype, a, b, c: f.fma(a, b, c),
    "fmod": lambda f, dtype, a, b: per_lane(f, "fmod", a, b),
    "remainder": _remainder,
    "floor_divide": _floor_divide,
    "copysign": lambda f, dtype, a, b: copysign(f, a, b),
    "minimum": _minimum,
    "maximum": _maximum,
    "fmin": _fmin,
    "fmax": _fmax,
    "neg": _negative,
    "abs": _abs,
    "sign": _sign,
    "square": lambda f, dtype, a: a * a,
    "sqrt": lambda f, dtype, a: square_root(f, a),
    "rsqrt": lambda f, dtype, a: 1.0 / square_root(f, a),
    "reciprocal": lambda f, dtype, a: 1.0 / a,
    "floor": lambda f, dtype, a: f.intrinsic("floor", a),
    "ceil": lambda f, dtype, a: f.intrinsic("ceil", a),
    "trunc": lambda f, dtype, a: f.intrinsic("trunc", a),
    "round": lambda f, dtype, a: f.intrinsic("roundeven", a),
    "bitwise_and": lambda f, dtype, a, b: a & b,
    "bitwise_or": lambda f, dtype, a, b: a | b,
    "bitwise_xor": lambda f, dtype, a, b: a ^ b,
    "bitwise_not": lambda f, dtype, a: a ^ (1 if dtype == "bool" else -1),
    "left_shift": _left_shift,
    "right_shift": _right_shift,
    "pow": _pow,
    "atan2": lambda f, dtype, a, b: maths.BINARY["atan2"](f, a, b),
    "where": lambda f, dtype, condition, yes, no: f.select(condition, yes, no),
}


def _vector_function(function):
    return lambda f, dtype, a: function(f, a)


PRIMITIVES = COMPARISONS | LOGIC | ARITHMETIC | {n: _vector_function(g) for n, g in maths.UNARY.items()}

# one lane in a register: bool is one bit, half precision is float32
REGISTERS = {"bool": i1, "int8": i8, "uint8": i8, "int16": i16, "int32": i32, "int64": i64}
REGISTERS |= {"float16": f32, "bfloat16": f32, "float32": f32, "float64": f64}


def cast(f: Function, value: Value, source: str, target: str) -> Value:
    """Convert as C does: floats to integers by cutting off, anything to bool by asking whether it is zero.

    Half precision is float32 here: it is rounded when it is stored.
    """
    if target == "bool":
        return _truth(value)
    if REGISTERS[target].kind == "float":
        return _to_float(f, value, source, REGISTERS[target])
    return _to_integer(f, value, source, REGISTERS[target])


def _to_float(f: Function, value: Value, source: str, wanted: Type) -> Value:
    if value.type.kind == "float":
        return value.convert("fptrunc" if wanted.bits < value.type.bits else "fpext", wanted)
    return value.convert("uitofp" if source in UNSIGNED else "sitofp", wanted)


def _to_integer(f: Function, value: Value, source: str, wanted: Type) -> Value:
    if value.type.kind == "float":  # narrow results wrap around, as they do in numpy
        through = i64 if wanted.bits == 64 else i32
        value = value.convert("fptosi", through)
        return value.convert("trunc", wanted) if wanted.bits < through.bits else value
    if wanted.bits < value.type.bits:
        return value.convert("trunc", wanted)
    return value.convert("zext" if source in UNSIGNED else "sext", wanted)
