"""Rows in order, by generated code that reads the arrays itself; all row-major.

    sort(values, places, x, scratch, descending, parts, within)

puts the elements of each row of `x` in order, NaN last and equals as they came, and where they were; `values`
may be None. Short rows are put in order by counting (`order_keys`), others digit by digit (`digits`). `parts`
threads share the rows or, with `within`, each row: the order is the same.
"""

from __future__ import annotations

from collections.abc import Callable

from ...runtime import pool
from ...runtime.ir import Function, Module, Type, Value, i1, i32, i64, ptr, void
from . import frame
from .digits import (
    NARROW_BYTES,
    PLACE,
    SITE_BYTES,
    TABLE_BYTES,
    WIDE_BYTES,
    add_long,
    pointer,
    set_site,
    site,
    spread,
)
from .dispatch import put, word
from .masking import add_is_dense, dense, elements_of, type_number
from .moving import add_is_plain, answer, refuse_unless
from .objects import argument, builtin
from .order_keys import ELEMENTS, Element, add_ascends, add_bounds, add_keys, add_ranks, ranked_most

JOB_WORDS = "values places x scratch length rows kind size flip parts most slot".split()  # noqa: SIM905
JOB = {name: 8 * k for k, name in enumerate(JOB_WORDS)}
LINE = 64
RELEASE_FROM = 1 << 12  # elements


