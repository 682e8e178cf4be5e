"""Losses of scores against classes: cross entropy and negative log likelihood."""

from __future__ import annotations

from math import prod

import numpy as np

from .. import lang
from ..lang.labels import first_misfit, label_losses, labels_fit, odds_gradient, row_weights
from ..tensor.core import Tensor
from . import small_losses
from .declare import composite, operator
from .loss_kernels import LargeOdds, label_losses_at_once, odds_gradient_at_once
from .loss_parts import gathered, quietly, reduced, reduction_of, share
from .shapes import shape_of
from .softmax import log_softmax, softmax

# ---- what is checked


def _check_shapes(name, input, target, weight):
    """Scores are (classes), (rows, classes) or (rows, classes, ...), labels the same without classes."""
    if not input.ndim:
        raise ValueError(f"{name}: Expected 1 or more dimensions (got 0); scores need a dimension of classes")
    classes = input.shape[0 if input.ndim == 1 else 1]
    expected = (*input.shape[:1], *input.shape[2:]) if input.ndim > 1 else ()
    if target.shape != expected:
        if input.ndim > 1 and target.shape[:1] != input.shape[:1]:
            raise ValueError(
                f"{name}: Expected input batch_size ({input.shape[0]}) to match target batch_size "
                f"({target.shape[0] if target.shape else 1}); input is {list(input.shape)}, target "
                f"{list(target.shape)}"
            )
        raise RuntimeError(
            f"{name}: Expected target size {list(expected)}, got {list(target.shape)}: for scores of shape "
            f"{list(input.shape)} (classes are dimension {min(1, input.ndim - 1)}) there is one label for "
            "each position"
        )
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but got "
            "weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(
            f"{name}: expected scalar type {input.dtype} but found {weight.dtype}; convert the weight with "
            "weight.to(input.dtype)"
        )


def _check_labels(name, target):
    if target.dtype.str[1:] not in ("i8", "u1"):
        raise RuntimeError(
            f"{name}: expected target of scalar type Long but found {target.dtype.name}; labels are "
            "integers, convert "
            "them with target.long(). (Probabilities of classes have the shape of the input, in "
            "cross_entropy.)"
        )


def _check_range(labels, classes):
    if not labels_fit(labels, classes):
        bad = first_misfit(labels, classes)
        raise IndexError(
            f"Target {bad} is out of bounds: with {classes} classes, labels are 0 to {classes - 1}"
            + (
                "; labels that count from 1 need target - 1"
                if bad == classes
                else " (or ignore_index, to skip a position)"
            )
        )


# ---- negative log likelihood


def _labels_and_weights(target, weight, ignore_index, classes, dtype):
    """Labels that are classes all of them, and the weight of each; None if that is one for each."""
    if weight is None and labels_fit(target, classes) and not 0 <= ignore_index < classes:
        return target, None
    labels, weights = row_weights(target, weight, ignore_index, dtype)
    _check_range(labels, classes)
    return labels, weights


@operator(namespace="nn.functional", out=False)
def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
):
    """Minus the log probability of the right class, averaged with the weights of the classes."""
    how = reduction_of(size_average, reduce, reduction)
    _check_shapes("nll_loss", input, target, weight)
    _check_labels("nll_loss", target)
    dim = min(1, input.ndim - 1)
    labels, weights = _labels_and_weights(target, weight, ignore_index, input.shape[dim], input.dtype)
    losses = -lang.reshape(lang.gather_along(input, dim, lang.insert(labels, dim)), target.shape)
    if weights is None:
        return gathered(losses, how)
    losses = lang.where(weights == 0, 0, losses * weights)
    return gathered(losses, how) if how != "mean" else lang.sum(losses) / lang.sum(weights)


@nll_loss.gradient
def _(g, input_shape, input_dtype, target, weight, size_average, ignore_index, reduce, reduction, needs):
    how = quietly(size_average, reduce, reduction)
    return lang.nll_spread(g, input_shape, input_dtype, target, weight, ignore_index, how), None, None


@operator(name="_nll_spread", method=False, out=False)
def nll_spread(g: Array, shape, dtype, target: Array, weight: Array | None, ignore_index, reduction):
    """The gradient of the scores of `nll_loss`."""
    return lang.nll_spread(g, shape, dtype, target, weight, ignore_index, reduction)


nll_spread.gradient(
    g=lambda h, target, weight, ignore_index, reduction: (
        nll_loss(h, target, weight, None, ignore_index, None, reduction)
        if isinstance(h, Tensor)
        else nll_loss.operator.body(h, target, weight, None, ignore_index, None, reduction)
    )
)


# ---- cross entropy of labels


def _rows(input):
    """The scores as (rows, classes), or as (images, classes, places)."""
    if input.ndim == 2:
        return input
    if input.ndim == 1:
        return lang.reshape(input, (1, -1))
    return lang.reshape(input, (*input.shape[:2], prod(input.shape[2:])))


