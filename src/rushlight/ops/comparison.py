"""Comparisons and logic."""

from __future__ import annotations

from .. import lang
from .declare import elementwise


def comparison(body):
    """Declares an operator that answers with bool."""
    return elementwise(body, result="bool", differentiable=False)


@comparison
def eq(input, other):
    """Is each element equal to the other?"""
    return lang.eq(input, other)


@comparison
def ne(input, other):
    """Does each element differ from the other?"""
    return lang.ne(input, other)


@comparison
def lt(input, other):
    """Is each element less than the other?"""
    return lang.lt(input, other)


@comparison
def le(input, other):
    """Is each element at most the other?"""
    return lang.le(input, other)


@comparison
def gt(input, other):
    """Is each element greater than the other?"""
    return lang.gt(input, other)


@comparison
def ge(input, other):
    """Is each element at least the other?"""
    return lang.ge(input, other)


@elementwise(inplace=True, differentiable=False, refuses=("float", "complex"))
def bitwise_not(input):
    """Each bit inverted; for bool, not."""
    return lang.bitwise_not(input)
