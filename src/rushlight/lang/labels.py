"""Losses of scores against class labels, row by row."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from .dispatch import primitive
from .summation import total

SMALL = 4096  # up to here a plain dot product is accurate enough


class Odds(NamedTuple):
    """The exponentials of a matrix of scores, each row relative to some score of its own."""

    exponentials: np.ndarray
    sums: np.ndarray  # of each row
    places: np.ndarray  # where the labels' elements are, counted through the whole matrix
    own: Any  # the exponentials there: 1, or an array
    weights: Any  # of each row; None if all are one
    weight: Any  # the sum of the weights, or the number of rows


def starts(shape: tuple[int, ...]) -> np.ndarray:
    """Where the scores of the first class are, one place for each label."""
    few = shape[0] * prod(shape[2:]) <= SMALL
    return _few_starts(shape) if few else _made_starts(shape)


def _made_starts(shape: tuple[int, ...]) -> np.ndarray:
    rows = np.arange(shape[0]) * prod(shape[1:])
    return rows if len(shape) == 2 else (rows.reshape(-1, 1) + np.arange(shape[2])).ravel()


_few_starts = lru_cache(maxsize=64)(_made_starts)


@lru_cache(maxsize=64)
def ones(count: int, dtype: np.dtype) -> np.ndarray:
    """That many ones; nobody writes to them."""
    return np.ones(count, dtype)


def labels_fit(labels: np.ndarray, classes: int) -> bool:
    """Is every label one of `classes`? Negative ones are huge when seen as unsigned, so one pass tells."""
    if labels.dtype != np.int64:
        return not labels.size or bool(labels.min() >= 0 and labels.max() < classes)
    return not labels.size or bool(np.maximum.reduce(labels.view(np.uint64), None) < classes)


def first_misfit(labels: np.ndarray, classes: int) -> int:
    """A label that is none."""
    return int(labels[(labels < 0) | (labels >= classes)].flat[0])


def row_weights(
    labels: np.ndarray, weight: Any, ignored: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels that are all there, and what each of them counts; None if that is one for each."""
    skipped = labels == ignored
    safe = labels
    if skipped.any():
        safe = np.where(skipped, 0, labels)
        weights = np.ones(labels.shape, dtype) if weight is None else weight[safe]
        return safe, np.where(skipped, dtype.type(0), weights)
    return safe, None if weight is None else weight[safe] if labels_fit(labels, len(weight)) else None


def label_losses(x: np.ndarray, labels: np.ndarray, weights: Any) -> tuple[np.ndarray, Any, Odds]:
    """-log softmax(x) at the label of each row, weighted, their sum, and what the gradient needs.

    `x` is (rows, classes), or (images, classes, places) a row for each place; labels and losses are flat.
    Scores are taken relative to that of the label, not to the largest one: then the label's own exponential
    is one, and a row of a certain and right answer keeps all its digits. What overflows is done again.
    """
    flat = x.ndim == 2
    places = labels * x.shape[2] + starts(x.shape) if not flat else labels + starts(x.shape)
    own = x.take(places) if x.flags.c_contiguous else x.ravel().take(places)
    gap = x - own.reshape(x.shape[0], 1, *x.shape[2:])
    e = np.exp(gap, gap)
    z = np.dot(e, ones(x.shape[1], e.dtype)) if flat else np.add.reduce(e, 1).ravel()
    losses = np.log(z)
    added, own = sum_of(losses), e.dtype.type(1)
    if not isfinite(added):
        shifted = x - np.maximum.reduce(x, 1, keepdims=True)
        e = np.exp(shifted)
        z = np.add.reduce(e, 1).ravel()
        losses = np.log(z) - shifted.take(places)
        added, own = total(losses), e.take(places)
    if weights is None:
        return losses, added, Odds(e, z, places, own, None, len(labels))
    losses = np.where(weights == 0, 0, losses * weights)
    return losses, total(losses), Odds(e, z, places, own, weights, total(weights))


def sum_of(losses: np.ndarray) -> Any:
    """Their sum; quickly for few."""
    n = losses.size
    return np.dot(losses, ones(n, losses.dtype)) if 0 < n <= SMALL else total(losses)


def odds_gradient(odds: Odds, share: Any) -> np.ndarray:
    """The gradient of the scores, where `share` is that of each row's loss."""
    e, z, places, own, _, _ = odds
    scale = share / z
    gradient = e * scale.reshape(len(e), 1, *e.shape[2:])
    gradient.put(places, (own - z) * scale)
    return gradient


@primitive
def sum_of_squares(x: Any) -> Any:
    """The sum of the squares of all elements."""
    if x.size <= SMALL and x.flags.c_contiguous:
        flat = x.reshape(-1)
        return np.dot(flat, flat)
    return total(x * x)


@primitive
def nll_spread(g: Any, shape: Any, dtype: Any, target: Any, weight: Any, ignored: int, reduction: str) -> Any:
    """Minus `g` (each label's share of it) at the label of each position, and zero for all other classes."""
    dim = min(1, len(shape) - 1)
    result = np.zeros(shape, getattr(dtype, "np", dtype))
    labels, weights = target, None
    if weight is not None or not labels_fit(target, shape[dim]) or 0 <= ignored < shape[dim]:
        labels, weights = row_weights(target, weight, ignored, result.dtype)
    if reduction == "mean":
        g = g / (labels.size if weights is None else total(weights))
    share = -g if weights is None else -g * weights
    np.put_along_axis(
        result, np.expand_dims(labels, dim), np.expand_dims(np.broadcast_to(share, labels.shape), dim), dim
    )
    return result
