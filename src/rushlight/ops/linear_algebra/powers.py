"""Powers, exponentials, chains of products, and products of vectors."""

from __future__ import annotations

from functools import lru_cache

from ... import lang
from ...tensor.dtype import FLOATING, int64
from ..alias import alias
from ..declare import composite
from ..operator import OPERATORS
from ..rules import wrap_dim
from .checks import check_square


def _check_square_any(name, A):
    """Square matrices of any type."""
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, but its shape is {list(A.shape)}"
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} "
            "matrices"
        )


@composite(namespace="linalg")
def matrix_power(A, n):
    """The product of `n` copies of each matrix; of its inverse, where `n` is negative."""
    _check_square_any("linalg.matrix_power", A)
    if n == 0:
        ones = lang.ones_like(lang.diagonal(A, 0, -2, -1))
        return lang.where(
            lang.isnan(lang.zeros_like(A)), A, lang.diagonal_place(ones, A.shape, 0, -2, -1)
        )  # A for its place in the graph
    if n < 0:
        from .solve import inv

        A, n = inv(A), -n
    result = None
    while True:
        if n % 2:
            result = A if result is None else lang.matmul(result, A)
        n //= 2
        if not n:
            return result if result is not A else lang.copy(A)
        A = lang.matmul(A, A)


@composite(name="matrix_power")
def old_matrix_power(input, n):
    """Another name of `linalg.matrix_power`."""
    return matrix_power(input, n)


@composite(namespace="linalg", method="matrix_exp", out=False)
def matrix_exp(A):
    """The exponential of each matrix: `I + A + A @ A / 2 + ...`"""
    if A.dtype.reduced:
        return matrix_exp(A.float()).to(A.dtype)
    check_square("linalg.matrix_exp", A)
    return lang.matrix_exp(A)


alias(matrix_exp, "matrix_exp", method=False)


# ---- chains of products


@composite(namespace="linalg")
def multi_dot(tensors):
    """The product of several matrices in the order of least work; the first and the last may be vectors."""
    tensors = list(tensors)
    _check_chain(tensors)
    first, last = tensors[0], tensors[-1]
    if first.ndim == 1:
        tensors[0] = lang.reshape(first, (1, -1))
    if last.ndim == 1:
        tensors[-1] = lang.reshape(last, (-1, 1))
    sizes = tuple(t.shape[0] for t in tensors) + (tensors[-1].shape[1],)
    result = _chain(tensors, _order(sizes), 0, len(tensors) - 1)
    return lang.reshape(result, [n for n, t in ((sizes[0], first), (sizes[-1], last)) if t.ndim == 2])


def _check_chain(tensors):
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, t in enumerate(tensors):
        allowed = (1, 2) if i in (0, len(tensors) - 1) else (2,)
        if t.ndim not in allowed:
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be {' or '.join(f'{n}D' for n in allowed)} but got "
                f"{t.ndim}D (shape {list(t.shape)})"
            )
        if t.dtype is not tensors[0].dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must be the same dtype but got {tensors[0].dtype.name} for "
                f"tensor 0 and {t.dtype.name} for tensor {i}"
            )
    for i in range(len(tensors) - 1):
        a, b = tensors[i : i + 2]
        if a.shape[-1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} "
                "cannot be multiplied"
            )


@lru_cache(maxsize=256)
def _order(sizes):
    """For each part (i, j) of the chain, where to split it: the classic dynamic programme."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            cost[i, j], split[i, j] = min(options)
    return split


def _chain(tensors, split, i, j):
    if i == j:
        return tensors[i]
    k = split[i, j]
    return lang.matmul(_chain(tensors, split, i, k), _chain(tensors, split, k + 1, j))


@composite(method=False, out=False)
def chain_matmul(*matrices, out=None):
    """The older form of `linalg.multi_dot`."""
    if len(matrices) == 1 and not isinstance(matrices[0], (list, tuple)):
        return matrices[0]
    result = multi_dot(matrices)
    return result if out is None else out.copy_(result)


@composite(namespace="linalg", out=False)
def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """A view of a diagonal of each matrix."""
    return OPERATORS["diagonal"].call(A, offset, dim1, dim2)


# ---- products of vectors


@composite(namespace="linalg")
def vecdot(x, y, *, dim=-1):
    """The dot product (the first conjugated) along a dimension, for broadcast batches of vectors."""
    check = x * y  # broadcasts, or says what does not fit
    wrap_dim(dim, check.ndim)
    return lang.sum(lang.conj(x) * y if x.dtype.is_complex else check, dim)


@composite(namespace="linalg")
def cross(input, other, *, dim=-1):
    """The cross product of vectors with three elements along `dim`; other dimensions are broadcast."""
    return _cross("linalg.cross", input, other, dim)


@composite(name="cross")
def old_cross(input, other, dim=None):
    """The cross product along `dim`, or along the first dimension of size three."""
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(
                f"no dimension of size 3 in input of shape {list(input.shape)}: the cross product is of "
                "vectors with three elements"
            )
    return _cross("cross", input, other, dim)


def _cross(name, a, b, dim):
    if a.ndim != b.ndim:
        raise RuntimeError(
            f"{name}: inputs must have the same number of dimensions, but they have {a.ndim} and {b.ndim}"
        )
    dim = wrap_dim(dim, a.ndim)
    if a.shape[dim] != 3 or b.shape[dim] != 3:
        raise RuntimeError(
            f"{name}: inputs dimension {dim} must have length 3. Got {a.shape[dim]} and {b.shape[dim]} "
            f"(shapes {list(a.shape)} and {list(b.shape)})"
        )
    return turned(a, dim, 1) * turned(b, dim, 2) - turned(a, dim, 2) * turned(b, dim, 1)


def turned(x, dim, by):
    """The elements along `dim` shifted cyclically to the front."""
    lead = (slice(None),) * dim
    return lang.cat([lang.pick(x, (*lead, slice(by, None))), lang.pick(x, (*lead, slice(0, by)))], dim)


@composite(namespace="linalg")
def vander(x, *, N=None):
    """The powers 0 to N-1 of each element, as the columns of a matrix."""
    if x.ndim == 0:
        x = lang.reshape(x, (1,))
    if x.dtype.category < FLOATING:
        x = x.to(int64)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"N must be greater than 1, but linalg.vander got {count}")
    column = lang.reshape(x, (*x.shape, 1))
    powers = [lang.ones_like(column)]
    for _ in range(count - 1):
        powers.append(powers[-1] * column)
    return lang.cat(powers, -1)
