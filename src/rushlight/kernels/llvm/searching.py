"""Where numbers belong in ascending rows, by generated code that reads the arrays itself; all row-major.

    search(out, rows, values, right)

has a row of values for each row, or any values for a single one. Several are looked for at once, so that one
need not wait for the other's memory. A number comes before its equals (with `right` after them), NaN last.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Type, Value, f32, f64, i1, i8, i16, i32, i64, ptr, void
from . import frame
from .dispatch import put, word
from .masking import add_is_dense, dense, elements_of, type_number
from .moving import add_is_plain, answer, refuse_unless, run_parts
from .objects import argument, builtin

AT_ONCE = 8
TYPES = {1: i8, 3: i16, 5: i32, 7: i64, 9: i64, 11: f32, 12: f64}  # by numpy's numbers of types
OUT, ROWS, VALUES, LENGTH, EACH, TOTAL, RIGHT, TYPE, PARTS = range(0, 72, 8)
PARALLEL_FROM = 1 << 12
MOST_PARTS = 32
RELEASE_FROM = 1 << 14


def searching_ir(index_number: int) -> str:
    """`index_number` is numpy's number of the type of results."""
    module = Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_is_plain(module)
    add_is_dense(module)
    kinds = {type.text: type for type in TYPES.values()}
    for type in kinds.values():
        _places(module, type)
    _part(module)
    _search(module, index_number)
    return module.text()


def _places(module: Module, type: Type) -> None:
    """The places of `count` values in one row."""
    names = {"out": ptr, "row": ptr, "values": ptr, "length": i64, "count": i64, "right": i64}
    function = module.function(f"places_{type}", exported=False, **names)
    with function as f, f.either(f.right.differs(0)) as (after, before):
        for arm, name in ((after, "gt"), (before, "ge")):
            with arm:
                whole = f.count & -AT_ONCE
                with f.loop(0, whole, AT_ONCE) as k:
                    _some(f, type, name, k, AT_ONCE)
                with f.loop(whole, f.count) as k:
                    _some(f, type, name, k, 1)


def _some(f: Function, type: Type, name: str, k: Value, count: int) -> None:
    values = [f.load(type, f.values.offset((k + j) * type.size)) for j in range(count)]
    found = [f.variable(i64, 0) for _ in range(count)]
    left = f.variable(i64, f.length)
    with f.forever() as steps:
        steps.leave_if(left.get() <= 1)
        half = left.get().lshr(1)
        for value, place in zip(values, found):
            further = _passes(f, type, name, place.get() + half - 1, value)
            place.set(place.get() + (half & further.convert("sext", i64)))  # a choice would become a jump
        left.set(left.get() - half)
    for j, (value, place) in enumerate(zip(values, found)):
        last = f.variable(i64, 0)
        with f.when(f.length > 0):
            last.set(_passes(f, type, name, place.get(), value).convert("zext", i64))
        f.store(place.get() + last.get(), f.out.offset((k + j) * 8))


def _passes(f: Function, type: Type, name: str, place: Value, value: Value) -> Value:
    """Does the value belong behind that place of the row?"""
    there = f.load(type, f.row.offset(place * type.size))
    return there.compare(("o" if type.kind == "float" else "s") + name, value) ^ 1


def _part(module: Module) -> None:
    """A thread's share of all values."""
    with module.function("searched_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        total, parts, each, length = (word(f, f.site, place) for place in (TOTAL, PARTS, EACH, LENGTH))
        at, high = f.variable(i64, total * f.part // parts), total * (f.part + 1) // parts
        with f.forever() as rows:
            rows.leave_if(at.get() >= high)
            row = at.get() // each
            count = f.minimum((row + 1) * each, high) - at.get()
            for number, type in TYPES.items():
                with f.when(word(f, f.site, TYPE).equals(number)):
                    places = (
                        f.load(ptr, f.site, OUT).offset(at.get() * 8),
                        f.load(ptr, f.site, ROWS).offset(row * length * type.size),
                        f.load(ptr, f.site, VALUES).offset(at.get() * type.size),
                    )
                    f.call(f"places_{type}", void, *places, length, count, word(f, f.site, RIGHT))
            at.set(at.get() + count)


def _search(module: Module, index_number: int) -> None:
    with builtin(module, "search") as f:
        out, rows, values = (argument(f, k) for k in range(3))
        dense(f, out, True)
        dense(f, rows)
        dense(f, values)
        refuse_unless(f, f.call("is_plain", i1, rows, values) & type_number(f, out).equals(index_number))
        number = type_number(f, rows).convert("sext", i64)
        known = f.variable(i1, 0)
        for each in TYPES:
            known.set(known.get() | number.equals(each))
        rank = f.load(i32, rows, frame.ARRAY_RANK).convert("sext", i64)
        refuse_unless(f, known.get() & (rank > 0))
        length, total = word(f, f.load(ptr, rows, frame.ARRAY_DIMS), 0, rank - 1), elements_of(f, values)
        refuse_unless(f, elements_of(f, out).equals(total))
        each = f.variable(i64, total)
        with f.when(rank > 1):
            ranks = f.load(i32, values, frame.ARRAY_RANK).convert("sext", i64)
            refuse_unless(f, ranks.equals(rank))
            each.set(word(f, f.load(ptr, values, frame.ARRAY_DIMS), 0, rank - 1))
            refuse_unless(f, (elements_of(f, rows) * each.get()).equals(total * length))
        with f.when(total > 0):
            _run(f, (out, rows, values), length, each.get(), total, number)
        answer(f, "true")


def _run(f: Function, arrays: tuple, length: Value, each: Value, total: Value, number: Value) -> None:
    site = f.stack(PARTS + 8)
    for place, array in zip((OUT, ROWS, VALUES), arrays):
        put(f, word(f, array, frame.ARRAY_DATA), site, place)
    right = f.call("PyLong_AsLongLong", i64, argument(f, 3))
    parts = f.select(total < PARALLEL_FROM, f.constant(i64, 1), MOST_PARTS)
    for place, value in zip(
        (LENGTH, EACH, TOTAL, RIGHT, TYPE, PARTS), (length, each, total, right, number, parts)
    ):
        put(f, value, site, place)
    run_parts(f, "searched_part", site, parts, total >= RELEASE_FROM)
