"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from ... import lang, return_types
from ..declare import composite
from .checks import check_square

Eigh = return_types.named("linalg_eigh", "eigenvalues", "eigenvectors")
Eig = return_types.named("linalg_eig", "eigenvalues", "eigenvectors")


def reads_upper(name, UPLO):
    """Is the upper triangle meant?"""
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"{name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO!r}")
    return UPLO.upper() == "U"


@composite(namespace="linalg")
def eigh(A, UPLO="L"):
    """The eigenvalues (real, in ascending order) and eigenvectors of Hermitian matrices."""
    check_square("linalg.eigh", A)
    return Eigh(*lang.eigh_factor(A, reads_upper("linalg.eigh", UPLO)))


@composite(namespace="linalg")
def eigvalsh(A, UPLO="L"):
    """The eigenvalues of Hermitian matrices, in ascending order."""
    check_square("linalg.eigvalsh", A)
    return lang.eigh_factor(A, reads_upper("linalg.eigvalsh", UPLO))[0]


@composite(namespace="linalg")
def eig(A):
    """The eigenvalues and eigenvectors of square matrices; always complex."""
    check_square("linalg.eig", A)
    return Eig(*lang.eig_factor(A))


@composite(namespace="linalg")
def eigvals(A):
    """The eigenvalues of square matrices; always complex."""
    check_square("linalg.eigvals", A)
    return lang.eig_factor(A)[0]
