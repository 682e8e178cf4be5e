"""The LDL factorisation of symmetric and Hermitian matrices, with the pivots of Bunch and Kaufman."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dispatch import primitive

ALPHA = (1 + math.sqrt(17)) / 8  # a pivot this much smaller than its column is not used alone


@primitive
def ldl_factor(a: Any, hermitian: bool) -> Any:
    """L and D in one triangle as LAPACK packs them, the pivots (negative for blocks of two), and an info."""
    factors = np.tril(a)
    pivots = np.empty(a.shape[:-1], np.int32)
    info = np.zeros(a.shape[:-2], np.int32)
    conj = hermitian and a.dtype.kind == "c"
    for index in np.ndindex(*a.shape[:-2]):
        info[index] = _factor(factors[index], pivots[index], conj)
    return np.tril(factors), pivots, info


def _size(x: Any) -> Any:
    return np.abs(x.real) + np.abs(x.imag)


def _factor(a: np.ndarray, pivots: np.ndarray, conj: bool) -> int:
    """One matrix on the spot; only the lower triangle is read, the other is left in disorder."""
    n, k, info = len(a), 0, 0
    if conj:
        np.fill_diagonal(a, a.diagonal().real.copy())
    while k < n:
        step, other = _choose(a, k)
        if step == 0:
            step, other, info = 1, k, info or k + 1
        else:
            _swap(a, k, k + step - 1, other, conj)
            _reduce(a, k, step, conj)
        pivots[k : k + step] = other + 1 if step == 1 else -(other + 1)
        k += step
    return info


def _choose(a: np.ndarray, k: int) -> tuple[int, int]:
    """How many columns the next pivot takes (0: the column is zero), and which row it comes from."""
    alone = _size(a[k, k])
    column = _size(a[k + 1 :, k])
    largest = column.max(initial=0)
    if not max(alone, largest) > 0:
        return 0, k
    if alone >= ALPHA * largest:
        return 1, k
    best = k + 1 + int(column.argmax())
    row = max(_size(a[best, k:best]).max(initial=0), _size(a[best + 1 :, best]).max(initial=0))
    if alone >= ALPHA * largest * (largest / row):
        return 1, k
    if _size(a[best, best]) >= ALPHA * row:
        return 1, best
    return 2, best


def _swap(a: np.ndarray, k: int, here: int, there: int, conj: bool) -> None:
    """Rows and columns `here` and `there` of the trailing matrix change places, in its lower triangle."""
    if here == there:
        return
    a[there + 1 :, [here, there]] = a[there + 1 :, [there, here]]
    middle = a[here + 1 : there, here].copy()
    a[here + 1 : there, here], a[there, here + 1 : there] = a[there, here + 1 : there].copy(), middle
    if conj:
        a[here + 1 : there, here] = a[here + 1 : there, here].conj()
        a[there, here + 1 : there] = a[there, here + 1 : there].conj()
        a[there, here] = a[there, here].conj()
    a[here, here], a[there, there] = a[there, there], a[here, here]
    if here > k:
        a[here, k], a[there, k] = a[there, k], a[here, k]


def _block(a: np.ndarray, k: int, step: int, conj: bool) -> np.ndarray:
    """The pivot as a full block."""
    d = a[k : k + step, k : k + step].copy()
    if step == 2:
        d[0, 1] = d[1, 0].conj() if conj else d[1, 0]
    return d


def _reduce(a: np.ndarray, k: int, step: int, conj: bool) -> None:
    """Takes the pivot out of the rest of the matrix."""
    rest = k + step
    if rest == len(a):
        return
    columns = a[rest:, k:rest].copy()
    scaled = columns @ np.linalg.inv(_block(a, k, step, conj))
    a[rest:, rest:] -= scaled @ (columns.conj().T if conj else columns.T)
    a[rest:, k:rest] = scaled


@primitive
def ldl_solve(factors: Any, pivots: Any, b: Any, hermitian: bool) -> Any:
    """X with `a @ X == b`, from the factorisation of `a`."""
    shape = np.broadcast_shapes(factors.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*shape, *b.shape[-2:])), order="C", copy=True)
    factors = np.broadcast_to(factors, (*shape, *factors.shape[-2:]))
    pivots = np.broadcast_to(pivots, (*shape, pivots.shape[-1]))
    conj = hermitian and x.dtype.kind == "c"
    for index in np.ndindex(*shape):
        _solve(factors[index], pivots[index], x[index], conj)
    return x


def _solve(a: np.ndarray, pivots: np.ndarray, x: np.ndarray, conj: bool) -> None:
    n, k, blocks = len(a), 0, []
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        other, here, rest = abs(int(pivots[k])) - 1, k + step - 1, k + step
        blocks.append((k, here, rest, other))
        x[[here, other]] = x[[other, here]]
        x[rest:] -= a[rest:, k:rest] @ x[k:rest]
        x[k:rest] = np.linalg.solve(_block(a, k, step, conj), x[k:rest])
        k = rest
    for k, here, rest, other in reversed(blocks):
        columns = a[rest:, k:rest]
        x[k:rest] -= (columns.conj().T if conj else columns.T) @ x[rest:]
        x[[here, other]] = x[[other, here]]
