"""Losses of numbers against numbers: the squares of errors, their sizes, and mixtures of both."""

from __future__ import annotations

from .. import lang
from . import small_losses
from .declare import operator
from .loss_kernels import Loss
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

_square = Loss(lambda x, t: (x - t) * (x - t), lambda x, t: (x - t) * 2, "squared_error")


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
    if weight is None and (loss := _square.reduced(input, target, how)) is not None:
        return loss
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
    if weight is None and (slope := _square.gradient(g, input, target, how)) is not None:
        return *_both_sides(slope, input, target, needs), None
    gap = input - target
    if weight is not None:
        return _weighted_gradient(g, 2 * gap, gap * gap, input, target, how, weight, result, needs)
    return *_both_sides(gap * share(2 * g, gap.shape, how), input, target, needs), None


mse_loss.operator.small = (small_losses.squares, small_losses.squares_back)


def _weighted_gradient(g, slope, values, input, target, how, weight, result, needs):
    """Of a mean per unit of weight, a sum, or single losses."""
    unit = g / lang.sum(weight) if how == "mean" else g
    excess = values - result if how == "mean" else values
    own = like(excess * unit, weight) if needs[2] else None
    return *_both_sides(slope * weight * unit, input, target, needs), own


# ---- the size

_size = Loss(lambda x, t: lang.abs(x - t), lambda x, t: lang.sign(x - t), "absolute_error")


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
    how = reduction_of(size_average, reduce, reduction)
    if weight is None and (loss := _size.reduced(input, target, how)) is not None:
        return loss
    complex_ = input.dtype.kind == "c" or target.dtype.kind == "c"
    if complex_ and input.shape != target.shape:
        warn_of_broadcast(input, target)
    gap = input - target if complex_ else _gap("l1_loss", input, target)
    if weight is not None:
        return _weighted(lang.abs(gap), weight, input, how, True)
    return gathered(lang.abs(gap), how)


@l1_loss.gradient
def _(g, input, target, size_average, reduce, reduction, weight, result, needs):
    how = quietly(size_average, reduce, reduction)
    if weight is None and (slope := _size.gradient(g, input, target, how)) is not None:
        return *_both_sides(slope, input, target, needs), None
    gap = input - target
    if weight is not None:
        return _weighted_gradient(g, lang.sgn(gap), lang.abs(gap), input, target, how, weight, result, needs)
    return *_both_sides(lang.sgn(gap) * share(g, gap.shape, how), input, target, needs), None


# ---- the square of small errors, the size of large ones


def _huber(size, delta):
    return lang.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))


def _clipped(gap, delta):
    """The derivative of `_huber`."""
    return lang.where(lang.abs(gap) < delta, gap, delta * lang.sgn(gap))


def _error(x, t, delta):
    return _huber(lang.abs(x - t), delta)


def _error_slope(x, t, delta):
    gap = x - t
    return lang.where(lang.abs(gap) < delta, gap, lang.sign(gap) * delta)


_straightened = Loss(_error, _error_slope, "huber")
_straightened_by_unit = Loss(
    lambda x, t, beta: _error(x, t, beta) / beta,
    lambda x, t, beta: _error_slope(x, t, beta) / beta,
    "smooth_l1",
)


@operator(namespace="nn.functional", out=False)
def smooth_l1_loss(input: Array, target: Array, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """Half the square of errors smaller than `beta`, over that, and the size of larger ones less beta / 2."""
    how = reduction_of(size_average, reduce, reduction)
    if beta > 0 and (loss := _straightened_by_unit.reduced(input, target, how, float(beta))) is not None:
        return loss
    size = lang.abs(_gap("smooth_l1_loss", input, target))
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, but beta is {beta}")
    return gathered(_huber(size, beta) / beta if beta else size, how)


@smooth_l1_loss.gradient
def _(g, input, target, size_average, reduce, reduction, beta, needs):
    how = quietly(size_average, reduce, reduction)
    if beta and (slope := _straightened_by_unit.gradient(g, input, target, how, float(beta))) is not None:
        return _both_sides(slope, input, target, needs)
    gap = input - target
    slope = _clipped(gap, beta) / beta if beta else lang.sgn(gap)
    return _both_sides(slope * share(g, gap.shape, how), input, target, needs)


@operator(namespace="nn.functional", out=False)
def huber_loss(input: Array, target: Array, reduction="mean", delta=1.0, weight: Array | None = None):
    """Half the square of errors smaller than `delta`, and a straight line on from there."""
    how = reduction_of(None, None, reduction)
    if weight is None and delta > 0:
        loss = _straightened.reduced(input, target, how, float(delta))
        if loss is not None:
            return loss
    size = lang.abs(_gap("huber_loss", input, target))
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, but delta is {delta}")
    values = _huber(size, delta)
    return gathered(values, how) if weight is None else _weighted(values, weight, input, how, False)


@huber_loss.gradient
def _(g, input, target, reduction, delta, weight, needs):
    if weight is None:
        slope = _straightened.gradient(g, input, target, reduction, float(delta))
        if slope is not None:
            return *_both_sides(slope, input, target, needs), None
    gap = input - target
    unit = share(g, gap.shape, reduction)
    slope = _clipped(gap, delta) * unit
    if weight is None:
        return *_both_sides(slope, input, target, needs), None
    own = like(_huber(lang.abs(gap), delta) * unit, weight) if needs[2] else None
    return *_both_sides(slope * weight, input, target, needs), own
