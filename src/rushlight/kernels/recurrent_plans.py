"""How a recurrent layer is done by generated kernels: the numbers a kernel is called with, worked out
once.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, native, pool, session, settings
from .llvm import blocked, products, recurrent, recurrent_back, recurrent_cells
from .planning import up

GENERATORS = {"forward": recurrent.recurrent_ir, "backward": recurrent_back.recurrent_back_ir}
LINE = 64
# where putting weights in order would cost more than it saves
FEW_STEPS, FEW_ROWS, MANY_WEIGHTS = 4, 64, 1 << 16
PARALLEL_MULTIPLICATIONS = 1 << 18  # work from which on threads share it
RELEASE_MULTIPLICATIONS = 1 << 20  # work that is worth letting other Python threads run
FEW_SEQUENCES = 6  # for each thread, up to which the states are parted instead of the sequences
ROUND_MULTIPLICATIONS = 1 << 18  # work of a step that is worth waiting for all threads after it
PART_ROWS = 8  # sequences of a task: two tiles of rows, and enough tasks that threads end together
CACHED_WEIGHTS = 512 << 10  # bytes up to which going through the weights once more a part costs little
SHARES, SHARED_SEQUENCES, SHARED_BYTES = 4, 32, 256 << 10  # of the weights' sums, by sequences
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


# ---- kernels, and the numbers that a layer's calls are planned with


@lru_cache(maxsize=64)
def _built(direction: str, kind: str, dtype: str, whole: bool, few: bool) -> Any:
    """The address of a kernel; None where there is no compiler."""
    if settings.kernel_mode == "off" or not session.available():
        return None
    try:
        width = session.host().vector_bytes
        code = native.module(
            f"{kind}_{direction}",
            (direction, kind, dtype, width, whole, few),
            lambda: GENERATORS[direction](dtype, width, kind, whole, few),
            symbols={pool.PARALLEL_FOR: pool.parallel_for_address()},
        )
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for recurrent layers: {reason}")
        return None
    return code.address["run"]


class Sizes(NamedTuple):
    """The numbers that a layer's calls are planned with."""

    kind: str
    char: str  # of its type
    features: int
    hidden: int
    steps: int
    batch: int
    rows: int  # of all times

    @property
    def item(self) -> int:
        return 4 if self.char == "f" else 8

    @property
    def lanes(self) -> int:
        return session.host().vector_bytes // self.item

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

    @property
    def work(self) -> int:
        """Multiplications of the forward pass."""
        return self.rows * self.weights

    @property
    def weights(self) -> int:
        return self.hidden * len(self.slots.across) * (self.features + self.hidden)

    @property
    def applies(self) -> bool:
        """Is it a layer that a kernel does better than numpy?"""
        return self.char in "fd" and self.work > 0

    @property
    def few(self) -> bool:
        """Are there so few steps that weights are best read as they lie?"""
        return self.steps <= FEW_STEPS and self.batch <= FEW_ROWS and self.weights >= MANY_WEIGHTS


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


def _lying(sizes: Sizes, strides: tuple[int, ...]) -> Rows:
    """Where the rows are of an input with these strides, (time, batch, feature) or (row, feature)."""
    steps, batch, rows = sizes.steps, sizes.batch, sizes.rows
    if len(strides) == 2:
        return Rows(*_in_order(rows, strides[0]), 1, strides[0], strides[0])
    step, row, _ = strides
    places = batch, step, row
    if steps == 1 or step == batch * row:
        return Rows(*_in_order(rows, row), *places)
    if batch == 1:
        return Rows(*_in_order(rows, step), *places)
    if batch >= steps:
        return Rows(batch, _tasks(batch), step, row, batch, 1, *places)
    return Rows(steps, _tasks(steps), row, step, 1, batch, *places)


def _in_order(rows: int, pitch: int) -> tuple[int, ...]:
    return rows, _tasks(rows), 0, pitch, 0, 1


