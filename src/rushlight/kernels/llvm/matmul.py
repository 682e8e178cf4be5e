"""Products of matrices: both sides packed in lines of one vector, a tile of the result in registers.

The innermost step is some vectors of the right side's columns times one element of each row of the left one,
spread over the lanes. A panel is what a tile sees of one side: rows of the left side in lines along the inner
dimension, or columns of the right side in lines across it. Baked in are the widths and the number of
registers; sizes, strides and the way of sharing the work are words of the call. What is to be done with each
element of the result is the body of an element-wise kernel, whose address is a word too: it works on what a
task has made while that lies in the caches.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Type, Value, i64, ptr, void
from .blocked import HEADER, LINE, Kernel, Machine, Words, transpose

UNROLL = 4
EPILOGUE_OPERANDS = 3  # the result, which is read too, and another array
PART_AT = HEADER - LINE  # where the number of the present part of the columns lies in the scratch

# the call's words: arrays, then sizes; bytes wherever a step or a place in memory is meant
WORDS = (
    *("out", "a", "b", "start", "extra", "factors"),  # the last two are what the epilogue reads besides
    *("scratch", "threads", "shared_bytes", "slot_bytes"),
    *("rows", "inner", "columns", "depth"),  # depth: how much of the inner dimension is packed at once
    *("a_row", "a_inner", "b_inner", "b_column", "out_row", "start_row"),
    *("batch_length", "a_outer", "a_batch", "b_outer", "b_batch"),  # a batch has two dimensions
    *("out_outer", "out_batch", "start_outer", "start_batch", "extra_outer", "extra_batch", "extra_row"),
    "epilogue",  # the address of a body, or 0
    *("parts", "part_columns", "packs", "panel_bytes"),
    *("tasks", "row_tasks", "task_rows", "column_tasks", "task_columns"),
)


class Tile:
    """The sizes of tiles and packed panels: `sums` registers for the sums, some vectors of columns wide."""

    def __init__(self, machine: Machine, sums: int, vectors: int) -> None:
        self.machine, self.vectors = machine, vectors
        self.rows = sums // vectors
        self.heights = sorted({self.rows, self.rows // 2 + 1, self.rows // 4 + 1})
        self.columns = vectors * machine.lanes
        self.line = vectors * machine.bytes  # of a packed panel of the right side
        self.unroll = min(UNROLL, machine.lanes)

    def padded(self, depth: Value) -> Value:
        """How deep panels are when packed; what was added is zero."""
        return (depth + (self.unroll - 1)) & -self.unroll

    def row_bytes(self, depth: Value) -> Value:
        """Of one row of the left side when packed."""
        return ((depth + (self.machine.lanes - 1)) & -self.machine.lanes) * self.machine.size


def matmul_ir(dtype: str, vector_bytes: int, sums: int, vectors: int) -> str:
    """The module with `run(block)`."""
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    tile = Tile(kernel.machine, sums, vectors)
    tile_functions(kernel, tile)
    _panel(kernel, tile)
    pack_lines_function(kernel)
    _pack_phase(kernel, tile)
    _task_phase(kernel, tile)
    return _finish(kernel)


def _finish(kernel: Kernel) -> str:
    """For each part of the columns: the right side is packed, then multiplied."""
    with kernel.module.function("run", block=ptr) as f, f.loop(0, kernel.words(f)["parts"]) as part:
        f.store(part, kernel.scratch(f), PART_AT)
        kernel.run_phases(f)
    return kernel.module.text()


def _offset(words: Words, side: str, batch: Value) -> Value:
    """Where a matrix of the batch starts."""
    outer, inner = batch // words["batch_length"], batch % words["batch_length"]
    return outer * words[f"{side}_outer"] + inner * words[f"{side}_batch"]


def _part(f: Function, kernel: Kernel, words: Words) -> Value:
    """The first column of the present part."""
    return f.load(i64, kernel.scratch(f), PART_AT) * words["part_columns"]


# ---- packing


def pack_lines_function(kernel: Kernel) -> None:
    """Lines below each other from a matrix with a step `down` to the next line and `across` to the next lane.

    One of the two steps is that from an element to its neighbour. Of `count` lines those from `valid` on are
    zero, as are lanes from `lanes` on. A line is parted into vectors that lie `chunk_step` apart.
    """
    m = kernel.machine
    places = {"target": ptr, "line_step": i64, "chunk_step": i64, "source": ptr, "down": i64, "across": i64}
    sizes = {"count": i64, "valid": i64, "lanes": i64}
    function = kernel.module.function("pack_lines", exported=False, inline=False, **places, **sizes)
    with function as f, f.either(f.across.equals(m.size)) as (along, across):
        with along:
            _copy_lines(f, m)
        with across, f.loop(0, f.lanes, m.lanes) as lane:
            target = f.target.offset(lane // m.lanes * f.chunk_step)
            _turn_lines(f, m, target, f.source.offset(lane * f.across), f.lanes - lane)


def pack_lines(f: Function, target: Value, steps: tuple, source: Value, strides: tuple, sizes: tuple) -> None:
    """Steps go to the target's next line and chunk, strides down and across; sizes are lines and lanes."""
    f.call("pack_lines", void, target, *steps, source, *strides, *sizes)


