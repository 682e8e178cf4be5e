"""Elements moved from one array to another of the same shape, whatever the steps of both: rows of all kinds.

    copy(out, x, size)                     fills `out` with `x`, elements of `size` bytes
    extent(arrays, axis)                   how long a list of arrays is together, where they fit
    join(out, arrays, size, axis, new)     fills `out` with them, one after the other along `axis`
    triangle(out, x, size, before, lower)  what of each matrix lies before a diagonal (or behind), else 0

read the arrays themselves, order and join their axes, and move the innermost one straight, backwards, from
one element, or by steps. They answer None where the arrays are not what is moved here.
"""

from __future__ import annotations

from ...runtime import pool
from ...runtime.ir import Function, Module, Type, Value, i1, i8, i16, i32, i64, ptr, void
from . import frame
from .dispatch import put, word
from .objects import argument, builtin

MOST_AXES = 16
PARALLEL_BYTES = 1 << 18
RELEASE_BYTES = 1 << 20
PART_BYTES = 1 << 15  # that a thread takes at a time, at least
PARTS = 16
OBJECT, VOID = 17, 20  # numpy's numbers of the types that are not mere bytes
ELEMENTS = (i8, i16, i32, i64, i64.vector(2))
OUT, SOURCE, SIZE, RANK, ROWS, PARTS_AT = range(0, 48, 8)
DIMS = 64
OUT_STEPS, STEPS = DIMS + 8 * MOST_AXES, DIMS + 16 * MOST_AXES
SITE_BYTES = DIMS + 24 * MOST_AXES
TABLES = (DIMS, OUT_STEPS, STEPS)


def moving_ir(vector_bytes: int) -> str:
    module = Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    straight(module, vector_bytes)
    _backwards(module, vector_bytes)
    _repeated(module)
    _stepped(module)
    _move_rows(module)
    _move_range(module)
    _move_part(module)
    _tidy(module)
    _move(module)
    add_is_plain(module)
    _axes_of(module)
    _copy(module)
    _extent(module)
    _join(module)
    _cleared(module, vector_bytes)
    _triangle_rows(module)
    _triangle(module)
    return module.text()


# ---- one row


def straight(module: Module, vector_bytes: int) -> None:
    """`count` bytes; the last vector overlaps the one before it."""
    with module.function("straight", exported=False, inline=True, out=ptr, x=ptr, count=i64) as f:
        width = vector_bytes
        while width:
            with f.when(f.count >= width):
                if width == vector_bytes:
                    with f.loop(0, f.count - width, width) as k:
                        _one(f, i8.vector(width), f.x.offset(k), f.out.offset(k))
                last = f.count - width
                _two(f, i8.vector(width), f.x, f.out, last)
                f.ret()
            width //= 2


def _one(f: Function, type: Type, source: Value, target: Value) -> None:
    f.store(f.load(type, source), target)


def _two(f: Function, type: Type, source: Value, target: Value, apart: Value) -> None:
    first, last = f.load(type, source), f.load(type, source.offset(apart))
    f.store(first, target)
    f.store(last, target.offset(apart))


def _for_each_size(f: Function, write) -> None:
    """`write(element type)` for the size of an element; the function ends there."""
    for element in ELEMENTS:
        with f.when(f.size.equals(element.size)):
            write(element)
            f.ret()


def _backwards(module: Module, vector_bytes: int) -> None:
    """`count` elements, of which the source has the first one at `x` and the others before it."""
    names = {"out": ptr, "x": ptr, "count": i64, "size": i64}
    with module.function("backwards", exported=False, **names) as f:

        def write(element: Type) -> None:
            size, lanes = element.size, vector_bytes // element.size
            whole = f.constant(i64, 0)
            if element.lanes == 1:
                whole = f.count & -lanes
                with f.loop(0, whole, lanes) as k:
                    read = f.load(element.vector(lanes), f.x.offset((1 - lanes - k) * size))
                    f.store(f.shuffle(read, None, list(reversed(range(lanes)))), f.out.offset(k * size))
            with f.loop(whole, f.count) as k:
                _one(f, element, f.x.offset((0 - k) * size), f.out.offset(k * size))

        _for_each_size(f, write)


def _repeated(module: Module) -> None:
    """`count` times the element at `x`."""
    names = {"out": ptr, "x": ptr, "count": i64, "size": i64}
    with module.function("repeated", exported=False, **names) as f:

        def write(element: Type) -> None:
            value = f.load(element, f.x)
            with f.loop(0, f.count) as k:
                f.store(value, f.out.offset(k * element.size))

        _for_each_size(f, write)


