"""A recurrent layer over whole sequences: one product with the inputs of all times, then the steps.

The steps of some sequences are one task: nothing waits for another thread until the last time is done. Rows
of all times lie one after another; `places` says where those of a step begin, `sizes` how many run then.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ...runtime.ir import Function, Value, i1, i64, ptr, void
from . import recurrent_cells as cells
from .blocked import HEADER, Kernel, Machine, Words
from .products import block_size, define_dots, define_product, pack_rows

ROWS_OF_A_TASK = 48
ROW_WORDS = (
    *("group_rows", "group_tasks", "x_group", "x_row", "row_group", "row_step"),
    *("x_unit", "x_time", "x_sequence"),
)
WORDS = (
    *("x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0", "out", "hn", "cn", "gates", "cells"),
    *("places", "sizes", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("steps", "batch", "features", "hidden", "rows", "part_rows", "keep"),
    *(
        "packs",
        "row_tasks",
        "parts",
        "rounds",
        "span",
        "fused",
        "near",
        "packed_across",
        "starts",
        *ROW_WORDS,
    ),
)


def recurrent_ir(dtype: str, vector_bytes: int, kind: str, whole: bool, few: bool) -> str:
    """`whole`: is the hidden size a multiple of the lanes? Then nothing is masked.

    `few`: are there so few rows that weights are read as they lie?
    """
    layer = Layer(Machine(dtype, vector_bytes), WORDS, kind, whole, few)
    define = define_dots if few else define_product
    define(layer.kernel.module, layer.machine)
    _step(layer)
    _pack(layer)
    if not few:
        _project(layer)
    _one_time(layer)
    if not few:
        _steps(layer)
    _spans(layer)
    return layer.kernel.finish()


class Layer:
    """What the kernels of a layer share: its kind, and where things lie."""

    def __init__(
        self, machine: Machine, names: Sequence[str], kind: str, whole: bool, few: bool = False
    ) -> None:
        self.machine, self.kernel = machine, Kernel(machine, names)
        self.name, self.kind, self.whole, self.few = kind, cells.KINDS[kind], whole, few
        self.has_memory = kind == "lstm"

    def blocks(self, words: Words) -> Value:
        """Vectors that hold a state."""
        return (words["hidden"] + (self.machine.lanes - 1)) // self.machine.lanes

    def width(self, words: Words) -> Value:
        """Bytes of a state in whole vectors."""
        return self.blocks(words) * self.machine.bytes

    def mask(self, f: Function, words: Words, at: Value) -> Value | None:
        """Which elements of the vector `at` bytes from the start of a state exist."""
        if self.whole:
            return None
        return self.machine.below(f, words["hidden"] - at // self.machine.size)

    def pitch(self, words: Words) -> Value:
        """Bytes of a state as users see it."""
        return words["hidden"] * self.machine.size


def choose(f: Function, number: Value, numbers: Sequence[int]) -> Value:
    """The entry of a small table."""
    found = f.constant(i64, numbers[0])
    for k, entry in enumerate(numbers[1:], 1):
        found = f.select(number.equals(k), entry, found)
    return found


@contextmanager
def when_given(f: Function, words: Words, name: str):
    """Inside, the array of that name is there; yields where."""
    with f.when(words[name].differs(0)):
        yield words.pointer(name)


def _pack(layer: Layer) -> None:
    """Both weights as columns of a slot each, and the biases of all slots as one row."""
    m, kind = layer.machine, layer.kind
    with layer.kernel.phase("pack", "packs") as (f, words, task, _):
        blocks, scratch = layer.blocks(words), layer.kernel.scratch(f)
        slot, block = task // blocks, task % blocks
        if not layer.few:
            _pack_block(f, layer, words, task, slot, block)
        with f.when(slot < kind.slots):
            start = _bias(f, layer, words, slot, block)
            m.store(f, start, scratch.offset(words["starts"] + task * m.bytes))


def _pack_block(f: Function, layer: Layer, words: Words, task: Value, slot: Value, block: Value) -> None:
    m, kind = layer.machine, layer.kind
    blocks, hidden, scratch = layer.blocks(words), words["hidden"], layer.kernel.scratch(f)
    is_inward = slot < len(kind.inward)
    inner = f.select(is_inward, words["features"], hidden)
    size, before = block_size(m, inner), blocks * len(kind.inward)
    at = f.select(is_inward, task * size + HEADER, (task - before) * size + words["packed_across"])
    row = choose(f, slot, kind.inward + kind.across) * hidden + block * m.lanes
    weight = f.select(is_inward, words.pointer("w_ih"), words.pointer("w_hh"))
    source = weight.offset(row * inner * m.size)
    pack_rows(f, m, source, hidden - block * m.lanes, inner, scratch.offset(at))


def _bias(f: Function, layer: Layer, words: Words, slot: Value, block: Value) -> Value:
    """What the sums of a block start from."""
    m, kind = layer.machine, layer.kind
    total = f.variable(m.vector, 0)
    mask = m.below(f, words["hidden"] - block * m.lanes)
    first = kind.first_across
    sides = (
        ("b_ih", slot < len(kind.inward), choose(f, slot, kind.inward)),
        ("b_hh", slot >= first, choose(f, slot - first, kind.across)),
    )
    for name, has_it, gate in sides:
        with f.when(has_it & words[name].differs(0)):
            at = (gate * words["hidden"] + block * m.lanes) * m.size
            total.set(total.get() + m.load(f, words.pointer(name), at, mask))
    return total.get()


class Rows:
    """Some rows of the input, as they lie in memory, and which of all rows they are.

    They come in groups, the rows of one time or those of one sequence, with a fixed step from each to the
    next.
    """

    def __init__(self, f: Function, words: Words, task: Value) -> None:
        group, low = task // words["group_tasks"], task % words["group_tasks"] * ROWS_OF_A_TASK
        self.count = f.minimum(words["group_rows"] - low, ROWS_OF_A_TASK)
        self.x = words.pointer("x").offset(group * words["x_group"] + low * words["x_row"])
        self.pitch, self.step = words["x_row"], words["row_step"]
        self.first = group * words["row_group"] + low * self.step


def _project(layer: Layer) -> None:
    """The products of some rows with the weights of the input, on top of the biases."""
    with layer.kernel.phase("project", "row_tasks") as (f, words, task, _):
        rows = Rows(f, words, task)
        line = layer.width(words) * layer.kind.slots
        out = words.pointer("gates").offset(rows.first * line)
        _put_sums(f, layer, words, (out, rows.step * line), (rows.x, rows.pitch), rows.count)


def _put_sums(f: Function, layer: Layer, words: Words, out: tuple, x: tuple, count: Value) -> None:
    """Biases and products with the input, for some rows; `out` and `x` are places and pitches."""
    m, kind = layer.machine, layer.kind
    width, inner, zero = layer.width(words), words["features"], f.constant(i64, 0)
    scratch = layer.kernel.scratch(f)
    starts = scratch.offset(words["starts"])
    sizes = out[1], zero, x[1], count, layer.blocks(words) * len(kind.inward), inner, zero
    f.call("product", void, out[0], starts, x[0], scratch.offset(HEADER), *sizes)
    if len(kind.inward) < kind.slots:
        low, high = width * len(kind.inward), width * kind.slots
        with f.loop(0, count) as n, f.loop(low, high, m.bytes) as at:
            m.store(f, m.load(f, starts.offset(at)), out[0].offset(n * out[1] + at))


def _dots(
    f: Function, layer: Layer, words: Words, gates: Value, a: tuple, count: Value, span: Span, inward: bool
) -> None:
    """Products of some rows with some blocks of weights as they lie, on top of biases or what is there."""
    m, kind = layer.machine, layer.kind
    width, line = layer.width(words), layer.width(words) * kind.slots
    name, inner = ("w_ih", "features") if inward else ("w_hh", "hidden")
    table, first = (kind.inward, 0) if inward else (kind.across, kind.first_across)
    with f.loop(0, len(table)) as k:
        slot = k + first
        at = slot * width + span.low * m.bytes
        out, start = gates.offset(at), layer.kernel.scratch(f).offset(words["starts"] + at)
        fresh = f.constant(i1, 1) if inward else slot >= len(kind.inward)
        initial, pitch = f.select(fresh, start, out), f.select(fresh, f.constant(i64, 0), line)
        b_pitch, low = words[inner] * m.size, span.low * m.lanes
        b = words.pointer(name).offset((choose(f, k, table) * words["hidden"] + low) * b_pitch)
        sizes = count, span.high - span.low, words["hidden"] - low, words[inner]
        f.call("dots", void, out, initial, a[0], b, line, pitch, a[1], b_pitch, *sizes)


def _steps(layer: Layer) -> None:
    """All times of some sequences."""
    with layer.kernel.phase("steps", "parts") as (f, words, task, mine), f.loop(0, words["steps"]) as s:
        f.call("one_time", void, f.block, mine, task, s, f.constant(i64, 0), layer.blocks(words))


def _spans(layer: Layer) -> None:
    """One time of all sequences for some blocks of the state: the way for few sequences and large states."""
    with layer.kernel.rounds("spans", "rounds") as (f, words, slot, s):
        span = Span.of(f, layer, words, slot)
        with f.when(span.low < span.high):
            f.call("one_time", void, f.block, words.pointer("gates"), f.constant(i64, 0), s, *span)


class Span(NamedTuple):
    """Blocks of a state, from `low` to `high`."""

    low: Value
    high: Value

    @classmethod
    def of(cls, f: Function, layer: Layer, words: Words, slot: Value) -> Span:
        low = slot * words["span"]
        return cls(low, f.minimum(low + words["span"], layer.blocks(words)))


def _one_time(layer: Layer) -> None:
    """A step of a part; where nothing is kept and no other time's sums are there, its sums are in `mine`."""
    arguments = {"block": ptr, "mine": ptr, **dict.fromkeys(("task", "s", "low", "high"), i64)}
    with layer.kernel.module.function("one_time", exported=False, inline=False, **arguments) as f:
        words = layer.kernel.words(f)
        part, span = Part(f, words, f.task), Span(f.low, f.high)
        for run in part.runs(layer, f.s):
            _run_step(f, layer, words, run, span)
        _finished(f, layer, words, part, f.s, span)


