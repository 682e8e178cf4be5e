"""What kernels on blocks of channels share: words of a call, tasks for threads, transposes, padded copies.

A block of channels is as many as a vector has lanes. Planes of channels, as they lie in NCHW, are turned into
rows of one vector a pixel and back by transposing squares in registers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager

from ...runtime import pool
from ...runtime.ir import Function, Module, Type, Value, bf16, f32, f64, i1, i32, i64, lane_numbers, ptr, void
from .lowering import load, store

LINE = 64
MOST_PHASES = 8  # parallel phases of one kernel: each has a line for its round, or the place of its tasks
MOST_RANGES = 32  # that the tasks of a phase are parted into: one for each slot, if these are not more
HEADER = LINE * MOST_PHASES
GROUP_STEPS = ("group_out", "group_x", "group_other", "group_bias")  # bytes to the next group of channels
GROUP_WORDS = ("groups", *GROUP_STEPS)
EPILOGUE = ("epilogue", "vectors", "vector_row")  # a body's address or 0; an array or 0, bytes of its rows
VECTORS = 3  # rows of it: numbers for each channel
COPIES = 4  # vectors that a body reads side by side
GROUP_NUMBER = HEADER - 2 * LINE  # where the number of the next group is
SCALARS = {"float32": f32, "float64": f64, "int32": i32, "int64": i64}


class Machine:
    """The type and the vectors that the code is written for."""

    def __init__(self, dtype: str, vector_bytes: int) -> None:
        self.dtype, self.scalar = dtype, SCALARS[dtype]
        self.size = self.scalar.size
        self.lanes = vector_bytes // self.size
        self.vector: Type = self.scalar.vector(self.lanes)
        self.bytes = vector_bytes

    def load(self, f: Function, place: Value, offset=0, mask: Value | None = None) -> Value:
        return load(f, place.offset(offset), self.dtype, self.lanes, mask)

    def store(self, f: Function, value: Value, place: Value, offset=0, mask: Value | None = None) -> None:
        store(f, value, place.offset(offset), self.dtype, mask)

    def spread(self, f: Function, place: Value, offset=0) -> Value:
        """One element of memory in all lanes."""
        return f.splat(f.load(self.scalar, place, offset), self.lanes)

    def zero(self, f: Function) -> Value:
        return f.constant(self.vector, 0)

    def below(self, f: Function, count: Value) -> Value:
        """The mask of the lanes below `count`, which may be negative or more than there are."""
        numbers = lane_numbers(i32.vector(self.lanes))
        limit = f.splat(count.convert("trunc", i32), self.lanes)
        return f.value(i1.vector(self.lanes), f"icmp slt {numbers}, {limit.text}")


# ---- calls


class Words:
    """The words of a call by name, inside a function whose argument is `block`."""

    def __init__(self, f: Function, names: Sequence[str]) -> None:
        self.f, self.names = f, names

    def __getitem__(self, name: str) -> Value:
        return self.f.load(i64, self.f.block, 8 * self.names.index(name))

    def pointer(self, name: str) -> Value:
        return self.f.load(ptr, self.f.block, 8 * self.names.index(name))

    def table(self, name: str, k: Value) -> Value:
        """Word `k` from `name` on."""
        return self.f.load(i64, self.f.block.offset((k + self.names.index(name)) * 8))


class Kernel:
    """A module with an exported `run(block)` of phases whose tasks the pool's threads share."""

    def __init__(self, machine: Machine, names: Sequence[str]) -> None:
        self.machine, self.names, self.module = machine, tuple(names), Module()
        self.phases: list[tuple[str, str, bool]] = []  # body, the word with the number of tasks or rounds

    def words(self, f: Function) -> Words:
        return Words(f, self.names)

    def scratch(self, f: Function) -> Value:
        """The call's scratch from its first line on."""
        place = self.words(f)["scratch"]
        return ((place + (LINE - 1)) & -LINE).convert("inttoptr", ptr)

    @contextmanager
    def phase(self, name: str, count: str):
        """The body of one task: yields the function, its words, the task's number and the slot's scratch.

        As many slots run at once as the call has `threads`, each with `slot_bytes` of scratch of its own. A
        slot has a range of the tasks, the same part of them in each phase and each call: what a thread made
        is then mostly read by itself, which counts where threads share no cache. When it is through with
        its own range it helps with the others'.
        """
        number = len(self.phases)
        self.phases.append((name, count, False))
        with self.module.function(name, exported=False, block=ptr, slot=i64, thread=i64) as f:
            words, scratch = self.words(f), self.scratch(f)
            mine = scratch.offset(words["shared_bytes"] + f.slot * words["slot_bytes"])
            ranges, taken = _ranges(f, words), f.load(ptr, scratch, number * LINE)
            with f.loop(0, ranges) as step, f.forever() as tasks:
                owner = (f.slot + step) % ranges
                task = f.atomic("add", taken.offset(owner * LINE), 1, "monotonic")
                tasks.leave_if(task >= _start_of_range(words, count, owner + 1, ranges))
                yield f, words, task, mine

    @contextmanager
    def rounds(self, name: str, count: str):
        """What each slot does in each round: yields the function, its words, the slot and the round.

        All slots are through with a round before the next one begins.
        """
        number = len(self.phases)
        self.phases.append((name, count, True))
        with self.module.function(name, exported=False, block=ptr, slot=i64, thread=i64) as f:
            yield f, self.words(f), f.slot, f.load(i64, self.scratch(f), number * LINE)

    def run_phases(self, f: Function) -> None:
        """One phase after the other."""
        for number in range(len(self.phases)):
            self.run_phase(f, number)

    def run_phase(self, f: Function, number: int) -> None:
        (name, count, in_rounds), words, scratch = self.phases[number], self.words(f), self.scratch(f)
        body, place = Value(f, ptr, f"@{name}"), scratch.offset(number * LINE)
        if in_rounds:
            with f.loop(0, words[count]) as k:
                f.store(k, place)
                f.call(pool.PARALLEL_FOR, void, body, f.block, words["threads"])
            return
        taken = f.stack(MOST_RANGES * LINE)
        with f.when(words[count] > 0):
            ranges = _ranges(f, words)
            with f.loop(0, ranges) as k:
                f.store(_start_of_range(words, count, k, ranges), taken.offset(k * LINE))
            f.store(taken, place)
            f.call(pool.PARALLEL_FOR, void, body, f.block, words["threads"])

    def finish(self, run: Callable[[Function], None] | None = None) -> str:
        """The module's text; `run` writes a call's phases where they do not simply follow each other."""
        with self.module.function("run_group", exported=False, inline=False, block=ptr) as f:
            (run or self.run_phases)(f)
        if "groups" in self.names:
            self._slot_of_groups()
        with self.module.function("run", block=ptr) as f:
            self._run_groups(f)
        return self.module.text()

    def _run_groups(self, f: Function) -> None:
        """Groups of channels one after the other, or, where `threads` is less than none, in so many slots."""
        if "groups" not in self.names:
            f.call("run_group", void, f.block)
            return
        words = self.words(f)
        with f.either(words["threads"] < 0) as (in_slots, one_by_one):
            with in_slots:
                f.store(f.constant(i64, 0), self.scratch(f), GROUP_NUMBER)
                f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@groups"), f.block, 0 - words["threads"])
            with one_by_one, f.loop(0, words["groups"]):
                f.call("run_group", void, f.block)
                self._move_to_group(f, f.block, f.constant(i64, 1), f.block)

    def _slot_of_groups(self) -> None:
        """Takes group after group, with words and scratch of its own."""
        with self.module.function("groups", exported=False, block=ptr, slot=i64, thread=i64) as f:
            words, scratch, own = self.words(f), self.scratch(f), f.stack(8 * len(self.names))
            for k in range(len(self.names)):
                f.store(f.load(i64, f.block, 8 * k), own, 8 * k)
            step = words["shared_bytes"] + words["slot_bytes"] + LINE
            f.store(scratch.offset(f.slot * step + HEADER), own, 8 * self.names.index("scratch"))
            f.store(f.constant(i64, 1), own, 8 * self.names.index("threads"))
            with f.forever() as groups:
                group = f.atomic("add", scratch.offset(GROUP_NUMBER), 1, "monotonic")
                groups.leave_if(group >= words["groups"])
                self._move_to_group(f, f.block, group, own)
                f.call("run_group", void, own)

    def _move_to_group(self, f: Function, source: Value, number: Value, target: Value) -> None:
        words = self.words(f)
        for k, step in enumerate(GROUP_STEPS):
            address = f.load(i64, source, 8 * k)
            moved = address + words[step] * number
            f.store(f.select(address.equals(0), address, moved), target, 8 * k)


