"""Activation functions that are curves."""

from __future__ import annotations

import math

from .. import lang
from .activation import FLOAT_ONLY, activation, functional
from .alias import alias
from .declare import composite, elementwise, operator
from .rules import wrap_dim
from .trigonometric import tanh

INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)


@elementwise(inplace=True, promote="float")
def sigmoid(input):
    """1 / (1 + exp(-x)) of each element."""
    return lang.sigmoid(input)


sigmoid.gradient(input=lambda g, result: g * lang.conj((1 - result) * result))
alias(sigmoid, "special.expit", "nn.functional.sigmoid")
alias(tanh, "nn.functional.tanh")


@elementwise(namespace="nn.functional", method=False, refuses=FLOAT_ONLY, node="LogSigmoidBackward0")
def logsigmoid(input):
    """The logarithm of the sigmoid of each element, without underflow."""
    return lang.minimum(input, 0) - lang.log1p(lang.exp(-lang.abs(input)))


logsigmoid.gradient(input=lambda g, input: g * lang.sigmoid(-input))


@activation(refuses=("bool", "integral"))
def silu(input):
    """Each element times its sigmoid."""
    return input * lang.sigmoid(input)


def _silu_gradient(g, input):
    s = lang.sigmoid(input)
    return g * lang.conj(s * (input * (1 - s) + 1))


silu.gradient(input=_silu_gradient)


@activation
def mish(input):
    """Each element times the tanh of its softplus."""
    return input * lang.tanh(_softplus(input))


def _softplus(x):
    """log(1 + exp(x)) without overflow."""
    return lang.maximum(x, 0) + lang.log1p(lang.exp(-lang.abs(x)))


def _mish_gradient(g, input):
    t = lang.tanh(_softplus(input))
    return g * (t + input * lang.sigmoid(input) * (1 - t * t))


mish.gradient(input=_mish_gradient)


@elementwise(namespace="nn.functional", method=False, refuses=FLOAT_ONLY)
def softplus(input, beta: float = 1.0, threshold: float = 20.0):
    """log(1 + exp(beta x)) / beta: a smooth relu; x itself where `beta x` is above the threshold."""
    scaled = input * beta
    return lang.where(scaled > threshold, input, lang.log1p(lang.exp(scaled)) / beta)


softplus.gradient(
    input=lambda g, input, beta, threshold: lang.where(
        input * beta > threshold, g, g * lang.sigmoid(input * beta)
    ),
)


@composite(method=False, out=False, namespace="nn.functional")
def softsign(input):
    """x / (1 + |x|) of each element."""
    return input / (lang.abs(input) + 1)


@composite(method=False, out=False, namespace="nn.functional")
def tanhshrink(input):
    """Each element less its tanh."""
    return input - lang.tanh(input)


@activation
def gelu(input, *, approximate="none"):
    """Each element times the normal distribution's probability of being below it."""
    return _gelu_form(approximate)[0](input)


gelu.gradient(input=lambda g, input, approximate: g * _gelu_form(approximate)[1](input))


def _gelu_form(approximate):
    """The function and its slope."""
    if approximate not in GELU:
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, not {approximate!r}")
    return GELU[approximate]


def _gelu(x):
    return x * lang.normal_below(x)


def _gelu_slope(x):
    return lang.normal_below(x) + x * lang.exp(x * x * -0.5) * INVERSE_SQRT_2PI


CUBIC, STEEPNESS = 0.044715, math.sqrt(2 / math.pi)


def _gelu_tanh(x):
    return x * 0.5 * (lang.tanh((x + x * x * x * CUBIC) * STEEPNESS) + 1)


def _gelu_tanh_slope(x):
    square = x * x
    t = lang.tanh((x + x * square * CUBIC) * STEEPNESS)
    return (t + 1) * 0.5 + x * 0.5 * (1 - t * t) * (square * (3 * CUBIC) + 1) * STEEPNESS


GELU = {"none": (_gelu, _gelu_slope), "tanh": (_gelu_tanh, _gelu_tanh_slope)}


# ---- exponentials below zero


def _decay(x, scale=1):
    """exp(x / scale) below zero; 1 above, where it could overflow."""
    return lang.exp(lang.where(x <= 0, x, 0.0) / scale)


def _below(g, x, slope):
    """`g * slope` where `x` is not above zero, else `g`."""
    return lang.where(x <= 0, g * slope, g)


@activation(underscore=True)
def elu(input, alpha: float = 1.0):
    """Each element; alpha * (exp(x) - 1) where it is below zero."""
    return lang.where(input > 0, input, lang.expm1(input) * alpha)


elu.gradient(input=lambda g, input, alpha: _below(g, input, _decay(input) * alpha))


@elementwise(inplace=True, out=False, method=False, refuses=FLOAT_ONLY)
def celu(input, alpha: float = 1.0):
    """Each element; alpha * (exp(x / alpha) - 1) where it is below zero."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return lang.where(input > 0, input, lang.expm1(input / alpha) * alpha)


celu.gradient(input=lambda g, input, alpha: _below(g, input, _decay(input, alpha)))
functional(celu)

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@elementwise(inplace=True, out=False, method=False, refuses=FLOAT_ONLY, node="EluBackward0")
def selu(input):
    """The elu whose constants keep mean 0 and variance 1 from layer to layer."""
    return lang.where(input > 0, input * SELU_SCALE, lang.expm1(input) * (SELU_SCALE * SELU_ALPHA))


selu.gradient(input=lambda g, input: _below(g, input, _decay(input) * SELU_ALPHA) * SELU_SCALE)
functional(selu)


# ---- gated


@operator(namespace="nn.functional", method=False, node="GluBackward0")
def glu(input: Array, dim=-1):
    """The first half along `dim` times the sigmoid of the second."""
    first, second = _halves(input, dim)
    return first * lang.sigmoid(second)


def _halves(x, dim):
    """Both halves of `x` along `dim`."""
    shape = x.shape
    if not len(shape):
        raise RuntimeError("glu does not support scalars because halving size must be even")
    dim = wrap_dim(dim, len(shape))
    half, odd = divmod(shape[dim], 2)
    if odd:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {shape[dim]}; "
            f"the shape is {list(shape)}"
        )
    before = (slice(None),) * dim
    return lang.pick(x, (*before, slice(0, half))), lang.pick(x, (*before, slice(half, 2 * half)))


def _glu_gradient(g, input, dim):
    first, second = _halves(input, dim)
    gate = lang.sigmoid(second)
    return lang.cat([g * gate, g * first * gate * (1 - gate)], wrap_dim(dim, len(input.shape)))


glu.gradient(input=_glu_gradient)