def _run_step(f: Function, layer: Layer, words: Words, run: Run, span: Span) -> None:
    """The step of neighbouring sequences: their sums, if they are not there yet, then their cells."""
    row, line = run.row, layer.width(words) * layer.kind.slots
    far = words.pointer("gates").offset(row * line)
    gates = f.select(words["near"].differs(0), f.mine.offset((run.low - run.part.low) * line), far)
    place = f.select(words["keep"].differs(0), row, run.low)
    memory = words.pointer("cells").offset(place * layer.width(words))
    out = words.pointer("out").offset(row * layer.pitch(words))
    count = run.high - run.low
    at = run.place // words["x_unit"] * words["x_time"] + run.low * words["x_sequence"]
    x = words.pointer("x").offset(at), words["x_sequence"]
    if layer.few:
        _dots(f, layer, words, gates, x, count, span, inward=True)
    else:
        with f.when(words["fused"].differs(0)):
            _put_sums(f, layer, words, (gates, line), x, count)
    f.call("step", void, f.block, gates, *run.before, memory, out, count, *span)


class Part:
    """Some of the sequences, from `low` to `high`."""

    def __init__(self, f: Function, words: Words, task: Value) -> None:
        self.f, self.words = f, words
        self.low = task * words["part_rows"]
        self.high = f.minimum(self.low + words["part_rows"], words["batch"])

    def size(self, s: Value) -> Value:
        """How many sequences run at a step; none before the first and after the last."""
        inside = s.compare("ult", self.words["steps"])
        place = self.f.select(inside, s, 0) * 8
        return self.f.select(inside, self.f.load(i64, self.words.pointer("sizes").offset(place)), 0)

    def place(self, s: Value) -> Value:
        return self.f.load(i64, self.words.pointer("places").offset(s * 8))

    def runs(self, layer: Layer, s: Value):
        """Sequences that went through the step before, then those that begin here: a `Run` each, if any."""
        f = self.f
        begun, here = self.size(s - 1), self.place(s)
        end = f.minimum(self.high, self.size(s))
        middle = f.minimum(end, f.maximum(self.low, begun))
        with f.when(self.low < middle):
            yield Run(layer, self, s, here, self.low, middle, False)
        with f.when(middle < end):
            yield Run(layer, self, s, here, middle, end, True)


