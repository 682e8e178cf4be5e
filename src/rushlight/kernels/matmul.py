"""Products of matrices by generated kernels: which arrays they are for, and the numbers they are called with.

`product` answers None when it does not apply, and numpy does the work then. Which way is taken depends on
types, sizes and layouts alone, and each element is summed in the same order for any number of threads.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session
from . import graph, invoke, kernel, low_products, policy
from .llvm import blocked, matmul
from .planning import LINE, SUMS, Plans, build, up
from .product_plans import MOST_BATCH_DIMS, Plan, Sides, Sizes, alike, batch_words, merged, shares, steps_of

MOST_DEPTH = 512  # of the inner dimension packed at once
LOW_ROWS, LOW_DEPTH = 32, 32  # so few rows wait for memory: read in runs along it, and not deep
_BYTES = np.dtype(np.uint8)


class Epilogue(NamedTuple):
    """What becomes of each element of a product: `f(element)`, or `f(element, other)` with those of `extra`.

    `f` is an element-wise kernel, `factors` are the numbers that it takes.
    """

    f: Any
    extra: np.ndarray | None = None
    factors: tuple[float, ...] = ()


def product(
    a: np.ndarray, b: np.ndarray, start: np.ndarray | None = None, epilogue: Epilogue | None = None
) -> np.ndarray | None:
    """`f(start + a @ b)` for matrices in the last two axes, or None.

    `start` and the epilogue's array are broadcast to the product. Without an epilogue there is no `f`.
    """
    key: tuple = (a.dtype, a.shape, a.strides, b.dtype, b.shape, b.strides)
    extra = factors = None
    if start is not None:
        key += (start.dtype, start.shape, start.strides)
    if epilogue is not None:
        extra, factors = epilogue.extra, np.array(epilogue.factors)
        key += (epilogue.f,) if extra is None else (epilogue.f, extra.dtype, extra.shape, extra.strides)
    plan = _plans.find(key, a, b, start, epilogue)
    if plan is None:
        return None
    shape, address, release, threads, shared, slot, words = plan
    if threads > 1:
        threads = min(threads, pool.get_num_threads())
    out = memory.empty(shape, a.dtype)
    scratch = memory.empty((shared + threads * slot,), _BYTES)
    arrays = out, a, b, start, extra, factors, scratch
    invoke.load()(address, release, *arrays, threads, shared, slot, *words)
    return out


def added(array: np.ndarray, factor: float, scale: float) -> Epilogue | None:
    """What makes a product `factor * array + scale * product`; a factor of zero leaves `array` out."""
    factors = (scale, factor) if factor else (scale,)
    kernel = _scaling(array.dtype.name, len(factors) > 1)
    return kernel and Epilogue(kernel, array if factor else None, factors)


@cache
def _scaling(dtype: str, adds: bool) -> Any:
    """The kernel of `scale * x`, or of `scale * x + factor * y`; None where there are none."""
    x, y = (graph.input_node(k, dtype) for k in range(2))
    scale, factor = (graph.scalar_node(k, dtype) for k in range(2))
    node = graph.Node("mul", (x, scale), dtype)
    if adds:
        node = graph.Node("add", (node, graph.Node("mul", (y, factor), dtype)), dtype)
    return kernel.elementwise(node, "scaled") if kernel.supports(node) else None


def _plan(a: np.ndarray, b: np.ndarray, start: np.ndarray | None, epilogue: Epilogue | None) -> Plan | None:
    extra = None if epilogue is None else epilogue.extra
    if not alike("fd", a, b, start, extra) or min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        return None
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    work = prod(batch) * rows * inner * columns
    if not work or not policy.product_worthwhile(work, rows):
        return None
    shape, item = (*batch, rows, columns), a.itemsize
    steps_a, steps_b = (steps_of(x, (*batch, *x.shape[-2:])) for x in (a, b))
    added = start, extra
    steps_added = [(0,) * len(shape) if x is None else steps_of(x, shape) for x in added]
    dense = item in steps_a[-2:] and item in steps_b[-2:]
    dense = dense and all(x is None or steps[-1] == item for x, steps in zip(added, steps_added))
    sides = merged(Sides(rows, inner, columns, batch, steps_a, steps_b, *steps_added))
    body = 0 if epilogue is None else epilogue.f.__self__.body
    if dense and not sides.batch and low_products.applies(sides.rows, item, sides.a[-1], sides.b[-2]):
        return _low_words(sides, shape, a.dtype, work, body)
    if not dense or len(sides.batch) > MOST_BATCH_DIMS or not policy.product_has_tiles(rows, columns):
        return None
    return _words(sides, shape, a.dtype, work, body)


def _words(sides: Sides, shape: Sizes, dtype: np.dtype, work: int, epilogue: int) -> Plan:
    host = session.host()
    sums, item, lanes = SUMS[host.level], dtype.itemsize, host.vector_bytes // dtype.itemsize
    rows, inner, columns, batch = sides[:4]
    vectors = 1 if columns <= lanes else 2
    tile_rows, tile_columns = sums // vectors, vectors * lanes
    w = {"rows": rows, "inner": inner, "columns": columns, "out_row": columns * item}
    w |= batch_words(sides, rows * columns * item)
    w["a_row"], w["a_inner"] = sides.a[-2:]
    w["b_inner"], w["b_column"] = sides.b[-2:]
    w["start_row"], w["extra_row"], w["epilogue"] = sides.start[-2], sides.extra[-2], epilogue
    low = rows <= LOW_ROWS and w["b_column"] == item
    w["depth"] = up(-(-inner // -(-inner // (LOW_DEPTH if low else MOST_DEPTH))), lanes)
    w["panel_bytes"] = up(inner, matmul.UNROLL) * tile_columns * item
    w |= shares(w, prod(batch), tile_rows, tile_columns)
    shared = blocked.HEADER + w["packs"] * w["panel_bytes"] + 2 * LINE
    left = up(w["task_rows"], tile_rows) * w["depth"]
    slot = up((left + (w["depth"] + 1) * tile_columns) * item, LINE) + 4 * LINE
    how = sums, vectors
    address = build(
        f"{dtype.name}_{vectors}",
        "matmul",
        (dtype.name, *how),
        lambda width: matmul.matmul_ir(dtype.name, width, *how),
    )
    threads = min(max(w["tasks"], w["packs"]), policy.product_threads(work))
    words = tuple(w.get(name, 0) for name in matmul.WORDS[matmul.WORDS.index("slot_bytes") + 1 :])
    return Plan(shape, address, work >= policy.PRODUCT_RELEASE, threads, shared, slot, words)


def _low_words(sides: Sides, shape: Sizes, dtype: np.dtype, work: int, epilogue: int) -> Plan:
    steps = {"a_row": sides.a[-2], "b_column": sides.b[-1], "out_row": sides.columns * dtype.itemsize}
    steps |= {"start_row": sides.start[-2], "extra_row": sides.extra[-2], "epilogue": epilogue}
    address, tasks, words = low_products.planned(dtype.name, sides[:3], steps)
    threads = min(tasks, policy.product_threads(work))
    return Plan(shape, address, work >= policy.PRODUCT_RELEASE, threads, low_products.SCRATCH, 0, words)


_plans = Plans("products", _plan)
