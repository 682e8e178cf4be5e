"""Attention by generated kernels: which arrays they are for, and the numbers they are called with.

`forward` and `backward` answer None when they do not apply, and numpy does the work then.
"""

from __future__ import annotations

import struct
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .convolution_plans import LINE, SUMS, build, up
from .llvm import attention, attention_back, blocked

MORE = ("matmul", "attention")
MOST_SIZE = 512  # features of a head
TASK_TILES = 8  # tiles of queries in a task
BLOCK_KEYS = 256  # that a block of queries meets at once
BACK_BLOCK = 128  # keys and queries of a block of the gradients
Array = np.ndarray


def forward(
    query: Array, key: Array, value: Array, mask: Array | None, is_causal: bool, scale: float
) -> tuple[Array, Array] | None:
    """The result, and of each query what its weights are computed again from."""
    batch = _batch(query, key, value, mask)
    if batch is None:
        return None
    (queries, size), (keys, value_size), dtype = query.shape[-2:], value.shape[-2:], query.dtype
    out = _result((*batch, queries, value_size), dtype)
    stats = memory.empty((2, *batch, queries), dtype)
    item, lanes, tile_rows, columns = _machine(dtype)
    parts = -(-queries // (TASK_TILES * tile_rows))
    task, block = up(-(-queries // parts), tile_rows), min(BLOCK_KEYS, up(keys, columns))
    w = {"matrices": prod(batch), "queries": queries, "keys": keys, "size": size, "value_size": value_size}
    w |= {"causal": int(is_causal), "scale": _bits(scale, dtype), "query_tasks": -(-queries // task)}
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
    arrays = {"out": out, "query": query, "key": key, "value": value, "mask": mask}
    w |= _steps(arrays, batch)
    done = _run("attention", attention, attention.attention_ir, w, (*arrays.values(), stats), dtype)
    return (out, stats) if done else None


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
) -> tuple[Array, Array, Array] | None:
    """The gradients of queries, keys and values, each with the whole batch's dimensions."""
    batch = _batch(query, key, value, mask, g, out)
    if batch is None:
        return None
    (queries, size), (keys, value_size), dtype = query.shape[-2:], value.shape[-2:], query.dtype
    shapes = (queries, size), (keys, size), (keys, value_size)
    grads = [_result((*batch, *shape), dtype) for shape in shapes]
    item, lanes, tile_rows, columns = _machine(dtype)
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
    arrays = {"query": query, "key": key, "value": value, "mask": mask, "out": out, "g": g}
    arrays |= dict(zip(("of_query", "of_key", "of_value"), grads))
    w |= _steps(arrays, batch)
    make = attention_back.attention_back_ir
    done = _run("attention_back", attention_back, make, w, (*arrays.values(), stats), dtype)
    return tuple(grads) if done else None


def _batch(query: Array, key: Array, value: Array, mask: Array | None, *others: Array) -> tuple | None:
    """The dimensions of the batch; None where no kernel is for these arrays."""
    if settings.kernel_mode == "off" or query.dtype.char not in "fd" or not query.dtype.isnative:
        return None
    arrays = [x for x in (query, key, value, mask, *others) if x is not None]
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != query.dtype or not x.flags.aligned or x.ndim < 2:
            return None
        if (x.strides[-1] != x.itemsize and x.shape[-1] > 1) or not x.size:
            return None
    if max(query.shape[-1], value.shape[-1]) > MOST_SIZE or not session.available():
        return None
    rows, keys = query.shape[-2], key.shape[-2]
    if mask is not None and (mask.shape[-1] != keys or mask.shape[-2] not in (1, rows)):
        return None
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    if len(batch) > attention.MOST_DIMS:
        return None
    work = prod(batch) * rows * keys * (query.shape[-1] + value.shape[-1])
    return batch if policy.attention_worthwhile(work) else None


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


def _steps(arrays: dict[str, Any], batch: tuple[int, ...]) -> dict[str, int]:
    """Bytes from one row and from one matrix of the batch to the next."""
    missing = attention.MOST_DIMS - len(batch)
    w = {f"length{d}": n for d, n in enumerate((*[1] * missing, *batch))}
    for side, x in arrays.items():
        if x is None:
            continue
        spread = np.broadcast_to(x, (*batch, *x.shape[-2:])).strides
        w[f"{side}_row"] = spread[-2] if x.shape[-2] > 1 else 0
        w |= {f"{side}{d}": n for d, n in enumerate((*[0] * missing, *spread[:-2]))}
    return w


def _run(name: str, module: Any, make: Any, w: dict[str, int], arrays: tuple, dtype: np.dtype) -> bool:
    """Calls the kernel, if there is one."""
    sums = SUMS[session.host().level]
    try:
        address = build(
            dtype.name, name, (dtype.name, sums), lambda width: make(dtype.name, width, sums), MORE
        )
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for attention: {reason}")
        return False
    threads = min(w["tasks"], pool.get_num_threads())
    shared, slot = blocked.HEADER, w["slot_bytes"]
    scratch = memory.empty((shared + threads * slot + LINE,), np.uint8)
    names = module.WORDS[module.WORDS.index("slot_bytes") + 1 :]
    words = (w.get(name, 0) for name in names)
    invoke.load()(address, True, *arrays, scratch, threads, shared, slot, *words)
    return True
