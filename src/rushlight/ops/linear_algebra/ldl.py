"""The LDL factorisation of symmetric and Hermitian matrices."""

from __future__ import annotations

from ... import lang, return_types
from ...tensor.dtype import int32, int64
from ..declare import composite
from .checks import check_equations, check_square, raise_singular
from .core import primitive_operator

Factor = return_types.named("linalg_ldl_factor", "LD", "pivots")
FactorEx = return_types.named("linalg_ldl_factor_ex", "LD", "pivots", "info")

WHY = "D[{0},{0}] is zero and using it on ldl_solve would result in a division by zero"


@primitive_operator(name="_ldl_factor", differentiable=False)
def factor(input: Array, hermitian):
    """The packed factors, the pivots and an info."""
    return lang.ldl_factor(input, hermitian)


@primitive_operator(name="_ldl_solve", differentiable=False)
def solve_factored(input: Array, pivots: Array, other: Array, hermitian):
    """The solution by the packed factors."""
    return lang.ldl_solve(input, pivots, other, hermitian)


@composite(namespace="linalg")
def ldl_factor(A, *, hermitian=False):
    """L and D in one matrix, and the pivots; to be used with `linalg.ldl_solve`."""
    check_square("torch.linalg.ldl_factor", A)
    factors, pivots, info = factor(A, bool(hermitian))
    raise_singular("torch.linalg.ldl_factor", info, WHY)
    return Factor(factors, pivots)


@composite(namespace="linalg")
def ldl_factor_ex(A, *, hermitian=False, check_errors=False):
    """`ldl_factor`, and `info`: zero, or the number of the first pivot that is zero."""
    check_square("torch.linalg.ldl_factor_ex", A)
    factors, pivots, info = factor(A, bool(hermitian))
    if check_errors:
        raise_singular("torch.linalg.ldl_factor_ex", info, WHY)
    return FactorEx(factors, pivots, info)


@composite(namespace="linalg")
def ldl_solve(LD, pivots, B, *, hermitian=False):
    """X with `A @ X == B`, from the LDL factorisation of A."""
    name = "torch.linalg.ldl_solve"
    check_square(name, LD, "LD")
    check_equations(name, LD, B)
    if pivots.dtype not in (int32, int64):
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.name}")
    if tuple(pivots.shape) != tuple(LD.shape[:-1]):
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)}"
        )
    return solve_factored(LD, pivots, B, bool(hermitian))