class Run:
    """Neighbouring sequences at one step."""

    def __init__(
        self, layer: Layer, part: Part, s: Value, place: Value, low: Value, high: Value, first: bool
    ) -> None:
        self.layer, self.part, self.low, self.high = layer, part, low, high
        self.place, self.row = place, place + low
        words, pitch, width = part.words, layer.pitch(part.words), layer.width(part.words)
        if first:
            self.before = (
                words.pointer("h0").offset(low * pitch),
                words.pointer("c0").offset(low * pitch),
                pitch,
            )
        else:
            row = part.place(s - 1) + low
            kept = part.f.select(words["keep"].differs(0), row, low)
            memory = words.pointer("cells").offset(kept * width)
            self.before = words.pointer("out").offset(row * pitch), memory, width


def _finished(f: Function, layer: Layer, words: Words, part: Part, s: Value, span: Span) -> None:
    """The last states of sequences that end at a step."""
    m, pitch, width = layer.machine, layer.pitch(words), layer.width(words)
    low = f.maximum(part.low, part.size(s + 1))
    with f.loop(low, f.minimum(part.high, part.size(s))) as n:
        row = part.place(s) + n
        with f.loop(span.low * m.bytes, span.high * m.bytes, m.bytes) as at:
            mask = layer.mask(f, words, at)
            last = m.load(f, words.pointer("out").offset(row * pitch + at), 0, mask)
            m.store(f, last, words.pointer("hn").offset(n * pitch + at), 0, mask)
            if layer.has_memory:
                kept = f.select(words["keep"].differs(0), row, n)
                last = m.load(f, words.pointer("cells").offset(kept * width + at))
                m.store(f, last, words.pointer("cn").offset(n * pitch + at), 0, mask)


