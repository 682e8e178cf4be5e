"""How a convolution is done by generated kernels: the numbers a kernel is called with, worked out once."""

from __future__ import annotations

from functools import cache
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session
from . import copying, invoke
from .llvm import blocked, direct
from .planning import LINE, SUMS, build, up

MOST_STEPS = 512  # multiplications that the innermost loop is unrolled to
COPY_BYTES = 384 << 10  # padded input of a task: what stays in the second-level cache
FEW_TASKS = 16  # tasks that a call is parted into, so that threads end together
TASK_MULTIPLICATIONS = 1 << 20  # work that is worth a task of its own, about 8 microseconds
RELEASE_MULTIPLICATIONS = 1 << 20  # work that is worth letting other Python threads run
FEW_BLOCKS = 7  # of outputs: an odd number of fewer is not done in pairs
SHORT_CHAIN = 64  # multiplications for an output: with fewer, writing outputs is what takes the time
LEAST_LINE = 49  # pixels of a line of a task
GROUPS_OF_THREAD = 2  # groups of channels from which on threads take whole ones


class Geometry(NamedTuple):
    """A convolution of planes; always that of the forward pass."""

    dtype: str
    images: int
    channels: int
    outputs: int
    sizes: tuple[int, int]
    taps: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    places: tuple[int, int]  # the sizes of its result
    groups: int = 1  # channels and outputs are those of one
    pairs: bool = False  # is each element two numbers of bfloat16, whose products are summed?

    @property
    def item(self) -> int:
        return np.dtype(self.dtype).itemsize

    @property
    def multiplications(self) -> int:
        taps, places = self.taps[0] * self.taps[1], self.places[0] * self.places[1]
        return self.images * self.channels * self.outputs * taps * places


class Plan(NamedTuple):
    """A kernel and its words; `run` gives it memory and calls it."""

    address: int
    release: bool
    threads: int  # at most so many
    shared_bytes: int
    slot_bytes: int
    words: tuple[int, ...]
    only_finite: bool = False  # must the weight be?
    finishes: bool = False  # are its last words those of an epilogue?
    groups: int = 1  # of channels, that threads can share
    group_threads: int = 1  # at most so many

    def run(self, out: Any, x: Any, weight: Any, bias: Any, epilogue: tuple = ()) -> None:
        threads, shared, slot = pool.get_num_threads(), self.shared_bytes, self.slot_bytes
        if self.groups >= GROUPS_OF_THREAD * threads:  # each thread takes some, with scratch for all of one
            threads = min(threads, self.group_threads)
            scratch = memory.scratch(blocked.HEADER + threads * (shared + slot + LINE) + LINE)
            threads = -threads
        else:
            threads = min(self.threads, threads)
            scratch = memory.scratch(shared + threads * slot + LINE)
        words = (*self.words[: -len(epilogue)], *epilogue) if epilogue else self.words
        sizes = threads, shared, slot
        invoke.load()(self.address, self.release, out, x, weight, bias, scratch, *sizes, *words)
        memory.end_scratch(scratch)


