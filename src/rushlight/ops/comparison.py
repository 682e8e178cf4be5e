"""Comparisons, logic, and questions about each number."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import composite, elementwise
from .kinds import is_complex, is_integral
from .operator import OPERATORS


def comparison(body=None, refuses=(), **options):
    """Declares an operator that answers with bool."""
    if body is None:
        return lambda f: comparison(f, refuses, **options)
    return elementwise(
        body, **{"inplace": True, **options}, refuses=refuses, result="bool", differentiable=False
    )


def question(body):
    """Declares a comparison of each element with what the name says; it has no in-place form."""
    return comparison(body, inplace=False)


@comparison
def eq(input, other):
    """Is each element equal to the other?"""
    return lang.eq(input, other)


@comparison
def ne(input, other):
    """Does each element differ from the other?"""
    return lang.ne(input, other)


@comparison(refuses=("complex",))
def lt(input, other):
    """Is each element less than the other?"""
    return lang.lt(input, other)


@comparison(refuses=("complex",))
def le(input, other):
    """Is each element at most the other?"""
    return lang.le(input, other)


@comparison(refuses=("complex",))
def gt(input, other):
    """Is each element greater than the other?"""
    return lang.gt(input, other)


@comparison(refuses=("complex",))
def ge(input, other):
    """Is each element at least the other?"""
    return lang.ge(input, other)


@comparison
def logical_and(input, other: Array):
    """Are both elements other than zero?"""
    return lang.logical_and(input, other)


@comparison
def logical_or(input, other: Array):
    """Is at least one of the elements other than zero?"""
    return lang.logical_or(input, other)


@comparison
def logical_xor(input, other: Array):
    """Is just one of the elements other than zero?"""
    return lang.logical_xor(input, other)


@comparison
def logical_not(input):
    """Is each element zero?"""
    return lang.logical_not(input)


@question
def isnan(input):
    """Is each element not a number?"""
    return lang.isnan(input)


@question
def isinf(input):
    """Is each element infinite, in either part?"""
    return lang.isinf(input)


@question
def isfinite(input):
    """Is each element neither infinite nor NaN?"""
    return lang.isfinite(input)


@question
def isreal(input):
    """Has each element no imaginary part?"""
    return (
        lang.imag(input) == 0
        if is_complex(input)
        else input == input
        if is_integral(input)
        else lang.ones_like(input)
    )


@comparison(refuses=("complex",), inplace=False)
def isposinf(input):
    """Is each element positive infinity?"""
    return input != input if is_integral(input) else input == float("inf")


@comparison(refuses=("complex",), inplace=False)
def isneginf(input):
    """Is each element negative infinity?"""
    return input != input if is_integral(input) else input == float("-inf")


@comparison(refuses=("complex",), inplace=False)
def signbit(input):
    """Is the sign of each element minus? It is for -0.0."""
    return input < 0 if is_integral(input) else lang.signbit(input)


@composite(out=False)
def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Is each element within `atol + rtol * abs(other)` of the other? Equal infinities are."""
    for name, value in (("input", input), ("other", other)):
        if not isinstance(value, Tensor):
            raise TypeError(f"isclose(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"isclose: {input.dtype} did not match {other.dtype}; convert one: other.to(input.dtype)"
        )
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance < 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {tolerance}")
    close = eq(input, other)
    if equal_nan and input.dtype.category > 1:
        close = logical_or(close, logical_and(isnan(input), isnan(other)))
    if rtol == 0 and atol == 0:
        return close
    if input.dtype.category == 0:
        input, other = (OPERATORS["add"].call(x, 0) for x in (input, other))
    call = lambda name, *args: OPERATORS[name].call(*args)  # noqa: E731
    allowed = call("add", call("abs", call("mul", other, rtol)), atol)
    error = call("abs", call("sub", input, other))
    return logical_or(close, logical_and(isfinite(error), le(error, allowed)))


@composite(out=False)
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Are all elements close to the others? See `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._a.all())


@composite(out=False)
def equal(input, other):
    """Have both tensors the same shape and elements?"""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal(): argument 'other' must be Tensor, not {type(other).__name__}")
    return input._a.shape == other._a.shape and bool(eq(input, other)._a.all())


alias(ne, "not_equal")
alias(lt, "less")
alias(le, "less_equal")
alias(gt, "greater")
alias(ge, "greater_equal")
