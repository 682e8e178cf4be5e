"""What operators do with sparse tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops import OPERATORS
from ..tensor.core import Tensor
from ..tensor.factories import zeros
from .coo import SparseTensor, make


def product(a: Any, b: Any) -> Tensor:
    """The product of matrices, one of which is sparse; a vector on the right is a column."""
    if not isinstance(a, SparseTensor):
        return product(turned(b, 0, 1), a.mT).mT
    if isinstance(b, SparseTensor):
        return product(a, b.to_dense()).to_sparse()  # type: ignore[attr-defined]
    if a.ndim != 2 or a.dense_dim() or b.ndim not in (1, 2) or a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied: a sparse matrix {tuple(a.shape)} and "
            f"{tuple(b.shape)}"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected mat1 and mat2 to have the same dtype, but got: {a.dtype} != {b.dtype}")
    rows, columns = a._at[0], a._at[1]
    weights = a._held if b.ndim == 1 else a._held.unsqueeze(1)
    total = zeros(a.shape[0], *b.shape[1:], dtype=b.dtype)
    return total.index_add(0, rows, b.index_select(0, columns) * weights)


def turned(x: SparseTensor, dim0: int, dim1: int) -> SparseTensor:
    """Two sparse dimensions in each other's place."""
    order, size = list(range(x.ndim)), list(x.shape)
    for group in (order, size):
        group[dim0], group[dim1] = group[dim1], group[dim0]
    if x.dense_dim() and order[x.sparse_dim() :] != list(range(x.sparse_dim(), x.ndim)):
        raise NotImplementedError("transpose: dense dimensions of a sparse tensor stay where they are")
    return make(x._at[order[: x.sparse_dim()]], x._held, size, False)


def _scaled(operation: str) -> Callable[..., Any]:
    """`x * number`, `x / number`: of the values alone."""

    def call(x: Any, y: Any, *rest: Any) -> SparseTensor:
        if isinstance(y, SparseTensor) and operation == "mul" and not isinstance(x, SparseTensor):
            x, y = y, x
        number = not isinstance(y, Tensor) or (not isinstance(y, SparseTensor) and y.ndim == 0)
        if isinstance(x, SparseTensor) and number:
            return x.like(OPERATORS[operation].call(x._held, y, *rest))
        if isinstance(x, SparseTensor) and not isinstance(y, SparseTensor) and operation == "mul":
            x = x.coalesce()
            return x.like(x._held * y.expand(x.shape)[tuple(x._at)])
        raise NotImplementedError(f"{operation}: two sparse tensors; make one dense first: x.to_dense()")

    return call


def _sum_of_two(x: Any, y: Any, alpha: Any = 1) -> Tensor:
    """Sparse and sparse give sparse; with a dense one, the sum is dense."""
    if isinstance(x, SparseTensor) and isinstance(y, SparseTensor):
        if x.shape != y.shape:
            raise RuntimeError(f"add: the sizes of sparse tensors differ: {tuple(x.shape)}, {tuple(y.shape)}")
        cat = OPERATORS["cat"].call
        return make(cat([x._at, y._at], 1), cat([x._held, y._held * alpha]), x.shape, False).coalesce()
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        raise NotImplementedError("add: a number and a sparse tensor give a dense one; use x.to_dense()")
    x, y = (t.to_dense() if isinstance(t, SparseTensor) else t for t in (x, y))  # type: ignore[attr-defined]
    return x + y * alpha


def _total(x: SparseTensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    if dim is None or dim == ():
        return x._held.sum(dtype=dtype)
    dims = {d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
    if keepdim or x.dense_dim():
        raise NotImplementedError("sum: over whole dimensions of a sparse tensor without dense ones only")
    left = [d for d in range(x.ndim) if d not in dims]
    if not left:
        return x._held.sum(dtype=dtype)
    values = x._held if dtype is None else x._held.to(dtype)
    return make(x._at[left], values, [x.shape[d] for d in left], False).coalesce()


def _each(operation: str) -> Callable[..., Any]:
    """A function that leaves zero zero: of the values alone."""

    def call(x: SparseTensor, *rest: Any) -> SparseTensor:
        x = x.coalesce()
        return x.like(OPERATORS[operation].call(x._held, *rest))

    return call


OPERATIONS: dict[str, Callable[..., Any]] = {
    "mm": product,
    "mv": product,
    "matmul": product,
    "transpose": turned,
    "t": lambda x: turned(x, 0, 1) if x.ndim == 2 else x,
    "mul": _scaled("mul"),
    "true_divide": _scaled("true_divide"),
    "add": _sum_of_two,
    "sub": lambda x, y, alpha=1: _sum_of_two(x, y, -alpha),
    "sum": _total,
    **{name: _each(name) for name in ("neg", "abs", "sqrt", "sin", "tanh", "nn.functional.relu", "pow")},
}
