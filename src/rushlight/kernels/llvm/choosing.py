"""The first few elements of rows in order, by generated code that reads the arrays itself; all row-major.

    choose(values, places, x, largest)

fills as many elements of each row of `x` as a row of `values` has, in order, and their places. Of equals the
one that comes first is taken first; NaN counts as the largest. A row is looked at a vector at a time, as long
as nothing in it belongs among those found so far.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Type, Value, f32, f64, i1, i32, i64, ptr, void
from . import frame
from .dispatch import put, word
from .masking import add_is_dense, dense, elements_of, type_number
from .moving import add_is_plain, answer, refuse_unless, run_parts
from .objects import argument, builtin

TYPES = {5: i32, 7: i64, 9: i64, 11: f32, 12: f64}  # by numpy's numbers of types
VALUES, PLACES, SOURCE, LENGTH, FEW, ROWS, LARGEST, TYPE, PARTS = range(0, 72, 8)
PARALLEL_FROM = 1 << 14
RELEASE_FROM = 1 << 16
MOST_PARTS = 32


def choosing_ir(vector_bytes: int, index_number: int) -> str:
    """`index_number` is numpy's number of the type of places."""
    module = Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_is_plain(module)
    add_is_dense(module)
    for type in {type.text: type for type in TYPES.values()}.values():
        for largest in (False, True):
            _insert(module, type, largest)
            _row(module, type, largest, vector_bytes // type.size)
    _part(module)
    _choose(module, index_number)
    return module.text()


def _name(what: str, type: Type, largest: bool) -> str:
    return f"{what}_{type}_{'largest' if largest else 'smallest'}"


def _better(type: Type, largest: bool, a: Value, b: Value) -> Value:
    """Does `a` come before `b`?"""
    if type.kind != "float":
        return a > b if largest else a < b
    number, nan = (b, a) if largest else (a, b)
    return (a > b if largest else a < b) | (nan.compare("uno", nan) & number.compare("ord", number))


def _insert(module: Module, type: Type, largest: bool) -> None:
    """Puts element `k` of the row where it belongs among the first `last + 1`, the last of which is lost."""
    names = {"values": ptr, "places": ptr, "new": type, "k": i64, "last": i64}
    with module.function(_name("insert", type, largest), exported=False, **names) as f:
        at = f.variable(i64, f.last)
        with f.forever() as steps:
            steps.leave_if(at.get() < 1)
            before = at.get() - 1
            other = f.load(type, f.values.offset(before * type.size))
            steps.leave_if(_better(type, largest, f.new, other) ^ 1)
            f.store(other, f.values.offset(at.get() * type.size))
            f.store(f.load(i64, f.places.offset(before * 8)), f.places.offset(at.get() * 8))
            at.set(before)
        f.store(f.new, f.values.offset(at.get() * type.size))
        f.store(f.k, f.places.offset(at.get() * 8))


def _row(module: Module, type: Type, largest: bool, lanes: int) -> None:
    names = {"values": ptr, "places": ptr, "x": ptr, "length": i64, "few": i64}
    with module.function(_name("row", type, largest), exported=False, **names) as f:
        insert, last = _name("insert", type, largest), f.few - 1

        def element(k: Value) -> Value:
            return f.load(type, f.x.offset(k * type.size))

        def worst() -> Value:
            return f.load(type, f.values.offset(last * type.size))

        def one(k: Value) -> None:
            with f.when(_better(type, largest, element(k), worst())):
                f.call(insert, void, f.values, f.places, element(k), k, last)

        with f.loop(0, f.few) as k:
            f.call(insert, void, f.values, f.places, element(k), k, k)
        whole = f.few + ((f.length - f.few) & -lanes)
        with f.loop(f.few, whole, lanes) as k:
            several = f.load(type.vector(lanes), f.x.offset(k * type.size))
            found = _better(type, largest, several, f.splat(worst(), lanes))
            with f.when(_any(f, found)), f.loop(k, k + lanes) as j:
                one(j)
        with f.loop(whole, f.length) as k:
            one(k)


def _any(f: Function, mask: Value) -> Value:
    name = f"llvm.vector.reduce.or.v{mask.type.lanes}i1"
    f.module.declare(name, f"declare i1 @{name}({mask.type})")
    return f.value(i1, f"call i1 @{name}({mask})")


def _part(module: Module) -> None:
    """A thread's share of the rows."""
    with module.function("chosen_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        rows, parts, length, few = (word(f, f.site, place) for place in (ROWS, PARTS, LENGTH, FEW))
        values, places, x = (f.load(ptr, f.site, place) for place in (VALUES, PLACES, SOURCE))
        with f.loop(rows * f.part // parts, rows * (f.part + 1) // parts) as row:
            for number, type in TYPES.items():
                for largest in (False, True):
                    right = word(f, f.site, TYPE).equals(number)
                    with f.when(right & word(f, f.site, LARGEST).equals(int(largest))):
                        starts = (
                            values.offset(row * few * type.size),
                            places.offset(row * few * 8),
                            x.offset(row * length * type.size),
                        )
                        f.call(_name("row", type, largest), void, *starts, length, few)


def _choose(module: Module, index_number: int) -> None:
    with builtin(module, "choose") as f:
        values, places, x = (argument(f, k) for k in range(3))
        dense(f, values, True)
        dense(f, places, True)
        dense(f, x)
        refuse_unless(f, f.call("is_plain", i1, values, x) & type_number(f, places).equals(index_number))
        number = type_number(f, x).convert("sext", i64)
        known = f.variable(i1, 0)
        for each in TYPES:
            known.set(known.get() | number.equals(each))
        rank, other = (f.load(i32, a, frame.ARRAY_RANK).convert("sext", i64) for a in (x, values))
        refuse_unless(f, known.get() & (rank > 0) & rank.equals(other))
        length, few = (word(f, f.load(ptr, a, frame.ARRAY_DIMS), 0, rank - 1) for a in (x, values))
        refuse_unless(f, (few > 0) & (few <= length))
        rows = elements_of(f, x) // length
        wanted = rows * few
        refuse_unless(f, elements_of(f, values).equals(wanted) & elements_of(f, places).equals(wanted))
        site = f.stack(PARTS + 8)
        for place, array in zip((VALUES, PLACES, SOURCE), (values, places, x)):
            put(f, word(f, array, frame.ARRAY_DATA), site, place)
        total, largest = rows * length, f.call("PyLong_AsLongLong", i64, argument(f, 3))
        parts = f.select(
            total < PARALLEL_FROM, f.constant(i64, 1), f.minimum(rows, f.constant(i64, MOST_PARTS))
        )
        numbers = {LENGTH: length, FEW: few, ROWS: rows, LARGEST: largest, TYPE: number, PARTS: parts}
        for place, value in numbers.items():
            put(f, value, site, place)
        run_parts(f, "chosen_part", site, parts, total >= RELEASE_FROM)
        answer(f, "true")
