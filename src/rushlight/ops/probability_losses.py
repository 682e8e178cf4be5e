"""Losses of predicted probabilities: binary cross entropy, divergence, Poisson and Gaussian likelihoods."""

from __future__ import annotations

import warnings
from math import log, pi

from .. import lang
from ..tensor.dtype import of_numpy
from ..warned import warn
from .declare import OPERATORS, composite, operator
from .loss_kernels import Loss
from .loss_parts import (
    REDUCTIONS,
    common_type,
    gathered,
    like,
    quietly,
    reduced,
    reduction_of,
    share,
)

LEAST_LOG = -100.0  # log(0) counts as this, so that a wrong certainty costs much, but not infinitely much


def _check_same_size(name, input, target):
    if target.shape != input.shape:
        raise ValueError(
            f"{name}: Target size ({list(target.shape)}) must be the same as input size "
            f"({list(input.shape)}); "
            "a target for each element, for instance target.view_as(input)"
        )


# ---- binary cross entropy


@operator(namespace="nn.functional", out=False)
def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """The cross entropy of probabilities of two classes."""
    how = reduction_of(size_average, reduce, reduction)
    _check_same_size("binary_cross_entropy", input, target)
    common_type(input, target, "binary_cross_entropy")
    if target.dtype != input.dtype:
        raise RuntimeError(
            f"binary_cross_entropy: Found dtype {of_numpy(target.dtype).name} of the target but expected "
            f"{of_numpy(input.dtype).name}, that of the input; convert it with target.to(input.dtype)"
        )
    if input.size and not (lang.amin(input) >= 0 and lang.amax(input) <= 1):
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1, but they lie between "
            f"{lang.amin(input)} and {lang.amax(input)}; put a sigmoid before it, or use "
            "binary_cross_entropy_with_logits"
        )
    values = _entropy(input, target)
    return gathered(values if weight is None else values * weight, how)


def _entropy(input, target):
    positive, negative = _logs(input)
    return (target - 1) * negative - target * positive


def _logs(input):
    return lang.maximum(lang.log(input), LEAST_LOG), lang.maximum(lang.log1p(-input), LEAST_LOG)


@binary_cross_entropy.gradient
def _(g, input, target, weight, size_average, reduce, reduction, needs):
    unit = share(g, input.shape, quietly(size_average, reduce, reduction))
    own = like(unit * _entropy(input, target), weight) if needs[2] else None
    if weight is not None:
        unit = unit * weight
    slope = unit * (input - target) / lang.maximum((1 - input) * input, 1e-12) if needs[0] else None
    of_target = None
    if needs[1]:
        positive, negative = _logs(input)
        of_target = like(unit * (negative - positive), target)
    return None if slope is None else like(slope, input), of_target, own


@operator(namespace="nn.functional", out=False)
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average=None,
    reduce=None,
    reduction="mean",
    pos_weight: Array | None = None,
):
    """`binary_cross_entropy` of the sigmoids of scores, accurate however large these are."""
    how = reduction_of(size_average, reduce, reduction)
    _check_same_size("binary_cross_entropy_with_logits", input, target)
    common_type(input, input, "binary_cross_entropy_with_logits")
    if target.dtype.kind in "biu":
        raise RuntimeError(
            f"binary_cross_entropy_with_logits: result type {of_numpy(input.dtype).name} can't be cast to "
            f"{of_numpy(target.dtype).name}, the type of the target; convert it with target.float()"
        )
    if weight is None and pos_weight is None:
        loss = _entropy_of_scores.reduced(input, target, how)
        if loss is not None:
            return loss
    values = _logit_entropy(input, target, pos_weight)
    return gathered(values if weight is None else values * weight, how)


def _softplus_of_minus(x):
    """log(1 + exp(-x))"""
    return lang.log1p(lang.exp(-lang.abs(x))) - lang.minimum(x, 0)


_entropy_of_scores = Loss(
    lambda x, t: (1 - t) * x + _softplus_of_minus(x), lambda x, t: lang.sigmoid(x) - t, "score_entropy"
)


def _logit_entropy(input, target, pos_weight):
    if pos_weight is None:
        return (1 - target) * input + _softplus_of_minus(input)
    return (1 - target) * input + ((pos_weight - 1) * target + 1) * _softplus_of_minus(input)


