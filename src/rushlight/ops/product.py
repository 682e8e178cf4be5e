"""Products of matrices."""

from __future__ import annotations

from .. import lang
from .declare import operator


def _adjoint(x):
    return lang.conj(lang.transpose(x, -2, -1))


def _as_matrix(x, side):
    """A vector as a row (side 0) or a column (side 1) of a matrix; anything else as it is."""
    if len(x.shape) > 1:
        return x
    return lang.reshape(x, (1, -1) if side == 0 else (-1, 1))


def _grad_as_matrix(g, input, other):
    """The gradient with the dimensions of vectors back in place."""
    shape = tuple(g.shape)
    if len(other.shape) == 1:
        shape += (1,)
    if len(input.shape) == 1:
        shape = (*shape[:-1], 1, shape[-1])
    return lang.reshape(g, shape)


@operator(node="MmBackward0")
def matmul(input: Array, other: Array):
    """The matrix product of the last two dimensions; the others are broadcast; vectors are rows on the left, columns on the right."""
    check_product("matmul", input, other)
    return lang.matmul(input, other)


@matmul.gradient
def _(g, input, other, needs):
    g = _grad_as_matrix(g, input, other)
    a, b = _as_matrix(input, 0), _as_matrix(other, 1)
    grad_a = lang.reshape(lang.sum_to(lang.matmul(g, _adjoint(b)), _shape_for(a, g)), input.shape) if needs[0] else None
    grad_b = lang.reshape(lang.sum_to(lang.matmul(_adjoint(a), g), _shape_for(b, g)), other.shape) if needs[1] else None
    return grad_a, grad_b


def _shape_for(x, g):
    return (1,) * (len(g.shape) - len(x.shape)) + tuple(x.shape)


def check_product(name, a, b):
    """The inner dimensions must agree, and the operands be of one type."""
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(f"{name}: both arguments need at least one dimension, but they have {a.ndim} and {b.ndim}; use * for numbers")
    inner = (a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0])
    if inner[0] != inner[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_size(a)} and {_size(b)}): {name} sums over the last dimension of the first, "
            f"{inner[0]}, and the {'first' if b.ndim == 1 else 'second to last'} of the second, {inner[1]}, which must be equal. "
            + ("Transposing the second (x @ y.T) would fit." if b.ndim > 1 and b.shape[-1] == inner[0] else "Transpose or reshape one of them.")
        )
    if a.dtype != b.dtype:
        raise RuntimeError(f"{name}: expected both arguments to have the same dtype, but got {a.dtype} and {b.dtype}; convert one with x.to(y.dtype)")


def _size(x):
    return "x".join(map(str, x.shape))


@operator(node="MmBackward0")
def mm(input: Array, mat2: Array):
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"mm: both arguments must be matrices, but they have shapes {input.shape} and {mat2.shape}; use matmul")
    check_product("mm", input, mat2)
    return lang.matmul(input, mat2)


mm.gradient(
    input=lambda g, mat2: lang.matmul(g, _adjoint(mat2)),
    mat2=lambda g, input: lang.matmul(_adjoint(input), g),
)
