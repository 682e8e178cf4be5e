"""Sparse matrices in coordinates, for programs on graphs: made, multiplied with dense ones, summed."""

from __future__ import annotations

from typing import Any

from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES
from .coo import SparseTensor, sparse_coo_tensor
from .products import product
from .refused import (  # type: ignore[attr-defined]
    sparse_bsc_tensor,
    sparse_bsr_tensor,
    sparse_compressed_tensor,
    sparse_csc_tensor,
    sparse_csr_tensor,
)


def mm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, one of which may be sparse."""
    if not isinstance(mat1, SparseTensor) and not isinstance(mat2, SparseTensor):
        return mat1 @ mat2  # type: ignore[operator]
    return product(mat1, mat2)


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """`beta * mat + alpha * (mat1 @ mat2)`, where mat1 may be sparse."""
    return mat * beta + mm(mat1, mat2) * alpha  # type: ignore[operator]


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum of a sparse tensor: of all elements, or over dimensions, which gives a sparse one."""
    input = input if dtype is None else input.to(dtype)  # type: ignore[attr-defined]
    return input.sum() if dim is None else input.sum(dim)  # type: ignore[attr-defined]


def _legacy(name: str, dtype: Any) -> Any:
    def make(indices: Any, values: Any, size: Any = None) -> SparseTensor:
        return sparse_coo_tensor(indices, values, size, dtype=dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A sparse tensor of {dtype}, as old programs make it."
    return make


FloatTensor, DoubleTensor = (
    _legacy("FloatTensor", DTYPES["float32"]),
    _legacy("DoubleTensor", DTYPES["float64"]),
)
LongTensor, IntTensor = _legacy("LongTensor", DTYPES["int64"]), _legacy("IntTensor", DTYPES["int32"])

__all__ = [
    "DoubleTensor",
    "FloatTensor",
    "IntTensor",
    "LongTensor",
    "addmm",
    "mm",
    "sparse_bsc_tensor",
    "sparse_bsr_tensor",
    "sparse_compressed_tensor",
    "sparse_coo_tensor",
    "sparse_csc_tensor",
    "sparse_csr_tensor",
    "sum",
]
