"""Primitives that select by arrays of integers, and those that put back what was selected.

Indices are integer arrays that have been checked already: see `in_range`. Sums over repeated indices are made
by sorting (rows) or by counting with weights (single elements), which is quicker than `np.add.at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory
from .dispatch import primitive
from .memory import copy
from .moves import adds, folds, masks, puts, takes

MANY = 512  # elements of a mask that numpy is as quick with
FEW = 64  # indices that numpy is as quick with


@primitive
def select_index(x: Any, indices: tuple) -> Any:
    """numpy's advanced indexing: `indices` has an integer array, a mask or a full slice for each axis."""
    first = indices[-1]
    if len(indices) == 1 and first.size >= MANY and first.dtype == bool:
        found = masked(x, first)
        if found is not None:
            return found
    elif type(first) is np.ndarray and first.size >= FEW and first.dtype == np.int64 and x.size:
        dim = len(indices) - 1
        if all(type(i) is slice for i in indices[:-1]) and (take := takes(first.size)):
            out = memory.empty((*x.shape[:dim], *first.shape, *x.shape[dim + 1 :]), x.dtype)
            flat = out.reshape(*x.shape[:dim], first.size, *x.shape[dim + 1 :])
            if by_kernel(take, flat, x, dim, first.reshape(-1), 1):
                return out
    return x[indices]


