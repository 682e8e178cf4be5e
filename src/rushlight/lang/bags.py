"""Rows of a table by number, one by one or in bags: what sparse inputs need."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels import bags as _kernels
from .dispatch import primitive
from .index import spread_rows


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
    result.reshape(-1)[np.arange(0, result.size, classes) + index.reshape(-1)] = 1
    return result


@lru_cache(maxsize=64)
def ends_of(bags: int, length: int) -> np.ndarray:
    """Where each of some bags of one length starts, and where the last one ends; nobody writes to it."""
    return np.arange(bags + 1) * length


def bag_sums(
    table: np.ndarray, index: np.ndarray, ends: np.ndarray, share: Any, mean: bool, padding: int
) -> np.ndarray:
    """For each bag the sum of its rows times their shares, or their mean; rows `padding` do not count."""
    made = _kernels.sums(table, index, ends, share, mean, padding)
    if made is not None:
        return made[0]
    bags, factor = bag_factors(index, ends, mean, padding, table.dtype)
    rows = table.take(index, 0) * (factor if share is None else factor * share).reshape(-1, 1)
    return spread_rows(rows, (len(ends) - 1, table.shape[1]), 0, bags)


def bag_factors(
    index: np.ndarray, ends: np.ndarray, mean: bool, padding: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """For each place its bag, and what its row is multiplied with: one over the bag's size for a mean."""
    bags = bags_of(ends[:-1], len(index))
    there = index != padding
    factor = there.astype(dtype)
    if mean:
        factor /= bag_sizes(index, ends, padding).clip(1)[bags]
    return bags, factor


def bag_sizes(index: np.ndarray, ends: np.ndarray, padding: int) -> np.ndarray:
    """How many rows each bag has, without those that name `padding`."""
    if padding < 0:
        return np.diff(ends)
    bags = bags_of(ends[:-1], len(index))
    return np.bincount(bags[index != padding], minlength=len(ends) - 1)


def bag_maxima(
    table: np.ndarray, index: np.ndarray, ends: np.ndarray, padding: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each bag and column the largest element (0 in empty bags), and the first row that has it, or -1."""
    made = _kernels.maxima(table, index, ends, padding)
    if made is not None:
        return made[0], made[2]
    bags, there = bags_of(ends[:-1], len(index)), index != padding
    largest = largest_in_bags(table[index[there]], index[there], bags[there], len(ends) - 1)
    values = (
        np.take_along_axis(table, largest.clip(0), 0) if len(table) else np.zeros(largest.shape, table.dtype)
    )
    return np.where(largest < 0, table.dtype.type(0), values), largest
