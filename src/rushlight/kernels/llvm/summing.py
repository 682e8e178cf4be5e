"""Sums of gradients that meet, in generated code: for arrays of floats that lie in memory as they count."""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, f32, f64, i1, i32, i64, ptr
from . import frame
from .objects import Places, Reader, new_like

PLAIN = frame.C_CONTIGUOUS | frame.ALIGNED | frame.WRITEABLE
TYPES = {"float32": f32, "float64": f64}
LARGE = 1 << 13  # elements that are worth a call of the kernel of addition


def add_summing(module: Module, places: Places) -> None:
    """`is_summable(a, b)`, `add_into(out, a, b)` and `sum_of(a, b)`; they need `same_shape`.

    `add_into` is false with an exception, `sum_of` NULL. Large arrays are added by the constant `added`.
    """
    _is_summable(module, places)
    _add_into(module, places)
    with module.function("sum_of", ptr, exported=False, a=ptr, b=ptr) as f:
        r = Reader(f, places)
        with f.when(_count(f, f.a) >= LARGE):
            f.ret(r.call(r.constant("added"), f.a, f.b))
        made = new_like(f, f.a)
        f.call("add_into", i1, made, f.a, f.b)
        f.ret(made)


def _count(f: Function, array: Value) -> Value:
    """How many elements an array has."""
    count = f.variable(i64, 1)
    with f.loop(0, f.load(i32, array, frame.ARRAY_RANK).convert("sext", i64)) as d:
        count.set(count.get() * f.load(i64, f.load(ptr, array, frame.ARRAY_DIMS).offset(d * 8)))
    return count.get()


def _descr(f: Function, array: Value) -> Value:
    return f.load(ptr, array, frame.ARRAY_DESCR)


def _is_summable(module: Module, places: Places) -> None:
    """Are these plain arrays of one type and shape?"""
    with module.function("is_summable", i1, exported=False, a=ptr, b=ptr) as f:
        r = Reader(f, places)
        with f.when((r.is_array(f.a) & r.is_array(f.b)) ^ 1):
            f.ret(f.constant(i1, 0))
        known = f.constant(i1, 0)
        for name in TYPES:
            known = known | r.is_same(_descr(f, f.a), r.constant(name))
        known = known & r.is_same(_descr(f, f.a), _descr(f, f.b))
        for array in (f.a, f.b):
            known = known & (f.load(i32, array, frame.ARRAY_FLAGS) & PLAIN).equals(PLAIN)
        with f.when(known ^ 1):
            f.ret(f.constant(i1, 0))
        f.ret(f.call("same_shape", i1, f.a, f.b))


def _add_into(module: Module, places: Places) -> None:
    with module.function("add_into", i1, exported=False, out=ptr, a=ptr, b=ptr) as f:
        r = Reader(f, places)
        count = _count(f, f.a)
        with f.when(count >= LARGE):
            answer = r.call(r.constant("added"), f.a, f.b, f.out)
            with f.when(r.is_null(answer)):
                f.ret(f.constant(i1, 0))
            r.drop(answer)
            f.ret(f.constant(i1, 1))
        out, a, b = (f.load(ptr, array, frame.ARRAY_DATA) for array in (f.out, f.a, f.b))
        for name, scalar in TYPES.items():
            with (
                f.when(r.is_same(_descr(f, f.a), r.constant(name))),
                f.loop(0, count) as k,
            ):
                place = k * scalar.size
                total = f.load(scalar, a.offset(place)) + f.load(scalar, b.offset(place))
                f.store(total, out.offset(place))
        f.ret(f.constant(i1, 1))
