"""A few extreme eigenvalues of large symmetric matrices, found with products by the matrix alone (LOBPCG)."""

from __future__ import annotations

from ... import lang
from ...autograd.modes import no_grad
from ...tensor.core import can_record
from ...tensor.sampling import randn
from ..declare import composite
from .cholesky import cholesky
from .core import H, as_row
from .eigen import eigh
from .householder import qr
from .svd import EPSILON


@composite(method=False, out=False)
def lobpcg(
    A,
    k=None,
    B=None,
    X=None,
    n=None,
    iK=None,
    niter=None,
    tol=None,
    largest=None,
    method=None,
    tracker=None,
    ortho_iparams=None,
    ortho_fparams=None,
    ortho_bparams=None,
):
    """The `k` largest (or smallest) eigenpairs of a symmetric matrix; with B, those of `A x = e B x`."""
    if can_record(*(t for t in (A, B) if t is not None)):
        raise NotImplementedError("lobpcg has no gradient here: use linalg.eigh(A), or detach A")
    n = n or (X.shape[-1] if X is not None else k or 1)
    rows = A.shape[-1]
    if rows < 3 * n:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={rows}) is smaller than 3 x "
            f"the number of requested eigenpairs (={n}); use linalg.eigh"
        )
    with no_grad():
        problem = _Problem(A, B, iK, n, largest is None or largest)
        X = randn(*A.shape[:-2], rows, n, dtype=A.dtype) if X is None else X
        tol = EPSILON[A.dtype.name] ** 0.5 if tol is None else tol
        values, vectors = problem.run(X, tol, 1000 if niter is None or niter < 0 else niter, tracker)
    k = k or n
    return lang.pick(values, (..., slice(0, k))), lang.pick(vectors, (..., slice(0, k)))


class _Problem:
    """The search for `n` eigenvectors within the span of the last ones, their residuals and steps."""

    def __init__(self, A, B, preconditioner, n, largest):
        self.A, self.B, self.preconditioner, self.n, self.largest = A, B, preconditioner, n, largest
        self.scale = abs(A).sum(-1).amax(-1)

    def weigh(self, x):
        return x if self.B is None else lang.matmul(self.B, x)

    def run(self, X, tol, steps, tracker):
        values, X = self.best_within(X)
        directions = []
        for _ in range(steps):
            residual = lang.matmul(self.A, X) - self.weigh(X) * as_row(values)
            if bool((lang.sum(residual * residual, -2).sqrt().amax(-1) <= tol * self.scale).all()):
                break
            search = residual if self.preconditioner is None else lang.matmul(self.preconditioner, residual)
            before = X
            values, X = self.best_within(lang.cat([X, search, *directions], -1))
            directions = [X - lang.matmul(before, lang.matmul(H(before), self.weigh(X)))]
            if tracker is not None:
                tracker(values)
        return values, X

    def best_within(self, span):
        """The best eigenvalues and eigenvectors that lie in the span of some columns."""
        basis = qr(span).Q
        inner = lang.matmul(H(basis), lang.matmul(self.A, basis))
        if self.B is not None:
            factor = cholesky(lang.matmul(H(basis), self.weigh(basis)))
            inner = lang.solve_triangle(factor, H(lang.solve_triangle(factor, inner, False)), False)
        values, turn = eigh(inner)
        if self.B is not None:
            turn = lang.solve_triangle(H(factor), turn, True)
        if self.largest:
            values, turn = lang.flip(values, [values.ndim - 1]), lang.flip(turn, [turn.ndim - 1])
        first = (..., slice(0, self.n))
        return lang.pick(values, first), lang.matmul(basis, lang.pick(turn, first))