def sorting_ir(vector_bytes: int, index_number: int) -> str:
    """`index_number` is numpy's number of the type of places."""
    module = Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_is_plain(module)
    add_is_dense(module)
    for element in {e.name: e for e in ELEMENTS.values()}.values():
        add_keys(module, element, vector_bytes)
    for key in (i32, i64):
        for add in (add_bounds, add_ascends, add_ranks):
            add(module, key, vector_bytes // key.size)
        _short(module, key, vector_bytes)
    add_long(module)
    _row(module)
    _rows(module)
    _sort(module, index_number, vector_bytes)
    return module.text()


def scratch_bytes(length: int, wide: bool, parts: int, within: bool) -> int:
    """What `sort` needs for rows that are not short."""
    each = -(-length * (WIDE_BYTES if wide else NARROW_BYTES) // LINE) * LINE
    return parts * TABLE_BYTES + each * (1 if within else parts)


# ---- short rows


def _short(module: Module, key: Type, vector_bytes: int) -> None:
    most = ranked_most(key.size, vector_bytes)
    with module.function(f"short_{key}", exported=False, site=ptr) as f:
        keys, ranks = (f.stack(most * key.size + vector_bytes) for _ in range(2))
        length = site(f, "length")
        _make_keys(f, key, pointer(f, "x"), keys, length)
        f.call(f"ranks_{key}", void, keys, length, ranks)
        spread(
            f,
            lambda k: (f.load(key, ranks.offset(k * key.size)).convert("sext", i64), k),
            f.constant(i64, 0),
            length,
        )


def _make_keys(f: Function, key: Type, x: Value, keys: Value, count: Value) -> None:
    """The keys of `count` elements, whatever their type."""
    flip = site(f, "flip").convert("trunc", key)
    for number, element in ELEMENTS.items():
        if element.key is key:
            with f.when(site(f, "kind").equals(number)):
                f.call(f"keys_{element.name}", void, x, keys, count, flip)


# ---- all rows


def _row(module: Module) -> None:
    """One row, in the scratch of a slot."""
    with module.function("row", exported=False, job=ptr, row=i64, slot=i64, parts=i64) as f:
        length, size, kind = (word(f, f.job, JOB[name]) for name in ("length", "size", "kind"))
        f.site = f.stack(SITE_BYTES)  # type: ignore[attr-defined]
        x, values, places = (word(f, f.job, JOB[name]) for name in ("x", "values", "places"))
        start = f.row * length
        values = f.select(values.equals(0), values, values + start * size)
        tables = word(f, f.job, JOB["scratch"]) + f.slot * word(f, f.job, JOB["slot"])
        wide = _is_one_of(f, kind, lambda e: e.key is i64)
        set_site(
            f, f.site, x=x + start * size, values=values, places=places + start * 8, length=length, kind=kind,
            flip=word(f, f.job, JOB["flip"]), parts=f.parts, tables=tables, base=0, shift=0, mask=0, stage=0,
            source=wide.convert("zext", i64), near=tables + f.parts * TABLE_BYTES, far=places + start * 8,
        )  # fmt: skip
        with f.when(length > word(f, f.job, JOB["most"])):
            f.call("long", void, f.site)
            f.ret()
        for key in (i32, i64):
            with f.when(wide.equals(int(key is i64))):
                f.call(f"short_{key}", void, f.site)


def _is_one_of(f: Function, kind: Value, is_such: Callable[[Element], bool]) -> Value:
    found = f.variable(i1, 0)
    for number, element in ELEMENTS.items():
        if is_such(element):
            found.set(found.get() | kind.equals(number))
    return found.get()


def _rows(module: Module) -> None:
    """A thread's share of the rows."""
    with module.function("rows", exported=False, job=ptr, part=i64, thread=i64) as f:
        rows, parts = (word(f, f.job, JOB[name]) for name in ("rows", "parts"))
        with f.loop(rows * f.part // parts, rows * (f.part + 1) // parts) as row:
            f.call("row", void, f.job, row, f.part, f.constant(i64, 1))


def _sort(module: Module, index_number: int, vector_bytes: int) -> None:
    with builtin(module, "sort") as f:
        values, places, x, scratch = (argument(f, k) for k in range(4))
        descending, parts, within = (f.call("PyLong_AsLongLong", i64, argument(f, k)) for k in (4, 5, 6))
        dense(f, places, True)
        dense(f, x)
        dense(f, scratch, True)
        kind, total = type_number(f, x).convert("sext", i64), elements_of(f, x)
        rank = f.load(i32, x, frame.ARRAY_RANK).convert("sext", i64)
        refuse_unless(f, type_number(f, places).equals(index_number) & elements_of(f, places).equals(total))
        refuse_unless(f, _is_one_of(f, kind, lambda e: True) & (rank > 0) & (total > 0) & (parts > 0))
        length = word(f, f.load(ptr, x, frame.ARRAY_DIMS), 0, rank - 1)
        refuse_unless(f, length < PLACE)
        wide = _is_one_of(f, kind, lambda e: e.key is i64)
        most = f.select(wide, f.constant(i64, ranked_most(8, vector_bytes)), ranked_most(4, vector_bytes))
        each = length * f.select(wide, f.constant(i64, WIDE_BYTES), NARROW_BYTES)
        slots = f.select(within.differs(0), f.constant(i64, 1), parts)
        slot = parts // slots * TABLE_BYTES + ((each + (LINE - 1)) & -LINE)
        refuse_unless(f, (length <= most) | (elements_of(f, scratch) >= slots * slot))
        job, size = f.stack(8 * len(JOB_WORDS)), f.variable(i64, 0)
        for number, element in ELEMENTS.items():
            with f.when(kind.equals(number)):
                size.set(element.stored.size)
        words = {
            "values": _values(f, values, x), "places": word(f, places, frame.ARRAY_DATA),
            "x": word(f, x, frame.ARRAY_DATA), "scratch": word(f, scratch, frame.ARRAY_DATA),
            "length": length, "rows": total // length, "kind": kind, "size": size.get(),
            "flip": 0 - descending.differs(0).convert("zext", i64), "parts": parts, "most": most,
            "slot": slot,
        }  # fmt: skip
        for name, value in words.items():
            put(f, value, job, JOB[name])
        _run(f, job, total, within)
        answer(f, "true")


def _values(f: Function, values: Value, x: Value) -> Value:
    """Where the values go; 0 where they are not wanted."""
    there = f.variable(i64, 0)
    none = f.load(i64, Value(f, ptr, "@none"))
    with f.when(values.convert("ptrtoint", i64).differs(none)):
        dense(f, values, True)
        refuse_unless(f, f.call("is_plain", i1, x, values))
        refuse_unless(f, elements_of(f, values).equals(elements_of(f, x)))
        there.set(word(f, values, frame.ARRAY_DATA))
    return there.get()


def _run(f: Function, job: Value, total: Value, within: Value) -> None:
    state, parts = f.variable(ptr, f.constant(ptr, 0)), word(f, job, JOB["parts"])
    with f.when(total >= RELEASE_FROM):
        state.set(f.call("PyEval_SaveThread", ptr))
    with f.either(within.differs(0)) as (inside, apart):
        with inside, f.loop(0, word(f, job, JOB["rows"])) as row:
            f.call("row", void, job, row, f.constant(i64, 0), parts)
        with apart:
            f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@rows"), job, parts)
    with f.when(total >= RELEASE_FROM):
        f.call("PyEval_RestoreThread", void, state.get())
