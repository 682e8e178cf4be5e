"""The larger or the smaller of two, and limits."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .at_once import ALONE, AtOnce
from .declare import composite, elementwise
from .intercept import interceptors
from .learning import learn

REAL = ("complex",)


@elementwise(refuses=REAL)
def maximum(input, other: Array):
    """The larger of each pair; NaN when either is."""
    return lang.maximum(input, other)


@elementwise(refuses=REAL)
def minimum(input, other: Array):
    """The smaller of each pair; NaN when either is."""
    return lang.minimum(input, other)


@elementwise(refuses=REAL)
def fmax(input, other: Array):
    """The larger of each pair; the number where the other is NaN."""
    return lang.fmax(other, input)  # of two equal ones, the first


@elementwise(refuses=REAL)
def fmin(input, other: Array):
    """The smaller of each pair; the number where the other is NaN."""
    return lang.fmin(other, input)


def _unless(loses, x, y, g):
    """The gradient of `x`, which loses to `y` in some places; equals share it."""
    return lang.where(x == y, g * 0.5, lang.where(loses, 0.0, g))


maximum.gradient(
    input=lambda g, input, other: _unless(input < other, input, other, g),
    other=lambda g, input, other: _unless(other < input, input, other, g),
)
minimum.gradient(
    input=lambda g, input, other: _unless(input > other, input, other, g),
    other=lambda g, input, other: _unless(other > input, input, other, g),
)
fmax.gradient(
    input=lambda g, input, other: lang.where((input >= other) | lang.isnan(other), g, 0.0),
    other=lambda g, input, other: lang.where((input >= other) | lang.isnan(other), 0.0, g),
)
fmin.gradient(
    input=lambda g, input, other: lang.where((input <= other) | lang.isnan(other), g, 0.0),
    other=lambda g, input, other: lang.where((input <= other) | lang.isnan(other), 0.0, g),
)


@elementwise(refuses=REAL, method=False, out=False, name="_clamp_by_numbers", node="ClampBackward1")
def _clamp_by_numbers(input, *, min=None, max=None):
    """Each element brought between two numbers."""
    if min is not None:
        input = lang.maximum(input, min)
    return input if max is None else lang.minimum(input, max)


@elementwise(refuses=REAL, method=False, out=False, name="_clamp_by_tensors", node="ClampBackward0")
def _clamp_by_tensors(input, min=None, max=None):
    """Each element brought between two others."""
    if min is not None:
        input = lang.maximum(input, min)
    return input if max is None else lang.minimum(input, max)


def _inside(input, min, max):
    """Where `input` is not beyond its limits."""
    if min is None:
        return input <= max
    return input >= min if max is None else (input >= min) & (input <= max)


_clamp_by_numbers.gradient(input=lambda g, input, min, max: lang.where(_inside(input, min, max), g, 0.0))


def _lower_limit_gradient(g, input, min, max):
    chosen = input < min if max is None else (min < max) & (input < min)
    return lang.where(chosen, g, 0.0)


def _upper_limit_gradient(g, input, min, max):
    chosen = input > max if min is None else (input > max) | (max < min)
    return lang.where(chosen, g, 0.0)


_clamp_by_tensors.gradient(
    input=lambda g, input, min, max: lang.where(_inside(input, min, max), g, 0.0),
    min=_lower_limit_gradient,
    max=_upper_limit_gradient,
)


@composite(inplace=True)
def clamp(input, min=None, max=None):
    """Each element, brought to `min` where it is less and to `max` where it is more."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor) or input.dtype.category < 2:
        return _clamp_by_tensors(input, min, max)
    given = [input, *(n for n in (min, max) if n is not None)]
    at_once, function = BETWEEN[min is not None, max is not None]
    result = at_once.run(*given) if at_once.run is not None and not interceptors else None
    if result is None:
        result = _clamp_by_numbers(input, min=min, max=max)
        if not result._rg:
            learn(at_once, function, given, result.dtype)
    return result


def _between(input, min, max):
    return lang.minimum(lang.maximum(input, min), max)


BETWEEN = {
    (True, True): (AtOnce("clamp", 3, ALONE), _between),
    (True, False): (AtOnce("clamp_min", 2, ALONE), lang.maximum),
    (False, True): (AtOnce("clamp_max", 2, ALONE), lang.minimum),
}


@elementwise(refuses=REAL, inplace=True)
def clamp_min(input, min):
    """Each element, or `min` where it is less."""
    return lang.maximum(input, min)


@elementwise(refuses=REAL, inplace=True)
def clamp_max(input, max):
    """Each element, or `max` where it is more."""
    return lang.minimum(input, max)


clamp_min.gradient(
    input=lambda g, input, min: lang.where(input >= min, g, 0.0),
    min=lambda g, input, min: lang.where(input < min, g, 0.0),
)
clamp_max.gradient(
    input=lambda g, input, max: lang.where(input <= max, g, 0.0),
    max=lambda g, input, max: lang.where(input > max, g, 0.0),
)
alias(clamp, "clip")
