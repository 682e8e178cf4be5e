"""The primitives of linear algebra as operators, with their gradients: what everything else here is composed of.

Rules follow from differentiating the equation that defines a result, such as `A @ X == B`. `H` stands for the adjoint.
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


def halved_lower(x):
    """The lower triangle with half of the (real) diagonal: half of a Hermitian matrix."""
    d = diagonals(x)
    return lang.tril(x, -1) + diagonal_matrices(d * 0.5)


GAUGE = (
    "linalg_{0}_backward: The {1} in the complex case are specified up to multiplication by e^{{i phi}}. The specified loss function "
    "depends on this quantity, so it is ill-defined. Use a loss that does not change when a vector is turned, such as one of v @ v.mH"
)


@primitive_operator(name="_require_small", differentiable=False)
def require_small(input: Array, scale: Array, message):
    """Raises where something that must vanish does not."""
    return lang.require_small(input, scale, message)


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


@primitive_operator(name="_permutation_matrix", differentiable=False)
def permutation_matrix(input: Array, n, dtype):
    """The matrix that undoes the swaps of an LU factorisation."""
    return lang.permutation_matrix(input, n, dtype)


@primitive_operator(name="_lu_factor", node="LinalgLuFactorExBackward0")
def lu_factor(input: Array):
    """L and U in one matrix, the pivots, and an info."""
    return lang.lu_factor(input)


@lu_factor.gradient
def _(g, results):
    g, (factors, pivots, _) = g[0], results
    rows, columns = factors.shape[-2:]
    k = min(rows, columns)
    lower, upper = lang.pick(factors, (..., slice(0, k))), lang.pick(factors, (..., slice(0, k), slice(None)))
    grad_lower, grad_upper = lang.tril(lang.pick(g, (..., slice(0, k))), -1), lang.triu(lang.pick(g, (..., slice(0, k), slice(None))))
    return (_lu_gradient(pivots, rows, lower, upper, grad_lower, grad_upper),)


def _lu_gradient(pivots, rows, lower, upper, grad_lower, grad_upper):
    """From the factors (with anything in their other triangles) and their gradients."""
    k = lower.shape[-1]
    top, left = lang.pick(lower, (..., slice(0, k), slice(None))), lang.pick(upper, (..., slice(0, k)))
    by_lower = lambda x: lang.solve_triangle(H(top), x, True, True)  # noqa: E731  (L^-H x)
    by_upper = lambda x: H(lang.solve_triangle(left, H(x), True))  # noqa: E731  (x U^-H)
    square_lower = lang.pick(grad_lower, (..., slice(0, k), slice(None)))
    square_upper = lang.pick(grad_upper, (..., slice(0, k)))
    unit_lower = lang.tril(top, -1)
    below = lang.matmul(H(unit_lower), square_lower) + square_lower
    above = lang.matmul(square_upper, H(lang.triu(left)))
    parts, wide, tall = [], upper.shape[-1] > k, rows > k
    if wide:
        right, grad_right = lang.pick(upper, (..., slice(k, None))), lang.pick(grad_upper, (..., slice(k, None)))
        below = below - lang.matmul(grad_right, H(right))
    if tall:
        low, grad_low = lang.pick(lower, (..., slice(k, None), slice(None))), lang.pick(grad_lower, (..., slice(k, None), slice(None)))
        above = above - lang.matmul(H(low), grad_low)
    grad = by_lower(by_upper(lang.tril(below, -1) + lang.triu(above)))
    parts.append(grad)
    if wide:
        grad = lang.cat([grad, by_lower(grad_right)], -1)
    if tall:
        grad = lang.cat([grad, by_upper(grad_low)], -2)
    return lang.matmul(lang.permutation_matrix(pivots, rows, grad.dtype), grad)


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


# ---- factorisations


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
    rows, columns = q.shape[-2], r.shape[-1]
    if mode == "complete" and rows > columns:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols: the extra columns of Q are any "
            'orthonormal ones; use mode="reduced"'
        )
    if rows >= columns:
        return (_qr_gradient(q, r, grad_q, grad_r),)
    left, right = (..., slice(0, rows)), (..., slice(rows, None))
    right_r, grad_right = lang.pick(r, right), lang.pick(grad_r, right)
    grad_q = grad_q + lang.matmul(lang.matmul(q, right_r), H(grad_right))
    square = _qr_gradient(q, lang.pick(r, left), grad_q, lang.pick(grad_r, left))
    return (lang.cat([square, lang.matmul(q, grad_right)], -1),)


def _qr_gradient(q, r, grad_q, grad_r):
    """The rule for matrices with at least as many rows as columns."""
    inner = lang.matmul(grad_r, H(r)) - lang.matmul(H(q), grad_q)
    inner = lang.triu(inner, 1) + H(lang.triu(inner, 1)) + diagonal_matrices(_real_part(diagonals(inner)))
    return H(lang.solve_triangle(r, H(grad_q + lang.matmul(q, inner)), True))


def _real_part(x):
    """The real part, still in the type of `x`."""
    return (x + lang.conj(x)) * 0.5 if is_complex(x) else x


@primitive_operator(name="_svd_factor", node="LinalgSvdBackward0")
def svd_factor(input: Array, full):
    """U, S and the adjoint of V."""
    return lang.svd_factor(input, full)


@svd_factor.gradient
def _(g, results):
    (u, s, vh), (grad_u, grad_s, grad_vh) = results, g
    k, rows, columns = s.shape[-1], u.shape[-2], vh.shape[-1]
    u, grad_u = lang.pick(u, (..., slice(0, k))), lang.pick(grad_u, (..., slice(0, k)))
    vh, grad_vh = lang.pick(vh, (..., slice(0, k), slice(None))), lang.pick(grad_vh, (..., slice(0, k), slice(None)))
    squares = s * s
    gaps = as_row(squares) - as_column(squares)
    turn_u, turn_v = _skew(lang.matmul(H(u), grad_u)), _skew(lang.matmul(vh, H(grad_vh)))
    if is_complex(u):
        phase = diagonals(turn_u)
        lang.require_small(phase + diagonals(turn_v), grad_u, GAUGE.format("svd", "singular vectors"))
        grad_s = grad_s + _quotient(phase, 2 * s)
    turn_u, turn_v = _off_diagonal(turn_u), _off_diagonal(turn_v)
    inner = _quotient(turn_u, gaps) * as_row(s) + as_column(s) * _quotient(turn_v, gaps) + diagonal_matrices(grad_s)
    grad = lang.matmul(inner, vh)
    if columns > k:
        outside = grad_vh - lang.matmul(lang.matmul(grad_vh, H(vh)), vh)
        grad = grad + _quotient(outside, as_column(s))
    grad = lang.matmul(u, grad)
    if rows > k:
        outside = grad_u - lang.matmul(u, lang.matmul(H(u), grad_u))
        grad = grad + lang.matmul(_quotient(outside, as_row(s)), vh)
    return (grad,)


def _skew(x):
    return x - H(x)


def _off_diagonal(x):
    return x - diagonal_matrices(diagonals(x))


def _quotient(x, y):
    """`x / y` where x is not zero: equal singular values do no harm to gradients that do not tell them apart."""
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
    inner = _quotient(_off_diagonal(turn), as_row(values) - as_column(values)) + diagonal_matrices(grad_values)
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
