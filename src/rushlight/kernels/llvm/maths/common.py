"""What the vector functions are built from: polynomials, bits of a float, per-lane calls of the C library."""

from __future__ import annotations

import math
import struct
from contextlib import contextmanager

from ....runtime.ir import Function, Type, Value, constant, f32, f64, i32, i64

INFINITY = math.inf
NAN = math.nan


def to_f32(number: float) -> float:
    """`number` rounded to float32."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def split_f32(number: float) -> tuple[float, float]:
    """Two float32 whose sum is `number` to 48 bits."""
    high = to_f32(number)
    return high, to_f32(number - high)


def polynomial(f: Function, x: Value, coefficients: tuple[float, ...]) -> Value:
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule."""
    result = constant(x.type, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = f.fma(result, x, coefficient)
    return result


def polynomial_in_halves(f: Function, x: Value, coefficients: tuple[float, ...]) -> Value:
    """The same as two chains, of the even and of the odd powers, which need not wait for each other."""
    square = x * x
    even, odd = (polynomial(f, square, coefficients[start::2]) for start in (0, 1))
    return f.fma(odd, x, even)


def absolute(f: Function, x: Value) -> Value:
    return f.intrinsic("fabs", x)


def copysign(f: Function, magnitude: Value, sign: Value) -> Value:
    return f.intrinsic("copysign", magnitude, sign)


def square_root(f: Function, x: Value) -> Value:
    return f.intrinsic("sqrt", x)


def keep_zero(f: Function, x: Value, result: Value) -> Value:
    """x itself where it is zero: odd functions keep the zero's sign."""
    return f.select(x.equals(0.0), x, result)


def clamp(f: Function, x: Value, low: float, high: float) -> Value:
    """x within [low, high]; NaN stays NaN."""
    x = f.select(x > high, high, x)
    return f.select(x < low, low, x)


def integer_bits(x: Value) -> Value:
    """The bits of a float as an integer of the same width."""
    return x.bitcast(i32 if x.type.bits == 32 else i64)


def float_bits(x: Value) -> Value:
    return x.bitcast(f32 if x.type.bits == 32 else f64)


ROUNDERS = {32: 1.5 * 2.0**23, 64: 1.5 * 2.0**52}


def round_to_integer(f: Function, x: Value, factor: float) -> tuple[Value, Value]:
    """The integer nearest to x*factor, as a float and as an integer; |x*factor| must be small.

    Adding 1.5 * 2**mantissa leaves the integer in the low bits of the sum.
    """
    rounder = ROUNDERS[x.type.bits]
    shifted = f.fma(x, factor, rounder)
    return shifted - rounder, integer_bits(shifted) - integer_bits_of(rounder, x.type)


def integer_bits_of(number: float, type: Type) -> int:
    code = ("<f", "<i") if type.bits == 32 else ("<d", "<q")
    return struct.unpack(code[1], struct.pack(code[0], number))[0]


def has_tables(f: Function, x: Value) -> bool:
    """Can a table of sixteen numbers be looked up in registers?"""
    return f.module.level == "avx512" and x.type.bits == 32 and x.type.lanes in (8, 16)


def look_up(f: Function, table: tuple[float, ...], bits: Value) -> Value:
    """The entries of a table of sixteen float32 that the last four bits of each lane name (AVX-512)."""
    lanes = bits.type.lanes
    parts = [_table_register(table[start : start + lanes]) for start in range(0, 16, lanes)]
    if lanes == 16:
        return f.call("llvm.x86.avx512.permvar.sf.512", f32.vector(16), *parts, bits)
    low, high = parts
    return f.call("llvm.x86.avx512.vpermi2var.ps.256", f32.vector(8), low, bits, high)


def _table_register(entries: tuple[float, ...]) -> Value:
    numbers = ", ".join(str(constant(f32, entry)) for entry in entries)
    return Value(None, f32.vector(len(entries)), f"<{numbers}>")


def in_double(function):
    """The float64 function; float32 goes through it and is rounded once at the end (0.51 ulp)."""

    def either(f: Function, *values: Value) -> Value:
        if values[0].type.bits == 64:
            return function(f, *values)
        with medium_precision(f, True):
            return function(f, *(v.convert("fpext", f64) for v in values)).convert("fptrunc", f32)

    either.__doc__ = function.__doc__
    either.__name__ = function.__name__
    return either


def in_double_or_library(name: str):
    """Float32 through float64; float64 from the C library, where ours would lose more than 2 ulp."""

    def choose(function):
        widened = in_double(function)

        def either(f: Function, *values: Value) -> Value:
            return widened(f, *values) if values[0].type.bits == 32 else per_lane(f, name, *values)

        either.__doc__ = function.__doc__
        return either

    return choose


@contextmanager
def medium_precision(f: Function, on: bool):
    """Inside, float64 polynomials are those that are good for a float32 result (1e-10)."""
    before, f.medium = f.medium, on
    yield
    f.medium = before


def any_lane(f: Function, condition: Value) -> Value:
    if condition.type.lanes == 1:
        return condition
    return f.intrinsic("vector.reduce.or", condition, result=condition.type.scalar)


def per_lane(f: Function, name: str, *values: Value) -> Value:
    """The C library's `name` (of doubles; its float version for float32) lane by lane."""
    type = values[0].type
    library_name = name if type.bits == 64 else f"{name}f"
    if type.lanes == 1:
        return f.call(library_name, type, *values)
    helper = f"each_{library_name}_{type.lanes}"
    if helper not in f.module.functions:
        _define_per_lane(f, helper, library_name, type, len(values))
    return f.call(helper, type, *values)


def _define_per_lane(f: Function, helper: str, library_name: str, type: Type, count: int) -> None:
    arguments = {f"x{k}": type for k in range(count)}
    with f.module.function(helper, type, exported=False, inline=False, **arguments) as g:
        tables = [g.stack(type.size) for _ in range(count)]
        for k, table in enumerate(tables):
            g.store(getattr(g, f"x{k}"), table)
        with g.loop(0, type.lanes) as lane:
            places = [table.offset(lane * type.scalar.size) for table in tables]
            g.store(g.call(library_name, type.scalar, *(g.load(type.scalar, p) for p in places)), places[0])
        g.ret(g.load(type, tables[0]))


def where_rare(f: Function, rare: Value, common: Value, name: str, *values: Value) -> Value:
    """`common`, but the C library's `name` for all lanes when any of them is `rare`."""
    result = f.variable(common.type, common)
    with f.when(any_lane(f, rare)):
        result.set(f.select(rare, per_lane(f, name, *values), common))
    return result.get()
