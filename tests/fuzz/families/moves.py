"""Copies, joins and triangles by generated code that reads the arrays itself."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import moving

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 40_000
DTYPES = ("uint8", "bool", "int16", "float16", "float32", "int64", "complex64", "complex128")


def _values(draw: Draw, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return draw.random.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


@family("moves of elements")
def moves(draw: Draw) -> bool:
    shape, dtype = draw.shape(draw.number(0, 5), ELEMENTS), draw.one(*DTYPES)
    x = draw.strided(np.asarray(_values(draw, shape, dtype)))
    if draw.chance(0.2) and x.ndim:
        x = np.broadcast_to(x[:1], shape)
    out = draw.output(shape, x.dtype)
    assert draw.run(moving.load().copy, out, x, x.itemsize) is True
    same(out, x)
    return True


@family("joins of arrays")
def joins(draw: Draw) -> bool:
    dtype, new, count = draw.one(*DTYPES), draw.chance(0.5), draw.number(1, 6)
    shape = draw.shape(draw.number(0 if new else 1, 4), ELEMENTS // count)
    axis = draw.number(0, len(shape) - (not new))
    shapes = [shape] * count
    if not new:
        shapes = [(*shape[:axis], draw.number(0, shape[axis]), *shape[axis + 1 :]) for _ in range(count)]
    parts = [draw.strided(np.asarray(_values(draw, s, dtype))) for s in shapes]
    exact = np.stack(parts, axis) if new else np.concatenate(parts, axis)
    out = draw.output(exact.shape, exact.dtype)
    if not new:
        assert draw.run(moving.load().extent, parts, axis) == exact.shape[axis]
    assert draw.run(moving.load().join, out, parts, exact.itemsize, axis, int(new)) is True
    same(out, exact)
    return True


@family("triangles of matrices")
def triangles(draw: Draw) -> bool:
    shape, dtype = draw.shape(draw.number(2, 4), ELEMENTS), draw.one(*DTYPES)
    x = draw.guarded(_values(draw, shape, dtype))
    out = draw.guarded(np.ones(shape, dtype))
    before, lower = draw.number(-shape[-2] - 2, shape[-1] + 2), draw.chance(0.5)
    assert draw.run(moving.load().triangle, out, x, x.itemsize, before, int(lower)) is True
    same(out, np.tril(x, before - 1) if lower else np.triu(x, before))
    return True
