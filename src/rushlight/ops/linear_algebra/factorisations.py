"""Factorisations and the exponential of matrices as operators, with their gradients."""

from __future__ import annotations

from ... import lang
from .core import (
    H,
    as_column,
    as_row,
    columns,
    diagonal_matrices,
    diagonals,
    is_complex,
    primitive_operator,
    rows,
)

GAUGE = (
    "linalg_{0}_backward: The {1} in the complex case are specified up to multiplication by e^{{i phi}}. "
    "The specified loss function depends on this quantity, so it is ill-defined. Use a loss that does not "
    "change when a vector is turned, such as one of v @ v.mH"
)


@primitive_operator(name="_require_small", differentiable=False)
def require_small(input: Array, scale: Array, message):
    """Raises where something that must vanish does not."""
    return lang.require_small(input, scale, message)


def halved_lower(x):
    """The lower triangle with half of the (real) diagonal: half of a Hermitian matrix."""
    d = diagonals(x)
    return lang.tril(x, -1) + diagonal_matrices(d * 0.5)


def _real_part(x):
    """The real part, still in the type of `x`."""
    return (x + lang.conj(x)) * 0.5 if is_complex(x) else x


@primitive_operator(name="_cholesky_factor", node="LinalgCholeskyExBackward0")
def cholesky_factor(input: Array):
    """The lower factor, and an info."""
    return lang.cholesky_factor(input)


@cholesky_factor.gradient
def _(g, results):
    factor = results[0]
    inner = halved_lower(lang.matmul(H(factor), lang.tril(g[0])))
    half = lang.solve_triangle(H(factor), H(lang.solve_triangle(H(factor), H(inner), True)), True)
    return ((half + H(half)) * 0.5,)


@primitive_operator(name="_qr_factor", node="LinalgQrBackward0")
def qr_factor(input: Array, mode):
    """Q and R."""
    return lang.qr_factor(input, mode)


@qr_factor.gradient
def _(g, results, mode):
    (q, r), (grad_q, grad_r) = results, g
    height, width = q.shape[-2], r.shape[-1]
    if mode == "complete" and height > width:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols: the extra "
            "columns of Q are any orthonormal ones; use mode='reduced'"
        )
    if height >= width:
        return (_qr_gradient(q, r, grad_q, grad_r),)
    grad_right = columns(grad_r, height)
    grad_q = grad_q + lang.matmul(lang.matmul(q, columns(r, height)), H(grad_right))
    square = _qr_gradient(q, columns(r, 0, height), grad_q, columns(grad_r, 0, height))
    return (lang.cat([square, lang.matmul(q, grad_right)], -1),)


def _qr_gradient(q, r, grad_q, grad_r):
    """The rule for matrices with at least as many rows as columns."""
    inner = lang.matmul(grad_r, H(r)) - lang.matmul(H(q), grad_q)
    inner = lang.triu(inner, 1) + H(lang.triu(inner, 1)) + diagonal_matrices(_real_part(diagonals(inner)))
    return H(lang.solve_triangle(r, H(grad_q + lang.matmul(q, inner)), True))


@primitive_operator(name="_svd_factor", node="LinalgSvdBackward0")
def svd_factor(input: Array, full):
    """U, S and the adjoint of V."""
    return lang.svd_factor(input, full)


@svd_factor.gradient
def _(g, results):
    (u, s, vh), (grad_u, grad_s, grad_vh) = results, g
    k, height, width = s.shape[-1], u.shape[-2], vh.shape[-1]
    u, grad_u = columns(u, 0, k), columns(grad_u, 0, k)
    vh, grad_vh = rows(vh, 0, k), rows(grad_vh, 0, k)
    squares = s * s
    gaps = as_row(squares) - as_column(squares)
    turn_u, turn_v = _skew(lang.matmul(H(u), grad_u)), _skew(lang.matmul(vh, H(grad_vh)))
    if is_complex(u):
        phase = diagonals(turn_u)
        lang.require_small(phase + diagonals(turn_v), grad_u, GAUGE.format("svd", "singular vectors"))
        grad_s = grad_s + _quotient(phase, 2 * s)
    turn_u, turn_v = _off_diagonal(turn_u), _off_diagonal(turn_v)
    inner = (
        _quotient(turn_u, gaps) * as_row(s)
        + as_column(s) * _quotient(turn_v, gaps)
        + diagonal_matrices(grad_s)
    )
    grad = lang.matmul(inner, vh)
    if width > k:
        outside = grad_vh - lang.matmul(lang.matmul(grad_vh, H(vh)), vh)
        grad = grad + _quotient(outside, as_column(s))
    grad = lang.matmul(u, grad)
    if height > k:
        outside = grad_u - lang.matmul(u, lang.matmul(H(u), grad_u))
        grad = grad + lang.matmul(_quotient(outside, as_row(s)), vh)
    return (grad,)


def _skew(x):
    return x - H(x)


def _off_diagonal(x):
    return x - diagonal_matrices(diagonals(x))


def _quotient(x, y):
    """`x / y`, and zero where x is: equal singular values matter only to what tells them apart."""
    return lang.where(x == 0, lang.zeros_like(x), x / lang.where(x == 0, 1.0, y))


@primitive_operator(name="_eigh_factor", node="LinalgEighBackward0")
def eigh_factor(input: Array, upper):
    """The eigenvalues and eigenvectors of Hermitian matrices."""
    return lang.eigh_factor(input, upper)


@eigh_factor.gradient
def _(g, results):
    (values, vectors), (grad_values, grad_vectors) = results, g
    turn = lang.matmul(H(vectors), grad_vectors)
    if is_complex(vectors):
        lang.require_small(lang.imag(diagonals(turn)), grad_vectors, GAUGE.format("eigh", "eigenvectors"))
    gaps = as_row(values) - as_column(values)
    inner = _quotient(_off_diagonal(turn), gaps) + diagonal_matrices(grad_values)
    return (lang.matmul(vectors, lang.matmul(inner, H(vectors))),)


@primitive_operator(name="_eig_factor", node="LinalgEigBackward0")
def eig_factor(input: Array):
    """The eigenvalues and eigenvectors, complex."""
    return lang.eig_factor(input)


@eig_factor.gradient
def _(g, input, results):
    (values, vectors), (grad_values, grad_vectors) = results, g
    turn = lang.matmul(H(vectors), grad_vectors)
    lang.require_small(lang.imag(diagonals(turn)), grad_vectors, GAUGE.format("eig", "eigenvectors"))
    size = lang.matmul(H(vectors), vectors)
    off = turn - size * as_row(_real_part(diagonals(turn)))
    gaps = lang.conj(as_row(values) - as_column(values))
    inner = _quotient(_off_diagonal(off), gaps) + diagonal_matrices(grad_values)
    grad = lang.solve_matrix(H(vectors), lang.matmul(inner, H(vectors)))
    return (grad if is_complex(input) else lang.real(grad),)


# ---- the exponential


@primitive_operator(name="_matrix_exp", node="LinalgMatrixExpBackward0")
def matrix_exp(input: Array):
    """The exponential of each matrix."""
    return lang.matrix_exp(input)


@matrix_exp.gradient
def _(g, input):
    """The derivative along G is a corner of the exponential of [[A, G], [0, A]]."""
    a, n = H(input), input.shape[-1]
    zero = lang.zeros_like(a)
    blocks = lang.cat([lang.cat([a, g], -1), lang.cat([zero, a], -1)], -2)
    return (lang.pick(lang.matrix_exp(blocks), (..., slice(0, n), slice(n, None))),)
