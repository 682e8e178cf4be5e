"""Losses of numbers against numbers: the squares of errors, their sizes, and mixtures of both."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .declare import operator
from .loss_kernels import scaled_gap, squared_error, takes
from .loss_parts import common_type, gathered, like, quietly, reduction_of, share, warn_of_broadcast


def _gap(name, input, target):
    """The errors, in the type of the loss."""
    if input.shape != target.shape:
        warn_of_broadcast(input, target)
    if input.dtype is target.dtype and input.dtype.kind == "f":
        return input - target
    dtype = common_type(input, target, name)
    return lang.cast(input, dtype) - lang.cast(target, dtype)


def _weighted(values, weight, input, reduction, by_weight):
    """Weighted losses reduced; where `by_weight`, their mean is per unit of weight."""
    if weight.shape != input.shape:
        raise ValueError(
            f"Weights and input must have the same size, but weight is {list(weight.shape)} and input "
            f"{list(input.shape)}; "
            "use weight.expand_as(input)"
        )
    values = values * weight
    if reduction == "mean" and by_weight:
        return lang.sum(values) / lang.sum(weight)
    return gathered(values, reduction)


def _both_sides(slope, input, target, needs):
    """The gradients of a function of input - target."""
    return like(slope, input) if needs[0] else None, like(-slope, target) if needs[1] else None


# ---- the square


@operator(namespace="nn.functional", out=False)
def mse_loss(
    input: Array,
    target: Array,
    size_average=None,
    reduce=None,
    reduction="mean",
    weight: Array | None = None,
):
    """The mean of the squared errors (their sum, or each of them)."""
    how = reduction_of(size_average, reduce, reduction)
    if weight is None and how != "none" and takes(input, target):
        total = squared_error(input, target)
        return total if how == "sum" else total / total.dtype.type(input.size)
    gap = _gap("mse_loss", input, target)
    if weight is not None:
        return _weighted(gap * gap, weight, input, how, True)
    if how == "none":
        return gap * gap
    total = lang.sum_of_squares(gap)
    return total if how == "sum" else total / total.dtype.type(gap.size)


@mse_loss.gradient
def _(g, input, target, size_average, reduce, reduction, weight, result, needs):
    how = quietly(size_average, reduce, reduction)
    if weight is None and how != "none" and type(input) is type(g) is not Tensor and takes(input, target):
        slope = scaled_gap(input, target, 2 * float(g) / (input.size if how == "mean" else 1))
        if slope is not None:
            return *_both_sides(slope, input, target, needs), None
    gap = input - target
    if weight is not None:
        return _weighted_gradient(g, 2 * gap, gap * gap, input, target, how, weight, result, needs)
    return *_both_sides(gap * share(2 * g, gap.shape, how), input, target, needs), None


def _weighted_gradient(g, slope, values, input, target, how, weight, result, needs):
    """Of a mean per unit of weight, a sum, or single losses."""
    unit = g / lang.sum(weight) if how == "mean" else g
    excess = values - result if how == "mean" else values
    own = like(excess * unit, weight) if needs[2] else None
    return *_both_sides(slope * weight * unit, input, target, needs), own


# ---- the size


@operator(namespace="nn.functional", out=False, node="MeanBackward0")
def l1_loss(
    input: Array,
    target: Array,
    size_average=None,
    reduce=None,
    reduction="mean",
    weight: Array | None = None,
):
    """The mean of the absolute errors (their sum, or each of them)."""
    complex_ = input.dtype.kind == "c" or target.dtype.kind == "c"
    if complex_ and input.shape != target.shape:
        warn_of_broadcast(input, target)
    gap = input - target if complex_ else _gap("l1_loss", input, target)
    how = reduction_of(size_average, reduce, reduction)
    if weight is not None:
        return _weighted(lang.abs(gap), weight, input, how, True)
    return gathered(lang.abs(gap), how)


@l1_loss.gradient
def _(g, input, target, size_average, reduce, reduction, weight, result, needs):
    gap = input - target
    how = quietly(size_average, reduce, reduction)
    if weight is not None:
        return _weighted_gradient(g, lang.sgn(gap), lang.abs(gap), input, target, how, weight, result, needs)
    return *_both_sides(lang.sgn(gap) * share(g, gap.shape, how), input, target, needs), None


# ---- the square of small errors, the size of large ones


def _huber(size, delta):
    return lang.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))


def _clipped(gap, delta):
    """The derivative of `_huber`."""
    return lang.where(lang.abs(gap) < delta, gap, delta * lang.sgn(gap))


@operator(namespace="nn.functional", out=False)
def smooth_l1_loss(input: Array, target: Array, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """Half the square of errors smaller than `beta`, over that, and the size of larger ones less beta / 2."""
    size = lang.abs(_gap("smooth_l1_loss", input, target))
    how = reduction_of(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, but beta is {beta}")
    return gathered(_huber(size, beta) / beta if beta else size, how)


@smooth_l1_loss.gradient
def _(g, input, target, size_average, reduce, reduction, beta, needs):
    gap = input - target
    slope = _clipped(gap, beta) / beta if beta else lang.sgn(gap)
    return _both_sides(
        slope * share(g, gap.shape, quietly(size_average, reduce, reduction)), input, target, needs
    )


@operator(namespace="nn.functional", out=False)
def huber_loss(input: Array, target: Array, reduction="mean", delta=1.0, weight: Array | None = None):
    """Half the square of errors smaller than `delta`, and a straight line on from there."""
    size = lang.abs(_gap("huber_loss", input, target))
    how = reduction_of(None, None, reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, but delta is {delta}")
    values = _huber(size, delta)
    return gathered(values, how) if weight is None else _weighted(values, weight, input, how, False)


@huber_loss.gradient
def _(g, input, target, reduction, delta, weight, needs):
    gap = input - target
    unit = share(g, gap.shape, reduction)
    slope = _clipped(gap, delta) * unit
    if weight is None:
        return *_both_sides(slope, input, target, needs), None
    own = like(_huber(lang.abs(gap), delta) * unit, weight) if needs[2] else None
    return *_both_sides(slope * weight, input, target, needs), own
