"""Singular values, and what follows from them: rank, pseudoinverse, condition number."""

from __future__ import annotations

from ... import lang, return_types
from ...tensor.core import Tensor, can_record
from ...tensor.factories import full
from ..declare import composite
from .checks import check_matrices, check_square
from .core import H, as_row, primitive_operator

SVD = return_types.named("linalg_svd", "U", "S", "Vh")
OldSVD = return_types.named("svd", "U", "S", "V")


@primitive_operator(name="_singular_values", differentiable=False)
def singular_values(input: Array):
    """The singular values without the vectors."""
    return lang.singular_values(input)


def _check_driver(name, driver):
    if driver is not None:
        raise RuntimeError(
            f"{name}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend; "
            "leave it away"
        )


@composite(namespace="linalg")
def svd(A, full_matrices=True, *, driver=None):
    """U, S and Vh with `U @ diag(S) @ Vh == A`, the singular values S in descending order."""
    check_matrices("linalg.svd", A)
    _check_driver("linalg.svd", driver)
    return SVD(*lang.svd_factor(A, bool(full_matrices)))


@composite(namespace="linalg")
def svdvals(A, *, driver=None):
    """The singular values of each matrix, in descending order."""
    check_matrices("linalg.svdvals", A)
    _check_driver("linalg.svdvals", driver)
    return values_of(A)


def values_of(A):
    """Singular values, by the quicker way where no gradient is wanted."""
    return lang.svd_factor(A, False)[1] if can_record(A) else singular_values(A)


@composite(name="svd")
def old_svd(input, some=True, compute_uv=True):
    """The older form of `linalg.svd`: U, S and V (not its adjoint)."""
    check_matrices("svd", input)
    if compute_uv:
        u, s, vh = lang.svd_factor(input, not some)
        return OldSVD(u, s, H(vh))
    rows, columns = input.shape[-2:]
    zeros = [lang.zeros_of(input, (*input.shape[:-2], n, n)) for n in (rows, columns)]
    return OldSVD(zeros[0], values_of(input), zeros[1])


# ---- tolerances


EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52}


def tolerances(name, A, atol, rtol):
    """Both tolerances as tensors; without any, a relative one that rounding alone stays below."""
    real = A.dtype.to_real()
    atol = _tensor(name, "atol", 0.0 if atol is None else atol, real)
    if rtol is None:
        rtol = lang.where(atol > 0, 0.0, lang.full_like(atol, max(A.shape[-2:]) * EPSILON[real.name]))
    return atol, _tensor(name, "rtol", rtol, real)


def _tensor(name, label, tolerance, dtype):
    if not isinstance(tolerance, Tensor):
        return full((), tolerance, dtype=dtype)
    if tolerance.dtype.is_complex:
        raise RuntimeError(
            f"{name}: {label} tensor of complex type is not supported. Got {tolerance.dtype.name}"
        )
    return tolerance.to(dtype)


def _above(sizes, atol, rtol):
    """Which singular values are larger than the tolerance `max(atol, rtol * largest)`."""
    largest = lang.amax(sizes, -1, True) if sizes.shape[-1] else lang.sum(sizes, -1, True)
    relative = lang.reshape(rtol, (*rtol.shape, 1)) * largest
    return sizes > lang.maximum(relative, lang.reshape(atol, (*atol.shape, 1)))


@primitive_operator(name="_rank", differentiable=False)
def rank(input: Array, atol: Array, rtol: Array, hermitian):
    """How many singular values are larger than the tolerance."""
    sizes = abs(lang.eigh_factor(input, False)[0]) if hermitian else lang.singular_values(input)
    return lang.sum(lang.cast(_above(sizes, atol, rtol), "int64"), -1)


@composite(namespace="linalg")
def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values are larger than the tolerance `max(atol, rtol * largest)`."""
    check_square("linalg.matrix_rank", A) if hermitian else check_matrices("linalg.matrix_rank", A)
    if tol is not None:
        atol, rtol = tol, 0.0
    return rank(A, *tolerances("linalg.matrix_rank", A, atol, rtol), bool(hermitian))


@composite(namespace="linalg")
def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The Moore-Penrose inverse: small singular values count as zero."""
    check_square("linalg.pinv", A) if hermitian else check_matrices("linalg.pinv", A)
    return pseudoinverse(
        A, *tolerances("linalg.pinv", A, atol, rcond if rtol is None else rtol), bool(hermitian)
    )


@primitive_operator(name="_pseudoinverse", node="LinalgPinvBackward0")
def pseudoinverse(input: Array, atol: Array, rtol: Array, hermitian):
    """The inverse over the singular values that are larger than the tolerance."""
    if hermitian:
        s, u = lang.eigh_factor(input, False)
        vh = lang.adjoint(u)
    else:
        u, s, vh = lang.svd_factor(input, False)
    keep = _above(abs(s), atol, rtol)
    inverted = lang.where(keep, 1 / lang.where(keep, s, 1.0), 0.0)
    return lang.matmul(lang.adjoint(vh) * as_row(inverted), lang.adjoint(u))


@pseudoinverse.gradient
def _(g, input, result):
    p, ph, gh = result, H(result), H(g)
    grad = -lang.matmul(ph, lang.matmul(g, ph))
    left = lang.matmul(gh, lang.matmul(p, ph))
    right = lang.matmul(lang.matmul(ph, p), gh)
    grad = grad + left - lang.matmul(input, lang.matmul(p, left))
    return grad + right - lang.matmul(lang.matmul(right, p), input), None, None


@composite(out=False)
def pinverse(input, rcond=1e-15):
    """The older form of `linalg.pinv`."""
    return pinv(input, rcond)
