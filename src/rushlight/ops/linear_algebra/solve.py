"""Equations with matrices: inverses, solutions, triangular systems, and the same for tensors."""

from __future__ import annotations

from ... import lang, return_types
from ..declare import composite
from ..rules import wrap_dim
from .checks import batch_shape, check_equations, check_square, raise_singular
from .core import as_column, primitive_operator

named = return_types.named
InvEx = named("linalg_inv_ex", "inverse", "info")
SolveEx = named("linalg_solve_ex", "result", "info")
TriangularSolve = named("triangular_solve", "solution", "cloned_coefficient")

WHY_SINGULAR = (
    "The diagonal element {0} is zero, the {1} could not be completed because the input matrix is singular"
)


@primitive_operator(name="_singular_info", differentiable=False)
def singular_info(input: Array, result: Array):
    """For each matrix that could not be inverted, the number of the pivot that is zero."""
    return lang.singular_info(input, result)


@composite(namespace="linalg")
def inv(A):
    """The inverse of each matrix; a LinAlgError where one is singular. Equations are for `linalg.solve`."""
    check_square("linalg.inv", A)
    result = lang.inverse(A)
    raise_singular("linalg.inv", singular_info(A, result), WHY_SINGULAR.format("{0}", "inversion"))
    return result


@composite
def inverse(input):
    """Another name of `linalg.inv`."""
    return inv(input)


@composite(namespace="linalg")
def inv_ex(A, *, check_errors=False):
    """The inverse of each matrix, and `info`: zero, or the number of the pivot that is zero."""
    check_square("linalg.inv_ex", A)
    result = lang.inverse(A)
    info = singular_info(A, result)
    if check_errors:
        raise_singular("linalg.inv_ex", info, WHY_SINGULAR.format("{0}", "inversion"))
    return InvEx(result, info)


@composite(namespace="linalg")
def solve(A, B, *, left=True):
    """X with `A @ X == B` (or `X @ A == B`); a LinAlgError where A is singular."""
    result, info = _solve("linalg.solve", A, B, left)
    raise_singular(
        "linalg.solve", info, "The solver failed because the input matrix is singular (pivot {0} is zero)"
    )
    return result


@composite(namespace="linalg")
def solve_ex(A, B, *, left=True, check_errors=False):
    """X with `A @ X == B`, and `info`: zero, or the number of the pivot that is zero."""
    result, info = _solve("linalg.solve_ex", A, B, left)
    if check_errors:
        raise_singular(
            "linalg.solve_ex",
            info,
            "The solver failed because the input matrix is singular (pivot {0} is zero)",
        )
    return SolveEx(result, info)


def is_vector(A, B):
    """Is the right side one vector for each matrix?"""
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))


def _solve(name, A, B, left):
    check_square(name, A)
    vector = is_vector(A, B)
    if vector and not left:
        raise RuntimeError(
            f"{name}: Vector broadcasting of the left hand side is not supported for left=False; use "
            "B[..., None, :]"
        )
    B = as_column(B) if vector else B
    check_equations(name, A, B, left)
    if left:
        result = lang.solve_matrix(A, B)
    else:
        result = lang.transpose(
            lang.solve_matrix(lang.transpose(A, -2, -1), lang.transpose(B, -2, -1)), -2, -1
        )
    info = singular_info(A, result)
    return (lang.reshape(result, result.shape[:-1]) if vector else result), info


@composite(namespace="linalg")
def solve_triangular(A, B, *, upper, left=True, unitriangular=False):
    """X with `A @ X == B` for triangular A, of which only that triangle is read."""
    check_square("linalg.solve_triangular", A)
    check_equations("linalg.solve_triangular", A, B, left)
    return triangle(A, B, upper, left, unitriangular)


def triangle(A, B, upper, left=True, unit=False):
    """The solution of a triangular system from either side."""
    if left:
        return lang.solve_triangle(A, B, upper, unit)
    x = lang.solve_triangle(lang.transpose(A, -2, -1), lang.transpose(B, -2, -1), not upper, unit)
    return lang.transpose(x, -2, -1)


@composite
def triangular_solve(input, A, upper=True, transpose=False, unitriangular=False):
    """The older form of `linalg.solve_triangular`: solution and A."""
    check_square("triangular_solve", A)
    check_equations("triangular_solve", A, input)
    batch = batch_shape("triangular_solve", A, input)
    coefficient = lang.transpose(A, -2, -1) if transpose else A
    solution = lang.solve_triangle(coefficient, input, upper != transpose, unitriangular)
    return TriangularSolve(solution, lang.copy(lang.expand(A, (*batch, *A.shape[-2:]))))


def _count(sizes):
    count = 1
    for n in sizes:
        count *= n
    return count


@composite(namespace="linalg")
def tensorinv(A, ind=2):
    """The inverse of what `tensordot` with A does: its first `ind` dimensions are the rows."""
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', but got {ind}")
    rows, columns = A.shape[:ind], A.shape[ind:]
    if _count(rows) != _count(columns):
        raise RuntimeError(
            "linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {_count(columns)} != {_count(rows)} for shape "
            f"{list(A.shape)} and ind={ind}"
        )
    result, info = inv_ex(lang.reshape(A, (_count(rows), _count(columns))))
    raise_singular(
        "linalg.tensorinv",
        info,
        "Failed to invert the input tensor, because it is singular (pivot {0} is zero)",
    )
    return lang.reshape(result, (*columns, *rows))


@composite(namespace="linalg")
def tensorsolve(A, B, dims=None):
    """X with `tensordot(A, X, X.ndim) == B`; `dims` of A are moved to its end first."""
    if dims is not None:
        moved = [wrap_dim(d, A.ndim) for d in dims]
        A = lang.permute(A, [i for i in range(A.ndim) if i not in moved] + moved)
    shape = A.shape[B.ndim :]
    if _count(shape) != _count(A.shape[: B.ndim]) or _count(B.shape) != _count(shape):
        raise RuntimeError(
            "linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) "
            f"== prod(self.shape[:other.ndim]), but A has shape {list(A.shape)} and B {list(B.shape)}"
        )
    matrix = lang.reshape(A, (_count(B.shape), _count(shape)))
    return lang.reshape(solve(matrix, lang.reshape(B, (_count(B.shape),))), shape)
