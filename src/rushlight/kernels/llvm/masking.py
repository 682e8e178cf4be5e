"""Elements that a mask chooses, by generated code that reads the arrays itself; all of them row-major.

    counts(mask, table, parts)              how many are chosen in each of `parts` equal parts of the mask
    pick(out, x, mask, starts, parts, size)    those of `x`, one after the other
    put(x, values, mask, starts, parts, size)  puts values, one after the other, where the mask is true
    find(out, mask, starts, parts, columns)    their row and column numbers, or with one column their places
    fill(x, value, mask, size)              puts the one element of `value` where the mask is true

`starts` has for each part where its elements start, and behind the last one their number. The answer is True;
None where the arrays are not what is taken here.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Type, Value, i1, i8, i16, i32, i64, ptr
from . import frame
from .dispatch import put, word
from .moving import RELEASE_BYTES, add_is_plain, answer, refuse_unless, run_parts
from .objects import argument, builtin

ELEMENTS = (i8, i16, i32, i64, i64.vector(2))
BOOL, INT64 = 0, "int64"
OUT, SOURCE, MASK, STARTS, COUNT, PARTS, SIZE, COLUMNS = range(0, 64, 8)
SITE_BYTES = 64
AT_ONCE = 8  # bytes of a mask that are looked at together
FILL_PARTS = 16
PARALLEL_FROM = 1 << 16


def masking_ir(vector_bytes: int, index_number: int) -> str:
    """`index_number` is numpy's number of the type of indices."""
    module = Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_is_plain(module)
    add_is_dense(module)
    _is_mask(module)
    _counted_part(module, vector_bytes)
    _counts(module, index_number)
    for name in ("pick", "put"):
        _moved_part(module, name)
        _moving(module, name, index_number)
    _found_part(module)
    _find(module, index_number)
    _filled_part(module, vector_bytes)
    _fill(module)
    return module.text()


# ---- the arguments


def add_is_dense(module: Module) -> None:
    """Is this a row-major array, which may be written if it has to be?"""
    with module.function("is_dense", i1, exported=False, array=ptr, needed=i32) as f:
        with f.when(f.call("is_plain", i1, f.array, f.array) ^ 1):
            f.ret(f.constant(i1, 0))
        needed = f.needed | frame.C_CONTIGUOUS
        f.ret((f.load(i32, f.array, frame.ARRAY_FLAGS) & needed).equals(needed))


def _is_mask(module: Module) -> None:
    with module.function("is_mask", i1, exported=False, array=ptr) as f:
        with f.when(f.call("is_dense", i1, f.array, f.constant(i32, 0)) ^ 1):
            f.ret(f.constant(i1, 0))
        f.ret(type_number(f, f.array).equals(BOOL))


