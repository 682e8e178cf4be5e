"""The Cholesky factorisation, and what is solved with it."""

from __future__ import annotations

from ... import lang, return_types
from ..declare import composite
from .checks import check_equations, check_square, raise_singular
from .core import H

CholeskyEx = return_types.named("linalg_cholesky_ex", "L", "info")

WHY = (
    "The factorization could not be completed because the input is not positive-definite (the leading "
    "minor of order {0} is not positive-definite)"
)


def _factor(name, A, upper):
    check_square(name, A)
    factor, info = lang.cholesky_factor(H(A) if upper else A)
    return (H(factor) if upper else factor), info


def _checked(name, A, upper):
    factor, info = _factor(name, A, upper)
    raise_singular(name, info, WHY)
    return factor


@composite(namespace="linalg")
def cholesky(A, *, upper=False):
    """The triangular L with `L @ L.mH == A` for Hermitian positive-definite matrices."""
    return _checked("linalg.cholesky", A, upper)


@composite(namespace="linalg")
def cholesky_ex(A, *, upper=False, check_errors=False):
    """`cholesky`, and `info`: zero, or the order of the first leading minor that is not positive-definite."""
    factor, info = _factor("linalg.cholesky_ex", A, upper)
    if check_errors:
        raise_singular("linalg.cholesky_ex", info, WHY)
    return CholeskyEx(factor, info)


@composite(name="cholesky")
def old_cholesky(input, upper=False):
    """The older form of `linalg.cholesky`."""
    return _checked("cholesky", input, upper)


@composite
def cholesky_solve(input, input2, upper=False):
    """X with `A @ X == input`, where `input2` is the Cholesky factor of A."""
    check_square("cholesky_solve", input2, "input2")
    check_equations("cholesky_solve", input2, input)
    first, second = (H(input2), input2) if upper else (input2, H(input2))
    return lang.solve_triangle(second, lang.solve_triangle(first, input, False), True)


@composite
def cholesky_inverse(input, upper=False):
    """The inverse of the matrix whose Cholesky factor is `input`."""
    check_square("cholesky_inverse", input)
    n = input.shape[-1]
    eye = lang.diagonal_place(lang.ones_like(lang.diagonal(input, 0, -2, -1)), input.shape, 0, -2, -1)
    half = lang.solve_triangle(H(input) if upper else input, eye, False)
    return lang.matmul(H(half), half) if n else half
