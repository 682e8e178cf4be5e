"""The gradients of a recurrent layer: its steps backwards, then one product for each weight and the input.

Going back through the steps of some sequences is one task, as in the forward pass. It leaves the slopes of
all sums, and the states before them in rows of whole vectors, for the products over all times.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, ptr, void
from . import recurrent_cells as cells
from .blocked import Machine, Words
from .products import define_outer_sums, define_product, fill, pack_columns
from .recurrent import ROW_WORDS, ROWS_OF_A_TASK, Layer, Part, Rows, Run, Span, choose
from .recurrent_weights import SHARE_WORDS, define_weights

BLOCKS_OF_A_TASK = 8  # columns of an input's gradient, where there are few rows
WORDS = (
    *("g", "g_hn", "g_cn", "x", "w_ih", "w_hh", "h0", "c0", "out", "gates", "cells"),
    *("dx", "dh", "dc", "dw_ih", "dw_hh", "db_ih", "db_hh"),
    *("places", "sizes", "scratch", "threads", "shared_bytes", "slot_bytes", "g_first"),
    *("steps", "batch", "features", "hidden", "rows", "part_rows", "keep"),
    *(
        "packs",
        "pad_tasks",
        "parts",
        "rounds",
        "span",
        "input_tasks",
        "weight_tasks",
        "units",
        "chunks",
        "zero_bytes",
    ),
    *("g_unit", "g_units", "g_step", "g_row", *ROW_WORDS),
    *("packed_across", "packed_inward", "slopes", "befores", "states", "memories", "inputs", "zeros"),
    *("partials", *SHARE_WORDS),
)


def recurrent_back_ir(dtype: str, vector_bytes: int, kind: str, whole: bool, few: bool) -> str:
    layer = Layer(Machine(dtype, vector_bytes), WORDS, kind, whole, few)
    define_product(layer.kernel.module, layer.machine, masked=True, as_is=few)
    define_outer_sums(layer.kernel.module, layer.machine)
    _step(layer)
    _pack(layer)
    _pad(layer)
    _one_time(layer)
    _steps(layer)
    _spans(layer)
    _inputs(layer)
    define_weights(layer)
    return layer.kernel.finish()


def _pack(layer: Layer) -> None:
    """A row of zeros, and both weights in order, unless they are read as they lie."""
    with layer.kernel.phase("pack", "packs") as (f, words, task, _):
        with f.when(task.equals(0)):
            zeros = layer.kernel.scratch(f).offset(words["zeros"])
            fill(f, layer.machine, zeros, words["zero_bytes"])
        if not layer.few:
            _pack_block(f, layer, words, task)


def _pack_block(f: Function, layer: Layer, words: Words, task: Value) -> None:
    """Both weights in blocks of their columns, with their rows in the order of the slots, zeros between."""
    m, kind = layer.machine, layer.kind
    blocks, width = layer.blocks(words), layer.width(words)
    across = task < blocks
    for is_it, first, name, gates, inner, columns in (
        (across, 0, "across", kind.across, "w_hh", words["hidden"]),
        (across ^ 1, blocks, "inward", kind.inward, "w_ih", words["features"]),
    ):
        with f.when(is_it):
            block = task - first
            size = width * (m.lanes * len(gates))
            target = layer.kernel.scratch(f).offset(words[f"packed_{name}"] + block * size)
            fill(f, m, target, size)
            valid, pitch = columns - block * m.lanes, columns * m.size
            for slot, gate in enumerate(gates):
                source = words.pointer(inner).offset(pitch * gate * words["hidden"] + block * m.bytes)
                into = target.offset(width * (m.lanes * slot))
                pack_columns(f, m, source, pitch, valid, words["hidden"], into)


def _pad(layer: Layer) -> None:
    """A copy of the input in rows of whole vectors."""
    m = layer.machine
    with layer.kernel.phase("pad", "pad_tasks") as (f, words, task, _):
        rows = Rows(f, words, task)
        blocks = (words["features"] + (m.lanes - 1)) // m.lanes
        target = layer.kernel.scratch(f).offset(words["inputs"])
        with f.loop(0, rows.count) as n, f.loop(0, blocks) as b:
            mask = m.below(f, words["features"] - b * m.lanes)
            vector = m.load(f, rows.x.offset(n * rows.pitch + b * m.bytes), 0, mask)
            m.store(f, vector, target.offset(((rows.first + n * rows.step) * blocks + b) * m.bytes))


# ---- through the steps


def _steps(layer: Layer) -> None:
    """All times of some sequences, the last one first."""
    with layer.kernel.phase("steps", "parts") as (f, words, task, _):
        part, span = Part(f, words, task), Span(f.constant(i64, 0), layer.blocks(words))
        _carry(f, layer, words, part, span, inwards=True)
        with f.loop(0, words["steps"]) as k:
            s = words["steps"] - 1 - k
            f.call("one_time", void, f.block, task, s, *span, f.constant(i64, 1), f.constant(i64, 1))
        _carry(f, layer, words, part, span, inwards=False)


def _spans(layer: Layer) -> None:
    """One time for some blocks of the state: first what comes from the slopes of the time after it."""
    with layer.kernel.rounds("spans", "rounds") as (f, words, slot, k):
        zero, one = (f.constant(i64, n) for n in (0, 1))
        part, span = Part(f, words, zero), Span.of(f, layer, words, slot)
        s = words["steps"] - 1 - k
        with f.when(span.low < span.high):
            with f.either(k.equals(0)) as (first, later):
                with first:
                    _carry(f, layer, words, part, span, inwards=True)
                with later:
                    f.call("one_time", void, f.block, zero, s + 1, *span, zero, one)
            with f.either(s < 0) as (done, going):
                with done:
                    _carry(f, layer, words, part, span, inwards=False)
                with going:
                    f.call("one_time", void, f.block, zero, s, *span, one, zero)


def _one_time(layer: Layer) -> None:
    """One time of a part: the cells, the gradients of the states before, or both."""
    arguments = {"block": ptr, **dict.fromkeys(("task", "s", "low", "high", "cells", "products"), i64)}
    with layer.kernel.module.function("one_time", exported=False, inline=False, **arguments) as f:
        words = layer.kernel.words(f)
        span = Span(f.low, f.high)
        for run in Part(f, words, f.task).runs(layer, f.s):
            with f.when(f.cells.differs(0)):
                _call_step(f, layer, words, run, span)
            with f.when(f.products.differs(0)):
                _product_back(f, layer, words, run, f.s, span)


def _carry(f: Function, layer: Layer, words: Words, part: Part, span: Span, inwards: bool) -> None:
    """The gradients of the last states into rows of whole vectors, or those of the first states out."""
    m, pitch, width = layer.machine, layer.pitch(words), layer.width(words)
    names = [("g_hn", "dh", "states"), ("g_cn", "dc", "memories")][: 1 + layer.has_memory]
    for given, wanted, place in names:
        carried, user = layer.kernel.scratch(f).offset(words[place]), given if inwards else wanted
        there, theirs = words[user].differs(0), words.pointer(user)
        rows = f.loop(part.low, part.high)
        columns = f.loop(span.low * m.bytes, span.high * m.bytes, m.bytes)
        if inwards:
            theirs, step = _or_zeros(f, layer, words, there, theirs, pitch)
            with rows as n, columns as at:
                mask = layer.mask(f, words, at)
                m.store(f, m.load(f, theirs.offset(n * step + at), 0, mask), carried.offset(n * width + at))
        else:
            with f.when(there), rows as n, columns as at:
                mask = layer.mask(f, words, at)
                m.store(f, m.load(f, carried.offset(n * width + at)), theirs.offset(n * pitch + at), 0, mask)


def _or_zeros(
    f: Function, layer: Layer, words: Words, there: Value, place: Value, pitch: Value
) -> tuple[Value, Value]:
    """Rows and their pitch; where they are not there, the row of zeros for each."""
    zeros = layer.kernel.scratch(f).offset(words["zeros"])
    return f.select(there, place, zeros), f.select(there, pitch, f.constant(i64, 0))


def _call_step(f: Function, layer: Layer, words: Words, run: Run, span: Span) -> None:
    slopes = _slopes(f, layer, words, run)
    sizes = run.row, run.place, run.low, run.high - run.low
    f.call("step", void, f.block, slopes, *run.before, *sizes, *span)


def _slopes(f: Function, layer: Layer, words: Words, run: Run) -> Value:
    row = layer.width(words) * layer.kind.slots
    return layer.kernel.scratch(f).offset(words["slopes"] + run.row * row)


def _product_back(f: Function, layer: Layer, words: Words, run: Run, s: Value, span: Span) -> None:
    """The gradients of the states before a time, by way of the products with them, where they are wanted."""
    m, kind = layer.machine, layer.kind
    width, scratch = layer.width(words), layer.kernel.scratch(f)
    with f.when((s > 0) | words["dh"].differs(0)):
        states = scratch.offset(words["states"] + run.low * width + span.low * m.bytes)
        start, start_pitch = scratch.offset(words["zeros"]), f.constant(i64, 0)
        if layer.name == "gru":  # that part of the state which went on as it was
            start, start_pitch = states, width
        slopes, count = _slopes(f, layer, words, run).offset(width * kind.first_across), span.high - span.low
        out, initial, rows = (states, width), (start, start_pitch), run.high - run.low
        if layer.few:
            _by_gate(f, layer, words, out, initial, slopes, rows, span, count * m.lanes, inward=False)
            return
        inner = layer.blocks(words) * (m.lanes * len(kind.across))
        packed = scratch.offset(words["packed_across"] + span.low * inner * m.bytes)
        sizes = width, start_pitch, width * kind.slots, rows, count, inner, count * m.lanes
        f.call("product", void, states, start, slopes, packed, *sizes)


def _by_gate(
    f: Function,
    layer: Layer,
    words: Words,
    out: tuple[Value, Value],
    initial: tuple[Value, Value],
    slopes: Value,
    rows: Value,
    span: Span,
    columns: Value,
    inward: bool,
) -> None:
    """Slopes of all slots times blocks of the weights as they lie; `out` and `initial` are places and
    pitches.
    """
    m, kind, width = layer.machine, layer.kind, layer.width(words)
    gates, name, size = (kind.inward, "w_ih", "features") if inward else (kind.across, "w_hh", "hidden")
    step, low = words[size] * m.size, span.low * m.bytes
    with f.loop(0, len(gates)) as slot:
        fresh = slot.equals(0)
        start, start_pitch = (f.select(fresh, first, later) for first, later in zip(initial, out))
        weight = words.pointer(name).offset(choose(f, slot, gates) * words["hidden"] * step + low)
        sizes = rows, span.high - span.low, words["hidden"], columns, step, words[size] - span.low * m.lanes
        places = out[0], start, slopes.offset(slot * width), weight
        f.call("product", void, *places, out[1], start_pitch, width * kind.slots, *sizes)


def _step(layer: Layer) -> None:
    """The cells of some sequences at one time, backwards."""
    m, kind, module = layer.machine, layer.kind, layer.kernel.module
    places = dict.fromkeys(("block", "slopes", "h", "c"), ptr)
    rest = dict.fromkeys(("c_pitch", "row", "place", "low", "count", "first_block", "last_block"), i64)
    with module.function("step", exported=False, inline=False, **places, **rest) as f:
        words, scratch = layer.kernel.words(f), layer.kernel.scratch(f)
        width = layer.width(words)
        pitch = width * kind.slots
        time = f.place // words["g_unit"] - words["g_first"]
        g = words.pointer("g").offset(time * words["g_step"] + f.low * words["g_row"])
        there = time.compare("ult", words["g_units"])
        g, g_row = _or_zeros(f, layer, words, there, g, words["g_row"])
        gates = words.pointer("gates").offset(f.row * pitch)
        after = words.pointer("cells").offset(f.row * width)
        befores = scratch.offset(words["befores"] + f.row * width)
        states, memories = (scratch.offset(words[name] + f.low * width) for name in ("states", "memories"))
        places = _Places(g, g_row, gates, after, befores, states, memories)
        columns = f.loop(f.first_block * m.bytes, f.last_block * m.bytes, m.bytes)
        with f.loop(0, f.count) as n, columns as at:
            _cell(f, layer, words, places, n, at)


class _Places:
    """Where the first of some sequences begins: the gradient, what was kept, and what is carried on."""

    def __init__(
        self,
        g: Value,
        g_row: Value,
        gates: Value,
        after: Value,
        befores: Value,
        states: Value,
        memories: Value,
    ) -> None:
        self.g, self.g_row, self.gates, self.after = g, g_row, gates, after
        self.befores, self.states, self.memories = befores, states, memories


def _cell(f: Function, layer: Layer, words: Words, places: _Places, n: Value, at: Value) -> None:
    """One vector of one sequence's state."""
    m, kind, width = layer.machine, layer.kind, layer.width(words)
    mask = layer.mask(f, words, at)
    here = n * width + at
    of_slots = [n * (width * kind.slots) + width * k + at for k in range(kind.slots)]
    before = m.load(f, f.h.offset(n * layer.pitch(words) + at), 0, mask)
    m.store(f, before, places.befores.offset(here))
    slope = m.load(f, places.states.offset(here))
    slope = slope + m.load(f, places.g.offset(n * places.g_row + at), 0, mask)
    memories = None
    if layer.has_memory:
        memory = m.load(f, f.c.offset(n * f.c_pitch + at), 0, mask)
        memories = memory, m.load(f, places.after.offset(here)), m.load(f, places.memories.offset(here))
    kept = [m.load(f, places.gates.offset(slot)) for slot in of_slots]
    back = cells.backward(f, layer.name, kept, slope, before, memories)
    for slot, value in zip(of_slots, back.slots):
        m.store(f, value, f.slopes.offset(slot))
    if back.state is not None:
        m.store(f, back.state, places.states.offset(here))
    if back.memory is not None:
        m.store(f, back.memory, places.memories.offset(here))


