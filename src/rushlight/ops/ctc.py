"""The loss of connectionist temporal classification: labels without a time against scores over time."""

from __future__ import annotations

from .. import lang
from ..lang.alignment import align, alignment_gradient
from ..lang.index import index_array
from ..tensor.core import Tensor
from .declare import composite, operator
from .loss_parts import REDUCTIONS, reduced, reduction_of


def _last_step(zero_infinity):
    return "WhereBackward0" if zero_infinity else "CtcLossBackward0"


@operator(name="_ctc_loss", method=False, out=False, node=_last_step)
def ctc_of(log_probs: Array, labels, times, lengths, blank, zero_infinity, kept):
    """The negative log likelihood of each sequence of labels."""
    found = align(log_probs, labels, times, lengths, blank)
    kept[:] = (found,)
    return lang.where(lang.isinf(found.losses), 0, found.losses) if zero_infinity else found.losses


@ctc_of.gradient
def _(g, log_probs, times, lengths, zero_infinity, kept, needs):
    if isinstance(g, Tensor) or isinstance(log_probs, Tensor):
        return (ctc_slope(g, log_probs, times, lengths, zero_infinity, kept),)
    return (alignment_gradient(g, log_probs, kept[0], times, lengths, zero_infinity),)


@operator(name="_ctc_loss_backward", method=False, out=False)
def ctc_slope(g: Array, log_probs: Array, times, lengths, zero_infinity, kept):
    """The gradient of `ctc_of`; it has no derivative itself with respect to the log probabilities."""
    return alignment_gradient(g, log_probs, kept[0], times, lengths, zero_infinity)


def _no_second_derivative(h):
    raise NotImplementedError(
        "ctc_loss: the derivative of its gradient with respect to log_probs is not implemented (nor is it in "
        "PyTorch)"
    )


def _slope_of_share(h, log_probs, times, lengths, zero_infinity, kept):
    """The gradient is linear in the share that it is given of each sequence's loss."""
    ones = lang.sum(lang.zeros_like(h), (0, 2)) + 1
    unit = (
        ctc_slope(ones, log_probs.detach(), times, lengths, zero_infinity, kept)
        if isinstance(h, Tensor)
        else alignment_gradient(ones, log_probs, kept[0], times, lengths, zero_infinity)
    )
    return lang.sum(h * unit, (0, 2))


ctc_slope.gradient(g=_slope_of_share, log_probs=_no_second_derivative)


def _lengths(given, name, rows):
    """Lengths given as a tensor or as numbers."""
    array = index_array(given._a if isinstance(given, Tensor) else given).reshape(-1)
    if len(array) != rows:
        raise RuntimeError(
            f"ctc_loss: {name} must be of size batch_size: there are {rows} sequences, but {len(array)} "
            "lengths"
        )
    if len(array) and lang.amin(array) < 0:
        raise RuntimeError(f"ctc_loss: {name} are at least 0, but one is {lang.amin(array)}")
    return array


def _labels(targets, lengths):
    """The labels of each sequence in a row, filled up with zeros."""
    labels = targets._a
    if labels.dtype.kind not in "iu":
        raise RuntimeError(
            f"ctc_loss: targets must be Long or Int labels, not {targets.dtype.name}; use targets.long()"
        )
    longest = int(lengths.max()) if len(lengths) else 0
    if labels.ndim == 2:
        if labels.shape[1] < longest or labels.shape[0] != len(lengths):
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size at least {longest} at dimension 1, but got size "
                f"{list(labels.shape)} "
                "for argument 'targets': a row for each sequence, as long as the longest"
            )
        return labels[:, :longest]
    if labels.ndim != 1 or labels.size != lengths.sum():
        raise RuntimeError(
            f"ctc_loss: Expected tensor to have size {int(lengths.sum())} at dimension 0, but got "
            f"{list(labels.shape)} for "
            "argument 'targets': the labels of all sequences one after another"
        )
    rows = index_array([range(longest)] * len(lengths)).reshape(len(lengths), longest)
    there = rows < lengths.reshape(-1, 1)
    return lang.put_where(lang.zeros_like(rows), there, labels)


@composite(namespace="nn.functional", out=False)
def ctc_loss(
    log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False
):
    """Minus the log of the probability that scores over time (time, batch, classes) stand for the labels."""
    how = reduction_of(None, None, reduction)
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(
            "ctc_loss: log_probs are (time, batch, classes) or (time, classes), but got "
            f"{list(log_probs.shape)}"
        )
    if not log_probs.dtype.is_floating_point:
        raise RuntimeError(
            f'"ctc_loss" not implemented for {log_probs.dtype.name}: log_probs are floating point'
        )
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs.unsqueeze(1)
    steps, rows, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range, 0 to {classes - 1}, but is {blank}")
    times, lengths = (
        _lengths(input_lengths, "input_lengths", rows),
        _lengths(target_lengths, "target_lengths", rows),
    )
    if len(times) and lang.amax(times) > steps:
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {steps}, but got value "
            f"{lang.amax(times)}"
        )
    losses = ctc_of(log_probs, _labels(targets, lengths), times, lengths, blank, zero_infinity, [])
    if how == "mean":
        losses = losses / losses.new_tensor(lang.maximum(lengths, 1))
    return reduced(losses.squeeze(0) if single and how == "none" else losses, how)


@composite(name="ctc_loss", method=False, out=False)
def root_ctc_loss(
    log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1, zero_infinity=False
):
    """`nn.functional.ctc_loss` with the number of a reduction."""
    return ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, REDUCTIONS[reduction], zero_infinity
    )
