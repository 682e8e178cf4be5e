"""Sorting and selection along an axis. NaN counts as the largest value; every order is stable.

A kernel puts rows in order, where there are kernels; what is said here of numpy is for where there are none.
numpy's stable sort is ten times slower than its vectorised one. So each value is turned into an integer key
of the same order and packed with its position into one 64-bit number: no two are equal, and any sort of them
is the stable one.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..runtime import memory
from .dispatch import primitive
from .elementwise import cast
from .index import nonzero, scatter_along, select_index
from .memory import row_major
from .moves import chooses, searches, sorts
from .scan import cumsum

SHORT = 256  # rows up to here are sorted by numpy's own stable sort
MOST_CHOSEN = 16  # elements that a kernel keeps in order while it looks through a row
SORTED_SHARE = 8  # a vector is sorted for more than one in so many of its elements
POSITION = (1 << 32) - 1  # the bits of a packed key that hold the position


@primitive
def sort(x: Any, axis: int, descending: bool = False) -> Any:
    """The values in order along `axis`, and where each was before."""
    values, indices = put_in_order(_rows(x, axis), descending)
    return _back(values, axis), _back(indices, axis)


def put_in_order(rows: np.ndarray, descending: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Each row in order, and where its elements were."""
    kernel = sorts(rows.size)
    made = kernel.rows(rows, descending) if kernel else None
    if made is not None:
        return made
    indices = order(rows, descending)
    return _taken(rows, indices), indices


@primitive
def topk(x: Any, k: int, axis: int, largest: bool = True, in_order: bool = True) -> Any:
    """The `k` largest (or smallest) values along `axis`, and where they are."""
    rows = _rows(x, axis)
    made = _chosen(rows, k, largest) if 0 < k <= MOST_CHOSEN else None
    if made is not None:
        return _back(made[0], axis), _back(made[1], axis)
    if _all_in_order(rows, k):
        values, indices = put_in_order(rows, largest)
        return _back(values[..., :k], axis), _back(indices[..., :k], axis)
    if k >= rows.shape[-1] or rows.shape[-1] <= SHORT:
        indices = order(rows, largest)[..., :k]
    else:
        indices = _first(rows, k, largest, in_order)
    return _back(_taken(rows, indices), axis), _back(indices, axis)


