"""Products of matrices of few bits: packed as pairs for the instructions that multiply pairs, or widened.

The innermost step is that of `matmul`: vectors of the right side's columns times one packed element of each
row of the left one. What a packed element is, a `Format` says: two neighbours along the inner dimension in 32
bits, for instructions that multiply both and add both products to a sum of 32 bits, or one number in a wider
type. Sums are kept in that wider type over the whole inner dimension and rounded once, when they are stored.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Type, Value, bf16, i16, i32, i64, ptr, void
from . import halves, matmul
from .blocked import HEADER, LINE, Kernel, Machine, Words, transpose
from .lowering import MEMORY, load, store

EACH_128 = 0x80808080 - (1 << 32)  # of four bytes the number 128, or the sign
PART_AT = HEADER - LINE  # where the number of the present part of the columns lies in the scratch

# the call's words: arrays, then sizes; bytes wherever a step or a place in memory is meant
WORDS = (
    *("out", "a", "b", "start", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("rows", "inner", "columns", "depth"),  # depth: packed elements along the inner dimension
    *("a_row", "a_inner", "b_inner", "b_column", "out_row", "start_row"),
    *("batch_length", "a_outer", "a_batch", "b_outer", "b_batch"),  # a batch has two dimensions
    *("out_outer", "out_batch", "start_outer", "start_batch"),
    *("parts", "part_columns", "packs", "panel_bytes"),
    *("tasks", "row_tasks", "task_rows", "column_tasks", "task_columns"),
)


class Format(NamedTuple):
    """What is multiplied: the types in memory, how a packed element is made, and in what sums are kept."""

    stored: str
    result: str
    way: str  # "bf16" and "int16" are pairs, "int8" fours, "single" and "integer" one number each

    @property
    def pair(self) -> int:
        """Neighbours along the inner dimension in a packed element."""
        return {"bf16": 2, "int16": 2, "int8": 4}.get(self.way, 1)

    @property
    def sums(self) -> str:
        """The type of the sums."""
        if self.way in ("bf16", "single"):
            return "float32"
        return "int64" if self.result == "int64" else "int32"

    @property
    def packed(self) -> str:
        """The type whose vectors hold packed elements."""
        return "int32" if self.pair > 1 else self.sums


class Tile(matmul.Tile):
    """The same for a form, whose elements are stored, packed and summed in types of their own."""

    def __init__(self, form: Format, vector_bytes: int, sums: int, vectors: int) -> None:
        super().__init__(Machine(form.packed, vector_bytes), sums, vectors)
        self.form = form
        self.total: Type = MEMORY[form.sums].vector(self.machine.lanes)
        self.size = MEMORY[form.stored].size
        self.run = self.machine.lanes * form.pair  # of the inner dimension in a vector along it


def matmul_halves_ir(form: Format, vector_bytes: int, sums: int, vectors: int) -> str:
    """The module with `run(block)`."""
    tile = Tile(form, vector_bytes, sums, vectors)
    kernel = Kernel(tile.machine, WORDS)
    for height in tile.heights:
        _tile(kernel, tile, height)
    _panel(kernel, tile)
    _pack_right(kernel, tile)
    _pack_left(kernel, tile)
    _pack_phase(kernel, tile)
    _task_phase(kernel, tile)
    with kernel.module.function("run", block=ptr) as f, f.loop(0, kernel.words(f)["parts"]) as part:
        f.store(part, kernel.scratch(f), PART_AT)
        kernel.run_phases(f)
    return kernel.module.text()


# ---- packed elements


def _packed(f: Function, form: Format, value: Value) -> Value:
    """Numbers as they are stored to numbers as they are packed; of a pair each is still by itself."""
    if form.way in ("bf16", "int8"):
        return value
    if form.way == "single":
        return halves.widened(value, form.stored)
    wanted = i16 if form.way == "int16" else MEMORY[form.sums]
    if value.type.bits >= wanted.bits:
        return value
    return value.convert("zext" if form.stored == "uint8" else "sext", wanted)


def _read(f: Function, form: Format, place: Value, lanes: int, mask: Value | None) -> Value:
    """Neighbours in memory, as they are packed."""
    stored = MEMORY[form.stored]
    bits = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}[stored.size]
    return _packed(f, form, load(f, place, bits, lanes, mask))


def _below(f: Function, lanes: int, count: Value) -> Value:
    return Machine("int32", 4 * lanes).below(f, count)


def _along(f: Function, tile: Tile, place: Value, valid: Value | None) -> Value:
    """A vector of elements along the inner dimension, which lies in memory without gaps."""
    mask = None if valid is None else _below(f, tile.run, valid)
    found = _read(f, tile.form, place, tile.run, mask)
    if tile.form.pair == 1:
        return found
    vector = tile.machine.vector
    return f.value(vector, f"bitcast {found} to {vector}")


def _across(f: Function, tile: Tile, place: Value, step: Value, left: Value, valid: Value) -> Value:
    """An element of each of `valid` neighbours; `left` says how much is left of the inner dimension."""
    lanes = tile.machine.lanes
    rows = []
    for k in range(tile.form.pair):
        mask = _below(f, lanes, f.select(left > k, valid, 0))
        rows.append(_read(f, tile.form, place.offset(step * k), lanes, mask))
    return rows[0] if tile.form.pair == 1 else _together(f, tile, rows)


def _together(f: Function, tile: Tile, rows: list[Value]) -> Value:
    """Elements of which each has those of all rows, one behind the other."""
    lanes = tile.machine.lanes
    in_turns = [side * lanes + k for k in range(lanes) for side in range(2)]
    while len(rows) > 1:
        both = [f.shuffle(a, b, in_turns) for a, b in zip(rows[::2], rows[1::2])]
        wider = {8: i16, 16: i32}[both[0].type.bits].vector(lanes)
        rows = [f.value(wider, f"bitcast {x} to {wider}") for x in both]
    return rows[0]


def _multiply_add(f: Function, tile: Tile, element: Value, vector: Value, total: Value) -> Value:
    way = tile.form.way
    if way == "single":
        return f.fma(element, vector, total)
    if way == "integer":
        return element * vector + total
    if way == "int8":
        return _times_bytes(f, tile, element, vector, total)
    if way == "int16":
        return f.call("llvm.x86.avx512.vpdpwssd.512", tile.total, total, vector, element)
    pairs = bf16.vector(2 * tile.machine.lanes)
    sides = [f.value(pairs, f"bitcast {side} to {pairs}") for side in (vector, element)]
    return f.call("llvm.x86.avx512bf16.dpbf16ps.512", tile.total, total, *sides)


def _times_bytes(f: Function, tile: Tile, element: Value, vector: Value, total: Value) -> Value:
    """The instruction takes bytes without a sign on one side: the left one, where 128 has been added."""
    return f.call("llvm.x86.avx512.vpdpbusd.512", tile.total, total, element, vector)


# ---- packing


def _moved_up(tile: Tile, vector: Value) -> Value:
    """Packed elements of the left side, with 128 added to bytes."""
    return vector ^ EACH_128 if tile.form.way == "int8" else vector


def _pack_left(kernel: Kernel, tile: Tile) -> None:
    """All panels of a block of rows: of each, vectors along the inner dimension, row under row."""
    m = tile.machine
    arguments = {"target": ptr, "source": ptr, "down": i64, "inner_step": i64, "inner": i64, "rows": i64}
    function = kernel.module.function("pack_left", exported=False, inline=False, **arguments, depth=i64)
    with function as f, f.loop(0, f.rows, tile.rows) as first:
        panel = f.target.offset(first * (f.depth * m.size))
        rows = f.minimum(f.rows - first, tile.rows)
        source = f.source.offset(first * f.down)
        with f.either(f.inner_step.equals(tile.size)) as (along, across):
            with along, f.loop(0, rows) as row:
                _copy_row(f, tile, source.offset(row * f.down), panel.offset(row * m.bytes))
            with across:
                _turn_rows(f, tile, source, panel, rows)


def _copy_row(f: Function, tile: Tile, source: Value, target: Value) -> None:
    """One row whose elements are neighbours; each vector of it goes a panel's height further."""
    step = tile.rows * tile.machine.bytes
    whole = f.inner // tile.run * tile.run
    with f.loop(0, whole, tile.run) as k:
        vector = _moved_up(tile, _along(f, tile, source.offset(k * tile.size), None))
        tile.machine.store(f, vector, target.offset(k // tile.run * step))
    with f.loop(whole, f.inner, tile.run) as k:
        vector = _moved_up(tile, _along(f, tile, source.offset(k * tile.size), f.inner - k))
        tile.machine.store(f, vector, target.offset(k // tile.run * step))


def _turn_rows(f: Function, tile: Tile, source: Value, panel: Value, rows: Value) -> None:
    """Rows that lie across the memory: squares are turned in registers."""
    m = tile.machine
    with f.loop(0, rows, m.lanes) as row, f.loop(0, f.inner, tile.run) as k:
        start = source.offset(row * tile.size + k * f.inner_step)
        square = []
        for j in range(m.lanes):
            skipped = j * tile.form.pair
            place = start.offset(f.inner_step * skipped)
            square.append(_across(f, tile, place, f.inner_step, f.inner - k - skipped, rows - row))
        target = panel.offset((k // tile.run * tile.rows + row) * m.bytes)
        for j, line in enumerate(transpose(f, square)):
            with f.when(row + j < rows):
                m.store(f, _moved_up(tile, line), target.offset(j * m.bytes))


def _pack_right(kernel: Kernel, tile: Tile) -> None:
    """One panel of columns: lines of an element of each column, one for each step of the inner dimension."""
    m = tile.machine
    arguments = {"target": ptr, "source": ptr, "inner_step": i64, "column_step": i64}
    sizes = {"inner": i64, "columns": i64, "depth": i64}
    with kernel.module.function("pack_right", exported=False, inline=False, **arguments, **sizes) as f:
        packed = (f.inner + (tile.form.pair - 1)) // tile.form.pair
        with f.loop(packed, f.depth) as k, f.loop(0, tile.line, m.bytes) as at:
            m.store(f, m.zero(f), f.target.offset(k * tile.line + at))
        with f.loop(0, f.columns, m.lanes) as column:
            target = f.target.offset(column * m.size)
            source = f.source.offset(column * f.column_step)
            left = f.columns - column
            with f.either(f.column_step.equals(tile.size)) as (straight, turned):
                with straight, f.loop(0, f.inner, tile.form.pair) as k:
                    place = source.offset(k * f.inner_step)
                    line = _across(f, tile, place, f.inner_step, f.inner - k, left)
                    m.store(f, line, target.offset(k // tile.form.pair * tile.line))
                with turned:
                    _turn_columns(f, tile, source, target, left, packed)
        if tile.form.way == "int8":
            _put_excess(f, tile)


def _put_excess(f: Function, tile: Tile) -> None:
    """Behind a panel, what its columns add less to a sum because 128 was added to the left side."""
    m = tile.machine
    for j in range(tile.vectors):
        total = f.variable(tile.total, 0)
        with f.loop(0, f.depth) as k:
            line = m.load(f, f.target.offset(k * tile.line), j * m.bytes)
            total.set(_times_bytes(f, tile, f.constant(m.vector, EACH_128), line, total.get()))
        m.store(f, 0 - total.get(), f.target.offset(f.depth * tile.line), j * m.bytes)


def _turn_columns(f: Function, tile: Tile, source: Value, target: Value, left: Value, packed: Value) -> None:
    m = tile.machine

    def square(k: Value, tail: bool) -> None:
        start, found = source.offset(k * tile.size), []
        for j in range(m.lanes):
            valid = f.select(left > j, f.inner - k, 0) if tail else None
            found.append(_along(f, tile, start.offset(f.column_step * j), valid))
        first = k // tile.form.pair
        for j, line in enumerate(transpose(f, found)):
            with f.when(first + j < packed):
                m.store(f, line, target.offset((first + j) * tile.line))

    whole = f.select(left < m.lanes, f.constant(i64, 0), f.inner // tile.run * tile.run)
    with f.loop(0, whole, tile.run) as k:
        square(k, False)
    with f.loop(whole, f.inner, tile.run) as k:
        square(k, True)


# ---- tasks


def _offset(words: Words, side: str, batch: Value) -> Value:
    """Where a matrix of the batch starts."""
    outer, inner = batch // words["batch_length"], batch % words["batch_length"]
    return outer * words[f"{side}_outer"] + inner * words[f"{side}_batch"]


def _part(f: Function, kernel: Kernel, words: Words) -> Value:
    """The first column of the present part."""
    return f.load(i64, kernel.scratch(f), PART_AT) * words["part_columns"]


def _pack_phase(kernel: Kernel, tile: Tile) -> None:
    """One panel of the right side, for all tasks."""
    with kernel.phase("pack", "packs") as (f, words, panel, _):
        column = _part(f, kernel, words) + panel * tile.columns
        with f.when(column < words["columns"]):
            target = kernel.scratch(f).offset(panel * words["panel_bytes"] + HEADER)
            _panel_of_columns(f, tile, words, target, words.pointer("b"), column)


def _panel_of_columns(f: Function, tile: Tile, words: Words, target: Value, b: Value, column: Value) -> None:
    columns = f.minimum(words["columns"] - column, tile.columns)
    steps = words["b_inner"], words["b_column"]
    source = b.offset(column * words["b_column"])
    f.call("pack_right", void, target, source, *steps, words["inner"], columns, words["depth"])


def _task_phase(kernel: Kernel, tile: Tile) -> None:
    """A block of rows times a block of columns of one matrix of the batch."""
    with kernel.phase("task", "tasks") as (f, words, number, mine):
        column_task, rest = number % words["column_tasks"], number // words["column_tasks"]
        row, batch = rest % words["row_tasks"] * words["task_rows"], rest // words["row_tasks"]
        part = _part(f, kernel, words)
        low = part + column_task * words["task_columns"]
        end = f.minimum(part + words["part_columns"], words["columns"])
        a, out, start = (
            words.pointer(side).offset(_offset(words, side, batch) + row * words[f"{side}_row"])
            for side in ("a", "out", "start")
        )
        b = words.pointer("b").offset(_offset(words, "b", batch))
        rows = f.minimum(words["rows"] - row, words["task_rows"])
        high = f.minimum(low + words["task_columns"], end)
        right = mine.offset((words["task_rows"] + tile.rows) * (words["depth"] * tile.machine.size))
        with f.when(low < high):
            steps = words["a_row"], words["a_inner"], words["inner"]
            f.call("pack_left", void, mine, a, *steps, rows, words["depth"])
        with f.loop(low, high, tile.columns) as column:
            panel = _right_panel(f, kernel, tile, words, b, column, part, right)
            at = column * MEMORY[tile.form.result].size
            given = f.select(words["start"].differs(0), start.offset(at), f.constant(ptr, 0))
            sizes = words["depth"], words["columns"] - column, rows
            f.call(
                "panel",
                void,
                mine,
                panel,
                out.offset(at),
                given,
                words["start_row"],
                words["out_row"],
                *sizes,
            )


def _right_panel(
    f: Function, kernel: Kernel, tile: Tile, words: Words, b: Value, column: Value, part: Value, own: Value
) -> Value:
    """The panel of some columns, packed now if it was not before."""
    before = (column - part) // tile.columns * words["panel_bytes"] + HEADER
    panel = f.variable(ptr, kernel.scratch(f).offset(before))
    with f.when(words["packs"].equals(0)):
        panel.set(own)
        _panel_of_columns(f, tile, words, own, b, column)
    return panel.get()


# ---- tiles


_PLACES = {"a": ptr, "b": ptr, "out": ptr, "first": ptr, "first_row": i64, "out_row": i64}
_SIZES = {"depth": i64, "columns": i64, "rows": i64}


def _function(kernel: Kernel, name: str):
    return kernel.module.function(name, exported=False, inline=False, **_PLACES, **_SIZES)


def _panel(kernel: Kernel, tile: Tile) -> None:
    """All rows of a block times one panel of columns: full tiles, then a lower one."""
    with _function(kernel, "panel") as f, f.loop(0, f.rows, tile.rows) as row:
        is_given = f.first.convert("ptrtoint", i64).differs(0)
        first = f.select(is_given, f.first.offset(row * f.first_row), f.first)
        a, out = f.a.offset(row * (f.depth * tile.machine.size)), f.out.offset(row * f.out_row)
        arguments = (a, f.b, out, first, f.first_row, f.out_row, f.depth, f.columns)
        matmul.choose_tile(f, tile, f.rows - row, arguments)


def _tile(kernel: Kernel, tile: Tile, height: int) -> None:
    """At most `height` rows of the result by the columns of a panel; sums start with what is at `first`."""
    m = tile.machine
    with _function(kernel, f"tile{height}") as f:
        sums = [[f.variable(tile.total, 0) for _ in range(tile.vectors)] for _ in range(height)]
        masks = [m.below(f, f.columns - j * m.lanes) for j in range(tile.vectors)]
        size = m.lanes * MEMORY[tile.form.result].size
        if tile.form.way == "int8":
            for row in sums:
                for j, total in enumerate(row):
                    total.set(m.load(f, f.b.offset(f.depth * tile.line), j * m.bytes))
        with f.when(f.first.convert("ptrtoint", i64).differs(0)):
            _start(f, tile, sums, masks, size)
        with f.loop(0, f.depth, tile.unroll) as k:
            a = f.a.offset(k // m.lanes * (tile.rows * m.bytes) + k % m.lanes * m.size)
            b = f.b.offset(k * tile.line)
            for u in range(tile.unroll):
                _step(f, tile, sums, a.offset(u * m.size), b.offset(u * tile.line))
        for i, row in enumerate(sums):
            with f.when(f.rows > i):
                for j, total in enumerate(row):
                    place = f.out.offset(f.out_row * i).offset(j * size)
                    store(f, _result(tile, total.get()), place, tile.form.result, masks[j])


def _start(f: Function, tile: Tile, sums: list, masks: list, size: int) -> None:
    for i, row in enumerate(sums):
        place = f.first.offset(f.select(f.rows > i, f.first_row, 0) * i)
        for j, total in enumerate(row):
            value = load(f, place.offset(j * size), tile.form.result, tile.machine.lanes, masks[j])
            total.set(value.convert("sext", total.type.scalar) if value.type is not total.type else value)


def _result(tile: Tile, total: Value) -> Value:
    """A sum as the result has it in a register: integers of few bits wrap round."""
    if total.type.kind == "float":
        return total
    wanted = MEMORY[tile.form.result]
    return total.convert("trunc", wanted) if wanted.bits < total.type.bits else total


def _step(f: Function, tile: Tile, sums: list, a: Value, b: Value) -> None:
    """One packed element of the inner dimension."""
    m = tile.machine
    right = [m.load(f, b, j * m.bytes) for j in range(tile.vectors)]
    for i, row in enumerate(sums):
        element = m.spread(f, a, i * m.bytes)
        for total, vector in zip(row, right):
            total.set(_multiply_add(f, tile, element, vector, total.get()))
