"""Least squares."""

from __future__ import annotations

from ... import lang, return_types
from ...tensor.factories import empty
from ..declare import composite
from .checks import batch_shape, check_matrices, check_same_type
from .core import as_column
from .solve import is_vector
from .svd import pseudoinverse, singular_values
from .svd import rank as rank_of
from .svd import tolerances as tolerances_of

LstSq = return_types.named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@composite(namespace="linalg")
def lstsq(A, B, rcond=None, *, driver=None):
    """The X that makes `A @ X - B` smallest, with the residuals, the rank of A and its singular values."""
    driver = driver or "gelsy"
    vector = _check(A, B, driver)
    right = as_column(B) if vector else B
    batch_shape("linalg.lstsq", A, right)
    tolerances = tolerances_of("linalg.lstsq", A, None, 0.0 if driver == "gels" else rcond)
    solution = lang.matmul(pseudoinverse(A, *tolerances, False), right)
    rank = rank_of(A, *tolerances, False)
    residuals = _residuals(A, solution, right, rank, driver)
    return LstSq(
        lang.reshape(solution, solution.shape[:-1]) if vector else solution,
        residuals,
        empty(0, dtype=rank.dtype) if driver == "gels" else rank,
        singular_values(A) if driver in ("gelsd", "gelss") else empty(0, dtype=A.dtype.to_real()),
    )


def _check(A, B, driver):
    """Do the arguments fit? Is B one vector for each matrix?"""
    check_matrices("linalg.lstsq", A)
    check_same_type("linalg.lstsq", A, B)
    if B.ndim < 1:
        raise RuntimeError(
            "linalg.lstsq: input.dim() must be greater or equal to 2 and other.dim() must be greater or "
            "equal to 1"
        )
    if driver not in DRIVERS:
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of {DRIVERS}, but it is {driver!r}"
        )
    vector = is_vector(A, B)
    rows = B.shape[-1] if vector else B.shape[-2]
    if rows != A.shape[-2]:
        raise RuntimeError(
            f"linalg.lstsq: input.size(-2) should match other.size({-1 if vector else -2}), but A has "
            f"shape {list(A.shape)} and B {list(B.shape)}"
        )
    return vector


def _residuals(A, solution, right, rank, driver):
    """The squared errors, where there are more equations than unknowns and A has full rank; else nothing."""
    full_rank = bool((rank == A.shape[-1]).all())
    if A.shape[-2] <= A.shape[-1] or driver == "gelsy" or not full_rank:
        return lang.reshape(lang.pick(abs(solution), (..., slice(0, 0))), (0,))
    error = lang.matmul(A, solution) - right
    size = abs(error)
    return lang.sum(size * size, -2)
