"""Attention by generated kernels: which arrays they are for, and the numbers they are called with.

`forward` and `backward` answer None when they do not apply, and numpy does the work then.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .llvm import attention, attention_back, attention_few, blocked
from .planning import LINE, SUMS, build, up

SIDES = ("out", "query", "key", "value", "mask")
FEW_QUERIES = 4  # up to which keys are read as they lie
PARALLEL_MULTIPLICATIONS = 1 << 17  # work from which on threads share it
RELEASE_MULTIPLICATIONS = 1 << 19  # work that is worth letting other Python threads run
MOST_SIZE = 512  # features of a head
TASK_TILES = 8  # tiles of queries in a task
BLOCK_KEYS = 256  # that a block of queries meets at once
BACK_BLOCK = 128  # keys and queries of a block of the gradients
Array = np.ndarray


class Plan(NamedTuple):
    """A kernel for arrays of some layouts, and the numbers it is called with."""

    address: int
    release: bool
    batch: tuple[int, ...]
    threads: int
    slot_bytes: int
    numbers: tuple[int, ...]

    def scratch(self) -> Array:
        return memory.empty((blocked.HEADER + self.threads * self.slot_bytes + LINE,), np.uint8)


def forward(
    query: Array, key: Array, value: Array, mask: Array | None, is_causal: bool, scale: float
) -> tuple[Array, Array] | None:
    """The result, and of each query what its weights are computed again from."""
    dtype = query.dtype
    layouts = _layouts((query, key, value, mask), dtype)
    if layouts is None:
        return None
    plan = _forward_plan(dtype.char, layouts, bool(is_causal), float(scale), pool.get_num_threads())
    if plan is None:
        return None
    queries = query.shape[-2]
    out = _result((*plan.batch, queries, value.shape[-1]), dtype)
    stats = memory.empty((2, *plan.batch, queries), dtype)
    _call(plan, out, query, key, value, mask, stats)
    return out, stats


def backward(
    g: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    out: Array,
    stats: Array,
    is_causal: bool,
    scale: float,
    into: Sequence[Array] | None = None,
) -> tuple[Array, ...] | None:
    """The gradients of queries, keys and values, each with the whole batch's dimensions, in new arrays or
    `into` those.
    """
    dtype = query.dtype
    arrays = query, key, value, mask, out, g
    layouts = _layouts((*arrays, *(into or ())), dtype)
    if layouts is None:
        return None
    plan = _backward_plan(dtype.char, layouts, bool(is_causal), float(scale), pool.get_num_threads())
    if plan is None:
        return None
    grads = into
    if grads is None:
        grads = [_result((*plan.batch, *x.shape[-2:]), dtype) for x in (query, key, value)]
    _call(plan, *arrays, *grads, stats)
    return tuple(grads)


def _call(plan: Plan, *arrays: Any) -> None:
    sizes = plan.threads, blocked.HEADER, plan.slot_bytes
    invoke.load()(plan.address, plan.release, *arrays, plan.scratch(), *sizes, *plan.numbers)


def _layouts(arrays: tuple, dtype: np.dtype) -> tuple | None:
    """The shapes and strides of arrays that a kernel can read; None where one cannot."""
    found = []
    for x in arrays:
        if x is None:
            found.append(None)
            continue
        strides = x.strides
        if type(x) is not np.ndarray or x.dtype != dtype or not x.flags.aligned or x.ndim < 2:
            return None
        if strides[-1] != x.itemsize and x.shape[-1] > 1:
            return None
        found.append((x.shape, strides))
    return tuple(found)


# ---- plans


@lru_cache(maxsize=512)
def _forward_plan(char: str, layouts: tuple, is_causal: bool, scale: float, threads: int) -> Plan | None:
    batch = _batch(char, layouts)
    if batch is None:
        return None
    (query, _), (_, _), (value, _), _ = layouts
    (queries, size), (keys, value_size), dtype = query[-2:], value[-2:], np.dtype(char)
    out = _result_layout((*batch, queries, value_size), dtype.itemsize)
    w = {"matrices": prod(batch), "queries": queries, "keys": keys, "size": size, "value_size": value_size}
    w |= {"causal": int(is_causal), "scale": _bits(scale, dtype)}
    w |= _steps(dict(zip(SIDES, (out, *layouts))), batch)
    work = prod(batch) * queries * keys * (size + value_size)
    if queries <= FEW_QUERIES or not policy.attention_worthwhile(work):
        return _plan_for_few(w, dtype, batch, work, threads)
    item, lanes, tile_rows, columns = _machine(dtype)
    parts = -(-queries // (TASK_TILES * tile_rows))
    task, block = up(-(-queries // parts), tile_rows), min(BLOCK_KEYS, up(keys, columns))
    w["query_tasks"] = -(-queries // task)
    w |= {"tasks": w["matrices"] * w["query_tasks"], "task_queries": task, "block_keys": block}
    w |= {"pitch": block * item + LINE, "sums_pitch": up(value_size, columns) * item}
    w |= _places(
        columns * item + 2 * item * task,
        left=task * up(size, lanes) * item,
        right=up(max(size, block), lanes) * columns * item,
        scores=task * w["pitch"],
        weights=task * block * item,
        sums=task * w["sums_pitch"],
    )
    sums = SUMS[session.host().level]
    make = lambda width: attention.attention_ir(dtype.name, width, sums)  # noqa: E731
    return _plan("attention", attention.WORDS, make, (dtype.name, sums), w, batch, work, threads)


def _plan_for_few(w: dict[str, int], dtype: np.dtype, batch: tuple, work: int, threads: int) -> Plan | None:
    item, lanes, *_ = _machine(dtype)
    pitch = up(w["keys"], lanes) * item + LINE
    zeros = max(up(w["keys"], lanes), up(w["value_size"], lanes)) * item
    w |= {"tasks": w["matrices"], "pitch": pitch, "zero_bytes": zeros}
    w |= _places(zeros, scores=w["queries"] * pitch)
    make = lambda width: attention_few.attention_few_ir(dtype.name, width)  # noqa: E731
    threads = threads if work >= PARALLEL_MULTIPLICATIONS else 1
    return _plan("attention_few", attention_few.WORDS, make, (dtype.name,), w, batch, work, threads)


@lru_cache(maxsize=512)
def _backward_plan(char: str, layouts: tuple, is_causal: bool, scale: float, threads: int) -> Plan | None:
    batch = _batch(char, layouts)
    if batch is None:
        return None
    (query, _), (key, _), (value, _), *_ = layouts
    (queries, size), (keys, value_size), dtype = query[-2:], value[-2:], np.dtype(char)
    item, lanes, tile_rows, columns = _machine(dtype)
    grads = layouts[6:] or [_result_layout((*batch, *shape[-2:]), item) for shape in (query, key, value)]
    rows, block = (min(up(BACK_BLOCK, columns), up(count, columns)) for count in (keys, queries))
    w = {"tasks": prod(batch), "queries": queries, "keys": keys, "size": size, "value_size": value_size}
    w |= {"causal": int(is_causal), "scale": _bits(scale, dtype)}
    w |= {"block_queries": block, "block_keys": rows, "pitch": block * item + LINE}
    tall, wide = up(rows, tile_rows), up(block, tile_rows)
    w |= _places(
        columns * item,
        key=tall * up(size, lanes) * item,
        value=tall * up(value_size, lanes) * item,
        right=up(max(size, value_size, block, rows), lanes) * columns * item,
        scores=rows * w["pitch"],
        slopes=rows * w["pitch"],
        mask=rows * w["pitch"],
        weights=tall * block * item,
        steep=tall * block * item,
        turned=wide * rows * item,
        deltas=queries * item,
    )
    w |= _steps(dict(zip(attention_back.SIDES, (*layouts[:6], *grads))), batch)
    sums, work = SUMS[session.host().level], 2 * w["tasks"] * queries * keys * (size + value_size)
    make = lambda width: attention_back.attention_back_ir(dtype.name, width, sums)  # noqa: E731
    threads = threads if work >= PARALLEL_MULTIPLICATIONS else 1
    return _plan("attention_back", attention_back.WORDS, make, (dtype.name, sums), w, batch, work, threads)


def _plan(
    name: str,
    names: tuple[str, ...],
    make: Any,
    arguments: tuple,
    w: dict[str, int],
    batch: tuple,
    work: int,
    threads: int,
) -> Plan | None:
    """The plan with the kernel, if there is one."""
    try:
        address = build(arguments[0], name, arguments, make)
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for attention: {reason}")
        return None
    rest = names[names.index("slot_bytes") + 1 :]
    numbers = tuple([w.get(name, 0) for name in rest])
    release = work >= RELEASE_MULTIPLICATIONS
    return Plan(address, release, batch, min(w["tasks"], threads), w["slot_bytes"], numbers)


def _batch(char: str, layouts: tuple) -> tuple | None:
    """The dimensions of the batch; None where no kernel is for these arrays."""
    if settings.kernel_mode == "off" or char not in "fd" or not session.available():
        return None
    shapes = [x[0] for x in layouts if x is not None]
    query, key, value, mask = layouts[:4]
    rows, keys = query[0][-2], key[0][-2]
    if max(query[0][-1], value[0][-1]) > MOST_SIZE or not all(map(prod, shapes)):
        return None
    if mask is not None and (mask[0][-1] != keys or mask[0][-2] not in (1, rows)):
        return None
    batch = np.broadcast_shapes(*(x[:-2] for x in shapes))
    return batch if len(batch) <= attention.MOST_DIMS else None


def forget() -> None:
    """Looks again for kernels at the next call: the kernel mode has changed."""
    _forward_plan.cache_clear()
    _backward_plan.cache_clear()


settings.when_changed.append(forget)


def _result(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Memory for a result; rows of all heads lie beside each other, as the layers around it have them."""
    if len(shape) != 4:
        return memory.empty(shape, dtype)
    batch, heads, rows, size = shape
    return memory.empty((batch, rows, heads, size), dtype).swapaxes(1, 2)


