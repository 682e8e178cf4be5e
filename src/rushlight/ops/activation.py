"""Activation functions of one number at a time.

`functional` makes the function of `nn.functional` of each, with its `inplace=` flag, and in-place forms like `elu_`.
"""

from __future__ import annotations

import math

from .. import lang
from ..tensor.inplace import assign
from .alias import alias
from .declare import INPLACE, Composite, composite, elementwise, inplace_form, publish
from .kinds import is_integral
from .trigonometric import tanh

FLOAT_ONLY = ("bool", "integral", "complex")
SQRT_HALF, INVERSE_SQRT_2PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)


def functional(call, name=None, underscore=True):
    """Publishes `nn.functional.<name>(..., inplace=False)` for an operator, and its in-place form."""
    body = call.operator.body
    name = name or call.operator.name
    count = body.__code__.co_argcount

    def function(*args, inplace=False, **kwargs):
        if len(args) > count:
            *args, inplace = args
        result = call(*args, **kwargs)
        return assign(args[0] if args else kwargs["input"], result, name + "_") if inplace else result

    function.__doc__ = body.__doc__
    function.__name__ = name
    publish(Composite(function, name=name, namespace="nn.functional"), function, method=False, out=False)
    function.operator.call = function
    if underscore:
        INPLACE[f"nn.functional.{name}_"] = inplace_form(call.operator, call)
    return call


def activation(name, node=None, refuses=FLOAT_ONLY, underscore=False):
    """Declares an activation that is a function of `nn.functional` only."""

    def declare(body):
        camel = "".join(part.capitalize() for part in name.split("_"))
        options = {"method": False, "out": False, "refuses": refuses, "node": node or f"{camel}Backward0"}
        return functional(elementwise(body, name=f"_{name}", **options), name, underscore)

    return declare


# ---- straight lines


@elementwise(inplace=True, out=False, refuses=("bool", "complex"))
def relu(input):
    """The larger of each element and zero."""
    return lang.maximum(input, 0)


relu.gradient(input=lambda g, result: lang.where(result <= 0, 0.0, g))
functional(relu)


@activation("hardtanh", refuses=("bool", "complex"), underscore=True)
def hardtanh(input, min_val: float = -1.0, max_val: float = 1.0):
    """Each element brought between two numbers."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, but they are {min_val} and {max_val}")
    if is_integral(input):
        min_val, max_val = int(min_val), int(max_val)
    return lang.minimum(lang.maximum(input, min_val), max_val)


def _between(g, input, low, high):
    """`g` where the input is strictly inside its limits."""
    return lang.where((input <= low) | (input >= high), 0.0, g)


hardtanh.gradient(input=lambda g, input, min_val, max_val: _between(g, input, min_val, max_val))


@composite(method=False, out=False, namespace="nn.functional")
def relu6(input, inplace=False):
    """Each element brought between 0 and 6."""
    result = hardtanh(input, 0.0, 6.0)
    return assign(input, result, "relu6_") if inplace else result


@activation("leaky_relu", underscore=True)
def leaky_relu(input, negative_slope: float = 0.01):
    """Each element, times `negative_slope` where it is below zero."""
    return lang.where(input > 0, input, input * negative_slope)


leaky_relu.gradient(input=lambda g, input, negative_slope: lang.where(input > 0, g, g * negative_slope))


@elementwise(inplace=True, method=False, refuses=("bool", "complex"))
def threshold(input, threshold: float, value: float):
    """Each element, or `value` where it is not above the threshold."""
    if is_integral(input):
        threshold, value = int(threshold), int(value)
    return lang.where(input <= threshold, value, input)


threshold.gradient(input=lambda g, input, threshold: lang.where(input <= threshold, 0.0, g))
functional(threshold)


@elementwise(method=False, out=False, name="_prelu_kernel", refuses=FLOAT_ONLY)
def _prelu_kernel(input, weight):
    """Each element, times its weight where it is below zero."""
    return lang.where(input > 0, input, input * weight)


_prelu_kernel.gradient(
    input=lambda g, input, weight: lang.where(input > 0, g, g * weight),
    weight=lambda g, input: lang.where(input > 0, 0.0, g * input),
)


@composite(out=False)
def prelu(input, weight):
    """Each element, times the learnt weight of its channel where it is below zero."""
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}; convert the weight")
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    count, channels = weight._a.size, input._a.shape[1] if input.ndim > 1 else 1
    if count not in (1, channels):
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} and channel size = {channels}."
        )
    if input.ndim > 1 and weight.ndim:
        weight = weight.reshape((1, count) + (1,) * (input.ndim - 2))
    return _prelu_kernel(input, weight)


alias(prelu, "nn.functional.prelu")


@activation("hardsigmoid")
def hardsigmoid(input):
    """A straight line from 0 at -3 to 1 at 3."""
    return lang.minimum(lang.maximum(input + 3, 0), 6) / 6


@activation("hardswish")
def hardswish(input):
    """Each element times its `hardsigmoid`."""
    return input * lang.minimum(lang.maximum(input + 3, 0), 6) / 6


hardsigmoid.gradient(input=lambda g, input: _between(g / 6, input, -3, 3))
hardswish.gradient(
    input=lambda g, input: lang.where(input <= -3, 0.0, lang.where(input < 3, g * (input / 3 + 0.5), g))
)


@elementwise(method=True, refuses=FLOAT_ONLY)
def hardshrink(input, lambd: float = 0.5):
    """Each element, or zero where it is within `lambd` of it."""
    return lang.where((input >= -lambd) & (input <= lambd), 0.0, input)


@elementwise(method=False, namespace="nn.functional", refuses=FLOAT_ONLY)
def softshrink(input, lambd: float = 0.5):
    """Each element moved towards zero by `lambd`, but not past it."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}.")
    return lang.where(input > lambd, input - lambd, lang.where(input < -lambd, input + lambd, input * 0))


