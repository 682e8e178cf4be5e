"""Constants in the shape of something else, as gradient rules use them."""

from __future__ import annotations

from .. import lang
from .declare import operator


def constant(body):
    """Declares the operator of a primitive whose result does not depend on the values of its argument."""
    return operator(body, name="_" + body.__name__, method=False, out=False, exact=True, differentiable=False)


@constant
def zeros_like(input: Array):
    """Zeros of the shape and type of `input`."""
    return lang.zeros_like(input)


@constant
def ones_like(input: Array):
    """Ones of the shape and type of `input`."""
    return lang.ones_like(input)


@constant
def full_like(input: Array, value):
    """`value` everywhere, in the shape and type of `input`."""
    return lang.full_like(input, value)