def _stepped(module: Module) -> None:
    """`count` elements with gaps on either side."""
    names = {"out": ptr, "x": ptr, "count": i64, "out_step": i64, "step": i64, "size": i64}
    with module.function("stepped", exported=False, **names) as f:

        def write(element: Type) -> None:
            with f.loop(0, f.count) as k:
                _one(f, element, f.x.offset(k * f.step), f.out.offset(k * f.out_step))

        _for_each_size(f, write)


# ---- many rows


def _move_rows(module: Module) -> None:
    """`rows` rows of `count` elements, all moved in the way that the steps ask for."""
    places = {"out": ptr, "x": ptr, "rows": i64, "out_row": i64, "row": i64}
    inner = {"count": i64, "out_step": i64, "step": i64, "size": i64}
    with module.function("move_rows", exported=False, **places, **inner) as f:
        dense = f.out_step.equals(f.size)
        ways = (
            (f.step.equals(f.size), "straight", lambda: (f.count * f.size,)),
            (f.step.equals(0 - f.size), "backwards", lambda: (f.count, f.size)),
            (f.step.equals(0), "repeated", lambda: (f.count, f.size)),
        )
        for fits, name, more in ways:
            with f.when(dense & fits):
                with f.loop(0, f.rows) as r:
                    f.call(name, void, f.out.offset(r * f.out_row), f.x.offset(r * f.row), *more())
                f.ret()
        with f.loop(0, f.rows) as r:
            places = f.out.offset(r * f.out_row), f.x.offset(r * f.row)
            f.call("stepped", void, *places, f.count, f.out_step, f.step, f.size)