@binary_cross_entropy_with_logits.gradient
def _(g, input, target, weight, size_average, reduce, reduction, pos_weight, needs):
    if weight is None and pos_weight is None and not needs[1]:
        how = quietly(size_average, reduce, reduction)
        slope = _entropy_of_scores.gradient(g, input, target, how)
        if slope is not None:
            return slope, None, None, None
    unit = share(g, input.shape, quietly(size_average, reduce, reduction))
    own = like(unit * _logit_entropy(input, target, pos_weight), weight) if needs[2] else None
    if weight is not None:
        unit = unit * weight
    of_input = of_target = of_positive = None
    if needs[0]:
        if pos_weight is None:
            slope = lang.sigmoid(input) - target
        else:
            slope = (1 - target) - ((pos_weight - 1) * target + 1) * lang.sigmoid(-input)
        of_input = like(unit * slope, input)
    if needs[1]:
        slope = -input if pos_weight is None else (pos_weight - 1) * _softplus_of_minus(input) - input
        of_target = like(unit * slope, target)
    if needs[3]:
        of_positive = like(unit * target * _softplus_of_minus(input), pos_weight)
    return of_input, of_target, own, of_positive


# ---- divergence and likelihoods


@composite(namespace="nn.functional", out=False)
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """How much the distribution `target` differs from that whose logarithms are `input`."""
    if size_average is not None or reduce is not None:
        how = reduction_of(size_average, reduce, reduction)
    else:
        how = "sum" if reduction == "batchmean" else reduction_of(None, None, reduction)
        if how == "mean":
            warn(
                "kl_div: reduction: 'mean' divides the total loss by both the batch size and the support "
                "size. "
                "'batchmean' divides only by the batch size, which is the divergence of mathematics.",
                UserWarning,
            )
    if log_target:
        values = lang.exp(target) * (target - input)
    else:
        values = OPERATORS["special.xlogy"].call(target, target) - target * input
    total = reduced(values, how)
    return total / input.shape[0] if reduction == "batchmean" and input.ndim else total


@composite(namespace="nn.functional", out=False)
def poisson_nll_loss(
    input,
    target,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-08,
    reduce=None,
    reduction="mean",
):
    """Minus the log likelihood of counts, for rates (or their logarithms) `input`."""
    how = reduction_of(size_average, reduce, reduction)
    values = lang.exp(input) - target * input if log_input else input - target * lang.log(input + eps)
    if full:  # Stirling's approximation of the factorial
        stirling = target * lang.log(target) - target + 0.5 * lang.log(2 * pi * target)
        values = values + lang.where(target <= 1, 0.0, stirling)
    return reduced(values, how)


@composite(namespace="nn.functional", out=False)
def gaussian_nll_loss(input, target, var, full=False, eps=1e-06, reduction="mean"):
    """Minus the log likelihood of normal numbers with mean `input` and variance `var`."""
    if isinstance(var, (int, float)):
        var = lang.full_like(input.detach(), float(var))
    if (var < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries; a variance is never below zero")
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = lang.reshape(var, (*var.shape, 1))
        elif input.ndim != var.ndim or sum(m for n, m in zip(input.shape, var.shape) if n != m) != 1:
            raise ValueError(
                f"gaussian_nll_loss: var is of incorrect size: {list(var.shape)} for an input of "
                f"{list(input.shape)}; it "
                "has the input's size, or 1 (or nothing) in the place of its last"
            )
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid: the reduction is one of {REDUCTIONS}")
    var = var + (var.detach().clamp(min=eps) - var.detach())  # small variances still get their gradient
    values = 0.5 * (lang.log(var) + (input - target) * (input - target) / var)
    return reduced(values + 0.5 * log(2 * pi) if full else values, reduction)


# ---- under torch itself, where reductions are numbers


def _named(number):
    return REDUCTIONS[number]


@composite(name="kl_div", method=False, out=False)
def root_kl_div(input, target, reduction=1, *, log_target=False):
    """`nn.functional.kl_div` with the number of a reduction: 0 for none, 1 for the mean, 2 for the sum."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kl_div(input, target, reduction=_named(reduction), log_target=log_target)


@composite(name="poisson_nll_loss", method=False, out=False)
def root_poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """`nn.functional.poisson_nll_loss` with the number of a reduction."""
    return poisson_nll_loss(input, target, log_input, full, None, eps, None, _named(reduction))


@composite(name="binary_cross_entropy_with_logits", method=False, out=False)
def root_binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=1):
    """`nn.functional.binary_cross_entropy_with_logits` with the number of a reduction."""
    return binary_cross_entropy_with_logits(input, target, weight, None, None, _named(reduction), pos_weight)
