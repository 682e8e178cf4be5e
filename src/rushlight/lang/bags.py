"""Rows of a table by number, one by one or in bags: what sparse inputs need."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def row_shares(index: Any, rows: int, padding: int, by_frequency: bool, dtype: Any) -> Any:
    """What part of its gradient each place hands on: none for `padding`, less for what is frequent."""
    share = np.ones(index.shape, getattr(dtype, "np", dtype))
    if by_frequency:
        share /= np.bincount(index.ravel(), minlength=rows)[index]
    share[index == padding] = 0
    return share


@primitive
def limit_rows(table: Any, index: Any, limit: float, p: float) -> Any:
    """The different rows that `index` names whose p-norm is above `limit`, and by how much to scale each."""
    named = np.unique(index)
    size = np.abs(table[named])
    norms = size.max(1) if p == np.inf else np.power(np.power(size, p).sum(1), 1 / p)
    above = norms > limit
    return named[above], (limit / (norms[above] + 1e-7)).astype(table.dtype)


@primitive
def bags_of(offsets: Any, count: int) -> Any:
    """For each of `count` places the bag it lies in, where `offsets` says where each bag starts."""
    sizes = np.diff(np.append(offsets, count))
    return np.repeat(np.arange(len(offsets)), sizes)


@primitive
def largest_in_bags(rows: Any, index: Any, bags: Any, count: int) -> Any:
    """For each bag and column, the number in `index` of the first largest row; -1 in empty bags."""
    result = np.full((count, rows.shape[1]), -1, np.int64)
    if len(bags):
        heads = np.flatnonzero(np.r_[True, bags[1:] != bags[:-1]])
        largest = np.maximum.reduceat(rows, heads, 0)
        position = np.repeat(np.arange(len(heads)), np.diff(np.append(heads, len(bags))))
        places = np.where(rows == largest[position], np.arange(len(bags)).reshape(-1, 1), len(bags))
        first = np.minimum.reduceat(places, heads, 0)
        result[bags[heads]] = index[np.minimum(first, len(bags) - 1)]
    return result


@primitive
def marked(index: Any, classes: int) -> Any:
    """A row of `classes` for each element of `index`: 1 at the place that it names, and else 0."""
    result = np.zeros((*index.shape, classes), np.int64)
    np.put_along_axis(result, index[..., None], 1, -1)
    return result


def starts(bags: int, length: int) -> np.ndarray:
    """Where each of some bags of one length starts."""
    return np.arange(bags) * length
