"""The gradients of a recurrent layer's weights and biases, from the slopes of all sums.

Where sequences are many, each share of them has sums of its own, made by the thread that has most of their
slopes in its cache, and the shares are added up in their order. How many there are depends on sizes alone.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, void
from .blocked import Words
from .recurrent import Layer, choose, when_given

BIAS_VECTORS = 2  # whose sums are made side by side
RESULTS = ("dw_ih", "dw_hh", "db_ih", "db_hh")
# shares, sequences of each; rows side by side, and from the start of such to the next; where results lie
SHARE_WORDS = (
    "shares",
    "share_rows",
    "group",
    "between",
    "adding_tasks",
    "of_share",
    *(f"at_{n}" for n in RESULTS),
)


class _Some:
    """Rows of all times that are added up together: those of some sequences, or all of them."""

    def __init__(self, f: Function, words: Words, share: Value) -> None:
        self.share, self.first = share, share * words["share_rows"]
        whole = words["shares"].equals(1)
        count = f.minimum(words["share_rows"], words["batch"] - self.first)
        self.rows = f.select(whole, words["rows"], count * words["steps"])
        self.group = f.select(whole, words["group"], count)
        self.between = words["between"]


def define_weights(layer: Layer) -> None:
    """Some rows of both weights' gradients and their biases at a time: their slopes are fetched once."""
    with layer.kernel.phase("weights", "weight_tasks") as (f, words, task, _):
        kind, chunks = layer.kind, words["chunks"]
        each = chunks * kind.slots
        some, task = _Some(f, words, task // each), task % each
        slot, first = task // chunks, task % chunks * words["units"]
        units = f.minimum(words["units"], words["hidden"] - first)
        with f.when((words["db_ih"] | words["db_hh"]).differs(0)):
            _biases(f, layer, words, some, slot, first, units)
        with f.when(slot >= kind.first_across):
            _weight_rows(f, layer, words, some, slot, first, units, True)
        with f.when(slot < len(kind.inward)):
            _weight_rows(f, layer, words, some, slot, first, units, False)
    _add_shares(layer)


def _slopes(f: Function, layer: Layer, words: Words, some: _Some, slot: Value, first: Value) -> Value:
    width = layer.width(words)
    row = some.first * (width * layer.kind.slots)
    return layer.kernel.scratch(f).offset(words["slopes"] + row + slot * width + first * layer.machine.size)


def _target(f: Function, layer: Layer, words: Words, name: str, share: Value) -> Value:
    """Where a share's sums go: the first one's into the result itself."""
    own = layer.kernel.scratch(f).offset(_partial(words, name, share))
    return f.select(share.equals(0), words.pointer(name), own)


def _partial(words: Words, name: str, share: Value) -> Value:
    return words["partials"] + (share - 1) * words["of_share"] + words[f"at_{name}"]


def _weight_rows(
    f: Function,
    layer: Layer,
    words: Words,
    some: _Some,
    slot: Value,
    first: Value,
    units: Value,
    across: bool,
) -> None:
    m, kind = layer.machine, layer.kind
    width, scratch = layer.width(words), layer.kernel.scratch(f)
    if across:
        name, gate, inner = "dw_hh", choose(f, slot - kind.first_across, kind.across), words["hidden"]
        rows, row_pitch = scratch.offset(words["befores"]), width
    else:
        name, gate, inner = "dw_ih", choose(f, slot, kind.inward), words["features"]
        padded = words["inputs"].differs(0)
        rows = f.select(padded, scratch.offset(words["inputs"]), words.pointer("x"))
        row_pitch = f.select(padded, (inner + (m.lanes - 1)) // m.lanes * m.bytes, words["x_row"])
    with f.when(words[name].differs(0)):
        target, pitch = _target(f, layer, words, name, some.share), width * kind.slots
        out = target.offset((gate * words["hidden"] + first) * inner * m.size)
        pitches = inner * m.size, pitch, row_pitch, pitch * some.between, row_pitch * some.between
        places = out, _slopes(f, layer, words, some, slot, first), rows.offset(some.first * row_pitch)
        f.call("outer_sums", void, *places, *pitches, some.rows, some.group, units, inner)


def _biases(
    f: Function, layer: Layer, words: Words, some: _Some, slot: Value, first: Value, units: Value
) -> None:
    """Sums over rows of the slopes of some units, a few vectors side by side."""
    m, pitch = layer.machine, layer.width(words) * layer.kind.slots
    columns = _slopes(f, layer, words, some, slot, first)
    groups = (some.rows + some.group - 1) // some.group
    with f.loop(0, units, BIAS_VECTORS * m.lanes) as unit:
        totals = [f.variable(m.vector, 0) for _ in range(BIAS_VECTORS)]
        with f.loop(0, groups) as g:
            start = columns.offset(unit * m.size + g * some.between * pitch)
            sums = [f.variable(m.vector, 0) for _ in totals]
            with f.loop(0, f.minimum(some.group, some.rows - g * some.group)) as n:
                for k, s in enumerate(sums):
                    s.set(s.get() + m.load(f, start.offset(n * pitch), k * m.bytes))
            for total, s in zip(totals, sums):
                total.set(total.get() + s.get())
        for k, total in enumerate(totals):
            mask = m.below(f, units - unit - k * m.lanes)
            _put_bias(f, layer, words, some, slot, first + unit + k * m.lanes, mask, total.get())


def _put_bias(
    f: Function, layer: Layer, words: Words, some: _Some, slot: Value, unit: Value, mask: Value, total: Value
) -> None:
    kind = layer.kind
    sides = (
        ("db_ih", slot < len(kind.inward), choose(f, slot, kind.inward)),
        ("db_hh", slot >= kind.first_across, choose(f, slot - kind.first_across, kind.across)),
    )
    for name, has_it, gate in sides:
        with f.when(has_it & words[name].differs(0)):
            place = (gate * words["hidden"] + unit) * layer.machine.size
            layer.machine.store(f, total, _target(f, layer, words, name, some.share).offset(place), 0, mask)


def _add_shares(layer: Layer) -> None:
    """Adds the other shares' sums to the first one's: a piece of each result at a time."""
    m = layer.machine
    with layer.kernel.phase("adding", "adding_tasks") as (f, words, task, _):
        scratch = layer.kernel.scratch(f)
        for name in RESULTS:
            with when_given(f, words, name) as out:
                count = _count(f, layer, words, name)
                step = (
                    (count + words["adding_tasks"] - 1) // words["adding_tasks"] + (m.lanes - 1)
                ) & -m.lanes
                low = task * step
                with f.loop(low, f.minimum(low + step, count), m.lanes) as k:
                    mask = m.below(f, count - k)
                    total = f.variable(m.vector, m.load(f, out.offset(k * m.size), 0, mask))
                    with f.loop(1, words["shares"]) as share:
                        place = scratch.offset(_partial(words, name, share) + k * m.size)
                        total.set(total.get() + m.load(f, place, 0, mask))
                    m.store(f, total.get(), out.offset(k * m.size), 0, mask)


def _count(f: Function, layer: Layer, words: Words, name: str) -> Value:
    """Numbers in a result."""
    rows = words["hidden"] * len(layer.kind.across)
    return rows * {"dw_ih": words["features"], "dw_hh": words["hidden"]}.get(name, f.constant(i64, 1))
