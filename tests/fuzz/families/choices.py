"""Rows in order, and the first few elements of them."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import choosing, sorting
from rushlight.kernels.llvm import sorting as generator

from ..check import same
from ..draw import Draw
from . import family

DTYPES = ("float32", "float64", "int32", "int64")


@family("choices of the first few")
def choices(draw: Draw) -> bool:
    lead, length, dtype = draw.shape(draw.number(0, 2), 60), draw.size(3000), draw.one(*DTYPES)
    values = draw.values((*lead, length), dtype, (np.nan, np.inf, -np.inf) if draw.chance(0.3) else ())
    if draw.chance(0.2):
        values.sort(-1)
    few, largest = draw.number(1, min(length, 20)), draw.chance(0.5)
    x, shape = draw.guarded(values), (*lead, few)
    found, places = draw.guarded(np.zeros(shape, dtype)), draw.guarded(np.zeros(shape, np.int64))
    assert draw.run(choosing.load(), found, places, x, int(largest)) is True
    order = np.argsort(values[..., ::-1] if largest else values, -1, kind="stable")
    order = (length - 1 - order[..., ::-1] if largest else order)[..., :few]
    same(places, order)
    same(found, np.take_along_axis(values, order, -1))
    return True


KINDS = ("bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64")


@family("rows in order")
def orders(draw: Draw) -> bool:
    lead, length, dtype = draw.shape(draw.number(0, 2), 20), draw.size(5000), draw.one(*KINDS)
    values = _wild(draw, (*lead, length), dtype)
    if draw.chance(0.2):
        values.sort(-1)
    x, descending = draw.guarded(values), draw.chance(0.5)
    found, places = draw.guarded(np.zeros_like(values)), draw.guarded(np.zeros(values.shape, np.int64))
    parts, within, wide = draw.number(1, 3), draw.chance(0.5), values.itemsize == sorting.WIDE
    scratch = draw.guarded(np.zeros(generator.scratch_bytes(length, wide, parts, within), np.uint8))
    with_values = draw.chance(0.8)
    out = found if with_values else None
    done = draw.run(sorting.load().sort, out, places, x, scratch, int(descending), parts, int(within))
    assert done is True
    order = np.argsort(values[..., ::-1] if descending else values, -1, kind="stable")
    order = length - 1 - order[..., ::-1] if descending else order
    same(places, order)
    if with_values:
        same(found, np.take_along_axis(values, order, -1))
    return True


def _wild(draw: Draw, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Few different numbers, or any bits at all."""
    if dtype == "bool" or draw.chance(0.6):
        special = (np.nan, np.inf, -np.inf, -0.0) if draw.chance(0.3) else ()
        return draw.values(shape, dtype, special)
    width = np.dtype(dtype).itemsize
    bits = draw.random.integers(-(1 << (8 * width - 1)), 1 << (8 * width - 1), shape, np.dtype(f"i{width}"))
    return (bits >> draw.number(0, 8 * width - 1) << draw.number(0, 8 * width - 1)).view(dtype)