def _machine(dtype: np.dtype) -> tuple[int, int, int, int]:
    """Bytes of an element, lanes, and the rows and columns of a tile."""
    host = session.host()
    lanes = host.vector_bytes // dtype.itemsize
    return dtype.itemsize, lanes, SUMS[host.level] // 2, 2 * lanes


def _bits(number: float, dtype: np.dtype) -> int:
    """The number as a word of the call."""
    return int.from_bytes(struct.pack("<" + dtype.char, number), "little", signed=dtype.char == "d")


def _places(start: int, **sizes: int) -> dict[str, int]:
    """Where each part of a slot's scratch starts, a few lines apart so that they do not share cache sets."""
    places, at = {}, up(start, LINE)
    for name, size in sizes.items():
        places[f"{name}_at"] = at
        at = up(at + size, LINE) + 5 * LINE
    return places | {"slot_bytes": at}


def _steps(sides: dict[str, Any], batch: tuple[int, ...]) -> dict[str, int]:
    """Bytes from one row and from one matrix of the batch to the next, of shapes and strides."""
    missing = attention.MOST_DIMS - len(batch)
    w = {f"length{d}": n for d, n in enumerate((*[1] * missing, *batch))}
    for side, layout in sides.items():
        if layout is None:
            continue
        shape, strides = layout
        own = [s if n > 1 else 0 for n, s in zip(shape[:-2], strides)]
        w[f"{side}_row"] = strides[-2] if shape[-2] > 1 else 0
        w |= {f"{side}{d}": n for d, n in enumerate([0] * (attention.MOST_DIMS - len(own)) + own)}
    return w


def _result_layout(shape: tuple[int, ...], item: int) -> tuple:
    """The shape and strides of a `_result`."""
    order = (0, 2, 1, 3) if len(shape) == 4 else range(len(shape))
    strides, size = [0] * len(shape), item
    for d in reversed(order):
        strides[d], size = size, size * shape[d]
    return shape, tuple(strides)
