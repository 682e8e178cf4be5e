"""Norms of matrices, and the condition number."""

from __future__ import annotations

from ... import lang
from ...tensor.core import Tensor
from ...tensor.dtype import FLOATING
from ..declare import composite
from ..operator import OPERATORS
from ..rules import wrap_dim
from .checks import check_square, check_tensor
from .svd import values_of

ORDERS = ("fro", "nuc", float("inf"), -float("inf"), 1, -1, 2, -2)


def vector_norm(x, ord=2, dim=None, keepdim=False, dtype=None):
    """The norm of all elements, or of those along `dim`: `linalg.vector_norm`."""
    return OPERATORS["linalg.vector_norm"].call(x, ord, dim, keepdim, dtype=dtype)


@composite(namespace="linalg")
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """The norm of the matrices in two dimensions: "fro", "nuc", or 1, 2, inf and their negatives."""
    return _matrix_norm("linalg.matrix_norm", A, ord, dim, keepdim, dtype)


def _matrix_norm(name, A, ord, dim, keepdim, dtype):
    _check(name, A, ord, dim)
    A = _converted(name, A, dtype)
    dim = tuple(wrap_dim(d, A.ndim) for d in dim)
    if dim[0] == dim[1]:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim)
    if ord in ("nuc", 2, -2):
        return _spectral(A, ord, dim, keepdim)
    rows, columns = (
        dim if abs(ord) == 1 else dim[::-1]
    )  # what is summed, and what the largest sum is taken over
    sums = vector_norm(A, 1, rows, keepdim)
    left = columns - (columns > rows and not keepdim)
    return _largest(sums, left, keepdim) if ord > 0 else lang.amin(sums, left, keepdim)


def _largest(x, dim, keepdim=False):
    """The largest value along a dimension, zero where there is none."""
    return lang.amax(x, dim, keepdim) if x.shape[dim] else lang.sum(x, dim, keepdim)


def _spectral(A, ord, dim, keepdim):
    """Norms that are made of singular values."""
    order = [i for i in range(A.ndim) if i not in dim] + list(dim)
    values = values_of(lang.permute(A, order))
    if ord == "nuc":
        result = lang.sum(values, -1)
    else:
        result = _largest(values, -1) if ord > 0 else lang.amin(values, -1)
    shape = [1 if i in dim else n for i, n in enumerate(A.shape)]
    return lang.reshape(result, shape) if keepdim else result


def _check(name, A, ord, dim):
    if not isinstance(A, Tensor):
        raise TypeError(f"{name}(): argument 'A' must be Tensor, not {type(A).__name__}")
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, but its shape is {list(A.shape)}"
        )
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {dim}")
    if ord not in ORDERS:
        raise RuntimeError(
            f"{name}: Order {ord} not supported; it is one of 'fro', 'nuc', inf, -inf, 1, -1, 2, -2"
        )
    if A.dtype.category < FLOATING:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype.name}; convert it "
            "with x.float()"
        )
    if ord in ("nuc", 2, -2):
        check_tensor(name, A)


def _converted(name, A, dtype):
    if dtype is None or dtype is A.dtype:
        return A
    if dtype.is_complex != A.dtype.is_complex:
        raise RuntimeError(
            f"{name}: dtype should be {'complex' if A.dtype.is_complex else 'real'} for {A.dtype.name} "
            f"inputs, but got {dtype.name}"
        )
    if dtype.itemsize < A.dtype.itemsize:
        raise RuntimeError(
            f"{name}: the dtype of the input ({A.dtype.name}) should be convertible without narrowing to "
            f"the specified dtype ({dtype.name})"
        )
    return A.to(dtype)


@composite(namespace="linalg")
def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """A norm of vectors or of matrices, as `dim` and `ord` say; of all elements by default."""
    number = isinstance(dim, int)
    if isinstance(ord, str) or (
        ord is not None
        and not number
        and ((dim is not None and len(dim) == 2) or (dim is None and A.ndim == 2))
    ):
        if dim is None and A.ndim != 2:
            raise RuntimeError(
                f"linalg.norm: The input must be 2-D if a string ord={ord!r} is given without dim, but its "
                f"shape is {list(A.shape)}"
            )
        return _matrix_norm("linalg.norm", A, ord, (0, 1) if dim is None else dim, keepdim, dtype)
    if ord is not None and dim is None and A.ndim > 2:
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


@composite(namespace="linalg")
def cond(A, p=None):
    """The norm of a matrix times that of its inverse; by default the ratio of its singular values."""
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.cond: The input tensor A must have at least 2 dimensions, but its shape is "
            f"{list(A.shape)}"
        )
    if p is None or p in (2, -2):
        values = values_of(_floating(A))
        first, last = lang.pick(values, (..., 0)), lang.pick(values, (..., -1))
        return last / first if p == -2 else first / last
    check_square("linalg.cond", A)
    if p not in ORDERS:
        raise RuntimeError(
            f"linalg.cond got an invalid norm type: {p}; it is one of 'fro', 'nuc', inf, -inf, 1, -1, 2, -2"
        )
    if 0 in A.shape[-2:]:
        return lang.zeros_of(matrix_norm(lang.zeros_of(A, (1, 1))), A.shape[:-2])
    from .solve import inv_ex

    inverse, info = inv_ex(A)
    product = matrix_norm(A, p) * matrix_norm(inverse, p)
    return lang.where(info != 0, float("inf"), product)


def _floating(A):
    check_tensor("linalg.cond", A)
    return A
