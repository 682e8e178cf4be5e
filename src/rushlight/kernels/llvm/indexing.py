"""Elements along an axis that an array of indices names, by generated code that reads the arrays itself.

    take(near, far, dim, index, wrap, size)   near[i, j] = far[index[i, j], j]   (for `dim` 0 of two)
    put(far, near, dim, index, wrap, size)    far[index[i, j], j] = near[i, j]
    add(far, near, dim, index, wrap, size)    far[index[i, j], j] += near[i, j]
    mul, max, min                             the same with a product, or the larger or smaller of both

The index has the shape of the near array, or is a vector along `dim`. Each answers True; False where an index
is out of range (with `wrap`, negative ones count from the end), after which some elements are written and
others not; None where the arrays are not what is taken here. Where an index repeats, values are put or folded
in the order of the indices, whatever the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Module, Type, Value, i1, i32, i64, ptr, void
from . import frame
from .dispatch import put, word
from .element_moves import KINDS, MOVED, MOVES, Move, put_element, take_element
from .moving import add_is_plain, answer, refuse_unless, run_parts, straight
from .objects import argument, builtin

MOST_AXES = 14
PARALLEL_FROM = 1 << 15  # elements from which on threads share the work
RELEASE_FROM = 1 << 17
PARTS = 16
FLOATS = {11: "f32", 12: "f64"}  # by numpy's numbers of types
SIGNED = (1, 3, 5, 7, 9)
LAST_INTEGER = 10

FAR, NEAR, INDEX, LENGTH, JUMP, SIZE, RANK, BAD, WRAP, PARTS_AT, INSIDE, ROWS, WAY = range(0, 104, 8)
DIMS = 128
STEPS = tuple(DIMS + 8 * MOST_AXES * (k + 1) for k in range(3))  # of the far, the near array and the index
TABLES = (DIMS, *STEPS)
SITE_BYTES = DIMS + 32 * MOST_AXES
STARTS = (FAR, NEAR, INDEX)


def indexing_ir(mode: str, vector_bytes: int, index_number: int) -> str:
    """The module of one builtin; `index_number` is numpy's number of the type of indices."""
    module = Module()
    for name in ("ndarray_type", "none", "true", "false"):
        module.variable(name, "ptr", "null", exported=True)
    straight(module, vector_bytes)
    _named(module)
    lanes = vector_bytes // 8
    for kind, element in KINDS[mode].items():
        _elements(module, f"elements_{kind}", element, MOVES[mode], lanes)
        _rows(module, f"rows_{kind}", element, MOVES[mode], vector_bytes // element.size)
    _walk(module)
    _walk_part(module)
    _tidy(module)
    add_is_plain(module)
    _apart(module)
    _read(module, index_number)
    _run(module)
    _builtin(module, mode)
    return module.text()


ARGUMENTS = {"far": i64, "near": i64, "index": i64, "rows": i64, "site": ptr, "first": i64, "last": i64}


def _named(module: Module) -> None:
    """The index at a place, counted from the front; the length of the axis where it is out of range."""
    with module.function("named", i64, exported=False, inline=True, place=i64, length=i64, wrap=i64) as f:
        index = f.load(i64, f.place.convert("inttoptr", ptr))
        index = f.select(index < 0, index + f.wrap, index)
        f.ret(f.select(index.compare("ult", f.length), index, f.length))


class _Rows:
    """The loop over the rows of a call of one of the functions that move them."""

    def __init__(self, f: Function) -> None:
        self.f = f
        inner = word(f, f.site, RANK) - 1
        self.inner = [word(f, f.site, table, inner) for table in STEPS]
        self.outer = [word(f, f.site, table, inner - 1) for table in STEPS]
        self.length, self.jump, self.size = (word(f, f.site, place) for place in (LENGTH, JUMP, SIZE))
        self.wrap = f.select(word(f, f.site, WRAP).differs(0), self.length, f.constant(i64, -(1 << 62)))
        self.bad = f.variable(i1, 0)

    def each(self):
        return self.f.loop(0, self.f.rows)

    def places(self, row: Value) -> list[Value]:
        """Where the first element of a row is, on all three sides."""
        f = self.f
        starts = (f.far, f.near, f.index)
        return [s + row * outer + f.first * inner for s, outer, inner in zip(starts, self.outer, self.inner)]

    def named(self, place: Value) -> tuple[Value, Value]:
        """The index there, and whether it is one."""
        index = self.f.call("named", i64, place, self.length, self.wrap)
        right = index.differs(self.length)
        self.bad.set(self.bad.get() | (right ^ 1))
        return index, right

    def finish(self) -> None:
        f = self.f
        with f.when(self.bad.get()):
            f.store(f.constant(i64, 1), f.site, BAD, atomic="monotonic", align=8)


def _elements(module: Module, name: str, type: Type, move: Move, lanes: int) -> None:
    """Rows in which every element has an index."""
    with module.function(name, exported=False, **ARGUMENTS) as f:
        rows, size = _Rows(f), f.constant(i64, type.size)
        zero, eight = f.constant(i64, 0), f.constant(i64, 8)
        straight = rows.inner[2].equals(8)
        along = straight & rows.inner[0].equals(0) & rows.inner[1].equals(size) & rows.jump.equals(size)
        plain = _Elements(rows, (zero, size, eight), size, type, move)
        usual = _Elements(rows, (*rows.inner[:2], eight), rows.jump, type, move)
        stepped = _Elements(rows, tuple(rows.inner), rows.jump, type, move)
        with f.when(along):
            plain.all_at_once(lanes)
            f.ret()
        with f.when(straight):
            usual.all_at_once(lanes)
            f.ret()
        stepped.all()
        rows.finish()


class _Elements(NamedTuple):
    """How the elements of a row are moved: the steps along it, and those of the axis that is named."""

    rows: _Rows
    steps: tuple[Value, ...]
    jump: Value
    type: Type
    move: Move

    def all(self) -> None:
        with self.rows.each() as row:
            self._some(self.rows.places(row), self.rows.f.constant(i64, 0))

    def all_at_once(self, lanes: int) -> None:
        """Several indices are looked at together; where one is unusual, they are taken one by one."""
        f, count = self.rows.f, self.rows.f.last - self.rows.f.first
        whole = count & -lanes
        with self.rows.each() as row:
            starts = self.rows.places(row)
            with f.loop(0, whole, lanes) as k:
                indices = f.load(i64.vector(lanes), self._at(starts, k)[2].convert("inttoptr", ptr))
                usual = all_of(f, indices.compare("ult", f.splat(self.rows.length, lanes)))
                with f.either(usual) as (quick, careful):
                    with quick:
                        for lane in range(lanes):
                            far, near, index = self._at(starts, k + lane)
                            self._one(far, near, f.load(i64, index.convert("inttoptr", ptr)))
                    with careful:
                        self._some(starts, k, k + lanes)
            self._some(starts, whole)
        self.rows.finish()

    def _at(self, starts: list[Value], k: Value) -> list[Value]:
        return [start + k * step for start, step in zip(starts, self.steps)]

    def _one(self, far: Value, near: Value, number: Value) -> None:
        there = (far + number * self.jump).convert("inttoptr", ptr)
        self.move(self.rows.f, self.type, there, near.convert("inttoptr", ptr))

    def _some(self, starts: list[Value], low: Value, high: Value | None = None) -> None:
        f = self.rows.f
        with f.loop(low, f.last - f.first if high is None else high) as k:
            far, near, index = self._at(starts, k)
            number, right = self.rows.named(index)
            with f.when(right):
                self._one(far, near, number)


def all_of(f: Function, mask: Value) -> Value:
    """Are all lanes true?"""
    name = f"llvm.vector.reduce.and.v{mask.type.lanes}i1"
    f.module.declare(name, f"declare i1 @{name}({mask.type})")
    return f.value(i1, f"call i1 @{name}({mask})")


def _rows(module: Module, name: str, type: Type, move: Move, lanes: int = 0) -> None:
    """Rows that one index names each."""
    with module.function(name, exported=False, **ARGUMENTS) as f:
        rows, count = _Rows(f), f.last - f.first
        dense = rows.inner[0].equals(type.size) & rows.inner[1].equals(type.size)
        with f.either(dense) as (whole, stepped):
            for arm, is_dense in ((whole, True), (stepped, False)):
                with arm, rows.each() as row:
                    far, near, index = rows.places(row)
                    number, right = rows.named(index)
                    with f.when(right):
                        there, here = (p.convert("inttoptr", ptr) for p in (far + number * rows.jump, near))
                        if is_dense:
                            _dense_row(f, there, here, count, type, move, lanes)
                        else:
                            _stepped_row(f, there, here, count, rows.inner, type, move)
        rows.finish()


def _dense_row(f, far: Value, near: Value, count: Value, type: Type, move: Move, lanes: int) -> None:
    if move in (take_element, put_element):
        out, x = (near, far) if move is take_element else (far, near)
        f.call("straight", void, out, x, count * type.size)
        return
    whole = count & -lanes
    with f.loop(0, whole, lanes) as k:
        move(f, type.vector(lanes), far.offset(k * type.size), near.offset(k * type.size))
    with f.loop(whole, count) as k:
        move(f, type, far.offset(k * type.size), near.offset(k * type.size))


def _stepped_row(f, far: Value, near: Value, count: Value, steps, type: Type, move: Move) -> None:
    with f.loop(0, count) as k:
        move(f, type, far.offset(k * steps[0]), near.offset(k * steps[1]))


# ---- all rows


def _walk(module: Module) -> None:
    """Rows from `low` to `high`, of each the elements from `first` to `last`."""
    names = {"site": ptr, "low": i64, "high": i64, "first": i64, "last": i64}
    with module.function("walk", exported=False, **names) as f:
        second = word(f, f.site, RANK) - 2
        length, way = word(f, f.site, DIMS, second), f.load(ptr, f.site, WAY)
        at = f.variable(i64, f.low)
        with f.forever() as segments:
            segments.leave_if(at.get() >= f.high)
            column = at.get() % length
            count = f.minimum(length - column, f.high - at.get())
            starts = _starts(f, at.get() // length, second, column)
            f.call_pointer(way, void, *starts, count, f.site, f.first, f.last)
            at.set(at.get() + count)


def _starts(f: Function, number: Value, second: Value, column: Value) -> list[Value]:
    places = [f.variable(i64, word(f, f.site, place)) for place in STARTS]
    for place, table in zip(places, STEPS):
        place.set(place.get() + column * word(f, f.site, table, second))
    rest = f.variable(i64, number)
    with f.loop(0, second) as up:
        axis = second - 1 - up
        length = word(f, f.site, DIMS, axis)
        position = rest.get() % length
        rest.set(rest.get() // length)
        for place, table in zip(places, STEPS):
            place.set(place.get() + position * word(f, f.site, table, axis))
    return [place.get() for place in places]


def _walk_part(module: Module) -> None:
    """A thread's share: some parts of the first axis, or a piece of each row."""
    with module.function("walk_part", exported=False, site=ptr, part=i64, thread=i64) as f:
        rows, parts = word(f, f.site, ROWS), word(f, f.site, PARTS_AT)
        length = word(f, f.site, DIMS, word(f, f.site, RANK) - 1)
        with f.either(word(f, f.site, INSIDE).differs(0)) as (inside, outside):
            with inside:
                low, high = ((length * k // parts) & -16 for k in (f.part, f.part + 1))
                high = f.select((f.part + 1).equals(parts), length, high)
                f.call("walk", void, f.site, f.constant(i64, 0), rows, low, high)
            with outside:
                first = word(f, f.site, DIMS)
                low, high = (first * k // parts * (rows // first) for k in (f.part, f.part + 1))
                f.call("walk", void, f.site, low, high, f.constant(i64, 0), length)


# ---- the axes


def _axis(f: Function, d: Value) -> list[Value]:
    return [word(f, f.site, table, d) for table in TABLES]


def _set_axis(f: Function, d: Value, *values: Value | int) -> None:
    for table, value in zip(TABLES, values):
        put(f, value, f.site, table, d)


def _tidy(module: Module) -> None:
    """Drops axes of one, puts the near array's largest step first, joins what can be joined; two are left."""
    with module.function("tidy_axes", exported=False, site=ptr) as f:
        kept = f.variable(i64, 0)
        with f.loop(0, word(f, f.site, RANK)) as d, f.when(word(f, f.site, DIMS, d).differs(1)):
            _set_axis(f, kept.get(), *_axis(f, d))
            _sink(f, kept.get())
            kept.set(kept.get() + 1)
        last = f.variable(i64, 0)
        with f.loop(1, kept.get()) as d:
            outer, inner = _axis(f, last.get()), _axis(f, d)
            runs = [outer[k].equals(inner[k] * inner[0]) for k in (1, 2, 3)]
            with f.either(runs[0] & runs[1] & runs[2]) as (joined, apart):
                with joined:
                    _set_axis(f, last.get(), outer[0] * inner[0], *inner[1:])
                with apart:
                    last.set(last.get() + 1)
                    _set_axis(f, last.get(), *inner)
        zero = f.constant(i64, 0)
        with f.when(kept.get().equals(0)):
            size = word(f, f.site, SIZE)
            _set_axis(f, zero, 1, 0, size, 8)
        with f.when(last.get().equals(0)):
            _set_axis(f, zero + 1, *_axis(f, zero))
            _set_axis(f, zero, 1, 0, 0, 0)
            last.set(1)
        put(f, last.get() + 1, f.site, RANK)


def _sink(f: Function, axis: Value) -> None:
    """Moves an axis in front of those over which the near array takes smaller steps."""
    at = f.variable(i64, axis)
    with f.forever() as sinking:
        sinking.leave_if(at.get() < 1)
        before, own = _axis(f, at.get() - 1), _axis(f, at.get())
        sinking.leave_if(f.maximum(before[2], 0 - before[2]) >= f.maximum(own[2], 0 - own[2]))
        _set_axis(f, at.get() - 1, *own)
        _set_axis(f, at.get(), *before)
        at.set(at.get() - 1)


def _share(f: Function, site: Value, writes_far: Value) -> Value:
    """How many parts threads may take. An axis that comes first keeps places apart that are written."""
    rank = word(f, site, RANK)
    length = word(f, site, DIMS, rank - 1)
    best = f.variable(i64, -1)
    with f.loop(0, rank - 1) as d:
        free = word(f, site, STEPS[0], d).differs(0) | (writes_far ^ 1)
        longer = word(f, site, DIMS, d) > f.select(
            best.get() < 0, f.constant(i64, 1), word(f, site, DIMS, f.maximum(best.get(), 0))
        )
        with f.when(free & longer):
            best.set(d)
    inner_free = word(f, site, STEPS[0], rank - 1).differs(0) | (writes_far ^ 1)
    outer_length = f.select(best.get() < 0, f.constant(i64, 1), word(f, site, DIMS, f.maximum(best.get(), 0)))
    inside = inner_free & (outer_length < PARTS) & (length >= 16 * PARTS)
    put(f, inside.convert("zext", i64), site, INSIDE)
    with f.when((inside ^ 1) & (best.get() > 0)):
        chosen = [word(f, site, table, best.get()) for table in TABLES]
        with f.loop(0, best.get()) as up:
            d = best.get() - up
            for table in TABLES:
                put(f, word(f, site, table, d - 1), site, table, d)
        for table, value in zip(TABLES, chosen):
            put(f, value, site, table)
    return f.select(inside, f.constant(i64, PARTS), f.minimum(outer_length, f.constant(i64, PARTS)))


# ---- the arguments


def _apart(module: Module) -> None:
    """Do two arrays lie in different parts of memory?"""
    with module.function("apart", i1, exported=False, a=ptr, b=ptr, size=i64) as f:
        ends = [_extent(f, array) for array in (f.a, f.b)]
        f.ret((ends[0][1] <= ends[1][0]) | (ends[1][1] <= ends[0][0]))


def _extent(f: Function, array: Value) -> list[Value]:
    start = word(f, array, frame.ARRAY_DATA)
    low, high = f.variable(i64, start), f.variable(i64, start + f.maximum(f.size, f.constant(i64, 8)))
    dims, strides = (f.load(ptr, array, place) for place in (frame.ARRAY_DIMS, frame.ARRAY_STRIDES))
    with f.loop(0, f.load(i32, array, frame.ARRAY_RANK).convert("sext", i64)) as d:
        reach = word(f, strides, 0, d) * (word(f, dims, 0, d) - 1)
        low.set(low.get() + f.minimum(reach, 0))
        high.set(high.get() + f.maximum(reach, 0))
    return [low.get(), high.get()]


def _read(module: Module, index_number: int) -> None:
    """Puts the arrays into the site; false where they do not fit each other."""
    names = {"site": ptr, "far": ptr, "near": ptr, "index": ptr, "dim": i64}
    with module.function("read_site", i1, exported=False, **names) as f:

        def need(right: Value) -> None:
            with f.when(right ^ 1):
                f.ret(f.constant(i1, 0))

        need(f.call("is_plain", i1, f.far, f.far))
        need(f.call("is_plain", i1, f.near, f.far))
        need(f.call("is_plain", i1, f.index, f.index))
        number = f.load(i32, f.load(ptr, f.index, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)
        need(number.equals(index_number))
        arrays = (f.far, f.near, f.index)
        ranks = [f.load(i32, a, frame.ARRAY_RANK).convert("sext", i64) for a in arrays]
        need(ranks[0].equals(ranks[1]) & (ranks[0] > 0) & (ranks[0] < MOST_AXES))
        need((f.dim >= 0) & (f.dim < ranks[0]))
        full = ranks[2].equals(ranks[0])
        need(full | ranks[2].equals(1))
        dims, strides = (
            [f.load(ptr, a, place) for a in arrays] for place in (frame.ARRAY_DIMS, frame.ARRAY_STRIDES)
        )
        with f.loop(0, ranks[0]) as d:
            named = d.equals(f.dim)
            length, there = word(f, dims[1], 0, d), word(f, dims[0], 0, d)
            need(named | (length <= there))
            own = f.select(full, d, f.constant(i64, 0))
            has_index = full | named
            need((has_index ^ 1) | word(f, dims[2], 0, own).equals(length))
            far_step = f.select(named, f.constant(i64, 0), word(f, strides[0], 0, d))
            index_step = f.select(has_index, word(f, strides[2], 0, own), f.constant(i64, 0))
            _set_axis(f, d, length, far_step, word(f, strides[1], 0, d), index_step)
        put(f, ranks[0], f.site, RANK)
        put(f, word(f, dims[0], 0, f.dim), f.site, LENGTH)
        put(f, word(f, strides[0], 0, f.dim), f.site, JUMP)
        for place, array in zip(STARTS, arrays):
            put(f, word(f, array, frame.ARRAY_DATA), f.site, place)
        f.ret(f.constant(i1, 1))


def _run(module: Module) -> None:
    """What the site says, on as many threads as it is worth; with `far` the far array is written."""
    with module.function("run_site", exported=False, site=ptr, writes_far=i1) as f:
        rank = word(f, f.site, RANK)
        length = word(f, f.site, DIMS, rank - 1)
        rows, zero = f.variable(i64, 1), f.constant(i64, 0)
        with f.loop(0, rank - 1) as d:
            rows.set(rows.get() * word(f, f.site, DIMS, d))
        put(f, rows.get(), f.site, ROWS)
        with f.when(rows.get() * length >= PARALLEL_FROM):
            parts = _share(f, f.site, f.writes_far)
            put(f, parts, f.site, PARTS_AT)
            with f.when(parts > 1):
                run_parts(f, "walk_part", f.site, parts, rows.get() * length >= RELEASE_FROM)
                f.ret()
        f.call("walk", void, f.site, zero, rows.get(), zero, length)


def _builtin(module: Module, mode: str) -> None:
    with builtin(module, mode) as f:
        written, read = argument(f, 0), argument(f, 1)
        far, near = (read, written) if mode == "take" else (written, read)
        index = argument(f, 3)
        site = f.stack(SITE_BYTES)
        dim, wrap, size = (f.call("PyLong_AsLongLong", i64, argument(f, k)) for k in (2, 4, 5))
        refuse_unless(f, f.call("read_site", i1, site, far, near, index, dim))
        for place, value in ((WRAP, wrap), (SIZE, size), (BAD, f.constant(i64, 0))):
            put(f, value, site, place)
        flags = f.load(i32, written, frame.ARRAY_FLAGS)
        refuse_unless(f, (flags & frame.WRITEABLE).differs(0))
        for other in (read, index):
            refuse_unless(f, f.call("apart", i1, written, other, size))
        elements = f.variable(i64, 1)
        with f.loop(0, word(f, site, RANK)) as d:
            elements.set(elements.get() * word(f, site, DIMS, d))
        with f.when(elements.get().equals(0)):
            answer(f, "true")
        with f.when(word(f, site, LENGTH).equals(0)):
            answer(f, "false")
        f.call("tidy_axes", void, site)
        _choose_way(f, mode, site, far, size)
        f.call("run_site", void, site, f.constant(i1, mode != "take"))
        with f.when(word(f, site, BAD).differs(0)):
            answer(f, "false")
        answer(f, "true")


def _choose_way(f: Function, mode: str, site: Value, far: Value, size: Value) -> None:
    """The function for rows of this mode and type; None is answered where there is none."""
    way = f.variable(ptr, f.constant(ptr, 0))
    in_rows = word(f, site, STEPS[2], word(f, site, RANK) - 1).equals(0)

    def choose(fits: Value, kind: str) -> None:
        with f.when(fits):
            names = (Value(f, ptr, f"@{part}_{kind}") for part in ("rows", "elements"))
            way.set(f.select(in_rows, *names))

    if mode in ("take", "put"):
        for element in MOVED:
            choose(size.equals(element.size), str(element.size))
    else:
        number = f.load(i32, f.load(ptr, far, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)
        integer = (number > 0) & (number <= LAST_INTEGER)
        if mode != "add":
            integer = f.constant(i1, 0)
            for known in SIGNED:
                integer = integer | number.equals(known)
        for name, element in KINDS[mode].items():
            if name.startswith("i"):
                choose(integer & size.equals(element.size), name)
        for known, name in FLOATS.items():
            choose(number.equals(known), name)
    refuse_unless(f, way.get().convert("ptrtoint", i64).differs(0))
    f.store(way.get(), site, WAY)
