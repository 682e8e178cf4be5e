"""Recurrent layers by generated kernels: whole sequences in one call, forwards and backwards.

`forward` and `backward` answer None when they do not apply, and numpy does the work then. Results do not
depend on the number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, native, pool, session, settings
from . import invoke
from .convolution_plans import up
from .llvm import blocked, recurrent, recurrent_back, recurrent_cells

SOURCES = (
    "rushlight.runtime.ir",
    *(
        f"rushlight.kernels.llvm.{name}"
        for name in (
            "lowering",
            "blocked",
            "products",
            "recurrent",
            "recurrent_back",
            "recurrent_cells",
            "maths.common",
            "maths.exponential",
        )
    ),
)
GENERATORS = {"forward": recurrent.recurrent_ir, "backward": recurrent_back.recurrent_back_ir}
LINE = 64
FEW_ROWS, MANY_WEIGHTS = 4, 1 << 17  # where putting weights in order costs more than the products
PARALLEL_MULTIPLICATIONS = 1 << 18  # work from which on threads share it
RELEASE_MULTIPLICATIONS = 1 << 20  # work that is worth letting other Python threads run
FEW_SEQUENCES = 6  # for each thread, up to which the states are parted instead of the sequences
ROUND_MULTIPLICATIONS = 1 << 18  # work of a step that is worth waiting for all threads after it
PART_ROWS = 16  # sequences of a task whose sums stay in the first cache
CACHED_WEIGHTS = 512 << 10  # bytes up to which going through the weights once more a part costs little
UNITS = 48  # rows of a weight's gradient that are a task


class Sequences(NamedTuple):
    """How many sequences run at each time, and where their rows begin, in the order of the steps."""

    batch: int
    rows: int
    places: np.ndarray
    sizes: np.ndarray
    plain: bool  # all of one length

    @property
    def steps(self) -> int:
        return len(self.sizes)


@lru_cache(maxsize=256)
def sequences(steps: int, batch: int, reverse: bool) -> Sequences:
    """Sequences of one length."""
    return _sequences((batch,) * steps, reverse, True)


@lru_cache(maxsize=64)
def packed_sequences(sizes: tuple[int, ...], reverse: bool) -> Sequences:
    """Sequences of several lengths: `sizes` of them run at each time."""
    return _sequences(sizes, reverse, False)


def _sequences(sizes: tuple[int, ...], reverse: bool, plain: bool) -> Sequences:
    counts = np.array(sizes, np.int64)
    places = np.cumsum(counts) - counts
    if reverse:
        counts, places = counts[::-1].copy(), places[::-1].copy()
    return Sequences(max(sizes, default=0), sum(sizes), places, counts, plain)


class Kept(NamedTuple):
    """What the gradient needs of a forward pass, apart from its results."""

    gates: np.ndarray
    cells: np.ndarray | None


# ---- what can be done


@lru_cache(maxsize=64)
def _kernel(direction: str, kind: str, char: str, whole: bool) -> Any:
    """The address of a kernel; None where there is no compiler."""
    if settings.kernel_mode == "off" or not session.available():
        return None
    try:
        width = session.host().vector_bytes
        dtype = np.dtype(char).name
        code = native.module(
            f"{kind}_{direction}",
            (direction, kind, dtype, width, whole),
            lambda: GENERATORS[direction](dtype, width, kind, whole),
            sources=SOURCES,
            symbols={pool.PARALLEL_FOR: pool.parallel_for_address()},
        )
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for recurrent layers: {reason}")
        return None
    return code.address["run"]


settings.when_changed.append(_kernel.cache_clear)


class Sizes(NamedTuple):
    """The numbers that a layer's calls are planned with."""

    kind: str
    item: int
    features: int
    hidden: int
    lanes: int

    @property
    def slots(self) -> recurrent_cells.Kind:
        return recurrent_cells.KINDS[self.kind]

    @property
    def blocks(self) -> int:
        return -(-self.hidden // self.lanes)

    @property
    def padded(self) -> int:
        """Elements of a state in whole vectors."""
        return self.blocks * self.lanes


@lru_cache(maxsize=256)
def _sizes(kind: str, char: str, rows: int, features: int, hidden: int) -> Sizes | None:
    """None where numpy is to do the work."""
    if char not in "fd" or not rows or not features or not hidden or settings.kernel_mode == "off":
        return None
    if rows < FEW_ROWS and hidden * (features + hidden) > MANY_WEIGHTS and settings.kernel_mode != "force":
        return None
    item = 4 if char == "f" else 8
    if not session.available():
        return None
    return Sizes(kind, item, features, hidden, session.host().vector_bytes // item)


settings.when_changed.append(_sizes.cache_clear)


def _ready(arrays: tuple, dtype: np.dtype) -> list | None:
    """All arrays in one piece and of one type, or None."""
    ready = []
    for a in arrays:
        if a is not None:
            if type(a) is not np.ndarray or (a.dtype is not dtype and a.dtype != dtype):
                return None
            if not a.flags.c_contiguous or not a.flags.aligned:
                a = np.ascontiguousarray(a)
        ready.append(a)
    return ready


class Rows(NamedTuple):
    """How the input lies in memory, in the order of `recurrent.ROW_WORDS`; `flat` when its rows are in
    order.
    """

    group_rows: int
    group_tasks: int
    x_group: int
    x_row: int
    row_group: int
    row_step: int
    x_unit: int
    x_time: int
    x_sequence: int

    @property
    def flat(self) -> bool:
        return not self.x_group


def _in_rows(x: np.ndarray, when: Sequences) -> tuple[np.ndarray, Rows]:
    """The input with its features side by side, and where its rows are."""
    if x.strides[-1] != x.itemsize or not x.flags.aligned:
        x = np.ascontiguousarray(x)
    if x.ndim == 2:
        pitch = x.strides[0]
        return x, Rows(*_flat(when.rows, pitch), 1, pitch, pitch)
    (steps, batch, _), (step, row, _) = x.shape, x.strides
    places = batch, step, row
    if steps == 1 or step == batch * row:
        return x, Rows(*_flat(when.rows, row), *places)
    if batch == 1:
        return x, Rows(*_flat(when.rows, step), *places)
    if batch >= steps:
        return x, Rows(batch, _tasks(batch), step, row, batch, 1, *places)
    return x, Rows(steps, _tasks(steps), row, step, 1, batch, *places)


def _flat(rows: int, pitch: int) -> tuple[int, ...]:
    return rows, _tasks(rows), 0, pitch, 0, 1


def _tasks(rows: int) -> int:
    return -(-rows // recurrent.ROWS_OF_A_TASK)


# ---- forwards


class Plan(NamedTuple):
    """A kernel, the numbers it is called with, and the memory it needs."""

    address: int
    release: bool
    threads: int
    shared_bytes: int
    slot_bytes: int  # for each thread
    numbers: tuple[int, ...]
    near: bool = False  # do sums lie in the scratch?

    def scratch(self) -> np.ndarray:
        return memory.empty((self.shared_bytes + self.threads * self.slot_bytes + LINE,), np.uint8)


def forward(
    kind: str, x: np.ndarray, h: np.ndarray, c: Any, weights: tuple, when: Sequences, keep: bool
) -> Any:
    """The rows of all outputs, the last state and memory, and what the gradient needs; or None.

    `x` is (time, batch, features), or the rows of all times one after another; weights are w_ih, w_hh, b_ih
    and b_hh, of which the biases may be None, as is the memory `c` of what has none. Without `keep` less
    memory is used.
    """
    dtype = x.dtype
    sizes = _sizes(kind, dtype.char, when.rows, x.shape[-1], h.shape[-1])
    if sizes is None or not dtype.isnative:
        return None
    ready = _ready((*weights, h, c), dtype)
    if ready is None:
        return None
    x, rows = _in_rows(x, when)
    plan = _forward_plan(sizes, when.steps, when.batch, when.rows, keep, rows, pool.get_num_threads())
    if plan is None:
        return None
    empty = memory.empty
    out, hn = empty((*x.shape[:-1], sizes.hidden), dtype), np.empty(h.shape, dtype)
    gates = None if plan.near else empty((when.rows, sizes.slots.slots * sizes.padded), dtype)
    cells = cn = None
    if c is not None:
        cells, cn = empty((when.rows if keep else when.batch, sizes.padded), dtype), np.empty(c.shape, dtype)
    invoke.load()(
        plan.address,
        plan.release,
        x,
        *ready,
        out,
        hn,
        cn,
        gates,
        cells,
        when.places,
        when.sizes,
        plan.scratch(),
        plan.threads,
        plan.shared_bytes,
        plan.slot_bytes,
        *plan.numbers,
    )
    return out, hn, cn, Kept(gates, cells)


@lru_cache(maxsize=256)
def _forward_plan(
    sizes: Sizes, steps: int, batch: int, rows: int, keep: bool, lying: Rows, threads: int
) -> Plan | None:
    address = _kernel("forward", sizes.kind, "fd"[sizes.item == 8], sizes.hidden % sizes.lanes == 0)
    if address is None:
        return None
    kind, blocks, line = sizes.slots, sizes.blocks, sizes.lanes * sizes.item
    work = _work(sizes, rows)
    parts = _parts(sizes, steps, batch, work, threads)
    weights = len(kind.across) * sizes.hidden * (sizes.features + sizes.hidden) * sizes.item
    fused = bool(parts.parts) and parts.part_rows >= FEW_SEQUENCES and weights <= CACHED_WEIGHTS
    near = fused and not keep
    features, hidden = (up(size, sizes.lanes) for size in (sizes.features, sizes.hidden))
    packed_across = blocked.HEADER + blocks * len(kind.inward) * features * line
    starts = packed_across + blocks * len(kind.across) * hidden * line
    numbers = (
        *(steps, batch, sizes.features, sizes.hidden, rows, parts.part_rows, int(keep)),
        *(blocks * (len(kind.inward) + len(kind.across)), 0 if fused else _row_tasks(rows, lying)),
        *(*parts[2:], int(fused), int(near), packed_across, starts, *lying),
    )
    shared = up(starts + blocks * kind.slots * line, LINE)
    slot = parts.part_rows * kind.slots * sizes.padded * sizes.item if near else 0
    return Plan(address, work >= RELEASE_MULTIPLICATIONS, parts.threads, shared, slot, numbers, near)


def _row_tasks(rows: int, lying: Rows) -> int:
    return rows // lying.group_rows * lying.group_tasks


def _work(sizes: Sizes, rows: int) -> int:
    return rows * sizes.hidden * len(sizes.slots.across) * (sizes.features + sizes.hidden)


class Parts(NamedTuple):
    """How the steps are shared: by sequences, or where those are few and large, by blocks of the state."""

    threads: int
    part_rows: int
    parts: int
    rounds: int  # of all steps, in which each thread does `span` blocks
    span: int


def _parts(sizes: Sizes, rounds: int, batch: int, work: int, threads: int) -> Parts:
    if work < PARALLEL_MULTIPLICATIONS:
        threads = 1
    weights = len(sizes.slots.across) * sizes.hidden**2
    if threads > 1 and batch < FEW_SEQUENCES * threads and batch * weights >= ROUND_MULTIPLICATIONS:
        return Parts(threads, batch, 0, rounds, -(-sizes.blocks // threads))
    most = PART_ROWS if weights * sizes.item <= CACHED_WEIGHTS else 4 * PART_ROWS
    rows = min(most, -(-batch // threads))
    return Parts(threads, rows, -(-batch // rows), 0, 0)


# ---- backwards


def backward(
    kind: str,
    g: tuple,
    x: np.ndarray,
    h: np.ndarray,
    c: Any,
    weights: tuple,
    when: Sequences,
    kept: Kept,
    out: np.ndarray,
    needs: tuple,
) -> Any:
    """The gradients of x, h, c and the four weights that `needs` asks for; or None.

    `g` has those of the outputs (time, batch, size), or rows of packed sequences, of the last state and
    memory.
    """
    dtype = x.dtype
    sizes = _sizes(kind, dtype.char, when.rows, x.shape[-1], h.shape[-1])
    of_out = g[0]
    if sizes is None or of_out.dtype != dtype:
        return None
    if of_out.strides[-1] != sizes.item and of_out.shape[-1] > 1:
        of_out = np.ascontiguousarray(of_out)
    ready = _ready((*g[1:], *weights[:2], h, c, out, kept.gates, kept.cells), dtype)
    if ready is None:
        return None
    x, rows = _in_rows(x, when)
    needs = tuple(map(bool, needs))
    plan = _backward_plan(sizes, when.steps, when.batch, when.rows, needs, rows, pool.get_num_threads())
    if plan is None:
        return None
    wanted = (x, h, c, *weights)
    made = [
        memory.empty(a.shape, dtype) if need and a is not None else None for a, need in zip(wanted, needs)
    ]
    steps = (when.batch, *of_out.strides[:2]) if when.plain else (1, of_out.strides[0], of_out.strides[0])
    last = [ready[0], ready[1] if c is not None else None, x, *ready[len(g) - 1 :]]
    invoke.load()(
        plan.address,
        plan.release,
        of_out,
        *last,
        *made,
        when.places,
        when.sizes,
        plan.scratch(),
        plan.threads,
        plan.shared_bytes,
        plan.slot_bytes,
        *plan.numbers[:BEFORE_STEPS],
        *steps,
        *plan.numbers[BEFORE_STEPS:],
    )
    return made


BEFORE_STEPS = recurrent_back.WORDS.index("g_unit") - recurrent_back.WORDS.index("steps")


@lru_cache(maxsize=256)
def _backward_plan(
    sizes: Sizes, steps: int, batch: int, rows: int, needs: tuple, lying: Rows, threads: int
) -> Plan | None:
    address = _kernel("backward", sizes.kind, "fd"[sizes.item == 8], sizes.hidden % sizes.lanes == 0)
    if address is None:
        return None
    kind, blocks, lanes = sizes.slots, sizes.blocks, sizes.lanes
    line, width = lanes * sizes.item, sizes.padded * sizes.item
    of_x, _, _, of_ih, of_hh, *of_biases = needs
    input_blocks = -(-sizes.features // lanes)
    padded = of_ih and (sizes.features % lanes != 0 or not lying.flat)
    chunks = -(-sizes.hidden // UNITS)
    weight_tasks = chunks * (len(kind.across) + len(kind.inward)) if of_ih or of_hh else 0
    if any(of_biases):
        weight_tasks = chunks * (len(kind.across) + len(kind.inward))
        weight_tasks += -(-blocks * kind.slots // recurrent_back.BIAS_VECTORS)
    work = 2 * _work(sizes, rows)
    parts = _parts(sizes, steps + 1, batch, work, threads)
    zero_bytes = max(blocks, input_blocks) * line
    areas = {
        "packed_across": blocks * len(kind.across) * sizes.padded * line,
        "packed_inward": input_blocks * len(kind.inward) * sizes.padded * line if of_x else 0,
        "slopes": rows * kind.slots * width,
        "befores": rows * width,
        "states": batch * width,
        "memories": batch * width,
        "inputs": rows * input_blocks * line if padded else 0,
        "zeros": zero_bytes,
    }
    places, at = {}, blocked.HEADER
    for name, size in areas.items():
        places[name], at = at, at + up(size, LINE)
    if not padded:
        places["inputs"] = 0
    numbers = (
        *(steps, batch, sizes.features, sizes.hidden, rows, parts.part_rows, 1),
        *(blocks + (input_blocks if of_x else 0), _row_tasks(rows, lying) if padded else 0, *parts[2:]),
        *(_tasks(rows) if of_x else 0, weight_tasks, -(-sizes.hidden // chunks), chunks, zero_bytes),
        *lying,
        *places.values(),
    )
    return Plan(address, work >= RELEASE_MULTIPLICATIONS, parts.threads, at, 0, numbers)