def masked(x: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """`x[mask]` by a kernel, for a mask of the shape of `x` or of its first axis; None: numpy is to do it."""
    found = masks(mask.size)
    if not found:
        return None
    if mask.shape == x.shape:
        return found.picked(x, mask)
    rows = found.nonzero(mask) if mask.ndim == 1 and mask.shape == x.shape[:1] else None
    return None if rows is None else take_rows.on_arrays(x, 0, rows.reshape(-1))


@primitive
def index_set(x: Any, value: Any, indices: tuple, accumulate: bool = False) -> Any:
    """`x` with `value` at `indices`; or, where indices repeat, with all their values added."""
    out = copy.on_arrays(x)
    write_index(out, value, indices, accumulate)
    return out


@primitive
def index_spread(x: Any, shape: Sequence[int], indices: tuple) -> Any:
    """Zeros of `shape` with `x` added at `indices`."""
    out = memory.zeros(tuple(shape), x.dtype)
    of_a_mask = len(indices) == 1 and not isinstance(indices[0], slice) and indices[0].dtype == bool
    write_index(out, x, indices, not of_a_mask)  # a mask names no element twice
    return out


class OutOfRange(IndexError):
    """An index is not within its dimension."""


def by_kernel(
    way: Any, written: np.ndarray, read: np.ndarray, dim: int, index: np.ndarray, wrap: int
) -> bool:
    """Does one of the kernels for indices do it? Raises for an index out of range.

    With `wrap` negative indices count from the end.
    """
    done = way(written, read, dim, index, wrap, written.itemsize)
    if done is False:
        raise OutOfRange(f"an index is out of range for dimension {dim}")
    return done is True


def gathered(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray | None:
    """`gather_along` where a kernel does all of it, checks included; else None."""
    take = takes(index.size)
    if not take or index.ndim != x.ndim:
        return None
    out = memory.empty(index.shape, x.dtype)
    return out if take(out, x, dim + x.ndim if dim < 0 else dim, index, 0, x.itemsize) else None


def rows_at(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray | None:
    """The same for `take_rows`."""
    dim = dim + x.ndim if dim < 0 else dim
    if index.ndim != 1 or not 0 <= dim < x.ndim:
        return None
    shape = (*x.shape[:dim], index.size, *x.shape[dim + 1 :])
    take = takes(index.size)
    if not take:
        return None
    out = memory.empty(shape, x.dtype)
    return out if take(out, x, dim, index, 0, x.itemsize) else None


def taken(x: np.ndarray, index: np.ndarray) -> np.ndarray | None:
    """The elements at places that are counted over all of `x`, where a kernel does it; else None."""
    take = takes(index.size) if x.flags.c_contiguous and index.flags.c_contiguous else None
    if not take:
        return None
    out = memory.empty(index.shape, x.dtype)
    return out if take(out.reshape(-1), x.reshape(-1), 0, index.reshape(-1), 1, x.itemsize) else None


def scattered(
    x: np.ndarray, dim: int, index: np.ndarray, values: np.ndarray, how: str = "put"
) -> np.ndarray | None:
    """`scatter_along`, or with sums, products or extremes, where a kernel does all of it; else None."""
    way = WAYS[how](index.size)
    if not way or values.dtype is not x.dtype or index.ndim != x.ndim:
        return None
    out = copy.on_arrays(x)
    return out if way(out, values, dim + x.ndim if dim < 0 else dim, index, 0, x.itemsize) else None


def rows_put(
    x: np.ndarray, dim: int, index: np.ndarray, values: np.ndarray, added: bool = False
) -> np.ndarray | None:
    """`put_rows` or `add_to_rows` where a kernel does all of it; else None."""
    dim = dim + x.ndim if dim < 0 else dim
    way = (adds if added else puts)(values.size)
    if not way or values.dtype is not x.dtype or index.ndim != 1 or not 0 <= dim < x.ndim:
        return None
    if values.shape != (*x.shape[:dim], index.size, *x.shape[dim + 1 :]):
        return None
    out = copy.on_arrays(x)
    return out if way(out, values, dim, index, 0, x.itemsize) else None


def rows_filled(x: np.ndarray, dim: int, index: np.ndarray, value: np.ndarray) -> np.ndarray | None:
    """`x` with one number in the slices that the index names, where a kernel does all of it; else None."""
    if not -x.ndim <= dim < x.ndim:
        return None
    dim %= x.ndim
    shape = (*x.shape[:dim], index.size, *x.shape[dim + 1 :])
    return rows_put(x, dim, index, np.broadcast_to(value, shape))


def check_range(index: np.ndarray, size: int) -> None:
    """The same for what numpy is to do."""
    if not counted_from_front(index, size):
        raise OutOfRange(f"an index is out of range for {size} elements")


def write_rows(out: np.ndarray, dim: int, index: np.ndarray, value: Any) -> None:
    """`put_rows` on the spot."""
    put = puts(out.size) if np.ndim(value) and index.ndim == 1 else None
    if put:
        shape = (*out.shape[:dim], index.size, *out.shape[dim + 1 :])
        if by_kernel(put, out, _shaped(value, shape, out.dtype), dim, index, 0):
            return
    check_range(index, out.shape[dim])
    out[(slice(None),) * dim + (index,)] = value


def _shaped(value: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A number or an array, broadcast to a shape."""
    value = np.asarray(value, dtype)
    return value if value.shape == shape else np.broadcast_to(value, shape)


def write_along(out: np.ndarray, value: Any, dim: int, index: np.ndarray) -> None:
    """`scatter_along` on the spot."""
    put = puts(index.size)
    if put and by_kernel(put, out, _shaped(value, index.shape, out.dtype), dim, index, 0):
        return
    check_range(index, out.shape[dim])
    out[every_axis(index, dim)] = value


def add_along(out: np.ndarray, value: np.ndarray, dim: int, index: np.ndarray) -> None:
    """`scatter_add_along` on the spot."""
    add = adds(index.size)
    if add and by_kernel(add, out, value, dim, index, 0):
        return
    check_range(index, out.shape[dim])
    vector = as_vector(index, dim)
    if vector is not None and index.ndim > 1:
        add_rows(_narrowed(out, dim, index), dim, vector, value)
    else:
        add_flat(out, places_along(out, dim, index), value.ravel())


def as_vector(index: np.ndarray, dim: int) -> np.ndarray | None:
    """The vector that `index` repeats along all axes but `dim`, if that is what it does."""
    if (
        any(s and n > 1 for k, (s, n) in enumerate(zip(index.strides, index.shape)) if k != dim)
        or not index.size
    ):
        return None
    return index[tuple(slice(None) if k == dim else 0 for k in range(index.ndim))]


def write_where(out: np.ndarray, mask: np.ndarray, value: Any) -> None:
    """Puts `value` where the mask is true."""
    found = masks(out.size) if mask.shape == out.shape else None
    if found and np.size(value) == 1 and not np.iscomplexobj(value):
        one = np.asarray(value).astype(out.dtype).reshape(())
        if found.fill(out, one, mask, out.itemsize):
            return
    if mask.shape == out.shape:
        np.putmask(out, mask, value)
    else:
        np.copyto(out, value, where=mask)


def put_index(out: np.ndarray, value: Any, indices: Any) -> None:
    """`out[indices] = value`"""
    mask = indices[0] if type(indices) is tuple and len(indices) == 1 else None
    if type(mask) is np.ndarray and mask.size >= MANY and mask.shape == out.shape and mask.dtype == bool:
        if np.size(value) == 1:
            write_where(out, mask, value)
            return
        found = masks(mask.size)
        fits = np.ndim(value) == 1 and value.dtype == out.dtype and out.flags.c_contiguous
        fits = fits and np.count_nonzero(mask) == value.size and not np.may_share_memory(out, value)
        if found and fits and found.placed(out, np.ascontiguousarray(value), mask):
            return
    out[indices] = value


def filled_from(x: np.ndarray, mask: np.ndarray, source: np.ndarray) -> np.ndarray:
    """`x` with the first elements of `source` where the mask is true."""
    out = copy.on_arrays(x)
    put_index(out, source.reshape(-1)[: np.count_nonzero(mask)], (mask,))
    return out


def write_index(out: np.ndarray, value: Any, indices: tuple, accumulate: bool) -> None:
    """The same on the spot."""
    if not accumulate:
        put_index(out, value, indices)
        return
    if len(indices) == 1 and not isinstance(indices[0], slice) and indices[0].dtype.kind == "b":
        out[indices] += value  # a mask names no element twice
        return
    axes = [k for k, i in enumerate(indices) if not isinstance(i, slice)]
    if len(axes) == 1 and value.ndim and out.ndim and indices[axes[0]].dtype.kind != "b":
        index = indices[axes[0]]
        lead = axes[0]
        shape = (*out.shape[:lead], index.size, *out.shape[lead + 1 :])
        wide = np.broadcast_to(value, (*out.shape[:lead], *index.shape, *out.shape[lead + 1 :]))
        add_rows(out, lead, index.ravel(), wide.reshape(shape))
        return
    if len(axes) == len(indices) == out.ndim and all(i.dtype.kind != "b" for i in indices):
        places = np.ravel_multi_index(np.broadcast_arrays(*indices), out.shape, "wrap")
    else:
        places = np.arange(out.size).reshape(out.shape)[indices]
    add_flat(out, places.ravel(), np.broadcast_to(value, places.shape).ravel())


@primitive
def take_rows(x: Any, dim: int, index: Any) -> Any:
    """The slices of `x` along an axis that a vector of integers names."""
    shape = (*x.shape[:dim], *index.shape, *x.shape[dim + 1 :])
    take = takes(prod(shape)) if index.ndim == 1 else None
    if take:
        out = memory.empty(shape, x.dtype)
        if by_kernel(take, out, x, dim, index, 0):
            return out
    check_range(index, x.shape[dim])
    return np.take(x, index, dim, mode="wrap") if x.shape[dim] else np.take(x, index, dim)


@primitive
def put_rows(x: Any, dim: int, index: Any, value: Any) -> Any:
    """`x` with the slices that `index` names replaced."""
    out = copy.on_arrays(x)
    write_rows(out, dim, index, value)
    return out


@primitive
def add_to_rows(x: Any, dim: int, index: Any, value: Any) -> Any:
    """`x` with `value` added to the slices that `index` names, all of those that name one."""
    out = copy.on_arrays(x)
    add_named_rows(out, dim, index, value)
    return out


@primitive
def spread_rows(x: Any, shape: Sequence[int], dim: int, index: Any) -> Any:
    """Zeros of `shape`, with the slices of `x` along an axis added where `index` says."""
    out = memory.zeros(tuple(shape), x.dtype)
    add_rows(out, dim, index, x)
    return out


@primitive
def gather_along(x: Any, dim: int, index: Any) -> Any:
    """Along `dim` the element that `index` names, elsewhere the element at the same place."""
    take = takes(index.size)
    if take:
        out = memory.empty(index.shape, x.dtype)
        if by_kernel(take, out, x, dim, index, 0):
            return out
    check_range(index, x.shape[dim])
    vector = as_vector(index, dim)
    return x[every_axis(index, dim)] if vector is None else np.take(_narrowed(x, dim, index), vector, dim)


@primitive
def spread_along(x: Any, shape: Sequence[int], dim: int, index: Any) -> Any:
    """Zeros of `shape`, with each element of `x` added where `gather_along` would look."""
    out = memory.zeros(tuple(shape), x.dtype)
    add_along(out, x, dim, index)
    return out


@primitive
def scatter_along(x: Any, value: Any, dim: int, index: Any) -> Any:
    """The opposite of `gather_along`: `x` with `value` at the places that `index` names."""
    out = copy.on_arrays(x)
    write_along(out, value, dim, index)
    return out


@primitive
def scatter_add_along(x: Any, value: Any, dim: int, index: Any) -> Any:
    """Like `scatter_along`, with `value` added; values for one place are all added."""
    out = copy.on_arrays(x)
    add_along(out, value, dim, index)
    return out


FOLDS = {"prod": (np.multiply, "mul"), "amax": (np.maximum, "max"), "amin": (np.minimum, "min")}
WAYS = {"put": puts, "sum": adds, **{name: folds[mode] for name, (_, mode) in FOLDS.items()}}


@primitive
def scatter_fold_along(x: Any, value: Any, dim: int, index: Any, reduce: str, include_self: bool) -> Any:
    """Like `scatter_along`, with all values for one place, and perhaps what was there, folded into one."""
    out = copy.on_arrays(x)
    if not include_self:
        write_along(out, _neutral(reduce, x.dtype), dim, index)
    if reduce in FOLDS:
        _fold_along(out, value, dim, index, *FOLDS[reduce])
        return out
    add_along(out, value, dim, index)
    if reduce == "sum":
        return out
    counts = np.zeros(x.shape, np.int64)
    add_along(counts, np.broadcast_to(np.int64(1), index.shape), dim, index)
    counts = np.maximum(counts + bool(include_self), 1)
    return (np.floor_divide if x.dtype.kind in "iu" else np.divide)(out, counts).astype(x.dtype)


def _fold_along(
    out: np.ndarray, value: np.ndarray, dim: int, index: np.ndarray, ufunc: np.ufunc, mode: str
) -> None:
    fold = folds[mode](index.size)
    if fold and by_kernel(fold, out, value, dim, index, 0):
        return
    flat = out.flatten()
    ufunc.at(flat, places_along(out, dim, index), value.ravel())
    out[...] = flat.reshape(out.shape)


def _neutral(reduce: str, dtype: np.dtype) -> Any:
    """What folding starts from."""
    if reduce in ("sum", "mean", "prod"):
        return reduce == "prod"
    if dtype.kind == "b":
        return reduce == "amin"
    if dtype.kind in "iu":
        return getattr(np.iinfo(dtype), "min" if reduce == "amax" else "max")
    return -np.inf if reduce == "amax" else np.inf


def every_axis(index: np.ndarray, dim: int) -> tuple:
    """Index arrays for all axes: `index` along `dim`, its own place along the others."""
    ndim = index.ndim
    return tuple(
        index if k == dim else np.arange(n).reshape((-1,) + (1,) * (ndim - k - 1))
        for k, n in enumerate(index.shape)
    )


def places_along(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray:
    """The position, among all elements of `x`, of each element that `index` names along an axis."""
    places, step = index, 1
    for k in reversed(range(x.ndim)):
        own = index if k == dim else np.arange(index.shape[k]).reshape((-1,) + (1,) * (x.ndim - k - 1))
        places = own * step if k == x.ndim - 1 else places + own * step
        step *= x.shape[k]
    return np.broadcast_to(places, index.shape).ravel()


def _narrowed(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray:
    """`x` without what lies beyond `index` in the other axes."""
    return x[tuple(slice(None) if k == dim else slice(n) for k, n in enumerate(index.shape))]


# ---- sums over repeated indices, in place


def add_flat(out: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Adds each value to the element at its place (counted over all elements of `out`)."""
    add = adds(places.size) if out.flags.c_contiguous else None
    if not places.size or (add and by_kernel(add, out.reshape(-1), values, 0, places, 1)):
        return
    if values.dtype.kind == "c":
        total = np.bincount(places, values.real, out.size) + 1j * np.bincount(places, values.imag, out.size)
    elif values.dtype.kind == "f" and places.size * 8 > out.size:
        total = np.bincount(places, values, out.size)
    else:
        _add_at(out, places, values)
        return
    out += total.astype(out.dtype).reshape(out.shape)


def _add_at(out: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    flat = out.reshape(-1)
    ufunc = np.logical_or if out.dtype == bool else np.add
    ufunc.at(flat, places, values)
    if not np.may_share_memory(flat, out):
        out[...] = flat.reshape(out.shape)


def add_named_rows(out: np.ndarray, dim: int, index: np.ndarray, values: np.ndarray) -> None:
    """`add_rows` for indices that do not count from the end."""
    add = adds(values.size) if values.size else None
    if not add or not by_kernel(add, out, values, dim, index, 0):
        check_range(index, out.shape[dim])
        add_rows(out, dim, index, values)


def add_rows(out: np.ndarray, dim: int, index: np.ndarray, values: np.ndarray) -> None:
    """Adds each slice of `values` along `dim` to the slice of `out` that `index` names."""
    add = adds(values.size)
    if not values.size or (add and by_kernel(add, out, values, dim, index, 1)):
        return
    target = np.moveaxis(out, dim, 0)
    rows = np.moveaxis(values, dim, 0)
    if rows[0].size == 1 and out.flags.c_contiguous:
        add_flat(
            out, index % len(target) if index.min() < 0 else index, np.ascontiguousarray(rows).reshape(-1)
        )
        return
    if index.min() < 0:
        index = index % len(target)
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    named = ordered[starts]
    if len(starts) == len(index):  # nothing repeats
        sums = rows[order]
    else:
        sums = np.add.reduceat(rows[order], starts, axis=0, dtype=out.dtype)
    if out.dtype == bool:
        target[named] |= sums
    else:
        target[named] += sums


# ---- questions


@primitive
def nonzero(x: Any) -> Any:
    """Where the elements are that are not zero: one row of int64 each."""
    if x.ndim == 0:
        return np.zeros((int(bool(x)), 0), np.int64)
    if x.size >= MANY and (found := masks(x.size)):
        made = found.nonzero(x if x.dtype == bool else x != 0)
        if made is not None:
            return made
    return np.stack(np.nonzero(x), 1).astype(np.int64, copy=False)


def index_array(data: Any, dtype: str | None = None) -> np.ndarray:
    """Index data from outside as int64 or bool; an IndexError for anything that cannot be an index."""
    if isinstance(data, (list, tuple)):
        data = [index_array(d) if isinstance(d, (list, tuple)) else getattr(d, "_a", d) for d in data]
    try:
        a = np.array(data, dtype)  # a copy: a graph may keep it
    except ValueError as error:
        raise ValueError(f"a list used as an index must have rows of equal length ({error})") from None
    if a.dtype == bool:
        return a
    if a.size == 0:
        return a.astype(np.int64)
    if a.dtype.kind not in "iu":
        raise IndexError(
            "tensors used as indices must be long, int, byte or bool tensors, but this index holds "
            f"{a.dtype}; use integers or bools"
        )
    return a.astype(np.int64, copy=False)


def count_index(mask: Any) -> np.ndarray:
    """A mask without dimensions as an index for a dimension of one: [0] or []."""
    return np.zeros(int(bool(mask)), np.int64)


def write(out: np.ndarray, index: Any, value: Any) -> None:
    """`out[index] = value`"""
    put_index(out, value, index)


def in_range(index: np.ndarray, size: int) -> bool:
    """Are all indices, negative ones counted from the end, within `size`?"""
    return not index.size or bool(index.min() >= -size and index.max() < size)


def counted_from_front(index: np.ndarray, size: int) -> bool:
    """Do all indices lie within `size`, none of them negative? (As unsigned numbers, those are large.)"""
    return not index.size or int(index.view(f"u{index.itemsize}").max()) < size


def first_outside(index: np.ndarray, size: int) -> int:
    """The first index that is not."""
    return int(index[(index < -size) | (index >= size)].flat[0])


def scalar(value: Any, dtype: Any) -> np.ndarray:
    """A number as an array without dimensions."""
    return np.asarray(value, dtype)


@primitive
def count_true(mask: Any) -> int:
    """How many elements are true."""
    return int(np.count_nonzero(mask))


def triangle_indices(rows: int, columns: int, offset: int, lower: bool, dtype: Any) -> np.ndarray:
    """Row and column numbers of a triangle, in row-major order."""
    mask = np.tri(rows, columns, offset if lower else offset - 1, dtype=bool)
    return np.stack(np.nonzero(mask if lower else ~mask)).astype(dtype)


def repeat_index(count: int, repeats: Any) -> np.ndarray:
    """0, 1, ... `count - 1`, each as often as `repeats` says."""
    return np.repeat(np.arange(count), repeats)


@primitive
def row_mask(x: Any, dim: int, index: Any) -> Any:
    """True in the slices along an axis that `index` names; its other axes are of length one."""
    mask = np.zeros(x.shape[dim], bool)
    mask[index] = True
    return mask.reshape([-1 if k == dim else 1 for k in range(x.ndim)])