@operator(name="_cross_entropy", method=False, out=False, node="NllLossBackward0")
def cross_entropy_of_labels(input: Array, target: Array, weight: Array | None, ignore_index, reduction, kept):
    """The cross entropy of scores and labels; `kept` receives what the gradient needs."""
    _check_shapes("cross_entropy", input, target, weight)
    _check_labels("cross_entropy", target)
    x = _rows(input)
    flat = target.reshape(-1)
    labels, weights = _labels_and_weights(flat, weight, ignore_index, x.shape[1], input.dtype)
    losses, total, odds = label_losses_at_once(x, labels, weights) or label_losses(x, labels, weights)
    kept[:] = (odds,)
    if reduction == "none":
        return losses.reshape(target.shape)
    return total if reduction == "sum" else total / total.dtype.type(odds.weight)


@cross_entropy_of_labels.gradient
def _(g, input, target, weight, ignore_index, reduction, kept, needs):
    if isinstance(g, Tensor) or isinstance(input, Tensor):
        return _as_composed(g, input, target, weight, ignore_index, reduction), None, None
    odds = kept[0]
    if type(odds) is np.ndarray:  # of few scores: the gradient, but for each row's share
        return odds * share(g, input.shape[:1], reduction), None, None
    if reduction == "mean":
        g = g / input.dtype.type(odds.weight)
    elif reduction == "none":
        g = g.reshape(-1)
    each = g if odds.weights is None else g * odds.weights
    if type(odds) is LargeOdds:
        rows = odds_gradient_at_once(odds, _rows(input), each)
    else:
        rows = odds_gradient(odds, each)
    return rows if input.ndim == 2 else rows.reshape(input.shape), None, None


cross_entropy_of_labels.operator.small = (small_losses.labels, small_losses.labels_back)


def _as_composed(g, input, target, weight, ignore_index, reduction):
    """The gradient written so that it can be differentiated again."""
    dim = min(1, len(input.shape) - 1)
    slope = lang.nll_spread(g, tuple(input.shape), input.dtype, target, weight, ignore_index, reduction)
    return slope - softmax(input, dim) * lang.sum(slope, dim, True)


# ---- cross entropy of everything else


def _class_weights(weight, ndim):
    """Weights of classes, to multiply scores with."""
    return weight if ndim == 1 else lang.reshape(weight, (1, -1, *(1,) * (ndim - 2)))


def _of_probabilities(input, target, weight, reduction, smoothing):
    if not target.dtype.is_floating_point:
        raise RuntimeError(
            "cross_entropy: Expected floating point type for target with class probabilities, got "
            f"{target.dtype.name}; a target "
            f"of the input's shape {list(input.shape)} holds probabilities, and labels have no dimension of "
            "classes"
        )
    dim = min(1, input.ndim - 1)
    classes = input.shape[dim]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    terms = log_softmax(input, dim) * target
    if weight is not None:
        _check_shapes("cross_entropy", input, lang.amax(target, dim), weight)
        terms = terms * _class_weights(weight, input.ndim)
    losses = -lang.sum(terms, dim)
    if reduction != "mean":
        return reduced(losses, reduction)
    return losses.sum() / max(1, losses.numel()) if losses.numel() else losses.sum() / 0


def _smoothed(input, target, weight, ignore_index, reduction, smoothing):
    """Labels that get only a part of the probability; the rest goes evenly to all classes."""
    dim = min(1, input.ndim - 1)
    logs = log_softmax(input, dim)
    likelihood = nll_loss(logs, target, weight, None, ignore_index, None, reduction)
    spread = -lang.sum(logs if weight is None else logs * _class_weights(weight, input.ndim), dim)
    there = target != ignore_index
    spread = lang.where(there, spread, 0.0)
    if reduction == "mean":
        count = (
            there.sum()
            if weight is None
            else lang.where(there, weight[lang.where(there, target, 0)], 0.0).sum()
        )
        spread = spread.sum() / count
    else:
        spread = reduced(spread, reduction)
    return likelihood * (1 - smoothing) + spread * (smoothing / input.shape[dim])


@composite(namespace="nn.functional", out=False)
def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """How far the softmax of the scores is from the right classes, given as labels or as probabilities."""
    if size_average is not None or reduce is not None or reduction not in ("mean", "sum", "none"):
        reduction = reduction_of(size_average, reduce, reduction)
    if label_smoothing and not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if shape_of(target) == shape_of(input):
        if ignore_index >= 0:
            raise RuntimeError("cross_entropy: ignore_index is not supported for floating point target")
        return _of_probabilities(input, target, weight, reduction, label_smoothing)
    if label_smoothing:
        return _smoothed(input, target, weight, ignore_index, reduction, label_smoothing)
    return cross_entropy_of_labels(input, target, weight, ignore_index, reduction, [])
