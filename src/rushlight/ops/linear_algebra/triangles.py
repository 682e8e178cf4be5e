"""Triangles and diagonals of matrices, for gradient rules."""

from __future__ import annotations

from ... import lang
from ..declare import operator


@operator(method=False, out=False, name="_matrix_diagonal")
def matrix_diagonal(input: Array):
    """The main diagonal of each matrix."""
    return lang.matrix_diagonal(input)


@operator(method=False, out=False, name="_spread_diagonal")
def spread_diagonal(input: Array, shape):
    """Matrices with `input` on the diagonal."""
    return lang.spread_diagonal(input, shape)


@operator(method=False, out=False, name="_lower_triangle")
def lower_triangle(input: Array, diagonal=0):
    """The lower triangle of each matrix."""
    return lang.lower_triangle(input, diagonal)


@operator(method=False, out=False, name="_upper_triangle")
def upper_triangle(input: Array, diagonal=0):
    """The upper triangle of each matrix."""
    return lang.upper_triangle(input, diagonal)


matrix_diagonal.gradient(input=lambda g, input: lang.spread_diagonal(g, input.shape))
spread_diagonal.gradient(input=lambda g: lang.matrix_diagonal(g))
lower_triangle.gradient(input=lambda g, diagonal: lang.lower_triangle(g, diagonal))
upper_triangle.gradient(input=lambda g, diagonal: lang.upper_triangle(g, diagonal))