def _move_range(module: Module) -> None:
    """Rows from `low` to `high`, of each the elements from `first` to `last`."""
    names = {"site": ptr, "low": i64, "high": i64, "first": i64, "last": i64}
    with module.function("move_range", exported=False, **names) as f:
        inner = word(f, f.site, RANK) - 1
        steps = [word(f, f.site, table, inner) for table in (OUT_STEPS, STEPS)]
        second = f.maximum(inner - 1, 0)
        length = f.select(inner > 0, word(f, f.site, DIMS, second), 1)
        at = f.variable(i64, f.low)
        with f.forever() as segments:
            segments.leave_if(at.get() >= f.high)
            column = at.get() % length
            count = f.minimum(length - column, f.high - at.get())
            places = _starts(f, at.get() // length, second, column, steps)
            rows = [word(f, f.site, table, second) for table in (OUT_STEPS, STEPS)]
            f.call("move_rows", void, *places, count, *rows, f.last - f.first, *steps, word(f, f.site, SIZE))
            at.set(at.get() + count)


def _starts(f: Function, number: Value, second: Value, column: Value, steps: list[Value]) -> list[Value]:
    """Where row `column` of the matrix of that number starts, in the result and in the source."""
    places = [f.variable(i64, word(f, f.site, place)) for place in (OUT, SOURCE)]
    for place, step, table in zip(places, steps, (OUT_STEPS, STEPS)):
        place.set(place.get() + step * f.first + column * word(f, f.site, table, second))
    rest = f.variable(i64, number)
    with f.loop(0, second) as up:
        axis = second - 1 - up
        length = word(f, f.site, DIMS, axis)
        index = rest.get() % length
        rest.set(rest.get() // length)
        for place, table in zip(places, (OUT_STEPS, STEPS)):
            place.set(place.get() + index * word(f, f.site, table, axis))
    return [place.get().convert("inttoptr", ptr) for place in places]


def _move_part(module: Module) -> None:
    """A thread's share: some of the rows, or where there are few, a piece of each."""
    with module.function("move_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        rows, parts = word(f, f.site, ROWS), word(f, f.site, PARTS_AT)
        length = word(f, f.site, DIMS, word(f, f.site, RANK) - 1)
        with f.either(rows >= parts) as (many, few):
            with many:
                low, high = (rows * k // parts for k in (f.part, f.part + 1))
                f.call("move_range", void, f.site, low, high, f.constant(i64, 0), length)
            with few:
                low, high = ((length * k // parts) & -64 for k in (f.part, f.part + 1))
                high = f.select((f.part + 1).equals(parts), length, high)
                f.call("move_range", void, f.site, f.constant(i64, 0), rows, low, high)


# ---- the axes


def _tidy(module: Module) -> None:
    """Drops axes of one, puts the result's largest step first, joins what can be joined."""
    with module.function("tidy", exported=False, site=ptr) as f:
        kept = f.variable(i64, 0)
        with f.loop(0, word(f, f.site, RANK)) as d, f.when(word(f, f.site, DIMS, d).differs(1)):
            _set_axis(f, kept.get(), *_axis(f, d))
            _sink(f, kept.get())
            kept.set(kept.get() + 1)
        last = f.variable(i64, 0)
        with f.loop(1, kept.get()) as d:
            outer, inner = _axis(f, last.get()), _axis(f, d)
            runs = [outer[k].equals(inner[k] * inner[0]) for k in (1, 2)]
            with f.either(runs[0] & runs[1]) as (joined, apart):
                with joined:
                    _set_axis(f, last.get(), outer[0] * inner[0], *inner[1:])
                with apart:
                    last.set(last.get() + 1)
                    _set_axis(f, last.get(), *inner)
        with f.when(kept.get().equals(0)):
            size = word(f, f.site, SIZE)
            _set_axis(f, f.constant(i64, 0), f.constant(i64, 1), size, size)
        put(f, last.get() + 1, f.site, RANK)


def _axis(f: Function, d: Value) -> list[Value]:
    return [word(f, f.site, table, d) for table in TABLES]


def _set_axis(f: Function, d: Value, *values: Value) -> None:
    for table, value in zip(TABLES, values):
        put(f, value, f.site, table, d)


def _sink(f: Function, axis: Value) -> None:
    """Moves an axis in front of those over which the result takes smaller steps."""
    at = f.variable(i64, axis)
    with f.forever() as sinking:
        sinking.leave_if(at.get() < 1)
        before, own = _axis(f, at.get() - 1), _axis(f, at.get())
        sinking.leave_if(_size_of(f, before[1]) >= _size_of(f, own[1]))
        _set_axis(f, at.get() - 1, *own)
        _set_axis(f, at.get(), *before)
        at.set(at.get() - 1)


def _size_of(f: Function, step: Value) -> Value:
    return f.maximum(step, 0 - step)


def _move(module: Module) -> None:
    """What the site says, on as many threads as it is worth."""
    with module.function("move", exported=False, site=ptr) as f:
        f.call("tidy", void, f.site)
        inner = word(f, f.site, RANK) - 1
        rows = f.variable(i64, 1)
        with f.loop(0, inner) as d:
            rows.set(rows.get() * word(f, f.site, DIMS, d))
        length = word(f, f.site, DIMS, inner)
        size = rows.get() * length * word(f, f.site, SIZE)
        put(f, rows.get(), f.site, ROWS)
        with f.when(size < PARALLEL_BYTES):
            f.call("move_range", void, f.site, f.constant(i64, 0), rows.get(), f.constant(i64, 0), length)
            f.ret()
        parts = f.minimum(size // PART_BYTES, f.constant(i64, PARTS))
        put(f, parts, f.site, PARTS_AT)
        run_parts(f, "move_part", f.site, parts, size >= RELEASE_BYTES)


# ---- the arguments


def add_is_plain(module: Module) -> None:
    """Is this an aligned array of the type (and byte order) of another one?"""
    with module.function("is_plain", i1, exported=False, array=ptr, like=ptr) as f:
        kind = word(f, f.array, frame.OBJECT_TYPE)
        with f.when(kind.differs(f.load(i64, Value(f, ptr, "@ndarray_type")))):
            f.ret(f.constant(i1, 0))
        with f.when((f.load(i32, f.array, frame.ARRAY_FLAGS) & frame.ALIGNED).equals(0)):
            f.ret(f.constant(i1, 0))
        own, other = (f.load(ptr, thing, frame.ARRAY_DESCR) for thing in (f.array, f.like))
        numbers = [f.load(i32, descr, frame.DESCR_TYPE_NUMBER) for descr in (own, other)]
        orders = [f.load(i8, descr, frame.DESCR_BYTE_ORDER) for descr in (own, other)]
        objects = (numbers[0] >= OBJECT) & (numbers[0] <= VOID)
        f.ret(numbers[0].equals(numbers[1]) & orders[0].equals(orders[1]) & (objects ^ 1))


def _axes_of(module: Module) -> None:
    """Puts the axes of `x` and the steps of `out` beside them into the site; false where they do not fit.

    `axis` of `out` may be longer than that of `x`, or with `new` is none of `x` at all.
    """
    names = {"site": ptr, "out": ptr, "x": ptr, "axis": i64, "new": i64}
    with module.function("axes_of", i1, exported=False, **names) as f:
        rank = f.load(i32, f.x, frame.ARRAY_RANK).convert("sext", i64)
        out_rank = f.load(i32, f.out, frame.ARRAY_RANK).convert("sext", i64)
        with f.when((rank + f.new).differs(out_rank) | (rank > MOST_AXES)):
            f.ret(f.constant(i1, 0))
        tables = [
            [f.load(ptr, array, place) for place in (frame.ARRAY_DIMS, frame.ARRAY_STRIDES)]
            for array in (f.out, f.x)
        ]
        with f.loop(0, rank) as d:
            there = f.select((f.new > 0) & (d >= f.axis), d + 1, d)
            length, wide = word(f, tables[1][0], 0, d), word(f, tables[0][0], 0, there)
            with f.when(length.differs(wide) & (there.differs(f.axis) | (length > wide))):
                f.ret(f.constant(i1, 0))
            _set_axis(f, d, length, word(f, tables[0][1], 0, there), word(f, tables[1][1], 0, d))
        put(f, rank, f.site, RANK)
        f.ret(f.constant(i1, 1))


def run_parts(f: Function, body: str, site: Value, parts: Value, long: Value) -> None:
    """All parts of the work by the threads, without Python's lock if it takes `long`."""
    state = f.variable(ptr, f.constant(ptr, 0))
    with f.when(long):
        state.set(f.call("PyEval_SaveThread", ptr))
    f.call(pool.PARALLEL_FOR, void, Value(f, ptr, f"@{body}"), site, parts)
    with f.when(long):
        f.call("PyEval_RestoreThread", void, state.get())


def answer(f: Function, name: str) -> None:
    thing = f.load(ptr, Value(f, ptr, f"@{name}"))
    f.call("Py_IncRef", void, thing)
    f.ret(thing)


def refuse_unless(f: Function, right: Value) -> None:
    with f.when(right ^ 1):
        answer(f, "none")


def _move_array(
    f: Function, site: Value, out: Value, x: Value, axis: Value, new: Value, shift: Value
) -> Value:
    """One array to where it belongs along `axis`; how far it reaches."""
    refuse_unless(f, f.call("is_plain", i1, x, out))
    refuse_unless(f, f.call("axes_of", i1, site, out, x, axis, new))
    reach, elements = f.variable(i64, 1), f.variable(i64, 1)
    with f.loop(0, word(f, site, RANK)) as d:
        elements.set(elements.get() * word(f, site, DIMS, d))
    with f.when(new.equals(0) & (axis >= 0)):
        reach.set(word(f, site, DIMS, axis))
    with f.when(axis >= 0):
        limit = word(f, f.load(ptr, out, frame.ARRAY_DIMS), 0, axis)
        refuse_unless(f, shift + reach.get() <= limit)
    with f.when(elements.get() > 0):
        step = f.variable(i64, 0)
        with f.when(axis >= 0):
            step.set(word(f, f.load(ptr, out, frame.ARRAY_STRIDES), 0, axis))
        put(f, word(f, out, frame.ARRAY_DATA) + shift * step.get(), site, OUT)
        put(f, word(f, x, frame.ARRAY_DATA), site, SOURCE)
        f.call("move", void, site)
    return reach.get()


def _site(f: Function, out: Value, size: Value) -> Value:
    site = f.stack(SITE_BYTES)
    refuse_unless(f, f.call("is_plain", i1, out, out))
    put(f, f.call("PyLong_AsLongLong", i64, size), site, SIZE)
    return site


def _copy(module: Module) -> None:
    with builtin(module, "copy") as f:
        out, x, size = (argument(f, k) for k in range(3))
        nothing = f.constant(i64, 0)
        _move_array(f, _site(f, out, size), out, x, f.constant(i64, -1), nothing, nothing)
        answer(f, "true")


def _extent(module: Module) -> None:
    with builtin(module, "extent") as f:
        arrays, axis = argument(f, 0), f.call("PyLong_AsLongLong", i64, argument(f, 1))
        total = f.variable(i64, 0)
        first = f.call("PyList_GetItem", ptr, arrays, f.constant(i64, 0))
        with f.loop(0, f.call("PyList_Size", i64, arrays)) as k:
            x = f.call("PyList_GetItem", ptr, arrays, k)
            refuse_unless(f, f.call("is_plain", i1, x, first))
            ranks = [f.load(i32, array, frame.ARRAY_RANK).convert("sext", i64) for array in (x, first)]
            refuse_unless(f, ranks[0].equals(ranks[1]) & (axis >= 0) & (axis < ranks[0]))
            total.set(total.get() + word(f, f.load(ptr, x, frame.ARRAY_DIMS), 0, axis))
        f.ret(f.call("PyLong_FromLongLong", ptr, total.get()))


def _join(module: Module) -> None:
    with builtin(module, "join") as f:
        out, arrays, size = (argument(f, k) for k in range(3))
        site = _site(f, out, size)
        axis, new = (f.call("PyLong_AsLongLong", i64, argument(f, k)) for k in (3, 4))
        shift = f.variable(i64, 0)
        with f.loop(0, f.call("PyList_Size", i64, arrays)) as k:
            x = f.call("PyList_GetItem", ptr, arrays, k)
            shift.set(shift.get() + _move_array(f, site, out, x, axis, new, shift.get()))
        answer(f, "true")


# ---- triangles

ROWS_AT, COLUMNS, DIAGONAL, LOWER = DIMS, DIMS + 8, DIMS + 16, DIMS + 24


def _cleared(module: Module, vector_bytes: int) -> None:
    """Zeros in `count` bytes; the last vector overlaps the one before it."""
    with module.function("cleared", exported=False, inline=True, out=ptr, count=i64) as f:
        width = vector_bytes
        while width:
            with f.when(f.count >= width):
                zeros = f.constant(i8.vector(width), 0)
                if width == vector_bytes:
                    with f.loop(0, f.count - width, width) as k:
                        f.store(zeros, f.out.offset(k))
                f.store(zeros, f.out)
                f.store(zeros, f.out.offset(f.count - width))
                f.ret()
            width //= 2


def _triangle_rows(module: Module) -> None:
    """A thread's share of the rows of all matrices."""
    with module.function("triangle_rows", exported=False, site=ptr, part=i64, thread=i64) as f:
        total, parts, columns = (word(f, f.site, place) for place in (ROWS, PARTS_AT, COLUMNS))
        size = word(f, f.site, SIZE)
        with f.loop(total * f.part // parts, total * (f.part + 1) // parts) as row:
            reach = row % word(f, f.site, ROWS_AT) + word(f, f.site, DIAGONAL)
            reach = f.minimum(f.maximum(reach, f.constant(i64, 0)), columns)
            out, x = (f.load(ptr, f.site, place).offset(row * columns * size) for place in (OUT, SOURCE))
            cut = reach * size
            rest = columns * size - cut
            with f.either(word(f, f.site, LOWER).differs(0)) as (lower, upper):
                with lower:
                    f.call("straight", void, out, x, cut)
                    f.call("cleared", void, out.offset(cut), rest)
                with upper:
                    f.call("cleared", void, out, cut)
                    f.call("straight", void, out.offset(cut), x.offset(cut), rest)


def _triangle(module: Module) -> None:
    """Both arrays are row-major; `reach` is how many columns of row 0 lie before the cut."""
    with builtin(module, "triangle") as f:
        out, x, size = (argument(f, k) for k in range(3))
        site = _site(f, out, size)
        refuse_unless(f, f.call("is_plain", i1, x, out))
        nothing = f.constant(i64, 0)
        refuse_unless(f, f.call("axes_of", i1, site, out, x, f.constant(i64, -1), nothing))
        rank = word(f, site, RANK)
        for array in (out, x):
            flags = f.load(i32, array, frame.ARRAY_FLAGS) & frame.C_CONTIGUOUS
            refuse_unless(f, flags.differs(0) & (rank > 1))
        rows = f.variable(i64, 1)
        with f.loop(0, rank - 1) as d:
            rows.set(rows.get() * word(f, site, DIMS, d))
        columns, height = (word(f, site, DIMS, rank - k) for k in (1, 2))
        put(f, rows.get(), site, ROWS)
        put(f, columns, site, COLUMNS)
        put(f, height, site, ROWS_AT)
        for place, k in ((DIAGONAL, 3), (LOWER, 4)):
            put(f, f.call("PyLong_AsLongLong", i64, argument(f, k)), site, place)
        for place, array in ((OUT, out), (SOURCE, x)):
            put(f, word(f, array, frame.ARRAY_DATA), site, place)
        with f.when(rows.get() * columns > 0):
            _run_triangle(f, site, rows.get() * columns * word(f, site, SIZE))
        answer(f, "true")


def _run_triangle(f: Function, site: Value, size: Value) -> None:
    parts = f.select(size < PARALLEL_BYTES, f.constant(i64, 1), PARTS)
    put(f, parts, site, PARTS_AT)
    f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@triangle_rows"), site, parts)
