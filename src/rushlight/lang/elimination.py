"""What numpy does not offer: LU with its pivots, triangular systems, and the exponential of a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dispatch import primitive

BLOCK = 32  # columns that are eliminated one by one before the rest of the matrix is updated by a product


def _size(x: np.ndarray) -> np.ndarray:
    """The magnitude that pivots are compared by, as LAPACK does it."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


# ---- LU


@primitive
def lu_factor(a: Any) -> Any:
    """L (below the diagonal) and U in one matrix, the row swapped at each step (from 1), and an info."""
    shape = a.shape
    work = np.array(a, order="C", copy=True).reshape(math.prod(shape[:-2]), *shape[-2:])
    steps = min(shape[-2:])
    pivots = np.empty((len(work), steps), np.int32)
    info = np.zeros(len(work), np.int32)
    for start in range(0, steps, BLOCK):
        stop = min(start + BLOCK, steps)
        for k in range(start, stop):
            _eliminate(work, pivots, info, k, stop)
        _update(work, start, stop)
    return work.reshape(shape), pivots.reshape(*shape[:-2], steps), info.reshape(shape[:-2])


def _eliminate(work: np.ndarray, pivots: np.ndarray, info: np.ndarray, k: int, stop: int) -> None:
    """Column `k`: the largest element becomes the pivot; rows are updated up to column `stop`."""
    each = np.arange(len(work))
    best = _size(work[:, k:, k]).argmax(1) + k
    pivots[:, k] = best + 1
    swapped = work[each, best]
    work[each, best] = work[:, k]
    work[:, k] = swapped
    pivot = work[:, k, k]
    info[(pivot == 0) & (info == 0)] = k + 1
    work[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)[:, None]
    work[:, k + 1 :, k + 1 : stop] -= work[:, k + 1 :, k, None] * work[:, k, None, k + 1 : stop]


def _update(work: np.ndarray, start: int, stop: int) -> None:
    """What a finished block of columns means for the columns to its right."""
    if stop == work.shape[2]:
        return
    right = work[:, start:stop, stop:]
    _substitute(work[:, start:stop, start:stop], right, unit=True)
    work[:, stop:, stop:] -= work[:, stop:, start:stop] @ right


@primitive
def permutation_of(pivots: Any, n: int) -> Any:
    """The order of the rows after the swaps: row i of the result is row `permutation[i]` of the matrix."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(n), (len(flat), 1))
    each = np.arange(len(flat))
    for k in range(flat.shape[1]):
        other = flat[:, k].astype(np.int64) - 1
        swapped = order[each, other]
        order[each, other] = order[:, k]
        order[:, k] = swapped
    return order.reshape(*pivots.shape[:-1], n)


@primitive
def permutation_matrix(pivots: Any, n: int, dtype: Any) -> Any:
    """P with `P @ L @ U == a`."""
    order = permutation_of.on_arrays(pivots, n)
    dtype = np.dtype(getattr(dtype, "np", dtype))
    return (np.arange(n)[:, None] == order[..., None, :]).astype(dtype)


# ---- triangular systems


@primitive
def solve_triangle(a: Any, b: Any, upper: bool, unit: bool = False) -> Any:
    """X with `a @ X == b`; one triangle of `a` is read, and its diagonal only where that is not `unit`."""
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if upper:  # read backwards, it is a lower triangle
        a, b = np.ascontiguousarray(a[..., ::-1, ::-1]), b[..., ::-1, :]
    x = np.array(np.broadcast_to(b, (*shape, *b.shape[-2:])), order="C", copy=True)
    _substitute(a, x, unit)
    return np.ascontiguousarray(x[..., ::-1, :]) if upper else x


def _substitute(a: np.ndarray, x: np.ndarray, unit: bool) -> None:
    """Forward substitution on the spot: halves of large systems are joined by a product."""
    n = a.shape[-1]
    if n > BLOCK:
        half = n // 2
        _substitute(a[..., :half, :half], x[..., :half, :], unit)
        x[..., half:, :] -= a[..., half:, :half] @ x[..., :half, :]
        _substitute(a[..., half:, half:], x[..., half:, :], unit)
        return
    for i in range(n):
        if i:
            x[..., i : i + 1, :] -= a[..., i : i + 1, :i] @ x[..., :i, :]
        if not unit:
            x[..., i, :] /= a[..., i, i, None]


def partial_cholesky(a: np.ndarray) -> tuple[np.ndarray, int]:
    """The factor of one matrix as far as it goes, and the order of the leading minor where it ends (or 0)."""
    factor = np.tril(a)
    for j in range(len(a)):
        row = factor[j, :j]
        pivot = factor[j, j].real - np.vdot(row, row).real
        if not pivot > 0:
            return factor, j + 1
        factor[j, j] = np.sqrt(pivot)
        factor[j + 1 :, j] = (factor[j + 1 :, j] - factor[j + 1 :, :j] @ row.conj()) / factor[j, j]
    return factor, 0


# ---- the exponential

# coefficients of the Padé approximant of order 13, and the largest norm it is good for in double precision
PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
LARGEST_NORM = 5.371920351148152


@primitive
def matrix_exp(a: Any) -> Any:
    """The exponential of each matrix: scaled down, approximated by a fraction, and squared up again."""
    if a.size == 0:
        return a.copy()
    wide = a.astype(np.promote_types(a.dtype, np.float64))
    norm = np.abs(wide).sum(-2).max(-1)
    finite = np.isfinite(norm)
    squarings = np.ceil(np.log2(np.maximum(np.where(finite, norm, 1) / LARGEST_NORM, 1))).astype(int)
    x = _pade(np.where(finite[..., None, None], wide, 0) / np.exp2(squarings)[..., None, None])
    for k in range(int(squarings.max())):
        x = np.where((k < squarings)[..., None, None], x @ x, x)
    return np.where(finite[..., None, None], x, np.nan).astype(a.dtype)


def _pade(a: np.ndarray) -> np.ndarray:
    c, eye = PADE, np.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * eye)
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * eye
    return np.linalg.solve(even - odd, even + odd)