@cache
def tile_of(rows: int, columns: int, most: int, enough: int = 10) -> tuple[int, int]:
    """The rectangle of at most so many pixels that covers a plane with the least waste."""
    found = []
    for c in range(1, min(columns, most) + 1):
        for r in range(1, min(rows, most // c, 4) + 1):
            covered = up(rows, r) * up(columns, c) / (rows * columns)
            few = max(0, enough - r * c) * 0.8 / enough
            found.append((covered * (1 + few) * (1 + 0.01 * (r > 1)) * (1 + 0.002 * abs(r * c - 16)), r, c))
    return min(found)[1:]


# ---- direct, both ways


class Taps(NamedTuple):
    """Along one dimension, the taps of one phase of the outputs: first input place, last slot, how many."""

    first: int
    slot: int
    count: int


class Side(NamedTuple):
    """One dimension of a direct convolution: outputs `o * spread + phase` see `o * step + first...`."""

    step: int
    spread: int
    tap_step: int
    slot_step: int
    phases: tuple[Taps, ...]
    inputs: int
    outputs: int

    @property
    def least(self) -> int:
        """Outputs of the shortest phase."""
        return self.outputs // self.spread

    @property
    def first(self) -> int:
        return min((t.first for t in self.phases if t.count), default=0)

    def count(self, phase: int) -> int:
        return -(-(self.outputs - phase) // self.spread)

    @property
    def end(self) -> int:
        """One after the last input place that any output looks at."""
        ends = [
            (self.count(k) - 1) * self.step + t.first + (t.count - 1) * self.tap_step
            for k, t in enumerate(self.phases)
            if t.count
        ]
        return max(ends, default=-1) + 1

    @property
    def span(self) -> int:
        """Input places between the first that an output of some phase sees and its last."""
        lasts = [t.first + (t.count - 1) * self.tap_step for t in self.phases if t.count]
        return max(lasts, default=self.first) - self.first + 1


def forward_side(geometry: Geometry, d: int) -> Side:
    taps = (Taps(-geometry.padding[d], 0, geometry.taps[d]),)
    return Side(geometry.stride[d], 1, geometry.dilation[d], 1, taps, geometry.sizes[d], geometry.places[d])


def transposed_side(geometry: Geometry, d: int) -> Side:
    stride, dilation, padding = geometry.stride[d], geometry.dilation[d], geometry.padding[d]
    common = gcd(stride, dilation)
    phases = []
    for phase in range(stride):
        places = [
            ((phase + padding - k * dilation) // stride, k)
            for k in range(geometry.taps[d])
            if (phase + padding - k * dilation) % stride == 0
        ]
        phases.append(Taps(*places[-1], len(places)) if places else Taps(0, 0, 0))
    return Side(
        1,
        stride,
        dilation // common,
        -(stride // common),
        tuple(phases),
        geometry.places[d],
        geometry.sizes[d],
    )


class Padded(NamedTuple):
    """A plan for sequences that sees them with their padding, as if that were a part of them."""

    plan: Plan
    padding: int
    only_finite = False

    @property
    def finishes(self) -> bool:
        return self.plan.finishes

    def run(self, out: Any, x: Any, other: Any, bias: Any, epilogue: tuple = ()) -> None:
        if self.padding:
            x = x.reshape(*x.shape[:2], x.shape[-1])
            wide = memory.empty((*x.shape[:2], x.shape[2] + 2 * self.padding), x.dtype)
            wide[:, :, : self.padding] = wide[:, :, -self.padding :] = 0
            copying.filled(wide[:, :, self.padding : -self.padding], x)
            x = wide
        self.plan.run(out, x, other, bias, epilogue)


def _in_lines(geometry: Geometry) -> Padded | None:
    """A plan for a long sequence as a plane of lines, for as many tasks; None where there are some."""
    (height, length), (_, places), (taps, _) = geometry.sizes, geometry.places, geometry.taps
    wanted = range(1, tasks_wanted(geometry) + 1)
    fitting = [n for n in wanted if places % n == 0 and places >= n * LEAST_LINE]
    few = geometry.outputs * geometry.item <= 2 * session.host().vector_bytes
    if max(height, taps, geometry.groups, geometry.images) > 1 or not few or fitting[-1:] in ([], [1]):
        return None
    lines, padding = fitting[-1], geometry.padding[1]
    wide = geometry._replace(sizes=(1, length + 2 * padding), padding=(0, 0))
    down, across = Side(1, 1, 1, 1, (Taps(0, 0, 1),), lines, lines), forward_side(wide, 1)
    sides = down, across._replace(outputs=places // lines)
    plan = direct_plan(geometry, sides, geometry.channels, geometry.outputs, False, in_lines=True)
    return None if plan is None else Padded(plan, padding)


def forward_plan(geometry: Geometry) -> Plan | Padded | None:
    if geometry.sizes[0] == 1 and geometry.taps[1] > 1 and (in_lines := _in_lines(geometry)) is not None:
        return in_lines
    if geometry.taps == (1, 1) and geometry.stride == (1, 1) and geometry.padding == (0, 0):
        lines = lines_of(geometry)
        geometry = geometry._replace(sizes=lines, places=lines)
    sides = tuple(forward_side(geometry, d) for d in (0, 1))
    return direct_plan(geometry, sides, geometry.channels, geometry.outputs, False)


def lines_of(geometry: Geometry) -> tuple[int, int]:
    """A plane whose pixels are not neighbours, as a few lines for as many tasks, with enough for tiles."""
    pixels = geometry.sizes[0] * geometry.sizes[1]
    enough = -(-tasks_wanted(geometry) // geometry.images)
    fitting = [n for n in range(1, enough + 1) if pixels % n == 0 and (n == 1 or pixels >= n * LEAST_LINE)]
    return fitting[-1], pixels // fitting[-1]


def input_plan(geometry: Geometry) -> Plan | None:
    if geometry.taps == (1, 1) and geometry.stride == (1, 1) and geometry.padding == (0, 0):
        line = (1, geometry.sizes[0] * geometry.sizes[1])
        geometry = geometry._replace(sizes=line, places=line)
    sides = tuple(transposed_side(geometry, d) for d in (0, 1))
    return direct_plan(geometry, sides, geometry.outputs, geometry.channels, True)


def direct_plan(
    geometry: Geometry,
    sides: tuple[Side, Side],
    channels: int,
    outputs: int,
    transposed: bool,
    in_lines: bool = False,
) -> Plan | None:
    """A plan for the sum over `channels` to `outputs`; None where the generator has none."""
    down, across = sides
    if down.spread > direct.MOST_ROW_PHASES or across.spread > 4 or min(down.least, across.least) < 1:
        return None
    host = session.host()
    blocks, chain = -(-outputs * geometry.item // host.vector_bytes), channels * prod(geometry.taps)
    held = 1 if chain < SHORT_CHAIN or (blocks % 2 and blocks < FEW_BLOCKS) else 2
    most = min(SUMS[host.level], MOST_STEPS // max(t.count for t in across.phases)) // held - (held > 1)
    if most < 1:
        return None
    rows, columns = tile_of(down.least, across.least, most, 10 // held)
    left = max(0, -across.first)
    phases = tuple(
        tuple((t.first + k * across.tap_step + left, t.slot + k * across.slot_step) for k in range(t.count))
        for t in across.phases
    )
    baked = direct.Shape(rows, columns, across.step, across.spread, phases, held, geometry.pairs)
    dtype = geometry.dtype
    address = build(
        f"{rows}x{columns}x{held}{'_pairs' * geometry.pairs}",
        "direct",
        (dtype, baked),
        lambda width: direct.direct_ir(dtype, width, baked),
    )
    shape = rows, left, held, in_lines
    return _direct_words(geometry, sides, channels, outputs, transposed, shape, address)


def _direct_words(
    geometry: Geometry, sides: tuple, channels: int, outputs: int, transposed: bool, tile: tuple, address: int
) -> Plan:
    (down, across), (rows, left, held, in_lines), item = sides, tile, geometry.item
    lane_bytes = session.host().vector_bytes
    lanes = lane_bytes // item
    taps = geometry.taps[0] * geometry.taps[1]
    blocks = up(-(-outputs // lanes), held)
    w: dict[str, int] = {
        "images": geometry.images,
        "channels": channels,
        "outputs": outputs,
        "blocks": blocks,
    }
    height = 1 if in_lines else down.inputs
    w |= {"height": down.inputs, "width": across.inputs, "x_plane": height * across.inputs * item}
    w["x_image"] = w["x_plane"] * channels * geometry.groups
    outside = left or down.first < 0 or across.end > across.inputs or down.end > down.inputs
    w |= {"copied": int(bool(outside)), "left": left, "first": down.first if outside else 0}
    w["pitch"] = (across.end + left if outside else across.inputs) * item
    if in_lines:
        w["pitch"] = across.outputs * across.step * item
    w["weights_block"] = (channels * taps + lanes) * lane_bytes
    w |= _tasks(geometry, w, down, (rows, held), channels)
    w |= {"plane": w["x_plane"], "image_bytes": w["x_image"]}
    if outside:
        w["plane"] = w["copy_rows"] * w["pitch"]
        w["image_bytes"] = w["plane"] * channels
    w |= {"row_step": down.step, "tap_step": down.tap_step, "weights_plane": taps * lane_bytes}
    w["slot_step"] = down.slot_step * geometry.taps[1] * lane_bytes
    if transposed:
        w |= {
            "pack_times": channels,
            "pack_step": outputs * taps * item,
            "pack_count": taps,
            "lane_step": taps * item,
        }
    else:
        w |= {
            "pack_times": 1,
            "pack_step": 0,
            "pack_count": channels * taps,
            "lane_step": channels * taps * item,
        }
    w |= _places(down, across, rows, item, geometry.taps[1] * lane_bytes)
    w["out_image"] = w["out_plane"] * outputs * geometry.groups
    band = up((rows * across.outputs + lanes + 1) * lane_bytes, LINE)
    w |= {"band_bytes": band, "copy_at": held * band}
    slot = held * band + (up(w["group"] * w["image_bytes"] + lane_bytes, LINE) if outside else 0)
    w["phases"] = down.spread
    shared = up(blocks * w["weights_block"] + blocked.HEADER, LINE)
    return plan_of(geometry, address, direct.WORDS, w, w["tasks"], shared, slot)


def plan_of(
    geometry: Geometry, address: int, names: tuple, w: dict[str, int], tasks: int, shared: int, slot: int
) -> Plan:
    """The plan with the words in their order; staggered, so that slots do not meet in the same cache sets."""
    w |= _group_words(geometry, w)
    words = tuple(w.get(name, 0) for name in names[names.index("slot_bytes") + 1 :])
    work, groups = geometry.multiplications, geometry.groups
    threads, group_threads = (max(1, n // (TASK_MULTIPLICATIONS // 4)) for n in (work, work * groups))
    plan = Plan(
        address,
        work * groups >= RELEASE_MULTIPLICATIONS,
        min(tasks, threads),
        shared + LINE,
        slot + 4 * LINE,
        words,
    )
    return plan._replace(
        finishes=names[-len(blocked.EPILOGUE) :] == blocked.EPILOGUE,
        groups=groups,
        group_threads=group_threads,
    )


def _group_words(geometry: Geometry, w: dict[str, int]) -> dict[str, int]:
    """How many groups there are, and how far the arrays of one are from those of the next."""
    channels, outputs = w["channels"], w.get("outputs", geometry.outputs)
    weights = channels * outputs * prod(geometry.taps) * geometry.item
    of_weight = "g_plane" in w
    out, other = (weights, w["g_plane"] * outputs) if of_weight else (w["out_plane"] * outputs, weights)
    steps = out, w["x_plane"] * channels, other, outputs * geometry.item
    return {"groups": geometry.groups, **dict(zip(blocked.GROUP_STEPS, steps))}


def tasks_wanted(geometry: Geometry) -> int:
    return min(FEW_TASKS, max(1, geometry.multiplications // TASK_MULTIPLICATIONS))


def _tasks(geometry: Geometry, w: dict, down: Side, tile: tuple[int, int], channels: int) -> dict[str, int]:
    """How images and rows are parted into tasks; and blocks of outputs, where these are few."""
    rows, held = tile
    images, bands = geometry.images, -(-down.least // rows)
    image_bytes = w["pitch"] * (down.end - down.first) * channels
    wanted = tasks_wanted(geometry)
    parts = max(-(-image_bytes // COPY_BYTES), -(-wanted // images))
    task_rows = min(down.least, rows * max(1, bands // min(parts, bands)))
    row_tasks = -(-down.least // task_rows)
    group = 1
    if row_tasks == 1 and down.least < 16:
        many = w["blocks"] * w["weights_block"] > COPY_BYTES  # weights, which images in a task share
        group = max(1, min(images if many else images // FEW_TASKS, COPY_BYTES // image_bytes))
    extra = int(down.count(0) > down.least)
    copy_rows = (task_rows + extra - 1) * down.step + down.span
    tasks = -(-images // group) * row_tasks
    pairs = w["blocks"] // held
    task_blocks = held * -(-pairs // min(pairs, max(1, wanted // tasks)))
    block_tasks = -(-w["blocks"] // task_blocks)
    return {
        "tasks": tasks * block_tasks,
        "block_tasks": block_tasks,
        "task_blocks": task_blocks,
        "group": group,
        "row_tasks": row_tasks,
        "task_rows": task_rows,
        "least_rows": down.least,
        "copy_rows": copy_rows,
    }


def _places(down: Side, across: Side, rows: int, item: int, slot_bytes: int) -> dict[str, int]:
    """Where the rows of a band go, and what the phases of the rows are."""
    line = across.outputs * item
    w = {"out_width": across.outputs, "out_plane": down.outputs * line, "phase_step": line}
    w["band_step"] = down.spread * line
    whole = down.spread == 1
    w |= {"runs": 1 if whole else rows, "run_step": w["band_step"]}
    w["run_length"] = across.outputs * (rows if whole else 1)
    for k, taps in enumerate(down.phases):
        numbers = taps.count, taps.first if taps.count else down.first, taps.slot * slot_bytes, down.count(k)
        w |= {f"{name}{k}": number for name, number in zip(direct.PHASE_WORDS, numbers)}
    return w