def _chosen(rows: np.ndarray, k: int, largest: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """The same for a few elements of each row, by a kernel; None where numpy is to do it."""
    choose = chooses(rows.size)
    if not choose:
        return None
    shape = (*rows.shape[:-1], k)
    values, places = memory.empty(shape, rows.dtype), memory.empty(shape, np.dtype(np.int64))
    return (values, places) if choose(values, places, rows, int(largest)) else None


@primitive
def kthvalue(x: Any, k: int, axis: int) -> Any:
    """The `k`-th smallest value along `axis`, counted from one, and where it is; without that axis."""
    rows = _rows(x, axis)
    length = rows.shape[-1]
    if _all_in_order(rows, 1) or length <= SHORT:
        return _ranked(*put_in_order(rows), k - 1)
    index = _kth(rows, k)
    return _taken(rows, index[..., None])[..., 0], index


def _ranked(values: np.ndarray, indices: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The elements of one rank in rows that are in order, and where they were."""
    return values[..., rank].copy(), indices[..., rank].copy()


def _rows(x: np.ndarray, axis: int) -> np.ndarray:
    """The axis to sort along as the last one, contiguous."""
    x = x.reshape(1) if x.ndim == 0 else x
    if axis not in (-1, x.ndim - 1):
        axis %= x.ndim
        x = x.transpose(*range(axis), *range(axis + 1, x.ndim), axis)
    return x if x.flags.c_contiguous else row_major(x)


def _back(x: np.ndarray, axis: int) -> np.ndarray:
    if axis not in (-1, x.ndim - 1):
        axis %= x.ndim
        x = x.transpose(*range(axis), x.ndim - 1, *range(axis, x.ndim - 1))
    return x if x.flags.c_contiguous else row_major(x)


def _all_in_order(rows: np.ndarray, k: int) -> bool:
    """Is it quicker to put all elements in order than to choose the first `k` with numpy?"""
    length = rows.shape[-1]
    few = rows.ndim == 1 and length > SHORT and k * SORTED_SHARE < length
    return not few and bool(sorts(rows.size))


def _taken(rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The elements of contiguous rows at positions within each; quicker than take_along_axis."""
    if rows.ndim == 1:
        return rows[indices]
    length = rows.shape[-1]
    starts = np.arange(0, rows.size, length) if length else np.zeros(0, np.int64)
    return (
        rows.reshape(-1)[indices + starts.reshape(*rows.shape[:-1], -1)]
        if rows.size
        else rows[..., : indices.shape[-1]]
    )


def order(rows: np.ndarray, descending: bool = False) -> np.ndarray:
    """The stable order of each row, as positions."""
    kernel = sorts(rows.size)
    made = kernel.rows(rows, descending, False) if kernel else None
    if made is not None:
        return made[1]
    length = rows.shape[-1]
    if length <= SHORT or length > POSITION:
        if not descending:
            return rows.argsort(-1, "stable")
        backwards = rows[..., ::-1].argsort(-1, "stable")  # equals in the opposite order, as they have to be
        return np.subtract(length - 1, backwards[..., ::-1], order="C")
    k = keys(rows, descending)
    if k.itemsize <= 4:
        packed = _packed(k)
        packed.sort(-1)
        return packed & POSITION
    return _ties_in_order(k, np.argsort(k, -1))


def keys(x: np.ndarray, descending: bool = False) -> np.ndarray:
    """Signed integers in the same order as the values (or the opposite one), equal where those are equal."""
    if x.dtype.kind == "f":
        signed = np.dtype(f"i{x.itemsize}")
        bits = np.where(np.isnan(x), np.array(np.nan, x.dtype), x + x.dtype.type(0)).view(
            signed
        )  # one NaN, one zero
        k = bits ^ ((bits >> (8 * x.itemsize - 1)) & np.iinfo(signed).max)
    elif x.dtype.kind == "u" and x.itemsize == 8:
        k = (x ^ np.uint64(1 << 63)).view(np.int64)
    else:
        k = x.astype(np.int64 if x.itemsize > 2 else np.int32) if x.dtype.kind in "ub" else _narrowest(x)
    return ~k if descending else k


def _narrowest(x: np.ndarray) -> np.ndarray:
    """Integers in 32 bits where they fit, because only those can be packed with their positions."""
    if x.itemsize <= 4 or not x.size:
        return x
    fit = np.iinfo(np.int32)
    return x.astype(np.int32) if x.min() >= fit.min and x.max() <= fit.max else x


def _packed(k: np.ndarray) -> np.ndarray:
    packed = k.astype(np.int64)
    packed <<= 32
    packed |= np.arange(k.shape[-1])
    return packed


def _ties_in_order(k: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """An order by keys in which equal keys come by position."""
    in_order = _taken(k, indices)
    rises = in_order[..., 1:] != in_order[..., :-1]
    if rises.all():
        return indices
    rank = np.zeros(indices.shape, np.int64)
    np.cumsum(rises, -1, out=rank[..., 1:])
    packed = (rank << 32) | indices
    packed.sort(-1)
    return packed & POSITION


def _first(rows: np.ndarray, k: int, descending: bool, in_order: bool) -> np.ndarray:
    """Positions of the first `k` elements of each row in the order."""
    if rows.ndim == 1 and k:
        return _candidates(rows, k, descending)
    values = keys(rows, descending)
    if values.itemsize <= 4:
        chosen = np.partition(_packed(values), max(k - 1, 0), -1)[..., :k]
        if in_order:
            chosen.sort(-1)
        return chosen & POSITION
    indices = np.argpartition(values, max(k - 1, 0), -1)[..., :k]
    if not in_order:
        return indices
    return np.take_along_axis(
        indices, np.argsort(np.take_along_axis(values, indices, -1), -1, kind="stable"), -1
    )


def _candidates(row: np.ndarray, k: int, descending: bool) -> np.ndarray:
    """The same for one long row: only what is not beyond the last of them has to be sorted."""
    place = len(row) - k if descending else k - 1
    bound = np.partition(row, place)[place]
    chosen = np.flatnonzero(~(row < bound) if descending else ~(row > bound))
    return chosen[order(row[chosen], descending)[:k]]


def _kth(rows: np.ndarray, k: int) -> np.ndarray:
    """The first position in each row of its `k`-th smallest element."""
    values = np.partition(rows, k - 1, -1)[..., k - 1 : k]
    found = rows == values
    if rows.dtype.kind == "f" and np.isnan(values).any():
        found |= np.isnan(rows) & np.isnan(values)
    return found.argmax(-1)


@primitive
def median(x: Any, axis: int, skip_nan: bool = False) -> Any:
    """The middle value (the lower of two) along `axis`, and where it is. NaN wins unless skipped."""
    rows = _rows(x, axis)
    length = rows.shape[-1]
    if length == 0:
        return _missing(rows), np.zeros(rows.shape[:-1], np.int64)
    middle = (length + 1) // 2
    if _all_in_order(rows, 1):
        values, indices = put_in_order(rows)
        if rows.dtype.kind != "f" or not np.isnan(values[..., -1]).any():
            return _ranked(values, indices, middle - 1)
    nan = np.isnan(rows) if rows.dtype.kind == "f" else np.zeros((), bool)
    if not nan.any():
        return kthvalue.on_arrays(rows, middle, -1)
    if skip_nan:
        middle = np.maximum(length - nan.sum(-1) - 1, 0) // 2
        index = np.take_along_axis(order(rows), middle[..., None], -1)[..., 0]
    else:
        usual = order(rows)[..., (length - 1) // 2]
        index = np.where(nan.any(-1), nan.argmax(-1), usual)
    return _taken(rows, index[..., None])[..., 0], index


def _missing(rows: np.ndarray) -> np.ndarray:
    """The median of nothing: NaN, or the least integer."""
    nothing = (
        np.nan if rows.dtype.kind == "f" else np.iinfo(rows.dtype).min if rows.dtype.kind in "iu" else False
    )
    return np.full(rows.shape[:-1], nothing, rows.dtype)


@primitive
def mode(x: Any, axis: int) -> Any:
    """The most frequent value along `axis` (the smallest of those), and the last place where it is."""
    rows = _rows(x, axis)
    values, indices = put_in_order(rows)
    places = np.broadcast_to(np.arange(rows.shape[-1]), rows.shape)
    starts = np.ones(rows.shape, bool)
    starts[..., 1:] = values[..., 1:] != values[..., :-1]
    length = places - np.maximum.accumulate(np.where(starts, places, 0), -1)
    best = np.argmax(length, -1)[..., None]
    return np.take_along_axis(values, best, -1)[..., 0], np.take_along_axis(indices, best, -1)[..., 0]


@primitive
def searchsorted(sequence: Any, values: Any, right: bool = False) -> Any:
    """Where values belong in the ascending last axis of `sequence`: before equals, or after (`right`)."""
    search = searches(values.size)
    if search:
        out = memory.empty(values.shape, np.dtype(np.int64))
        rows, looked_for = (a if a.flags.c_contiguous else a.copy() for a in (sequence, values))
        if search(out, rows, looked_for, int(right)):
            return out
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, "right" if right else "left")
    low = np.zeros(values.shape, np.int64)
    high = np.full(values.shape, sequence.shape[-1], np.int64)
    for _ in range(int(sequence.shape[-1]).bit_length()):
        middle = (low + high) // 2
        probe = np.take_along_axis(sequence, np.minimum(middle, sequence.shape[-1] - 1), -1)
        below = ~((probe > values) if right else (probe >= values))  # NaN comes last
        below &= low < high
        low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
    return low


@primitive
def isin(x: Any, candidates: Any) -> Any:
    """Is each element among the candidates?"""
    return np.isin(x, candidates)


@primitive
def unique(
    x: Any, ordered: bool = True, axis: int | None = None, inverse: bool = True, counts: bool = True
) -> Any:
    """The different elements (or slices along `axis`), which of them each is, and how often each occurs.

    Unless `ordered`, only neighbours are compared. None stands for what is not asked for.
    """
    if axis is None:
        return _different(x, ordered, inverse, counts)
    rows = _slices(x, axis)
    where = _order_of_rows(rows) if ordered else np.arange(len(rows))
    sorted_rows = rows[where]
    first = np.ones(len(rows), bool)
    first[1:] = (sorted_rows[1:] != sorted_rows[:-1]).any(1)
    which = np.empty(len(rows), np.int64)
    which[where] = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    values = sorted_rows[starts].reshape(len(starts), *np.moveaxis(x, axis, 0).shape[1:])
    return np.moveaxis(values, 0, axis), which, np.diff(np.append(starts, len(rows)))


def _different(x: np.ndarray, ordered: bool, inverse: bool, counts: bool) -> tuple[Any, ...]:
    """The same for elements: the first of each run of equal ones, when they are in order."""
    flat, where = x.reshape(-1), None
    if ordered and inverse:
        flat, where = put_in_order(flat if flat.flags.c_contiguous else row_major(flat))
    elif ordered:
        flat = np.sort(flat)
    first = np.ones(flat.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=first[1:])
    values, which, sizes = select_index.on_arrays(flat, (first,)), None, None
    if inverse:
        which = cumsum.on_arrays(cast.on_arrays(first, "int64"), 0)
        which -= 1
        if where is not None:
            which = scatter_along.on_arrays(which, which, 0, where)
        which = which.reshape(x.shape)
    if counts:
        starts = nonzero.on_arrays(first).reshape(-1)
        sizes = np.diff(starts, append=flat.size)
    return values, which, sizes


def _slices(x: np.ndarray, axis: int) -> np.ndarray:
    """Each slice along `axis` as a row of numbers."""
    first = np.moveaxis(x, axis, 0)
    return first.reshape(len(first), prod(first.shape[1:]))


def _order_of_rows(rows: np.ndarray) -> np.ndarray:
    if rows.shape[1] == 1:
        return order(np.ascontiguousarray(rows[:, 0]))
    return np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
