"""Circular and hyperbolic functions, their inverses, and angles."""

from __future__ import annotations

import math

from .. import lang
from .alias import alias
from .declare import elementwise


@elementwise(inplace=True, promote="float")
def sin(input):
    """The sine of each element."""
    return lang.sin(input)


@elementwise(inplace=True, promote="float")
def cos(input):
    """The cosine of each element."""
    return lang.cos(input)


@elementwise(inplace=True, promote="float")
def tan(input):
    """The tangent of each element."""
    return lang.tan(input)


@elementwise(inplace=True, promote="float")
def asin(input):
    """The angle whose sine each element is."""
    return lang.asin(input)


@elementwise(inplace=True, promote="float")
def acos(input):
    """The angle whose cosine each element is."""
    return lang.acos(input)


@elementwise(inplace=True, promote="float")
def atan(input):
    """The angle whose tangent each element is."""
    return lang.atan(input)


sin.gradient(input=lambda g, input: g * lang.conj(lang.cos(input)))
cos.gradient(input=lambda g, input: -g * lang.conj(lang.sin(input)))
tan.gradient(input=lambda g, result: g * lang.conj(result * result + 1))
asin.gradient(input=lambda g, input: g * lang.conj(lang.rsqrt(1 - input * input)))
acos.gradient(input=lambda g, input: -g * lang.conj(lang.rsqrt(1 - input * input)))
atan.gradient(input=lambda g, input: g / lang.conj(input * input + 1))


@elementwise(inplace=True, promote="float")
def sinh(input):
    """The hyperbolic sine of each element."""
    return lang.sinh(input)


@elementwise(inplace=True, promote="float")
def cosh(input):
    """The hyperbolic cosine of each element."""
    return lang.cosh(input)


@elementwise(inplace=True, promote="float")
def tanh(input):
    """The hyperbolic tangent of each element."""
    return lang.tanh(input)


@elementwise(inplace=True, promote="float")
def asinh(input):
    """The number whose hyperbolic sine each element is."""
    return lang.asinh(input)


@elementwise(inplace=True, promote="float")
def acosh(input):
    """The number whose hyperbolic cosine each element is."""
    return lang.acosh(input)


@elementwise(inplace=True, promote="float")
def atanh(input):
    """The number whose hyperbolic tangent each element is."""
    return lang.atanh(input)


sinh.gradient(input=lambda g, input: g * lang.conj(lang.cosh(input)))
cosh.gradient(input=lambda g, input: g * lang.conj(lang.sinh(input)))
tanh.gradient(input=lambda g, result: g * lang.conj(1 - result * result))
asinh.gradient(input=lambda g, input: g * lang.conj(lang.rsqrt(input * input + 1)))
acosh.gradient(input=lambda g, input: g * lang.conj(lang.rsqrt(input - 1) * lang.rsqrt(input + 1)))
atanh.gradient(input=lambda g, input: g / lang.conj(1 - input * input))


@elementwise(inplace=True, promote="float", refuses=("complex",))
def atan2(input, other: Array):
    """The angle of the point (other, input), between -pi and pi."""
    return lang.atan2(input, other)


def _over_square(x, input, other):
    """`x` over the squared distance from the origin, 0 at the origin."""
    square = input * input + other * other
    return lang.where(square == 0, 0.0, x / square)


atan2.gradient(
    input=lambda g, input, other: g * _over_square(other, input, other),
    other=lambda g, input, other: -g * _over_square(input, input, other),
)


@elementwise(inplace=True, refuses=("bool", "integral", "complex"))
def hypot(input, other: Array):
    """The length of the hypotenuse: sqrt(input² + other²) without overflow."""
    return lang.hypot(input, other)


hypot.gradient(
    input=lambda g, input, result: g * (input / result),
    other=lambda g, other, result: g * (other / result),
)


@elementwise(inplace=True, promote="float", refuses=("complex",), node="Deg2RadBackward0")
def deg2rad(input):
    """Degrees as radians."""
    return input * (math.pi / 180)


@elementwise(inplace=True, promote="float", refuses=("complex",), node="Rad2DegBackward0")
def rad2deg(input):
    """Radians as degrees."""
    return input * (180 / math.pi)


deg2rad.gradient(input=lambda g: g * (math.pi / 180))
rad2deg.gradient(input=lambda g: g * (180 / math.pi))


@elementwise(inplace=True, promote="float")
def sinc(input):
    """sin(pi x) / (pi x), which is 1 at 0."""
    angle = lang.where(input == 0, 1.0, input * math.pi)
    return lang.where(input == 0, 1.0, lang.sin(angle) / angle)


def _sinc_gradient(g, input):
    angle = lang.where(input == 0, 1.0, input * math.pi)
    slope = (angle * lang.cos(angle) - lang.sin(angle)) / (angle * angle) * math.pi
    return g * lang.conj(lang.where(input == 0, 0.0, slope))


sinc.gradient(input=_sinc_gradient)

for _inverse in (asin, acos, atan, asinh, acosh, atanh, atan2):
    alias(_inverse, "arc" + _inverse.__name__[1:])
