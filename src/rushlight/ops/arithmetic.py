"""Sums, differences, products and quotients."""

from __future__ import annotations

from .. import lang
from .declare import elementwise


@elementwise(inplace=True)
def add(input, other, *, alpha=1):
    """`input + alpha * other`, element by element."""
    return input + other if alpha == 1 else input + other * alpha


@elementwise(inplace=True, refuses=("bool",))
def sub(input, other, *, alpha=1):
    """`input - alpha * other`, element by element."""
    return input - other if alpha == 1 else input - other * alpha


@elementwise(inplace=True)
def mul(input, other):
    """The product of each pair of elements."""
    return input * other


@elementwise(name="true_divide", promote="float", inplace=True, node="DivBackward0")
def true_divide(input, other):
    """The quotient of each pair of elements, in floating point."""
    return input / other


add.gradient(input=lambda g: g, other=lambda g, alpha: g if alpha == 1 else g * alpha)
sub.gradient(input=lambda g: g, other=lambda g, alpha: -g if alpha == 1 else g * -alpha)
mul.gradient(input=lambda g, other: g * lang.conj(other), other=lambda g, input: g * lang.conj(input))
true_divide.gradient(
    input=lambda g, other: g / lang.conj(other),
    other=lambda g, other, result: -g * lang.conj(result / other),
)


@elementwise(promote="float", inplace=True, out=True)
def div(input, other, *, rounding_mode=None):
    """The quotient, exact by default; `rounding_mode` "trunc" or "floor" rounds it."""
    return input / other


div.gradient(
    input=lambda g, other: g / lang.conj(other),
    other=lambda g, other, result: -g * lang.conj(result / other),
)


@elementwise(inplace=True, refuses=("bool",))
def neg(input):
    """The negative of each element."""
    return -input


neg.gradient(input=lambda g: -g)


@elementwise(inplace=True, result="real", refuses=("bool",))
def abs(input):
    """The magnitude of each element."""
    return lang.abs(input)


abs.gradient(input=lambda g, input: g * lang.sgn(input))


@elementwise(inplace=True)
def sgn(input):
    """The sign of each element; for complex numbers, the number divided by its magnitude."""
    return lang.sgn(input)


sgn.gradient(input=lambda g: lang.zeros_like(g))


@elementwise(out=False, name="conj")
def conj(input):
    """The complex conjugate of each element."""
    return lang.conj(input)


conj.gradient(input=lambda g: lang.conj(g))


@elementwise(inplace=True)
def pow(input, exponent):
    """`input` to the power of `exponent`."""
    return lang.pow(input, exponent)


pow.gradient(
    input=lambda g, input, exponent: g * lang.conj(exponent * lang.pow(input, exponent - 1)),
    exponent=lambda g, input, result: g * lang.conj(result * lang.log(input)),
)


@elementwise(inplace=True, promote="float")
def tanh(input):
    """The hyperbolic tangent of each element."""
    return lang.tanh(input)


@elementwise(inplace=True, promote="float")
def exp(input):
    """e to the power of each element."""
    return lang.exp(input)


@elementwise(inplace=True, promote="float")
def log(input):
    """The natural logarithm of each element."""
    return lang.log(input)


tanh.gradient(input=lambda g, result: g * lang.conj(1 - result * result))
exp.gradient(input=lambda g, result: g * lang.conj(result))
log.gradient(input=lambda g, input: g / lang.conj(input))


@elementwise(inplace=True)
def relu(input):
    """The larger of each element and zero."""
    return lang.maximum(input, 0)


relu.gradient(input=lambda g, result: g * (result > 0))