def _shrink_gradient(g, input, lambd):
    return lang.where((input >= -lambd) & (input <= lambd), 0.0, g)


hardshrink.gradient(input=_shrink_gradient)
softshrink.gradient(input=_shrink_gradient)
alias(hardshrink, "nn.functional.hardshrink")


# ---- curves


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


@activation("silu", refuses=("bool", "integral"))
def silu(input):
    """Each element times its sigmoid."""
    return input * lang.sigmoid(input)


def _silu_gradient(g, input):
    s = lang.sigmoid(input)
    return g * lang.conj(s * (input * (1 - s) + 1))


silu.gradient(input=_silu_gradient)


@activation("mish")
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
    """log(1 + exp(beta x)) / beta: a smooth relu; the element itself where `beta x` is above the threshold."""
    scaled = input * beta
    return lang.where(scaled > threshold, input, lang.log1p(lang.exp(scaled)) / beta)


softplus.gradient(
    input=lambda g, input, beta, threshold: lang.where(input * beta > threshold, g, g * lang.sigmoid(input * beta)),
)


@composite(method=False, out=False, namespace="nn.functional")
def softsign(input):
    """x / (1 + |x|) of each element."""
    return input / (lang.abs(input) + 1)


@composite(method=False, out=False, namespace="nn.functional")
def tanhshrink(input):
    """Each element less its tanh."""
    return input - lang.tanh(input)


@activation("gelu")
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
    return x * 0.5 * (lang.erf(x * SQRT_HALF) + 1)


def _gelu_slope(x):
    return (lang.erf(x * SQRT_HALF) + 1) * 0.5 + x * lang.exp(x * x * -0.5) * INVERSE_SQRT_2PI


CUBIC, STEEPNESS = 0.044715, math.sqrt(2 / math.pi)


def _gelu_tanh(x):
    return x * 0.5 * (lang.tanh((x + x * x * x * CUBIC) * STEEPNESS) + 1)


def _gelu_tanh_slope(x):
    square = x * x
    t = lang.tanh((x + x * square * CUBIC) * STEEPNESS)
    return (t + 1) * 0.5 + x * 0.5 * (1 - t * t) * (square * (3 * CUBIC) + 1) * STEEPNESS


GELU = {"none": (_gelu, _gelu_slope), "tanh": (_gelu_tanh, _gelu_tanh_slope)}


# ---- exponentials below zero


@activation("elu", underscore=True)
def elu(input, alpha: float = 1.0):
    """Each element; alpha * (exp(x) - 1) where it is below zero."""
    return lang.where(input > 0, input, lang.expm1(input) * alpha)


elu.gradient(input=lambda g, input, alpha: lang.where(input > 0, g, g * lang.exp(input) * alpha))


@elementwise(inplace=True, out=False, method=False, refuses=FLOAT_ONLY)
def celu(input, alpha: float = 1.0):
    """Each element; alpha * (exp(x / alpha) - 1) where it is below zero."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return lang.where(input > 0, input, lang.expm1(input / alpha) * alpha)


celu.gradient(input=lambda g, input, alpha: lang.where(input > 0, g, g * lang.exp(input / alpha)))
functional(celu)

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@elementwise(inplace=True, out=False, method=False, refuses=FLOAT_ONLY, node="EluBackward0")
def selu(input):
    """The elu whose constants keep mean 0 and variance 1 from layer to layer."""
    return lang.where(input > 0, input * SELU_SCALE, lang.expm1(input) * (SELU_SCALE * SELU_ALPHA))


selu.gradient(
    input=lambda g, input: lang.where(input > 0, g * SELU_SCALE, g * lang.exp(input) * (SELU_SCALE * SELU_ALPHA)),
)
functional(selu)