def type_number(f: Function, array: Value) -> Value:
    return f.load(i32, f.load(ptr, array, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)


def elements_of(f: Function, array: Value) -> Value:
    dims, total = f.load(ptr, array, frame.ARRAY_DIMS), f.variable(i64, 1)
    with f.loop(0, f.load(i32, array, frame.ARRAY_RANK).convert("sext", i64)) as d:
        total.set(total.get() * word(f, dims, 0, d))
    return total.get()


def dense(f: Function, array: Value, writeable: bool = False) -> None:
    refuse_unless(f, f.call("is_dense", i1, array, f.constant(i32, frame.WRITEABLE if writeable else 0)))


def _of_mask(f: Function, mask: Value) -> Value:
    """A site with the mask."""
    site = f.stack(SITE_BYTES)
    refuse_unless(f, f.call("is_mask", i1, mask))
    put(f, word(f, mask, frame.ARRAY_DATA), site, MASK)
    put(f, elements_of(f, mask), site, COUNT)
    return site


def _starts(f: Function, site: Value, table: Value, parts: Value, index_number: int, more: int) -> None:
    """Puts a table of numbers for the parts into the site."""
    dense(f, table, not more)
    refuse_unless(f, type_number(f, table).equals(index_number))
    refuse_unless(f, elements_of(f, table).equals(parts + more) & (parts > 0))
    put(f, word(f, table, frame.ARRAY_DATA), site, STARTS)
    put(f, parts, site, PARTS)


def _run(f: Function, site: Value, body: str, parts: Value) -> None:
    """All parts, without Python's lock where there is much to do."""
    run_parts(f, body, site, parts, word(f, site, COUNT) >= RELEASE_BYTES)


def _share(f: Function) -> tuple[Value, Value]:
    """Where a part of the mask begins and ends."""
    count, parts = word(f, f.site, COUNT), word(f, f.site, PARTS)
    return count * f.part // parts, count * (f.part + 1) // parts


# ---- counting


def _counted_part(module: Module, vector_bytes: int) -> None:
    with module.function("counted_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        low, high = _share(f)
        mask, total = f.load(ptr, f.site, MASK), f.variable(i64, 0)
        lanes = vector_bytes // 8
        sums = f.variable(i64.vector(lanes), 0)
        whole = low + ((high - low) & -lanes)
        with f.loop(low, whole, lanes) as k:
            some = f.load(i8.vector(lanes), mask.offset(k))
            sums.set(sums.get() + some.convert("zext", i64))
        with f.loop(whole, high) as k:
            total.set(total.get() + f.load(i8, mask.offset(k)).convert("zext", i64))
        for lane in range(lanes):
            total.set(total.get() + f.extract(sums.get(), lane))
        put(f, total.get(), f.load(ptr, f.site, STARTS), 0, f.part)


def _counts(module: Module, index_number: int) -> None:
    with builtin(module, "counts") as f:
        site = _of_mask(f, argument(f, 0))
        parts = f.call("PyLong_AsLongLong", i64, argument(f, 2))
        _starts(f, site, argument(f, 1), parts, index_number, 0)
        _run(f, site, "counted_part", parts)
        answer(f, "true")


# ---- moving


def _each_chosen(f: Function, take) -> None:
    """`take(place, number)` for all elements of a part: its place in the mask, and how many come before it.

    What is not chosen is taken too, and the next one takes its number: that is quicker than to ask.
    """
    low, high = _share(f)
    mask, starts = f.load(ptr, f.site, MASK), f.load(ptr, f.site, STARTS)
    number, end = f.variable(i64, word(f, starts, 0, f.part)), word(f, starts, 0, f.part + 1)
    at = f.variable(i64, low)
    with f.forever() as steps:
        steps.leave_if(number.get() >= end)
        with f.when((at.get() + AT_ONCE <= high) & f.load(i64, mask.offset(at.get()), 0, 1).equals(0)):
            at.set(at.get() + AT_ONCE)
            steps.again_if(f.constant(i1, 1))
        some = f.minimum(at.get() + AT_ONCE, high)
        with f.loop(at.get(), some) as k, f.when(number.get() < end):
            take(k, number.get())
            number.set(number.get() + f.load(i8, mask.offset(k)).convert("zext", i64))
        at.set(some)


def _moved_part(module: Module, name: str) -> None:
    with module.function(f"{name}_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        out, x = f.load(ptr, f.site, OUT), f.load(ptr, f.site, SOURCE)
        for element in ELEMENTS:
            with f.when(word(f, f.site, SIZE).equals(element.size)):

                def take(k: Value, number: Value, element: Type = element) -> None:
                    size = element.size
                    if name == "pick":
                        _move(f, element, x.offset(k * size), out.offset(number * size))
                    else:
                        _choose(f, element, k, x.offset(number * size), out.offset(k * size))

                _each_chosen(f, take)


def _choose(f: Function, type: Type, k: Value, source: Value, target: Value) -> None:
    """Puts what is at `source` where the mask is true at `k`; else what is there is put again."""
    chosen = f.load(i8, f.load(ptr, f.site, MASK).offset(k)).differs(0)
    new, old = (f.load(type, place, 0, type.scalar.size) for place in (source, target))
    f.store(f.select(chosen, new, old), target, 0, type.scalar.size)


def _move(f: Function, type: Type, source: Value, target: Value) -> None:
    f.store(f.load(type, source, 0, type.scalar.size), target, 0, type.scalar.size)


def _moving(module: Module, name: str, index_number: int) -> None:
    with builtin(module, name) as f:
        out, x, mask, table = (argument(f, k) for k in range(4))
        parts, size = (f.call("PyLong_AsLongLong", i64, argument(f, k)) for k in (4, 5))
        site = _of_mask(f, mask)
        _starts(f, site, table, parts, index_number, 1)
        dense(f, out, True)
        dense(f, x)
        refuse_unless(f, f.call("is_plain", i1, out, x))
        many, few = (x, out) if name == "pick" else (out, x)
        refuse_unless(f, elements_of(f, many).equals(word(f, site, COUNT)))
        last = word(f, f.load(ptr, table, frame.ARRAY_DATA), 0, parts)
        refuse_unless(f, elements_of(f, few) >= last)
        put(f, size, site, SIZE)
        for place, array in ((OUT, out), (SOURCE, x)):
            put(f, word(f, array, frame.ARRAY_DATA), site, place)
        _run(f, site, f"{name}_part", parts)
        answer(f, "true")


def _found_part(module: Module) -> None:
    with module.function("found_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        out, columns = f.load(ptr, f.site, OUT), word(f, f.site, COLUMNS)

        def place(k: Value, number: Value) -> None:
            f.store(k, out.offset(number * 8))

        row, start = f.variable(i64, _share(f)[0] // columns), f.variable(i64, 0)
        start.set(row.get() * columns)

        def row_and_column(k: Value, number: Value) -> None:
            with f.forever() as rows:
                rows.leave_if(k - start.get() < columns)
                row.set(row.get() + 1)
                start.set(start.get() + columns)
            pair = out.offset(number * 16)
            f.store(row.get(), pair)
            f.store(k - start.get(), pair.offset(8))

        with f.either(columns.equals(1)) as (flat, matrix):
            with flat:
                _each_chosen(f, place)
            with matrix:
                _each_chosen(f, row_and_column)


def _find(module: Module, index_number: int) -> None:
    with builtin(module, "find") as f:
        out, mask, table = (argument(f, k) for k in range(3))
        parts, columns = (f.call("PyLong_AsLongLong", i64, argument(f, k)) for k in (3, 4))
        site = _of_mask(f, mask)
        _starts(f, site, table, parts, index_number, 1)
        dense(f, out, True)
        refuse_unless(f, type_number(f, out).equals(index_number) & (columns > 0))
        wide = f.select(columns.equals(1), f.constant(i64, 1), 2)
        last = word(f, f.load(ptr, table, frame.ARRAY_DATA), 0, parts)
        refuse_unless(f, elements_of(f, out) >= last * wide)
        put(f, columns, site, COLUMNS)
        put(f, word(f, out, frame.ARRAY_DATA), site, OUT)
        _run(f, site, "found_part", parts)
        answer(f, "true")


# ---- one value


def _filled_part(module: Module, vector_bytes: int) -> None:
    with module.function("filled_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        low, high = _share(f)
        for element in ELEMENTS:
            with f.when(word(f, f.site, SIZE).equals(element.size)):
                value = f.load(element, f.load(ptr, f.site, SOURCE), 0, element.scalar.size)
                lanes = vector_bytes // element.size if element.lanes == 1 else 1
                whole = low + ((high - low) & -lanes)
                for step, first, last in ((lanes, low, whole), (1, whole, high)):
                    with f.loop(first, last, step) as k:
                        _fill_some(f, element, value, k, step)


def _fill_some(f: Function, type: Type, value: Value, k: Value, lanes: int) -> None:
    chosen = f.load(i8.vector(lanes), f.load(ptr, f.site, MASK).offset(k)).differs(0)
    place = f.load(ptr, f.site, OUT).offset(k * type.size)
    wide = type if lanes == 1 else type.vector(lanes)
    new = value if lanes == 1 else f.splat(value, lanes)
    before = f.load(wide, place, 0, type.scalar.size)
    f.store(f.select(chosen, new, before), place, 0, type.scalar.size)


def _fill(module: Module) -> None:
    with builtin(module, "fill") as f:
        x, value, mask = (argument(f, k) for k in range(3))
        site = _of_mask(f, mask)
        dense(f, x, True)
        dense(f, value)
        refuse_unless(f, f.call("is_plain", i1, x, value))
        count = word(f, site, COUNT)
        refuse_unless(f, elements_of(f, x).equals(count) & elements_of(f, value).equals(1))
        put(f, f.call("PyLong_AsLongLong", i64, argument(f, 3)), site, SIZE)
        for place, array in ((OUT, x), (SOURCE, value)):
            put(f, word(f, array, frame.ARRAY_DATA), site, place)
        parts = f.select(count < PARALLEL_FROM, f.constant(i64, 1), FILL_PARTS)
        put(f, parts, site, PARTS)
        _run(f, site, "filled_part", parts)
        answer(f, "true")
