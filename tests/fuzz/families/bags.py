"""Bags of a table's rows: sums with and without shares, means and maxima, rows that do not count."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import bags

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from . import family


class Bags:
    """A table whose rows need not lie side by side, the rows that are named, and where bags end."""

    def __init__(self, draw: Draw) -> None:
        self.dtype = draw.one("float32", "float32", "float64")
        rows, columns, places = draw.size(60), draw.size(400), draw.number(0, 90)
        whole = draw.dense((rows, columns + draw.number(0, 3)), self.dtype)
        self.table = whole[:, :columns]
        self.index = draw.guarded(draw.random.integers(0, rows, places))
        cuts = np.sort(draw.random.integers(0, places + 1, draw.number(0, 12)))
        self.ends = draw.guarded(np.concatenate(([0], cuts, [places])).astype(np.int64))
        self.padding = draw.one(-1, draw.number(0, rows - 1))

    def each(self):
        """The places of each bag that count."""
        for low, high in zip(self.ends, self.ends[1:]):
            places = np.arange(low, high)
            yield places[self.index[places] != self.padding]


@family("sums and means of bags")
def sums(draw: Draw) -> bool:
    b, mean = Bags(draw), draw.chance(0.4)
    share = draw.dense((len(b.index),), b.dtype) if draw.chance(0.4) else None
    made = draw.run(bags.sums, b.table, b.index, b.ends, share, mean, b.padding)
    if made is None:
        return False
    for found, size, places in zip(*made, b.each(), strict=True):
        terms = b.table[b.index[places]].astype(np.longdouble)
        terms *= 1 if share is None else share[places].reshape(-1, 1)
        parts = max(len(places), 1) if mean else 1
        allowed = rounding_of_sums(np.abs(terms).sum(0) / parts, len(places) + 1, b.dtype)
        near(found, terms.sum(0) / parts, allowed)
        assert size == len(places)
    return True


@family("maxima of bags")
def maxima(draw: Draw) -> bool:
    b = Bags(draw)
    b.table[...] = b.table.round(0)  # many are equal: the first of them is told
    made = draw.run(bags.maxima, b.table, b.index, b.ends, b.padding)
    if made is None:
        return False
    for found, size, largest, places in zip(*made, b.each(), strict=True):
        rows = b.index[places]
        same(found, b.table[rows].max(0) if len(rows) else np.zeros_like(found))
        same(largest, rows[b.table[rows].argmax(0)] if len(rows) else np.full_like(largest, -1))
        assert size == len(rows)
    return True