def _tasks(rows: int) -> int:
    return -(-rows // recurrent.ROWS_OF_A_TASK)


def _row_tasks(rows: int, lying: Rows) -> int:
    return rows // lying.group_rows * lying.group_tasks


class Parts(NamedTuple):
    """How the steps are shared: by sequences, or where those are few and large, by blocks of the state."""

    threads: int
    part_rows: int
    parts: int
    rounds: int  # of all steps, in which each thread does `span` blocks
    span: int


def _parts(sizes: Sizes, rounds: int, work: int, threads: int) -> Parts:
    batch = sizes.batch
    if work < PARALLEL_MULTIPLICATIONS:
        threads = 1
    weights = len(sizes.slots.across) * sizes.hidden**2  # of the states
    large = batch < FEW_SEQUENCES * threads and batch * weights >= ROUND_MULTIPLICATIONS
    if sizes.few or (threads > 1 and large):
        return Parts(threads, batch, 0, rounds, -(-sizes.blocks // threads))
    most = PART_ROWS if weights * sizes.item <= CACHED_WEIGHTS else 8 * PART_ROWS
    rows = min(most, -(-batch // threads))
    return Parts(threads, rows, -(-batch // rows), 0, 0)


def _kernel(direction: str, sizes: Sizes) -> Any:
    whole = sizes.hidden % sizes.lanes == 0 if session.available() else False
    return _built(direction, sizes.kind, np.dtype(sizes.char).name, whole, sizes.few)


# ---- plans


class Plan(NamedTuple):
    """A kernel, the numbers it is called with, and the memory it needs."""

    address: int
    release: bool
    threads: int
    shared_bytes: int
    slot_bytes: int  # for each thread
    numbers: tuple[int, ...]
    sums: int = 0  # of a row, in an array of their own
    memory: int = 0  # elements of a row

    def scratch(self) -> np.ndarray:
        return memory.empty((self.shared_bytes + self.threads * self.slot_bytes + LINE,), np.uint8)


@lru_cache(maxsize=512)
def forward_plan(
    kind: str,
    char: str,
    hidden: int,
    steps: int,
    batch: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    keep: bool,
    threads: int,
) -> Plan | None:
    """A plan for an input of that shape and those strides; None where numpy is to do the work."""
    sizes = Sizes(kind, char, shape[-1], hidden, steps, batch, prod(shape[:-1]))
    address = _kernel("forward", sizes) if sizes.applies else None
    if address is None:
        return None
    slots, blocks, line, rows = sizes.slots, sizes.blocks, sizes.lanes * sizes.item, sizes.rows
    lying, parts = _lying(sizes, strides), _parts(sizes, steps, sizes.work, threads)
    if sizes.few:
        return _plan_for_few(sizes, address, lying, parts, keep)
    many = parts.parts and parts.part_rows >= FEW_SEQUENCES
    fused = bool(many and sizes.weights * sizes.item <= CACHED_WEIGHTS)
    near = fused and not keep
    inward, across = (up(size, sizes.lanes) for size in (sizes.features, hidden))
    packed_across = blocked.HEADER + blocks * len(slots.inward) * inward * line
    starts = packed_across + blocks * len(slots.across) * across * line
    numbers = (
        *(steps, batch, sizes.features, hidden, rows, parts.part_rows, int(keep)),
        *(blocks * (len(slots.inward) + len(slots.across)), 0 if fused else _row_tasks(rows, lying)),
        *(*parts[2:], int(fused), int(near), packed_across, starts, *lying),
    )
    shared, sums = up(starts + blocks * slots.slots * line, LINE), slots.slots * sizes.padded
    slot = parts.part_rows * sums * sizes.item if near else 0
    release = sizes.work >= RELEASE_MULTIPLICATIONS
    numbers_of_a_row = 0 if near else sums, sizes.padded
    return Plan(address, release, parts.threads, shared, slot, numbers, *numbers_of_a_row)


def _plan_for_few(sizes: Sizes, address: int, lying: Rows, parts: Parts, keep: bool) -> Plan:
    """Nothing is put in order: in each round the threads share the blocks of the state."""
    slots, blocks = sizes.slots, sizes.blocks
    numbers = (
        *(sizes.steps, sizes.batch, sizes.features, sizes.hidden, sizes.rows, sizes.batch, int(keep)),
        *(blocks * slots.slots, 0, *parts[2:], 1, 0, 0, blocked.HEADER, *lying),
    )
    sums = slots.slots * sizes.padded
    shared = up(blocked.HEADER + sums * sizes.item, LINE)
    release = sizes.work >= RELEASE_MULTIPLICATIONS
    return Plan(address, release, parts.threads, shared, 0, numbers, sums, sizes.padded)


@lru_cache(maxsize=512)
def backward_plan(
    kind: str,
    char: str,
    hidden: int,
    steps: int,
    batch: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    gradient: tuple[int, int, int, int],
    needs: tuple[bool, ...],
    threads: int,
) -> Plan | None:
    """As `forward_plan`; `gradient` says where that of the outputs lies: unit of places, how many units, and
    steps of those and of rows.
    """
    sizes = Sizes(kind, char, shape[-1], hidden, steps, batch, prod(shape[:-1]))
    address = _kernel("backward", sizes) if sizes.applies else None
    if address is None:
        return None
    slots, blocks, rows = sizes.slots, sizes.blocks, sizes.rows
    lying, parts = _lying(sizes, strides), _parts(sizes, steps + 1, 2 * sizes.work, threads)
    input_blocks, chunks = -(-sizes.features // sizes.lanes), -(-hidden // UNITS)
    of_x, of_ih = needs[0], needs[3]
    copied = of_ih and (sizes.features % sizes.lanes != 0 or lying.group_rows != rows)
    shares = _shares(sizes, len(strides) == 3)
    weight_tasks = shares.count * chunks * slots.slots if any(needs[3:]) else 0
    places, shared = _areas(sizes, of_x, copied, shares)
    packs = 1 if sizes.few else blocks + (input_blocks if of_x else 0)
    input_tasks = -(-input_blocks // recurrent_back.BLOCKS_OF_A_TASK) if sizes.few else _tasks(rows)
    numbers = (
        *(steps, batch, sizes.features, hidden, rows, parts.part_rows, 1),
        *(packs, _row_tasks(rows, lying) if copied else 0, *parts[2:]),
        *(input_tasks if of_x else 0, weight_tasks, -(-hidden // chunks), chunks, _zero_bytes(sizes)),
        *(*gradient, *lying, *places.values()),
        *(shares.count, shares.rows, *shares.groups, 8 if shares.count > 1 and any(needs[3:]) else 0),
        *(shares.size, *shares.places),
    )
    release = 2 * sizes.work >= RELEASE_MULTIPLICATIONS
    return Plan(address, release, parts.threads, shared, 0, numbers)


class Shares(NamedTuple):
    """How the sums over all rows are shared by sequences, and where a share's results lie."""

    count: int
    rows: int  # sequences of each
    groups: tuple[int, int]  # rows that lie side by side, and rows from the start of such to the next
    size: int  # bytes of the results of a share
    places: tuple[int, ...]


def _shares(sizes: Sizes, plain: bool) -> Shares:
    """Depends on nothing but sizes: sums come out with the same bits for any number of threads."""
    gates = sizes.hidden * len(sizes.slots.across)
    lengths = [up(n * sizes.item, LINE) for n in (gates * sizes.features, gates * sizes.hidden, gates, gates)]
    places, size = tuple(sum(lengths[:k]) for k in range(4)), sum(lengths)
    count = SHARES if plain and sizes.batch >= SHARED_SEQUENCES and size <= SHARED_BYTES else 1
    groups = (products.CHUNK,) * 2 if count == 1 else (0, sizes.batch)
    return Shares(count, -(-sizes.batch // count), groups, size, places)


def _zero_bytes(sizes: Sizes) -> int:
    """A row of zeros, as long as either product's."""
    return up(max(sizes.hidden, sizes.features), sizes.lanes) * sizes.item


def _areas(sizes: Sizes, of_x: bool, copied: bool, shares: Shares) -> tuple[dict[str, int], int]:
    """Where in the scratch things lie, and its size; 0 for an input that is not copied."""
    slots, line, width = sizes.slots, sizes.lanes * sizes.item, sizes.padded * sizes.item
    input_blocks = -(-sizes.features // sizes.lanes)
    areas = {
        "packed_across": 0 if sizes.few else sizes.blocks * len(slots.across) * sizes.padded * line,
        "packed_inward": input_blocks * len(slots.inward) * sizes.padded * line
        if of_x and not sizes.few
        else 0,
        "slopes": sizes.rows * slots.slots * width,
        "befores": sizes.rows * width,
        "states": sizes.batch * width,
        "memories": sizes.batch * width,
        "inputs": sizes.rows * input_blocks * line if copied else 0,
        "zeros": _zero_bytes(sizes),
        "partials": (shares.count - 1) * shares.size,
    }
    places, at = {}, blocked.HEADER
    for name, size in areas.items():
        places[name], at = at, at + up(size, LINE)
    if not copied:
        places["inputs"] = 0
    return places, at


def forget() -> None:
    """Looks again for kernels at the next call: the kernel mode has changed."""
    for cached in (_built, forward_plan, backward_plan):
        cached.cache_clear()


settings.when_changed.append(forget)