def _copy_lines(f: Function, m: Machine) -> None:
    with f.loop(0, f.count) as line:
        source, target = f.source.offset(line * f.down), f.target.offset(line * f.line_step)
        lanes = f.select(line < f.valid, f.lanes, 0)
        with f.loop(0, f.lanes, m.lanes) as lane:
            vector = m.load(f, source.offset(lane * m.size), 0, m.below(f, lanes - lane))
            m.store(f, vector, target.offset(lane // m.lanes * f.chunk_step))


def _turn_lines(f: Function, m: Machine, target: Value, source: Value, left: Value) -> None:
    """Lines that lie across the memory: squares are turned in registers."""

    def square(line: Value, tail: bool) -> None:
        here, rows = source.offset(line * m.size), []
        for k in range(m.lanes):
            inside = m.below(f, f.select(left > k, f.valid - line, 0)) if tail else None
            rows.append(m.load(f, here.offset(f.across * k), 0, inside))
        for k, column in enumerate(transpose(f, rows)):
            with f.when(line + k < f.count):
                m.store(f, column, target.offset((line + k) * f.line_step))

    whole = f.select(left < m.lanes, f.constant(i64, 0), f.valid & -m.lanes)
    with f.loop(0, whole, m.lanes) as line:
        square(line, False)
    with f.loop(whole, f.count, m.lanes) as line:
        square(line, True)


def _pack_phase(kernel: Kernel, tile: Tile) -> None:
    """One panel of the right side, for all tasks."""
    with kernel.phase("pack", "packs") as (f, words, panel, _):
        column = _part(f, kernel, words) + panel * tile.columns
        with f.when(column < words["columns"]):
            source = words.pointer("b").offset(column * words["b_column"])
            target = kernel.scratch(f).offset(panel * words["panel_bytes"] + HEADER)
            _pack_right(f, tile, words, target, source, words["inner"], column)


def _pack_right(
    f: Function, tile: Tile, words: Words, target: Value, source: Value, depth: Value, column: Value
) -> None:
    steps = f.constant(i64, tile.line), f.constant(i64, tile.machine.bytes)
    strides = words["b_inner"], words["b_column"]
    lanes = f.minimum(words["columns"] - column, tile.columns)
    pack_lines(f, target, steps, source, strides, (tile.padded(depth), depth, lanes))


def _pack_left(
    f: Function, tile: Tile, words: Words, target: Value, source: Value, depth: Value, rows: Value
) -> None:
    """All panels of a block of rows."""
    m = tile.machine
    down, across = words["a_row"], words["a_inner"]
    with f.loop(0, rows, tile.rows) as row:
        lines = f.minimum(rows - row, tile.rows)
        into, start = target.offset(row * tile.row_bytes(depth)), source.offset(row * down)
        steps = f.constant(i64, m.bytes), f.constant(i64, tile.rows * m.bytes)
        pack_lines(f, into, steps, start, (down, across), (lines, lines, depth))


# ---- tasks


class _Task(NamedTuple):
    """What a task works on: a block of rows times a block of columns of one matrix of the batch."""

    a: Value
    b: Value
    out: Value
    start: Value
    extra: Value
    rows: Value
    part: Value  # the first column of those that were packed for all tasks
    low: Value
    high: Value
    scratch: Value
    shared: Value


def _task_phase(kernel: Kernel, tile: Tile) -> None:
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, number, mine):
        column_task, rest = number % words["column_tasks"], number // words["column_tasks"]
        row, batch = rest % words["row_tasks"] * words["task_rows"], rest // words["row_tasks"]
        part = _part(f, kernel, words)
        low = part + column_task * words["task_columns"]
        end = f.minimum(part + words["part_columns"], words["columns"])
        places = [
            words.pointer(side).offset(_offset(words, side, batch) + row * words[f"{side}_row"])
            for side in ("a", "out", "start", "extra")
        ]
        b = words.pointer("b").offset(_offset(words, "b", batch))
        rows = f.minimum(words["rows"] - row, words["task_rows"])
        high = f.minimum(low + words["task_columns"], end)
        for j in range(tile.vectors):  # what sums start from
            m.store(f, m.zero(f), mine, j * m.bytes)
        shared = kernel.scratch(f).offset(HEADER)
        a, out, start, extra = places
        task = _Task(a, b, out, start, extra, rows, part, low, high, mine, shared)
        _multiply(f, tile, words, task)
        with f.when(words["epilogue"].differs(0) & (high > low)):
            _finish_task(f, tile, words, task)


def _multiply(f: Function, tile: Tile, words: Words, task: _Task) -> None:
    """Piece by piece of the inner dimension: all rows of the task packed, then panel by panel of columns."""
    left = task.scratch.offset((words["depth"] + 1) * tile.line)
    done = f.variable(i64, 0)
    with f.forever() as pieces:
        k = done.get()
        pieces.leave_if(k >= words["inner"])
        depth = f.minimum(words["inner"] - k, words["depth"])
        _pack_left(f, tile, words, left, task.a.offset(k * words["a_inner"]), depth, task.rows)
        with f.loop(task.low, task.high, tile.columns) as column:
            right = _right_panel(f, tile, words, task, k, depth, column)
            at = column * tile.machine.size
            first, first_row = _first(f, words, task, k, at)
            out, steps = task.out.offset(at), (first_row, words["out_row"])
            sizes = tile.padded(depth), words["columns"] - column, task.rows, tile.row_bytes(depth)
            f.call("panel", void, left, right, out, first, *steps, *sizes)
        done.set(k + depth)


def _finish_task(f: Function, tile: Tile, words: Words, task: _Task) -> None:
    """The epilogue on what a task has made: at once where rows follow each other, else row by row."""
    size, row_step = tile.machine.size, words["out_row"]
    width = task.high - task.low
    alone = words["extra"].equals(0) | words["extra_row"].equals(row_step)
    whole = (width * size).equals(row_step) & alone
    count = f.select(whole, width * task.rows, width)
    places, masks = f.stack(8 * EPILOGUE_OPERANDS, 8), f.stack(8 * EPILOGUE_OPERANDS, 8)
    for k in range(EPILOGUE_OPERANDS):
        f.store(f.constant(i64, -1), masks, 8 * k)
    with f.loop(0, f.select(whole, f.constant(i64, 1), task.rows)) as row:
        out = task.out.offset(task.low * size + row * row_step)
        extra = task.extra.offset(task.low * size + row * words["extra_row"])
        for k, place in enumerate((out, out, extra)):
            f.store(place, places, 8 * k)
        f.call_pointer(words.pointer("epilogue"), void, places, masks, words.pointer("factors"), count)


def _right_panel(
    f: Function, tile: Tile, words: Words, task: _Task, k: Value, depth: Value, column: Value
) -> Value:
    """The panel of some columns, packed now if it was not before."""
    before = (column - task.part) // tile.columns * words["panel_bytes"] + k * tile.line
    panel = f.variable(ptr, task.shared.offset(before))
    with f.when(words["packs"].equals(0)):
        panel.set(task.scratch.offset(tile.line))
        source = task.b.offset(k * words["b_inner"] + column * words["b_column"])
        _pack_right(f, tile, words, panel.get(), source, depth, column)
    return panel.get()


def _first(f: Function, words: Words, task: _Task, k: Value, at: Value) -> tuple[Value, Value]:
    """Where the sums of some columns start, and the step to the next row: what is there, `start` or zero."""
    first, row = f.variable(ptr, task.out.offset(at)), f.variable(i64, words["out_row"])
    with f.when(k.equals(0)), f.either(words["start"].differs(0)) as (given, none):
        with given:
            first.set(task.start.offset(at))
            row.set(words["start_row"])
        with none:
            first.set(task.scratch)
            row.set(0)
    return first.get(), row.get()


# ---- tiles


_PLACES = {"a": ptr, "b": ptr, "out": ptr, "first": ptr, "first_row": i64, "out_row": i64}
_SIZES = {"depth": i64, "columns": i64, "rows": i64}


def _function(kernel: Kernel, name: str, **more: Type):
    return kernel.module.function(name, exported=False, inline=False, **_PLACES, **_SIZES, **more)


def _panel(kernel: Kernel, tile: Tile) -> None:
    """All rows of a block times one panel of columns: full tiles, then a lower one."""
    with _function(kernel, "panel", row_bytes=i64) as f, f.loop(0, f.rows, tile.rows) as row:
        a, out, first = (
            place.offset(row * step)
            for place, step in ((f.a, f.row_bytes), (f.out, f.out_row), (f.first, f.first_row))
        )
        sizes = f.first_row, f.out_row, f.depth, f.columns
        choose_tile(f, tile, f.rows - row, (a, f.b, out, first, *sizes))


def choose_tile(f: Function, tile: Tile, left: Value, arguments: tuple, number: int = 0) -> None:
    """Runs the lowest tile with room for all rows, or the highest there is."""
    height = tile.heights[number]
    if number + 1 == len(tile.heights):
        f.call(f"tile{height}", void, *arguments, left)
        return
    with f.either(left <= height) as (fits, higher):
        with fits:
            f.call(f"tile{height}", void, *arguments, left)
        with higher:
            choose_tile(f, tile, left, arguments, number + 1)


def tile_functions(kernel: Kernel, tile: Tile) -> None:
    for height in tile.heights:
        _tile(kernel, tile, height)


def _tile(kernel: Kernel, tile: Tile, height: int) -> None:
    """At most `height` rows of the result by the columns of a panel; sums start with what is at `first`."""
    m = kernel.machine
    with _function(kernel, f"tile{height}") as f:
        sums = [[f.variable(m.vector) for _ in range(tile.vectors)] for _ in range(height)]
        masks = [m.below(f, f.columns - j * m.lanes) for j in range(tile.vectors)]
        for i, row in enumerate(sums):
            place = f.first.offset(f.select(f.rows > i, f.first_row, 0) * i)
            for j, total in enumerate(row):
                total.set(m.load(f, place, j * m.bytes, masks[j]))
        with f.loop(0, f.depth, tile.unroll) as k:
            a = f.a.offset(k // m.lanes * (tile.rows * m.bytes) + k % m.lanes * m.size)
            b = f.b.offset(k * tile.line)
            for u in range(tile.unroll):
                _step(f, tile, sums, a.offset(u * m.size), b.offset(u * tile.line))
        for i, row in enumerate(sums):
            with f.when(f.rows > i):
                for j, total in enumerate(row):
                    m.store(f, total.get(), f.out.offset(f.out_row * i), j * m.bytes, masks[j])


def _step(f: Function, tile: Tile, sums: list, a: Value, b: Value) -> None:
    """One element of the inner dimension."""
    m = tile.machine
    right = [m.load(f, b, j * m.bytes) for j in range(tile.vectors)]
    for i, row in enumerate(sums):
        element = m.spread(f, a, i * m.bytes)
        for total, vector in zip(row, right):
            total.set(f.fma(element, vector, total.get()))
