"""Products of matrices in batches, with any layout of rows and columns, and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight.kernels import attention, linear, matmul, small_products

from ..check import near, rounding_of_sums
from ..draw import Draw
from . import family

SPECIAL = (np.nan, np.inf, -0.0, 1e-40)
MOST_WORK = 2_000_000
ROUNDING = {"float32": 4e-5, "float64": 1e-13}


def _batch(draw: Draw) -> list[int]:
    return [draw.number(1, 4) for _ in range(draw.one(0, 0, 1, 2))]


def _matrix(draw: Draw, batch: list[int], rows: int, columns: int, dtype: str, special: tuple = ()) -> Any:
    """A batch of matrices: as they come, transposed, broadcast, or a part of something wider."""
    batch = [1 if draw.chance(0.2) else n for n in batch][
        draw.number(0, len(batch)) if draw.chance(0.2) else 0 :
    ]
    kind = draw.number(0, 3)
    if kind == 0:
        return draw.dense((*batch, columns, rows), dtype, special).swapaxes(-1, -2)
    if kind == 1:
        more = draw.number(1, 5)
        return draw.dense((*batch, rows, columns + more), dtype, special)[..., more:]
    if kind == 2 and batch:
        return np.moveaxis(draw.dense((*batch[:-1], rows, batch[-1], columns), dtype, special), -2, -3)
    return draw.dense((*batch, rows, columns), dtype, special)


def _product(draw: Draw, finished: bool) -> bool:
    """A product; `finished`: each element times a number, plus one of an array, before it is written."""
    dtype, batch = draw.one("float32", "float32", "float64"), _batch(draw)
    rows, inner = draw.size(150), draw.size(600)
    columns = draw.size(max(1, min(200, MOST_WORK // (rows * inner * int(np.prod(batch))))))
    a = _matrix(draw, batch, rows, inner, dtype, SPECIAL if draw.chance(0.15) else ())
    b = _matrix(draw, batch, inner, columns, dtype)
    start = None
    if draw.chance(0.3):
        start = _matrix(draw, batch, *draw.one((rows, columns), (1, columns)), dtype)
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if start is not None:
        try:
            np.broadcast_to(start, (*shape, rows, columns))
        except ValueError:
            start = None
    factor, scale, extra = draw.one(0.0, -1.5), draw.one(1.0, 0.25), None
    epilogue = None
    if finished:
        extra = _matrix(draw, [1] * len(shape) if draw.chance(0.5) else list(shape), rows, columns, dtype)
        epilogue = matmul.added(extra, factor, scale)
    made = draw.run(matmul.product, a, b, start, epilogue)
    if made is None:
        return False
    with np.errstate(invalid="ignore"):
        a, b = a.astype("f8"), b.astype("f8")
        exact, size = np.matmul(a, b), np.matmul(np.abs(a), np.abs(b))
        if start is not None:
            exact, size = exact + start, size + np.abs(start)
        if extra is not None:
            exact, size = scale * exact + factor * extra, scale * size + np.abs(factor * extra)
    near(made, exact, rounding_of_sums(size, inner + 2, dtype))
    return True


@family("matrix products")
def products(draw: Draw) -> bool:
    return _product(draw, finished=False)


@family("matrix products, finished")
def finished_products(draw: Draw) -> bool:
    return _product(draw, finished=True)


# ---- attention


class Heads:
    """Queries, keys, values, a mask, and the gradient of the result."""

    def __init__(self, draw: Draw) -> None:
        self.dtype = draw.one("float32", "float32", "float64")
        batch = [draw.number(1, 3) for _ in range(draw.number(0, 3))]
        queries, keys = draw.size(90), draw.size(300)
        self.causal = draw.chance(0.4)
        if self.causal and draw.chance(0.7):
            keys = queries
        size, value_size = draw.size(70), draw.size(70)
        grouped = [1 if draw.chance(0.2) else n for n in batch]
        shapes = (*batch, queries, size), (*grouped, keys, size), (*grouped, keys, value_size)
        self.arrays = [self._heads(draw, shape) for shape in shapes]
        self.mask = None
        if draw.chance(0.4):
            shape = draw.one((*batch, queries, keys), (queries, keys), (1, keys))
            values = draw.values(shape, self.dtype)
            values[draw.random.random(shape) < 0.2] = -np.inf
            self.mask = draw.guarded(values)
        self.scale = draw.one(size**-0.5, 0.3)
        self.g = self._heads(draw, (*batch, queries, value_size))

    def _heads(self, draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) > 2 and draw.chance(0.4):  # rows of all heads beside each other
            return draw.dense((*shape[:-3], shape[-2], shape[-3], shape[-1]), self.dtype).swapaxes(-2, -3)
        return draw.dense(shape, self.dtype)

    def exact(self) -> list[np.ndarray]:
        """The result and the gradients of queries, keys and values, for the whole batch."""
        query, key, value, g = (a.astype("f8") for a in (*self.arrays, self.g))
        scores = np.matmul(query, key.swapaxes(-1, -2)) * self.scale
        if self.causal:
            scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
        scores = scores if self.mask is None else scores + self.mask
        largest = scores.max(-1, keepdims=True)
        weights = np.exp(scores - np.where(largest == -np.inf, 0, largest))
        sums = weights.sum(-1, keepdims=True)
        weights = weights / np.where(sums == 0, 1, sums)
        slopes = np.matmul(g, value.swapaxes(-1, -2))
        slopes = weights * (slopes - (slopes * weights).sum(-1, keepdims=True)) * self.scale
        back = np.matmul(slopes, key), np.matmul(slopes.swapaxes(-1, -2), query)
        return [np.matmul(weights, value), *back, np.matmul(weights.swapaxes(-1, -2), g)]


@family("attention, forwards and backwards")
def attend(draw: Draw) -> bool:
    heads = Heads(draw)
    how = heads.causal, heads.scale
    made = draw.run(attention.forward, *heads.arrays, heads.mask, *how)
    if made is None:
        return False
    out, stats = made
    back = draw.run(attention.backward, heads.g, *heads.arrays, heads.mask, out, stats, *how)
    for one, other in zip((out, *(back or ())), heads.exact()):
        near(one, other, ROUNDING[heads.dtype] * max(1.0, float(np.abs(other).max())))
    return True


# ---- small products


NAMES = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "times": (2, 1)}
ADDED = {"addmm": "mm", "baddbmm": "bmm", "addmv": "mv"}


def _small(draw: Draw, shape: tuple, dtype: str) -> np.ndarray:
    if len(shape) > 1 and draw.chance(0.4):
        return draw.dense((*shape[:-2], shape[-1], shape[-2]), dtype).swapaxes(-1, -2)
    return draw.dense(shape, dtype)


@family("products of small matrices")
def small(draw: Draw) -> bool:
    """Of matrices, batches and vectors by one builtin each, with and without something added."""
    name, dtype = draw.one(*NAMES, *ADDED), draw.one("float32", "float64")
    kind = ADDED.get(name, name)
    inner = draw.number(0, 3) if draw.chance(0.1) else draw.size(300)
    rows, columns = draw.size(100), draw.size(100)
    columns = max(1, min(columns, (linear.MOST_PRODUCTS * 5 // 4) // max(1, rows * inner)))
    batch = (draw.number(1, 4),) if kind == "bmm" else ()
    shapes = {
        "mv": ((rows, inner), (inner,)), "dot": ((inner,), (inner,)), "times": ((inner,), (inner, columns))
    }.get(kind, ((*batch, rows, inner), (*batch, inner, columns)))  # fmt: skip
    a, b = (_small(draw, shape, dtype) for shape in shapes)
    exact, size = (np.asarray(np.matmul(f(a.astype("f8")), f(b.astype("f8")))) for f in (np.array, np.abs))
    start = ()
    if name in ADDED:
        start = (draw.dense(exact.shape[draw.number(0, exact.ndim - 1) :], dtype),)
        exact, size = exact + start[0], size + np.abs(start[0])
    made = draw.run(getattr(small_products, name), *start, a, b)
    if made is None:
        return False
    near(made, exact, rounding_of_sums(size, inner + 1, dtype))
    return True
