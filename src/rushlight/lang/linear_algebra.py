"""Equations with matrices, and the factorisations that numpy has. Leading axes are a batch.

None of these raises for a singular matrix: they answer with inf or nan, or with an `info` (the number of the
pivot that failed, 0 where all went well), and leave it to the caller what that means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dispatch import primitive
from .elimination import lu_factor, partial_cholesky


class LinAlgError(RuntimeError):
    """A matrix for which there is no answer, such as the inverse of a singular one."""


LinAlgError.__module__ = "rushlight.linalg"


def _batched(function: Callable[..., Any], a: np.ndarray, *others: Any) -> Any:
    """`function` on the whole batch; if that fails, one by one, with nan where it fails."""
    try:
        return function(a, *others)
    except np.linalg.LinAlgError:
        pass
    shape = np.broadcast_shapes(a.shape[:-2], *(x.shape[:-2] for x in others))
    stacks = [np.broadcast_to(x, (*shape, *x.shape[-2:])) for x in (a, *others)]
    result = np.full((*shape, *stacks[-1].shape[-2:]), np.nan, a.dtype)
    for index in np.ndindex(*shape):
        try:
            result[index] = function(*(x[index] for x in stacks))
        except np.linalg.LinAlgError:
            pass
    return result


@primitive
def inverse(a: Any) -> Any:
    """The inverse of each matrix, nan for a singular one."""
    return _batched(np.linalg.inv, a)


@primitive
def solve_matrix(a: Any, b: Any) -> Any:
    """X with `a @ X == b`, nan where `a` is singular."""
    if b.ndim < a.ndim:
        b = b.reshape((1,) * (a.ndim - b.ndim) + b.shape)
    return _batched(np.linalg.solve, a, b)


@primitive
def singular_info(a: Any, result: Any) -> Any:
    """For each matrix that has given a nan, the number of the first zero pivot; 0 where there is none."""
    info = np.zeros(a.shape[:-2], np.int32)
    if not np.isnan(result).any():
        return info
    info[...] = lu_factor.on_arrays(a)[2]
    for index in np.ndindex(*info.shape):
        if info[index] == 0 and _is_singular(a[index]):  # rounded to zero by numpy only
            info[index] = a.shape[-1]
    return info


def _is_singular(a: np.ndarray) -> bool:
    try:
        np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return True
    return False


@primitive
def det(a: Any) -> Any:
    """The determinant of each matrix."""
    return np.linalg.det(a)


@primitive
def slogdet(a: Any) -> Any:
    """The sign and the logarithm of the magnitude of each determinant."""
    return tuple(np.linalg.slogdet(a))


@primitive
def cofactors(a: Any) -> Any:
    """The derivative of the determinant, which exists for singular matrices too."""
    with np.errstate(all="ignore"):
        result = np.linalg.det(a)[..., None, None] * np.swapaxes(_batched(np.linalg.inv, a), -1, -2)
    doubtful = ~np.isfinite(result).all((-2, -1))
    if doubtful.any():
        result = np.where(doubtful[..., None, None], _cofactors_by_svd(np.nan_to_num(a)), result)
    return result.astype(a.dtype, copy=False)


def _cofactors_by_svd(a: np.ndarray) -> np.ndarray:
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(
        -1
    )  # the product of all singular values but one
    turn = np.linalg.det(u) * np.linalg.det(vh)
    return turn[..., None, None] * np.conj((u * others[..., None, :]) @ vh)


@primitive
def cholesky_factor(a: Any) -> Any:
    """The lower factor L with `L @ L.mH == a` from the lower triangle of `a`, and an info."""
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return np.linalg.cholesky(a), info
    except np.linalg.LinAlgError:
        factor = np.empty(a.shape, a.dtype)
    for index in np.ndindex(*a.shape[:-2]):
        factor[index], info[index] = partial_cholesky(a[index])
    return factor, info


@primitive
def qr_factor(a: Any, mode: str) -> Any:
    """Q and R with `Q @ R == a`; mode "reduced" or "complete"."""
    return tuple(np.linalg.qr(a, mode))


@primitive
def householder_factor(a: Any) -> Any:
    """R above the diagonal, the vectors of the reflections below it, and their factors tau."""
    if a.size == 0:
        return a.copy(), np.zeros((*a.shape[:-2], min(a.shape[-2:])), a.dtype)
    h, tau = np.linalg.qr(a, "raw")
    return np.ascontiguousarray(np.swapaxes(h, -1, -2)), tau


def _finite(a: np.ndarray, what: str) -> None:
    if not np.isfinite(a).all():
        raise LinAlgError(
            f"{what}: The algorithm failed to converge because the input matrix contained non-finite "
            "values; look for them with x.isfinite().all()"
        )


def _converged(what: str, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{what}: The algorithm failed to converge: the input is ill-conditioned or has too many "
            "repeated values"
        ) from None


@primitive
def svd_factor(a: Any, full: bool) -> Any:
    """U, S and V's adjoint with `U @ diag(S) @ Vh == a`; `full` makes U and Vh square."""
    _finite(a, "linalg.svd")
    return tuple(_converged("linalg.svd", np.linalg.svd, a, full))


@primitive
def singular_values(a: Any) -> Any:
    """The singular values of each matrix, largest first."""
    _finite(a, "linalg.svd")
    return _converged("linalg.svd", lambda x: np.linalg.svd(x, compute_uv=False), a)


@primitive
def eigh_factor(a: Any, upper: bool) -> Any:
    """The eigenvalues, smallest first, and eigenvectors of Hermitian matrices; one triangle is read."""
    _finite(a, "linalg.eigh")
    return tuple(_converged("linalg.eigh", np.linalg.eigh, a, "U" if upper else "L"))


@primitive
def eig_factor(a: Any) -> Any:
    """The eigenvalues and eigenvectors of each matrix, always complex."""
    if not np.isfinite(a).all():
        raise RuntimeError(
            "linalg.eig: input tensor should not contain infs or NaNs; look for them with x.isfinite().all()"
        )
    values, vectors = _converged("linalg.eig", np.linalg.eig, a)
    kind = np.result_type(a.dtype, np.complex64)
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


@primitive
def require_small(x: Any, scale: Any, message: str) -> Any:
    """Raises `message` where `x` is more than rounding, compared with the values of `scale`."""
    limit = 1e-2 * max(1.0, float(np.abs(scale).max(initial=0)))
    if np.abs(x).max(initial=0) > limit:
        raise RuntimeError(message)
    return x
