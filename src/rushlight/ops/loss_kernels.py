"""Losses of large arrays by generated kernels, without what lies between scores and loss in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import lang
from ..lang.along import Along
from ..lang.labels import starts
from ..runtime import settings
from .fused import Fusible


def _takes(input: Any, target: Any) -> bool:
    """Are these large, and of one type and layout?"""
    return (
        input.size >= max(1, settings.kernels_from)
        and input.shape == target.shape
        and input.dtype is target.dtype
        and input.dtype.char in "fd"
        and input.flags.c_contiguous
        and target.flags.c_contiguous
    )


class Loss:
    """A loss of pairs of numbers, `values(x, t, *numbers)`, and its derivative by the first, `slope`.

    Both methods answer None where numpy is to do the work.
    """

    def __init__(self, values: Callable[..., Any], slope: Callable[..., Any], name: str) -> None:
        def total(axes, x, t, *numbers):
            return lang.sum(values(x, t, *numbers), axes, True)

        self._total = Along(total, name)
        self._slope = Fusible(lambda x, t, g, *numbers: slope(x, t, *numbers) * g, f"{name}_gradient")

    def reduced(self, input: Any, target: Any, how: str, *numbers: float) -> Any:
        """The sum or the mean of the losses, which are not put into memory."""
        if how == "none" or not _takes(input, target):
            return None
        x, t = input.reshape(-1), target.reshape(-1)
        total = self._total.by_kernel((0,), x, t, *numbers)
        if total is None:
            return None
        return total[0] if how == "sum" else total[0] / total.dtype.type(input.size)

    def gradient(self, g: Any, input: Any, target: Any, how: str, *numbers: float) -> Any:
        """The gradient of the input, for that of the loss."""
        if type(g) is not np.ndarray or type(input) is not np.ndarray or not _takes(input, target):
            return None
        if how == "none":
            return self._slope.large_result(input, target, g, *numbers)
        share = float(g) / (input.size if how == "mean" else 1)
        return self._slope.large_result(input, target, share, *numbers)


# ---- scores against class labels


class LargeOdds(NamedTuple):
    """What the gradient of a matrix of scores needs: of each row, in the shape (rows, 1[, places])."""

    top: np.ndarray  # the largest score
    logs: np.ndarray  # the logarithm of the sum of the exponentials relative to it
    losses: np.ndarray  # unweighted and flat, as the places are
    places: np.ndarray  # where the labels' scores are, counted through the whole matrix
    weights: Any  # of each row; None if all are one
    weight: Any  # the sum of the weights, or the number of rows


def _spread(axes, x):
    top = lang.amax(x, axes, True)
    return top, lang.log(lang.sum(lang.exp(x - top), axes, True))


_spread_of_scores = Along(_spread, "scores")
_shares = Fusible(lambda x, top, logs, share: lang.exp((x - top) - logs) * share, "scores_gradient")


def label_losses_at_once(x: Any, labels: Any, weights: Any) -> tuple[Any, Any, LargeOdds] | None:
    """What `lang.labels.label_losses` gives, or None where there is no kernel for it."""
    if x.size < settings.kernels_from or not x.flags.c_contiguous:
        return None
    made = _spread_of_scores.by_kernel((1,), x)
    if made is None:
        return None
    top, logs = made
    places = labels * (x.shape[2] if x.ndim == 3 else 1) + starts(x.shape)
    losses = (top.ravel() - x.take(places)) + logs.ravel()
    if weights is None:
        return losses, lang.sum(losses), LargeOdds(top, logs, losses, places, None, len(labels))
    weighted = np.where(weights == 0, 0, losses * weights)
    odds = LargeOdds(top, logs, losses, places, weights, lang.sum(weights))
    return weighted, lang.sum(weighted), odds


def odds_gradient_at_once(odds: LargeOdds, x: Any, share: Any) -> Any:
    """The gradient of the scores, where `share` is that of each row's loss, or of every one."""
    flat = np.broadcast_to(share, odds.losses.shape).astype(x.dtype, copy=False)
    gradient = _shares.large_result(
        x, odds.top, odds.logs, np.ascontiguousarray(flat).reshape(odds.top.shape)
    )
    if gradient is None:
        gradient = np.exp((x - odds.top) - odds.logs) * flat.reshape(odds.top.shape)
    if not gradient.flags.c_contiguous:
        gradient = np.ascontiguousarray(gradient)
    gradient.put(odds.places, np.expm1(-odds.losses) * flat)
    return gradient
