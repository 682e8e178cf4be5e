"""The primitives of linear algebra as operators with gradients: what everything else here is composed of.

Rules follow from differentiating the equation that a result solves, such as `A @ X == B`; `H` is the adjoint.
"""

from __future__ import annotations

from ... import lang
from ..declare import operator

H = lang.adjoint


def primitive_operator(**options):
    """Declares the operator of a primitive: it has no public name."""
    return operator(method=False, out=False, **options)


def diagonals(x):
    """The main diagonal of each matrix."""
    return lang.diagonal(x, 0, -2, -1)


def diagonal_matrices(v):
    """Square matrices with `v` on the diagonal."""
    return lang.diagonal_place(v, (*v.shape, v.shape[-1]), 0, -2, -1)


def as_row(v):
    """Vectors that scale the columns of matrices."""
    return lang.reshape(v, (*v.shape[:-1], 1, v.shape[-1]))


def as_column(v):
    """Vectors that scale the rows of matrices."""
    return lang.reshape(v, (*v.shape, 1))


def per_matrix(v):
    """Numbers that scale whole matrices."""
    return lang.reshape(v, (*v.shape, 1, 1))


def is_complex(x):
    """Is this array or tensor complex?"""
    return getattr(x.dtype, "kind", "") == "c" or getattr(x.dtype, "is_complex", False)


def columns(x, start, stop=None):
    """Some columns of each matrix."""
    return lang.pick(x, (..., slice(start, stop)))


def rows(x, start, stop=None):
    """Some rows of each matrix."""
    return lang.pick(x, (..., slice(start, stop), slice(None)))


# ---- solving


@primitive_operator(name="_inverse", node="LinalgInvExBackward0")
def inverse(input: Array):
    """The inverse of each matrix."""
    return lang.inverse(input)


inverse.gradient(input=lambda g, result: -lang.matmul(H(result), lang.matmul(g, H(result))))


@primitive_operator(name="_solve_matrix", node="LinalgSolveExBackward0")
def solve_matrix(input: Array, other: Array):
    """X with `input @ X == other`."""
    return lang.solve_matrix(input, other)


@solve_matrix.gradient
def _(g, input, result, needs):
    grad_other = lang.solve_matrix(H(input), g)
    return -lang.matmul(grad_other, H(result)) if needs[0] else None, grad_other


@primitive_operator(name="_solve_triangle", node="LinalgSolveTriangularBackward0")
def solve_triangle(input: Array, other: Array, upper, unit=False):
    """X with `input @ X == other` for triangular matrices."""
    return lang.solve_triangle(input, other, upper, unit)


@solve_triangle.gradient
def _(g, input, upper, unit, result, needs):
    grad_other = lang.solve_triangle(H(input), g, not upper, unit)
    if not needs[0]:
        return None, grad_other
    grad = -lang.matmul(grad_other, H(result))
    return lang.triu(grad, int(unit)) if upper else lang.tril(grad, -int(unit)), grad_other


# ---- determinants


@primitive_operator(name="_det", node="LinalgDetBackward0")
def det(input: Array):
    """The determinant of each matrix."""
    return lang.det(input)


@primitive_operator(name="_cofactors")
def cofactors(input: Array):
    """The derivative of the determinant."""
    return lang.cofactors(input)


@primitive_operator(name="_slogdet", node="LinalgSlogdetBackward0")
def slogdet(input: Array):
    """The sign and the logarithm of the magnitude of each determinant."""
    return lang.slogdet(input)


det.gradient(input=lambda g, input: per_matrix(g) * lang.conj(lang.cofactors(input)))


@cofactors.gradient
def _(g, input, result):
    inverse = lang.inverse(input)
    g = lang.conj(g)
    total = per_matrix(lang.sum(g * result, (-2, -1)))
    grad = total * inverse - lang.matmul(inverse, lang.matmul(g, lang.transpose(result, -2, -1)))
    return (lang.conj(lang.transpose(grad, -2, -1)),)


@slogdet.gradient
def _(g, input, results):
    grad_sign, grad_log = g
    if is_complex(input):
        grad_log = grad_log - 1j * lang.imag(lang.conj(grad_sign) * results[0])
    return (per_matrix(grad_log) * H(lang.inverse(input)),)
