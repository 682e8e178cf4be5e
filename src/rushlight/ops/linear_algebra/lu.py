"""The LU factorisation with pivots, in its packed and its unpacked form."""

from __future__ import annotations

from ... import lang, return_types
from ...tensor.dtype import int32
from ..declare import composite
from .checks import check_equations, check_matrices, check_square, raise_singular
from .core import H, columns, diagonal_matrices, diagonals, primitive_operator, rows

named = return_types.named
Factor = named("linalg_lu_factor", "LU", "pivots")
FactorEx = named("linalg_lu_factor_ex", "LU", "pivots", "info")
Unpacked = named("linalg_lu", "P", "L", "U")
OldFactor = named("_lu_with_info", "LU", "pivots", "info")
OldUnpacked = named("lu_unpack", "P", "L", "U")

WHY = "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero"


@primitive_operator(name="_permutation_matrix", differentiable=False)
def permutation_matrix(input: Array, n, dtype):
    """The matrix that undoes the swaps of an LU factorisation."""
    return lang.permutation_matrix(input, n, dtype)


@primitive_operator(name="_lu_factor", node="LinalgLuFactorExBackward0")
def factor(input: Array):
    """L and U in one matrix, the pivots, and an info."""
    return lang.lu_factor(input)


@factor.gradient
def _(g, results):
    """From `P @ L @ U == A`: the square part first, then what a wide U or a tall L adds."""
    packed, pivots, _ = results
    height, width = packed.shape[-2:]
    k = min(height, width)
    square, square_g = rows(columns(packed, 0, k), 0, k), rows(columns(g[0], 0, k), 0, k)
    lower, upper = lang.tril(square, -1), lang.triu(square)
    grad_lower = lang.tril(square_g, -1)
    below = lang.matmul(H(lower), grad_lower) + grad_lower
    above = lang.matmul(lang.triu(square_g), H(upper))
    if width > k:
        right, grad_right = columns(packed, k), columns(g[0], k)
        below = below - lang.matmul(grad_right, H(right))
    if height > k:
        low, grad_low = rows(packed, k), rows(g[0], k)
        above = above - lang.matmul(H(low), grad_low)
    grad = _past_lower(square, _past_upper(square, lang.tril(below, -1) + lang.triu(above)))
    if width > k:
        grad = lang.cat([grad, _past_lower(square, grad_right)], -1)
    if height > k:
        grad = lang.cat([grad, _past_upper(square, grad_low)], -2)
    return (lang.matmul(lang.permutation_matrix(pivots, height, grad.dtype), grad),)


def _past_lower(packed, x):
    """The adjoint inverse of L times x."""
    return lang.solve_triangle(H(packed), x, True, True)


def _past_upper(packed, x):
    """x times the adjoint inverse of U."""
    return H(lang.solve_triangle(packed, H(x), True))


def _factor(name, A, pivot):
    check_matrices(name, A)
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU; leave pivot=True")
    return lang.lu_factor(A)


@composite(namespace="linalg")
def lu_factor(A, *, pivot=True):
    """L and U in one matrix, and the row that each step swapped with; to be used with `linalg.lu_solve`."""
    packed, pivots, info = _factor("linalg.lu_factor", A, pivot)
    raise_singular("torch.linalg.lu_factor", info, WHY)
    return Factor(packed, pivots)


@composite(namespace="linalg")
def lu_factor_ex(A, *, pivot=True, check_errors=False):
    """`lu_factor`, and `info`: zero, or the number of the first pivot that is zero."""
    packed, pivots, info = _factor("linalg.lu_factor_ex", A, pivot)
    if check_errors:
        raise_singular("torch.linalg.lu_factor_ex", info, WHY)
    return FactorEx(packed, pivots, info)


@composite(namespace="linalg")
def lu(A, *, pivot=True):
    """P, L and U with `P @ L @ U == A`."""
    packed, pivots, _ = _factor("linalg.lu", A, pivot)
    return Unpacked(lang.permutation_matrix(pivots, A.shape[-2], A.dtype), *_triangles(packed))


@composite(name="lu", out=False)
def old_lu(A, pivot=True, get_infos=False):
    """The older form of `linalg.lu_factor_ex`."""
    packed, pivots, info = _factor("lu", A, pivot)
    if get_infos:
        return OldFactor(packed, pivots, info)
    raise_singular("lu", info, WHY)
    return packed, pivots


def _triangles(packed):
    rows, columns = packed.shape[-2:]
    k = min(rows, columns)
    left = lang.tril(lang.pick(packed, (..., slice(0, k))), -1)
    ones = diagonal_matrices(lang.ones_like(diagonals(packed)))
    if rows > k:
        ones = lang.cat([ones, lang.zeros_of(packed, (*packed.shape[:-2], rows - k, k))], -2)
    return left + ones, lang.triu(lang.pick(packed, (..., slice(0, k), slice(None))))


@composite(method=False)
def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):
    """P, L and U from a packed factorisation."""
    _check_pivots("lu_unpack", LU_data, LU_pivots)
    empty = lang.zeros_of(LU_data, (0,))
    P = lang.permutation_matrix(LU_pivots, LU_data.shape[-2], LU_data.dtype) if unpack_pivots else empty
    return OldUnpacked(P, *(_triangles(LU_data) if unpack_data else (empty, empty)))


def _check_pivots(name, packed, pivots):
    check_matrices(name, packed, "LU")
    if pivots.dtype is not int32:
        raise RuntimeError(
            f"{name}: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, but it is "
            f"{pivots.dtype.name}"
        )
    expected = (*packed.shape[:-2], min(packed.shape[-2:]))
    if tuple(pivots.shape) != tuple(expected):
        raise RuntimeError(
            f"{name}: Number of pivots per batch should be same as the dimension of the matrix: "
            f"{list(expected)}, but got {list(pivots.shape)}"
        )


@composite(namespace="linalg")
def lu_solve(LU, pivots, B, *, left=True, adjoint=False):
    """X with `A @ X == B`, from the factorisation of A."""
    return _solve("linalg.lu_solve", LU, pivots, B, left, adjoint)


@composite(name="lu_solve")
def old_lu_solve(input, LU_data, LU_pivots):
    """The older form of `linalg.lu_solve`."""
    return _solve("lu_solve", LU_data, LU_pivots, input, True, False)


def _solve(name, LU, pivots, B, left, adjoint):
    check_square(name, LU, "LU")
    _check_pivots(name, LU, pivots)
    check_equations(name, LU, B, left)
    if not left:  # X A = B is A^H X^H = B^H
        return H(_solve(name, LU, pivots, H(B), True, not adjoint))
    P = lang.permutation_matrix(pivots, LU.shape[-1], LU.dtype)
    if adjoint:
        x = lang.solve_triangle(H(LU), lang.solve_triangle(H(LU), B, False), True, True)
        return lang.matmul(P, x)
    x = lang.matmul(lang.transpose(P, -2, -1), B)
    return lang.solve_triangle(LU, lang.solve_triangle(LU, x, False, True), True)