def _ranges(f: Function, words: Words) -> Value:
    return f.minimum(words["threads"], MOST_RANGES)


def _start_of_range(words: Words, count: str, number: Value, ranges: Value) -> Value:
    return number * words[count] // ranges


def finish(
    f: Function, m: Machine, words: Words, place: Value, pixels: Value, first: Value, valid: Value
) -> None:
    """Runs the epilogue, if there is one, on pixels of a block of channels in scratch.

    What it reads besides are numbers for each channel: of those from `first` on, of which `valid` exist.
    """
    with f.when(words["epilogue"].differs(0)):
        count = 2 + VECTORS  # the result, what is read of it, and the numbers
        places, masks = f.stack(8 * count, 8), f.stack(8 * count, 8)
        for at in (0, 8):
            f.store(place, places, at)
            f.store(f.constant(i64, -1), masks, at)
        with f.when(words["vectors"].differs(0)):
            mask = m.below(f, valid)
            for k in range(VECTORS):
                row = words.pointer("vectors").offset(words["vector_row"] * k + first * m.size)
                vector, repeated = m.load(f, row, 0, mask), f.stack(COPIES * m.bytes)
                for copy in range(COPIES):
                    m.store(f, vector, repeated, copy * m.bytes)
                f.store(repeated, places, 8 * (2 + k))
                f.store(f.constant(i64, 0), masks, 8 * (2 + k))  # the same place for each pixel
        f.call_pointer(words.pointer("epilogue"), void, places, masks, place, pixels * m.lanes)


