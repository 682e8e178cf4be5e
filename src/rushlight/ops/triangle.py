"""Triangles and diagonals of matrices."""

from __future__ import annotations

from .. import lang
from ..lang.index import triangle_indices
from ..tensor.core import wrap
from ..tensor.dtype import int32, int64
from .declare import composite, operator
from .memory import clone
from .pieces import diagonal
from .rules import wrap_dim


def check_matrix(name, x):
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, but it has {x.ndim}; unsqueeze a vector "
            "first"
        )


@operator(exact=True, inplace=True, learns="moves")
def tril(input: Array, diagonal=0):
    """The lower triangle of each matrix: elements on and below a diagonal; the others are zero."""
    check_matrix("tril", input)
    return lang.tril(input, diagonal)


@operator(exact=True, inplace=True, learns="moves")
def triu(input: Array, diagonal=0):
    """The upper triangle of each matrix: elements on and above a diagonal; the others are zero."""
    check_matrix("triu", input)
    return lang.triu(input, diagonal)


tril.gradient(input=lambda g, diagonal: lang.tril(g, diagonal))
triu.gradient(input=lambda g, diagonal: lang.triu(g, diagonal))


def indices_of_triangle(name, row, col, offset, dtype, device):
    if row < 0 or col < 0:
        raise RuntimeError(
            f"{name}: {'row' if row < 0 else 'col'} must be non-negative, got {row if row < 0 else col}"
        )
    dt = int64 if dtype is None else dtype
    if dt not in (int64, int32):
        raise RuntimeError(f'"{name}" not implemented for {dt.name}; indices are torch.int64 or torch.int32')
    result = wrap(triangle_indices(row, col, offset, name == "tril_indices", dt.np), dt)
    return result if device is None else result.to(device)


@composite(method=False, out=False)
def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False):
    """Where the elements of the lower triangle of a matrix are: row numbers, then column numbers."""
    return indices_of_triangle("tril_indices", row, col, offset, dtype, device)


@composite(method=False, out=False)
def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False):
    """Where the elements of the upper triangle of a matrix are: row numbers, then column numbers."""
    return indices_of_triangle("triu_indices", row, col, offset, dtype, device)


@operator(out=False, exact=True, learns="moves")
def diag_embed(input: Array, offset=0, dim1=-2, dim2=-1):
    """Matrices whose diagonal is the last dimension of `input`."""
    ndim = input.ndim + 1
    if not input.ndim:
        raise IndexError(
            "diag_embed: Dimension out of range: a diagonal needs one dimension, and the tensor has none"
        )
    d1, d2 = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}; give two different ones")
    n = input.shape[-1] + abs(offset)
    rest = list(input.shape[:-1])
    for d in sorted((d1, d2)):
        rest.insert(d, n)
    return lang.diagonal_place(input, tuple(rest), offset, d1, d2)


diag_embed.gradient(input=lambda g, offset, dim1, dim2: lang.diagonal(g, offset, dim1, dim2))


NODES = {1: "DiagEmbedBackward0", 2: "DiagonalBackward0_copy"}


@composite(node=lambda input, diagonal=0: NODES[input.ndim], learns="moves")
def diag(input, diagonal=0):
    """The matrix with a vector on its diagonal, or the diagonal of a matrix."""
    ndim = input._a.ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim == 2:
        return clone(diagonal_of(input, diagonal))
    raise RuntimeError(
        f"diag(): Supports 1D or 2D tensors. Got {ndim}D; for batches there are diagonal(dim1=-2, dim2=-1) "
        "and diag_embed"
    )


diagonal_of = diagonal


@composite(out=False)
def diagflat(input, offset=0):
    """The matrix with all elements of `input` on its diagonal."""
    return diag_embed(input.reshape(-1), offset)
