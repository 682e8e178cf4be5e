"""QR factorisations, and products of the reflections that they are made of.

A reflection is `I - tau v v.mH`, with v in a column below the diagonal and a one on it. Several multiply to
`I - V T V.mH` with a small triangular T, so that it is applied by three products of matrices.
"""

from __future__ import annotations

from ... import lang, return_types
from ..declare import composite
from .checks import check_matrices, check_same_type
from .core import H, as_column, diagonal_matrices, primitive_operator

QR = return_types.named("linalg_qr", "Q", "R")
OldQR = return_types.named("qr", "Q", "R")
Geqrf = return_types.named("geqrf", "a", "tau")


@composite(namespace="linalg")
def qr(A, mode="reduced"):
    """Orthonormal Q and triangular R with `Q @ R == A`; mode "complete" makes Q square, "r" omits it."""
    check_matrices("linalg.qr", A)
    return QR(*_qr("linalg.qr", A, mode))


def _qr(name, A, mode):
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"{name} received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
            "'complete'"
        )
    if mode == "r":
        return lang.zeros_of(A, (0,)), without_q(A)
    return lang.qr_factor(A, mode)


@primitive_operator(name="_r_factor", node="LinalgQrBackward0")
def without_q(input: Array):
    """R alone."""
    return lang.qr_factor(input, "reduced")[1]


@without_q.gradient
def _(g, input):
    raise RuntimeError(
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
        "linalg.qr(A, mode='reduced') if you are going to require gradients through linalg.qr"
    )


@composite(name="qr")
def old_qr(input, some=True):
    """The older form of `linalg.qr`."""
    check_matrices("qr", input)
    return OldQR(*_qr("qr", input, "reduced" if some else "complete"))


@primitive_operator(name="_householder_factor")
def householder_factor(input: Array):
    """The packed form of a QR factorisation."""
    return lang.householder_factor(input)


@composite
def geqrf(input):
    """R in the upper triangle, the reflections that make up Q below it, and their factors tau."""
    check_matrices("geqrf", input)
    return Geqrf(*householder_factor(input))


# ---- products of reflections


def _check_reflections(name, input, tau):
    check_matrices(name, input, "input")
    check_same_type(name, input, tau)
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1], but the shape is "
            f"{list(input.shape)}"
        )
    _check_tau(name, input, tau)


def _check_tau(name, input, tau):
    if tau.ndim != input.ndim - 1 or tuple(tau.shape[:-1]) != tuple(input.shape[:-2]):
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input and the same batch dimensions, "
            f"but they have shapes {list(tau.shape)} and {list(input.shape)}"
        )
    if tau.shape[-1] > input.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1], but they are "
            f"{input.shape[-1]} and {tau.shape[-1]}"
        )


def _vectors(input, tau):
    """V: one reflection a column, with ones on the diagonal and zeros above."""
    k = tau.shape[-1]
    below = lang.tril(lang.pick(input, (..., slice(0, k))), -1)
    ones = lang.ones_like(lang.diagonal(below, 0, -2, -1))
    return below + lang.diagonal_place(ones, below.shape, 0, -2, -1)


def _small_factor(v, tau):
    """T, from `inverse(T) == diag(1 / tau) + triu(V.mH @ V, 1)` without the division."""
    between = lang.triu(lang.matmul(H(v), v), 1)
    return lang.solve_triangle(as_column(tau) * between, diagonal_matrices(tau), True, True)


@composite(namespace="linalg")
def householder_product(A, tau):
    """The first columns of the product of reflections, as `geqrf` packs them."""
    _check_reflections("torch.linalg.householder_product", A, tau)
    v = _vectors(A, tau)
    top = H(lang.pick(v, (..., slice(0, A.shape[-1]), slice(None))))
    ones = lang.ones_like(lang.diagonal(A, 0, -2, -1))
    return lang.diagonal_place(ones, A.shape, 0, -2, -1) - lang.matmul(
        v, lang.matmul(_small_factor(v, tau), top)
    )


@composite
def orgqr(input, input2):
    """Another name of `linalg.householder_product`."""
    return householder_product(input, input2)


@composite
def ormqr(input, input2, input3, left=True, transpose=False):
    """Q times `input3` (or `input3` times Q), for the Q whose reflections `geqrf` has packed."""
    check_matrices("ormqr", input, "input")
    check_matrices("ormqr", input3, "other")
    check_same_type("ormqr", input, input2)
    check_same_type("ormqr", input, input3)
    _check_tau("ormqr", input, input2)
    if input3.shape[-2 if left else -1] != input.shape[-2] or tuple(input3.shape[:-2]) != tuple(
        input.shape[:-2]
    ):
        raise RuntimeError(
            f"ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2] and the batch "
            f"dimensions must agree, but the shapes are {list(input3.shape)} and {list(input.shape)}"
        )
    v = _vectors(input, input2)
    small = _small_factor(v, input2)
    small = H(small) if transpose else small
    if left:
        return input3 - lang.matmul(v, lang.matmul(small, lang.matmul(H(v), input3)))
    return input3 - lang.matmul(lang.matmul(lang.matmul(input3, v), small), H(v))
