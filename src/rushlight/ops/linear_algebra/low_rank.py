"""Approximations by matrices of low rank, found with random vectors."""

from __future__ import annotations

from ... import lang
from ...tensor.sampling import randn
from ..declare import composite
from .core import H
from .householder import qr
from .svd import svd


@composite(method=False, out=False)
def svd_lowrank(A, q=6, niter=2, M=None):
    """U, S and V for about the `q` largest singular values of A (less M), by refined random projections."""
    rows, columns = A.shape[-2:]
    M = None if M is None else lang.expand(M, A.shape)
    if rows < columns:
        u, s, v = _tall(H(A), q, niter, None if M is None else H(M))
        return v, s, u
    return _tall(A, q, niter, M)


def _tall(A, q, niter, M):
    basis = _range_of(A, q, niter, M)
    small = lang.matmul(H(basis), A if M is None else A - M)
    u, s, vh = svd(small, full_matrices=False)
    return lang.matmul(basis, u), s, H(vh)


def _range_of(A, q, niter, M):
    """Orthonormal columns that span about what the largest singular vectors of A do."""
    A = A if M is None else A - M
    basis = qr(lang.matmul(A, randn(A.shape[-1], q, dtype=A.dtype))).Q
    for _ in range(niter):
        basis = qr(lang.matmul(H(A), basis)).Q
        basis = qr(lang.matmul(A, basis)).Q
    return basis


@composite(method=False, out=False)
def pca_lowrank(A, q=None, center=True, niter=2):
    """U, S and V of about the `q` principal components of the rows of A."""
    rows, columns = A.shape[-2:]
    q = min(6, rows, columns) if q is None else q
    if not 0 <= q <= min(rows, columns):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(rows, columns)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - lang.sum(A, -2, True) / rows
    return svd_lowrank(A, q, niter)