def _step(layer: Layer) -> None:
    """One time for some sequences and blocks: the product with their states, then the cell."""
    m, module = layer.machine, layer.kernel.module
    places = dict.fromkeys(("block", "gates", "h", "c"), ptr)
    rest = {"c_pitch": i64, "memory": ptr, "out": ptr, "count": i64, "low": i64, "high": i64}
    with module.function("step", exported=False, inline=False, **places, **rest) as f:
        words = layer.kernel.words(f)
        span = Span(f.low, f.high)
        if layer.few:
            h = f.h, layer.pitch(words)
            _dots(f, layer, words, f.gates, h, f.count, span, inward=False)
        else:
            _products(f, layer, words, span)
        low, high = f.low * m.bytes, f.high * m.bytes
        if layer.name in ("gru", "lstm"):  # apart from the rest, which would wait for it
            with f.loop(0, f.count) as n, f.loop(low, high, m.bytes) as at:
                _gates(f, layer, words, n, at)
        with f.loop(0, f.count) as n, f.loop(low, high, m.bytes) as at:
            _state(f, layer, words, n, at)


def _products(f: Function, layer: Layer, words: Words, span: Span) -> None:
    """Adds the products with the states to some blocks of all sums."""
    blocks, count = layer.blocks(words), len(layer.kind.across)
    with f.either((span.high - span.low).equals(blocks)) as (whole, some):
        with whole:
            _product(f, layer, words, f.constant(i64, 0), blocks * count)
        with some, f.loop(0, count) as slot:
            _product(f, layer, words, slot * blocks + span.low, span.high - span.low)


def _product(f: Function, layer: Layer, words: Words, first: Value, count: Value) -> None:
    """Adds the product with the states to some blocks of the sums."""
    m, kind = layer.machine, layer.kind
    width, inner, zero = layer.width(words), words["hidden"], f.constant(i64, 0)
    sums = f.gates.offset(width * kind.first_across + first * m.bytes)
    packed = layer.kernel.scratch(f).offset(words["packed_across"] + first * block_size(m, inner))
    pitch = width * kind.slots
    sizes = pitch, pitch, layer.pitch(words), f.count, count, inner, zero
    f.call("product", void, sums, sums, f.h, packed, *sizes)


def _gates(f: Function, layer: Layer, words: Words, n: Value, at: Value) -> None:
    """One vector of one sequence's gates, and of its memory."""
    m, mask = layer.machine, layer.mask(f, words, at)
    slots = _slots(f, layer, words, n, at)
    memory = m.load(f, f.c.offset(n * f.c_pitch + at), 0, mask) if layer.has_memory else None
    values, memory = cells.gates(f, layer.name, [m.load(f, slot) for slot in slots], memory)
    for slot, value in zip(slots, values):
        m.store(f, value, slot)
    if layer.has_memory:
        m.store(f, memory, f.memory.offset(n * layer.width(words) + at))


def _state(f: Function, layer: Layer, words: Words, n: Value, at: Value) -> None:
    """One vector of one sequence's state."""
    m, h_pitch, mask = layer.machine, layer.pitch(words), layer.mask(f, words, at)
    slots = _slots(f, layer, words, n, at)
    before = m.load(f, f.h.offset(n * h_pitch + at), 0, mask) if layer.name == "gru" else None
    memory = m.load(f, f.memory.offset(n * layer.width(words) + at)) if layer.has_memory else None
    first, state = cells.state(f, layer.name, [m.load(f, slot) for slot in slots], memory, before)
    if not layer.has_memory:
        m.store(f, first, slots[0])
    m.store(f, state, f.out.offset(n * h_pitch + at), 0, mask)


def _slots(f: Function, layer: Layer, words: Words, n: Value, at: Value) -> list[Value]:
    """Where a vector of each slot lies."""
    width, slots = layer.width(words), layer.kind.slots
    return [f.gates.offset(n * width * slots + width * k + at) for k in range(slots)]