# ---- products over all times


def _inputs(layer: Layer) -> None:
    """The gradient of some rows of the input, or of some of its columns."""
    m, kind = layer.machine, layer.kind
    with layer.kernel.phase("inputs", "input_tasks") as (f, words, task, _):
        scratch = layer.kernel.scratch(f)
        pitch, x_pitch, zero = layer.width(words) * kind.slots, words["features"] * m.size, f.constant(i64, 0)
        blocks = (words["features"] + (m.lanes - 1)) // m.lanes
        slopes, out, zeros = (
            scratch.offset(words["slopes"]),
            words.pointer("dx"),
            scratch.offset(words["zeros"]),
        )
        if layer.few:
            low = task * BLOCKS_OF_A_TASK
            span, at = Span(low, f.minimum(low + BLOCKS_OF_A_TASK, blocks)), low * m.bytes
            columns = words["features"] - low * m.lanes
            places = (out.offset(at), x_pitch), (zeros, zero), slopes
            _by_gate(f, layer, words, *places, words["rows"], span, columns, inward=True)
            return
        low = task * ROWS_OF_A_TASK
        rows, inner = (
            f.minimum(words["rows"] - low, ROWS_OF_A_TASK),
            layer.blocks(words) * (m.lanes * len(kind.inward)),
        )
        places = (
            out.offset(low * x_pitch),
            zeros,
            slopes.offset(low * pitch),
            scratch.offset(words["packed_inward"]),
        )
        f.call("product", void, *places, x_pitch, zero, pitch, rows, blocks, inner, words["features"])
