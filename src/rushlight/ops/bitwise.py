"""Bits of integers, shifts, and divisors."""

from __future__ import annotations

from .. import lang
from .alias import alias
from .declare import elementwise


def on_bits(body=None, refuses=("float", "complex")):
    """Declares an operator on integers and bools."""
    if body is None:
        return lambda f: on_bits(f, refuses)
    return elementwise(body, inplace=True, differentiable=False, refuses=refuses)


def on_integers(body):
    """Declares an operator on integers."""
    return on_bits(body, refuses=("bool", "float", "complex"))


@on_bits
def bitwise_not(input):
    """Each bit inverted; for bool, not."""
    return lang.bitwise_not(input)


@on_bits
def bitwise_and(input: ArrayOrNumber, other):
    """The bits that both have."""
    return lang.bitwise_and(input, other)


@on_bits
def bitwise_or(input: ArrayOrNumber, other):
    """The bits that at least one has."""
    return lang.bitwise_or(input, other)


@on_bits
def bitwise_xor(input: ArrayOrNumber, other):
    """The bits that just one has."""
    return lang.bitwise_xor(input, other)


@on_integers
def bitwise_left_shift(input: ArrayOrNumber, other):
    """The bits moved up by `other` places; 0 when all have been moved out."""
    return lang.left_shift(input, other)


@on_integers
def bitwise_right_shift(input: ArrayOrNumber, other):
    """The bits moved down by `other` places; the sign stays."""
    return lang.right_shift(input, other)


@on_integers
def gcd(input, other: Array):
    """The greatest common divisor of each pair of elements."""
    return lang.gcd(input, other)


@on_integers
def lcm(input, other: Array):
    """The least common multiple of each pair of elements."""
    return lang.lcm(input, other)


alias(bitwise_left_shift, "__lshift__", method=False)
alias(bitwise_right_shift, "__rshift__", method=False)
for _name, _call in (("and", bitwise_and), ("or", bitwise_or), ("xor", bitwise_xor)):
    alias(_call, f"__{_name}__", method=False)
