"""Reductions."""

from __future__ import annotations

from .. import lang
from .declare import operator
from .rules import axes_of, restore


@operator(node="SumBackward1")
def sum(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The sum of all elements, or along `dim`."""
    return lang.sum(input, axes_of(dim, input.ndim), keepdim)


sum.gradient(input=lambda g, input, dim, keepdim: lang.expand(restore(g, input, dim, keepdim), input.shape))
