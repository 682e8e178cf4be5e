"""Products of matrices of half precision and of integers by generated kernels: see `llvm.matmul_halves`.

`product` answers None when it does not apply, and numpy does the work then. Sums of half precision are kept
in float32 and rounded once; those of integers wrap round as in any other order. Each element is summed in the
same order for any number of threads.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, pool, session
from . import invoke, policy
from .llvm import blocked, matmul_halves
from .llvm.matmul_halves import Format
from .planning import LINE, SUMS, Plans, build, up
from .product_plans import MOST_BATCH_DIMS, Plan, Sides, Sizes, alike, batch_words, merged, shares, steps_of

TASK_BYTES = 256 << 10  # of rows packed by a task: they stay in the second-level cache
QUICKER = 2  # times: these multiply and add so much faster than float32 does
NAMES = {
    "e": "float16",
    "E": "bfloat16",
    "b": "int8",
    "B": "uint8",
    "h": "int16",
    **{np.dtype(name).char: name for name in ("int32", "int64")},
    "i": "int32",
    "l": "int64",
}
CODES = "".join(NAMES)
_BYTES = np.dtype(np.uint8)


def product(a: np.ndarray, b: np.ndarray, start: Any = None, result: str = "") -> np.ndarray | None:
    """`start + a @ b` for matrices in the last two axes, or None; `start` is broadcast to the product.

    The result has the type of both, or `result`, which is "int32" for int8.
    """
    key = (result, a.dtype.char, a.shape, a.strides, b.dtype.char, b.shape, b.strides)
    if start is not None:
        key += (start.dtype.char, start.shape, start.strides)
    plan = _plans.find(key, a, b, start, result)
    if plan is None:
        return None
    (shape, address, release, threads, shared, slot, words), dtype, swapped = plan
    if threads > 1:
        threads = min(threads, pool.get_num_threads())
    if swapped:
        a, b = b, a
    out = memory.empty(shape, dtype)
    scratch = memory.empty((shared + threads * slot,), _BYTES)
    invoke.load()(address, release, out, a, b, start, scratch, threads, shared, slot, *words)
    return out


def format_of(stored: str, result: str = "") -> Format:
    """How matrices of a type are multiplied on this machine."""
    result, instructions = result or stored, session.instructions()
    if stored == "bfloat16" and "avx512_bf16" in instructions:
        return Format(stored, result, "bf16")
    if stored in ("bfloat16", "float16"):
        return Format(stored, result, "single")
    if stored in ("int8", "uint8", "int16") and "avx512_vnni" in instructions:
        return Format(stored, result, "int8" if stored == "int8" else "int16")
    return Format(stored, result, "integer")


def _plan(a: np.ndarray, b: np.ndarray, start: Any, result: str) -> tuple[Plan, np.dtype, bool] | None:
    if not alike(CODES, a, b, start) or min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        return None
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None
    (rows, inner), columns, item = a.shape[-2:], b.shape[-1], a.itemsize
    shape = (*batch, rows, columns)
    form = format_of(NAMES[a.dtype.char], result)
    dtype = np.dtype(result) if result else a.dtype
    if not prod(shape) or not inner:
        return None
    steps_a, steps_b = (steps_of(x, (*batch, *x.shape[-2:])) for x in (a, b))
    steps_start = steps_of(start, shape) if start is not None else (0,) * len(shape)
    dense = item in steps_a[-2:] and item in steps_b[-2:] and (start is None or steps_start[-1] == item)
    swapped = rows == 1 and start is None and steps_b[-2] == item
    if swapped:  # a row by a matrix that lies column by column: the columns are copied, not turned
        rows, columns = columns, rows
        steps_a, steps_b = _turned(steps_b), _turned(steps_a)
    sides = Sides(rows, inner, columns, batch, steps_a, steps_b, steps_start, (0,) * len(shape))
    sides = sides if swapped else merged(sides)
    if not dense or len(sides.batch) > MOST_BATCH_DIMS:
        return None
    return _words(sides, shape, form, dtype.itemsize), dtype, swapped


def _turned(steps: Sizes) -> Sizes:
    return (*steps[:-2], steps[-1], steps[-2])


def _words(sides: Sides, shape: Sizes, form: Format, item: int) -> Plan:
    host = session.host()
    sums, lanes = SUMS[host.level], host.vector_bytes // (8 if form.sums == "int64" else 4)
    rows, inner, columns, batch = sides[:4]
    work = prod(batch) * rows * inner * columns
    vectors = 1 if columns <= lanes else 2
    tile_rows, tile_columns = sums // vectors, vectors * lanes
    bytes_of_one = host.vector_bytes // lanes
    w = {"rows": rows, "inner": inner, "columns": columns, "out_row": columns * item}
    w |= batch_words(sides, rows * columns * item)
    w["a_row"], w["a_inner"] = sides.a[-2:]
    w["b_inner"], w["b_column"] = sides.b[-2:]
    w["start_row"] = sides.start[-2]
    w["depth"] = up(-(-inner // form.pair), lanes)
    w["panel_bytes"] = (w["depth"] + 1) * tile_columns * bytes_of_one  # a line more, for sums of columns
    w |= shares(w, prod(batch), tile_rows, tile_columns)
    w |= _lower_tasks(w, prod(batch), tile_rows, bytes_of_one)
    shared = blocked.HEADER + w["packs"] * w["panel_bytes"] + 2 * LINE
    slot = up((w["task_rows"] + tile_rows) * w["depth"] * bytes_of_one + w["panel_bytes"], LINE) + 4 * LINE
    address = build(
        f"{'_'.join(form)}_{vectors}",
        "matmul_halves",
        (form, sums, vectors),
        lambda width: matmul_halves.matmul_halves_ir(form, width, sums, vectors),
    )
    threads = min(max(w["tasks"], w["packs"]), policy.product_threads(work // QUICKER))
    words = matmul_halves.WORDS[matmul_halves.WORDS.index("slot_bytes") + 1 :]
    numbers = tuple(w.get(name, 0) for name in words)
    return Plan(shape, address, work >= policy.PRODUCT_RELEASE, threads, shared, slot, numbers)


def _lower_tasks(w: dict[str, int], matrices: int, tile_rows: int, size: int) -> dict[str, int]:
    """Fewer rows in a task where the inner dimension, which is packed as a whole, is long."""
    most = max(tile_rows, TASK_BYTES // (w["depth"] * size) // tile_rows * tile_rows)
    if w["task_rows"] <= most:
        return {}
    row_tasks = -(-w["rows"] // most)
    return {"task_rows": most, "row_tasks": row_tasks, "tasks": matrices * row_tasks * w["column_tasks"]}


_plans = Plans("products of half precision", _plan)
