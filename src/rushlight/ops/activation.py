"""Activation functions made of straight lines.

`functional` makes the function of `nn.functional` of each, with its `inplace=` flag, and forms like `elu_`.
"""

from __future__ import annotations

from .. import lang, random
from ..tensor.inplace import assign
from ..tensor.sampling import generator_of
from .alias import alias
from .declare import INPLACE, Composite, composite, elementwise, inplace_form, operator, publish
from .kinds import is_integral, is_unsigned

FLOAT_ONLY = ("bool", "integral", "complex")


def functional(call, underscore=True, arguments=None):
    """Publishes `nn.functional.<name>(..., inplace=False)` for an operator, and its in-place form."""
    body = call.operator.body
    name = call.operator.name
    count = arguments or body.__code__.co_argcount

    def function(*args, inplace=False, **kwargs):
        if len(args) > count:
            *args, inplace = args
        result = call(*args, **kwargs)
        return assign(args[0] if args else kwargs["input"], result, name + "_") if inplace else result

    function.__doc__ = body.__doc__
    function.__name__ = name
    function.elementwise = call.operator
    publish(Composite(function, name=name, namespace="nn.functional"), function, method=False, out=False)
    function.operator.call = function
    if underscore:
        INPLACE[f"nn.functional.{name}_"] = inplace_form(call.operator, call)
    return call


def activation(body=None, **options):
    """Declares an activation that is a function of `nn.functional` only."""
    if body is None:
        return lambda f: activation(f, **options)
    underscore = options.pop("underscore", False)
    call = elementwise(body, namespace="nn.functional", method=False, **{"refuses": FLOAT_ONLY, **options})
    return functional(call, underscore)


# ---- straight lines


@elementwise(inplace=True, out=False, refuses=("bool", "complex"))
def relu(input):
    """The larger of each element and zero."""
    return lang.maximum(0, input)  # in this order -0.0 stays


relu.gradient(input=lambda g, result: lang.where(result <= 0, 0.0, g))
functional(relu)


@activation(refuses=("bool", "complex"), underscore=True)
def hardtanh(input, min_val: float = -1.0, max_val: float = 1.0):
    """Each element brought between two numbers."""
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val, but they are {min_val} and {max_val}"
        )
    if is_integral(input):
        min_val, max_val = int(min_val), int(max_val)
        if min_val < 0 and is_unsigned(input):
            raise RuntimeError(
                "cannot do hardtanh on an unsigned type with negative limits; convert first: x.short()"
            )
    return lang.minimum(max_val, lang.maximum(min_val, input))  # in this order -0.0 stays


def _between(g, input, low, high):
    """`g` where the input is strictly inside its limits."""
    return lang.where((input <= low) | (input >= high), 0.0, g)


hardtanh.gradient(input=lambda g, input, min_val, max_val: _between(g, input, min_val, max_val))


@composite(method=False, out=False, namespace="nn.functional")
def relu6(input, inplace=False):
    """Each element brought between 0 and 6."""
    result = hardtanh(input, 0.0, 6.0)
    return assign(input, result, "relu6_") if inplace else result


@activation(underscore=True)
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
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}; convert the weight"
        )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    count, channels = weight._a.size, input._a.shape[1] if input.ndim > 1 else 1
    if count not in (1, channels):
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {count} and channel size = {channels}."
        )
    if weight.ndim and input.ndim != 1:
        weight = weight.reshape((1, count) + (1,) * (input.ndim - 2) if input.ndim else ())
    return _prelu_kernel(input, weight)


alias(prelu, "nn.functional.prelu")


@activation
def hardsigmoid(input):
    """A straight line from 0 at -3 to 1 at 3."""
    return lang.minimum(lang.maximum(input + 3, 0), 6) / 6


@activation
def hardswish(input):
    """Each element times its `hardsigmoid`."""
    return input * lang.minimum(lang.maximum(input + 3, 0), 6) / 6


hardsigmoid.gradient(input=lambda g, input: lang.where((input > -3) & (input < 3), g / 6, 0.0))
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
    return lang.where(
        input > lambd, input - lambd, lang.where(input < -lambd, input + lambd, lang.abs(input) * 0)
    )


def _shrink_gradient(g, input, lambd):
    return lang.where((input >= -lambd) & (input <= lambd), 0.0, g)


hardshrink.gradient(input=_shrink_gradient)
softshrink.gradient(input=_shrink_gradient)
alias(hardshrink, "nn.functional.hardshrink")


# ---- a random slope


@operator(method=False, out=False, name="_rrelu_with_noise", exact=True, node="RreluWithNoiseBackward0")
def _rrelu_with_noise(input: Array, noise: Array):
    """Each element times its slope."""
    return input * noise


_rrelu_with_noise.gradient(input=lambda g, noise: g * noise)


@operator(method=False, out=False, name="_rrelu_noise", exact=True, differentiable=False)
def _rrelu_noise(input: Array, lower, upper, generator):
    """A random slope for each element that is not above zero, one for the others."""
    below = input <= 0
    drawn = random.uniform(generator_of(generator), (lang.count_true(below),), "float64", lower, upper)
    return lang.put_where(lang.ones_like(input), below, drawn)


@composite(inplace=True, method=False, out=False)
def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, generator=None):
    """`leaky_relu` with a random slope from `lower` to `upper` each when training, else their mean."""
    if lower > upper:
        raise RuntimeError(
            "rrelu: Lower bound should be less than or equal to the upper bound, "
            f"but they are {lower} and {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    if not input.dtype.is_floating_point:
        raise RuntimeError(f'"rrelu" not implemented for {input.dtype}; convert first: x.float()')
    return _rrelu_with_noise(input, _rrelu_noise(input.detach(), lower, upper, generator))


functional(rrelu, arguments=4)