def add_product(f: Function, pairs: bool, a: Value, b: Value, total: Value) -> Value:
    """`a * b + total`; or both products of each pair of bfloat16, by the processor's instruction for that."""
    if not pairs:
        return f.fma(a, b, total)
    wide = bf16.vector(2 * total.type.lanes)
    sides = [f.value(wide, f"bitcast {side} to {wide}") for side in (a, b)]
    return f.call("llvm.x86.avx512bf16.dpbf16ps.512", total.type, total, *sides)


# ---- squares in registers


def transpose(f: Function, rows: list[Value]) -> list[Value]:
    """The columns of a square of vectors."""
    inside = 16 // rows[0].type.scalar.size  # elements in each 128 bits
    squares = [_in_parts(f, rows[k : k + inside], inside, 1) for k in range(0, len(rows), inside)]
    columns = [_across(f, list(parts), inside) for parts in zip(*squares)]
    return [columns[k % inside][k // inside] for k in range(len(rows))]


def _in_parts(f: Function, rows: list[Value], inside: int, width: int) -> list[Value]:
    """The columns of the small squares that lie in each 128 bits of as many rows."""
    if len(rows) == 1:
        return rows
    lows, highs = (
        [f.shuffle(a, b, _interleaved(a.type.lanes, inside, width, start)) for a, b in pairs(rows)]
        for start in (0, inside // 2)
    )
    return _in_parts(f, lows, inside, 2 * width) + _in_parts(f, highs, inside, 2 * width)


def _interleaved(lanes: int, inside: int, width: int, start: int) -> list[int]:
    """Half of each 128 bits of two vectors, `width` lanes of one and of the other in turns."""
    half = range(start, start + inside // 2, width)
    part = [k + j + side for k in half for side in (0, lanes) for j in range(width)]
    return [base + k for base in range(0, lanes, inside) for k in part]


def _across(f: Function, rows: list[Value], inside: int) -> list[Value]:
    """The columns of squares whose elements are 128 bits."""
    if len(rows) == 1:
        return rows
    lanes = rows[0].type.lanes
    even, odd = (
        [
            f.shuffle(a, b, [p + k for p in range(first, 2 * lanes, 2 * inside) for k in range(inside)])
            for a, b in pairs(rows)
        ]
        for first in (0, inside)
    )
    found = zip(_across(f, even, inside), _across(f, odd, inside))
    return [column for both in found for column in both]


def pairs(things: list) -> list[tuple]:
    return list(zip(things[::2], things[1::2]))


# ---- planes to blocks and back


def read_planes(
    f: Function,
    m: Machine,
    place: Value,
    pitch: Value,
    count: Value,
    valid: Value | None,
    put: Callable,
    ahead: Value | int = 0,
) -> None:
    """`put(pixel, vector)` for `count` pixels: the block's channels in the lanes.

    Of these the first `valid` exist; None stands for all. Memory is asked for what lies `ahead`, in bytes.
    """
    steps = _steps(f, m, pitch, valid)

    def square(pixel: Value, tail: bool) -> None:
        start = place.offset(pixel * m.size)
        inside = _masks(f, m, count - pixel, valid) if tail else [None] * m.lanes
        rows = [m.load(f, start.offset(steps[c]), 0, inside[c]) for c in range(m.lanes)]
        for step in steps if ahead else ():
            f.prefetch(start.offset(step).offset(ahead))
        for k, column in enumerate(transpose(f, rows)):
            put(pixel + k, column)

    _squares(f, m, count, valid, square)


def write_planes(
    f: Function, m: Machine, get: Callable, place: Value, pitch: Value, count: Value, valid: Value | None
) -> None:
    """Puts `get(pixel)`, vectors of a block of channels, into the planes of those that exist."""
    steps = _steps(f, m, pitch, valid)

    def square(pixel: Value, tail: bool) -> None:
        start = place.offset(pixel * m.size)
        inside = _masks(f, m, count - pixel, valid) if tail else [None] * m.lanes
        for c, row in enumerate(transpose(f, [get(pixel + k) for k in range(m.lanes)])):
            m.store(f, row, start.offset(steps[c]), 0, inside[c])

    _squares(f, m, count, valid, square)


def _steps(f: Function, m: Machine, pitch: Value, valid: Value | None) -> list[Value]:
    """How far each channel is from the first. Where one does not exist nothing is touched, but a processor
    is slow to find that out for a page that is not there: its place is that of the last that does.
    """
    if valid is None:
        return [pitch * c for c in range(m.lanes)]
    return [pitch * f.minimum(f.constant(i64, c), valid - 1) for c in range(m.lanes)]


def _masks(f: Function, m: Machine, left: Value, valid: Value | None) -> Sequence[Value]:
    """For each channel of a block which pixels of a square are there, of `left`."""
    if valid is None:
        return [m.below(f, left)] * m.lanes
    return [m.below(f, f.select(valid > c, left, 0)) for c in range(m.lanes)]


def _squares(f: Function, m: Machine, count: Value, valid: Value | None, square: Callable) -> None:
    """`square(pixel, tail)` for each square; those that are not full are tails."""
    whole = count & -m.lanes
    if valid is not None:
        whole = f.select(valid < m.lanes, f.constant(i64, 0), whole)
    with f.loop(0, whole, m.lanes) as pixel:
        square(pixel, False)
    with f.loop(whole, count, m.lanes) as pixel:
        square(pixel, True)


# ---- padded copies


def copy_padded(f: Function, m: Machine, source: Value, target: Value, rows: Value, shape: Padding) -> None:
    """Rows of a plane, from `shape.first` on, with zeros around what lies in it.

    A row of the copy ends anywhere up to a vector further than its pitch: the next one is written over it.
    """
    with f.loop(0, rows) as r:
        row = r + shape.first
        is_inside = row.compare("ult", shape.height)
        near = f.select(is_inside, row, 0)
        start = source.offset((near * shape.width - shape.left) * m.size)
        into = target.offset(r * shape.pitch)
        width = f.select(is_inside, shape.width, 0)
        with f.loop(0, shape.pitch, m.bytes) as at:
            column = at // m.size - shape.left
            mask = m.below(f, width - column) & (m.below(f, 0 - column) ^ 1)
            m.store(f, m.load(f, start.offset(at), 0, mask), into.offset(at))


class Padding:
    """Sizes of a plane, and how its padded copy lies: what is left of it, first row, bytes of a row."""

    def __init__(self, height: Value, width: Value, left: Value, first: Value, pitch: Value) -> None:
        self.height, self.width, self.left, self.first, self.pitch = height, width, left, first, pitch
