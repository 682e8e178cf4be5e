"""Losses of small arrays by kernels: `Operator.small` of two losses. None where that does not apply."""

from __future__ import annotations

import numpy as np

from ..kernels import small_losses

REDUCED = ("mean", "sum")


def squares(input, target, size_average, reduce, reduction, weight):
    if weight is not None or size_average is not None or reduce is not None or reduction not in REDUCED:
        return None
    return small_losses.of(input).squares(input, target, reduction == "mean")


def squares_back(g, input, target, size_average, reduce, reduction, weight, result, needs):
    if weight is not None or size_average is not None or reduce is not None or reduction not in REDUCED:
        return None
    both = small_losses.of(input).squares_back(g, input, target, reduction == "mean", needs)
    return None if both is None else (*both, None)


def labels(input, target, weight, ignore_index, reduction, kept):
    if weight is not None or reduction not in REDUCED or ignore_index >= 0:
        return None
    found = small_losses.of(input).labels(input, target, reduction == "mean")
    if found is None:
        return None
    kept[:] = found[1:]
    return found[0]


def labels_back(g, input, target, weight, ignore_index, reduction, kept, needs):
    odds = kept[0]
    if type(odds) is not np.ndarray:
        return None
    slope = small_losses.of(odds).labels_back(g, odds, reduction == "mean")
    return None if slope is None else (slope, None, None)
