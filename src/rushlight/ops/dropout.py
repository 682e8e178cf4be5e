"""Dropout of elements and of whole channels, with PyTorch's random numbers."""

from __future__ import annotations

from math import prod, sqrt

from .. import lang
from .. import random as draws
from ..tensor.core import wrap
from ..tensor.dtype import bool_
from ..tensor.generator import default_generator
from ..tensor.sampling import drawn_into
from ..warned import warn
from .declare import composite
from .shapes import shape_of
from .softmax import softmax

SATURATION = 1.7580993408473766  # the value that SELU tends to, without its sign


def _check(name, input, p):
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")


def _check_type(name, input):
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type {input.dtype.name}; "
            "dropout scales what it keeps, so use x.float()"
        )


def _channels(name, input):
    """The shape of the noise that drops whole channels."""
    shape = shape_of(input)
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: Feature dropout requires at least 2 dimensions in the input (batch, channels, ...), "
            f"got {list(shape)}"
        )
    return (*shape[:2], *(1,) * (len(shape) - 2))


def _kept(input, p, shape=None, one=1.0):
    """`one` with probability 1 - p, else zero, laid out like the input."""
    draw = lambda size, name, _: draws.bernoulli(default_generator, 1 - p, size, name, one)  # noqa: E731
    return drawn_into(input._a, input.dtype, draw) if shape is None else draw(shape, input.dtype.name, True)


def _times(input, noise, inplace):
    """The product with an array or a number."""
    other = wrap(noise, input.dtype) if hasattr(noise, "shape") else noise
    return input.mul_(other) if inplace else input * other


def _drop(name, input, p, training, inplace, by_channel=False):
    _check(name, input, p)
    if p == 0 or not training or not prod(input.shape):
        return input
    _check_type(name, input)
    shape = _channels(name, input) if by_channel else None
    if p == 1 or input.is_meta:
        return _times(input, 0.0, inplace)
    return _times(input, _kept(input, p, shape, 1 / (1 - p)), inplace)


def _drop_alpha(name, input, p, training, inplace, by_channel=False):
    """What is dropped becomes the value that SELU saturates at; then mean and variance are put right."""
    _check(name, input, p)
    if p == 0 or not training or not prod(input.shape):
        return input
    _check_type(name, input)
    shape = _channels(name, input) if by_channel else None
    if p == 1 or input.is_meta:
        return _times(input, 0.0, inplace)
    noise = _kept(input, p, shape)
    one, scale = noise.dtype.type, 1 / sqrt((SATURATION**2 * p + 1) * (1 - p))
    shift = wrap((noise - one(1)) * one(SATURATION * scale) + one(SATURATION * scale * p), input.dtype)
    noise *= one(scale)
    result = _times(input, noise, inplace)
    return result.add_(shift) if inplace else result + shift


# ---- the functions of networks


@composite(namespace="nn.functional", out=False, random=True)
def dropout(input, p=0.5, training=True, inplace=False):
    """In training, each element zero with probability `p`, and otherwise larger by 1 / (1 - p)."""
    return _drop("dropout", input, p, training, inplace)


@composite(namespace="nn.functional", out=False, random=True)
def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean and variance, for networks of SELUs."""
    return _drop_alpha("alpha_dropout", input, p, training, inplace)


@composite(namespace="nn.functional", out=False, random=True)
def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels."""
    return _drop_alpha("feature_alpha_dropout", input, p, training, inplace, True)


@composite(namespace="nn.functional", out=False, random=True)
def dropout1d(input, p=0.5, training=True, inplace=False):
    """Whole channels of sequences zero with probability `p`."""
    _check("dropout1d", input, p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input: it is for (channels, "
            "length) or "
            "(batch, channels, length); use dropout for other shapes"
        )
    return _by_channel("dropout1d", input, p, training, inplace, input.ndim == 2)


@composite(namespace="nn.functional", out=False, random=True)
def dropout2d(input, p=0.5, training=True, inplace=False):
    """Whole channels of images zero with probability `p`."""
    if input.ndim not in (3, 4):
        _warn_of_shape("dropout2d", input, "3-D or 4-D")
    if input.ndim == 3:
        _warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired: "
            "(batch, channels, length). Use dropout1d for that"
        )
    return _drop("dropout2d", input, p, training, inplace, True)


@composite(namespace="nn.functional", out=False, random=True)
def dropout3d(input, p=0.5, training=True, inplace=False):
    """Whole channels of volumes zero with probability `p`."""
    if input.ndim not in (4, 5):
        _warn_of_shape("dropout3d", input, "4-D or 5-D")
    return _by_channel("dropout3d", input, p, training, inplace, input.ndim != 5)


def _by_channel(name, input, p, training, inplace, single):
    """The same for a single example, which has no dimension for the batch."""
    if not single:
        return _drop(name, input, p, training, inplace, True)
    result = _drop(name, input.unsqueeze_(0) if inplace else input.unsqueeze(0), p, training, inplace, True)
    return result.squeeze_(0) if inplace else result.squeeze(0)


def _warn_of_shape(name, input, expected):
    _warn(
        f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will result in an error "
        "in a future "
        f"release; it is for {expected} inputs. For single elements use dropout"
    )


def _warn(message):
    warn(message, UserWarning)


# ---- the same under torch itself, and in place


def _publish(name, work, by_channel):
    def call(input, p, train):
        return work(name, input, p, train, False, by_channel)

    def call_(input, p, train):
        return work(name + "_", input, p, train, True, by_channel)

    call.__doc__ = f"`{name}` with all arguments given."
    call_.__doc__ = f"`{name}` in place."
    composite(call, name=name, method=False, out=False)
    composite(call_, name=name + "_", method=False, out=False)


_publish("dropout", _drop, False)
_publish("feature_dropout", _drop, True)
_publish("alpha_dropout", _drop_alpha, False)
_publish("feature_alpha_dropout", _drop_alpha, True)


@composite(method=False, out=False, random=True)
def native_dropout(input, p, train):
    """`dropout`, and the mask of what it kept."""
    _check("native_dropout", input, p)
    if train is False or p == 0 or not prod(input.shape):
        return input.clone(), wrap(lang.ones_like(input._a.astype(bool)), bool_)
    if p == 1:
        return input * 0.0, wrap(lang.zeros_like(input._a.astype(bool)), bool_)
    kept = _kept(input, p)
    mask = wrap(kept.astype(bool), bool_)
    kept *= kept.dtype.type(1 / (1 - p))
    return input * wrap(kept, input.dtype), mask


@composite(namespace="nn.functional", out=False, random=True)
def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the distribution that the logits describe, soft enough to have a gradient."""
    if eps != 1e-10:
        _warn("gumbel_softmax: the argument `eps` is deprecated and has no effect.")
    waits = draws.exponential(default_generator, shape_of(logits), logits.dtype.name, 1.0)
    soft = softmax((logits - wrap(waits, logits.dtype).log()) / tau, dim)
    if not hard:
        return soft
    chosen = lang.zeros_like(soft.detach()).scatter_(dim, soft.argmax(dim, True), 1.0)
    return chosen - soft.detach() + soft
