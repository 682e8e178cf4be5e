"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import linear as _linear
from ..kernels import matmul as _kernels
from ..kernels import small_products as _small
from ..kernels.policy import PRODUCT_FROM
from . import few_bits
from .dispatch import primitive
from .few_bits import dense

OF_MANY_BITS = frozenset("fdFD")


@primitive
def matmul(a: Any, b: Any) -> Any:
    """The product of the matrices in the last two axes; others are broadcast; vectors are rows or columns."""
    if a.dtype.char not in OF_MANY_BITS:
        return few_bits.times(a, b)
    made = _small.times(a, b)
    if made is not None:
        return made
    if a.ndim == 2 and b.ndim == 2 and a.dtype.char in "fd":
        a, b = dense(a), dense(b)
        if a.size * b.shape[1] >= PRODUCT_FROM:
            made = _kernels.product(a, b)
        return np.dot(a, b) if made is None else made  # half the overhead of np.matmul for small matrices
    if a.ndim < 2 or b.ndim < 2:
        return np.matmul(dense(a), dense(b))
    a, b = dense(a), dense(b)
    made = _kernels.product(a, b)
    if made is not None:
        return made
    if b.ndim == 2 and a.flags.c_contiguous and a.size:
        return np.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return np.matmul(a, b)


@primitive
def matmul_from(start: Any, a: Any, b: Any) -> Any:
    """`start + matmul(a, b)` in one pass where there is a kernel; `start` is broadcast to the product."""
    made = None
    if a.dtype.char not in OF_MANY_BITS:
        return few_bits.times(a, b, start)
    if min(a.ndim, b.ndim) > 1 and a.size * b.shape[-1] >= PRODUCT_FROM and start.shape[-1:] == b.shape[-1:]:
        made = _kernels.product(dense(a), dense(b), np.ascontiguousarray(start))
    return matmul.on_arrays(a, b) + start if made is None else made  # type: ignore[attr-defined]


@primitive
def matmul_of_bytes(a: Any, b: Any) -> Any:
    """The product of two matrices of int8, in int32."""
    made = few_bits.product(dense(a), dense(b), None, "int32")
    return np.matmul(a.astype(np.int32), b.astype(np.int32)) if made is None else made


@primitive
def matmul_added(input: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
    """`beta * input + alpha * matmul(a, b)` by one kernel, or None; a beta of zero leaves `input` out."""
    if a.dtype.char not in OF_MANY_BITS:
        return few_bits.added(input, a, b, beta, alpha)
    if a.shape[-1] != b.shape[-2] or input.shape[-1:] != b.shape[-1:] or a.size * b.shape[-1] < PRODUCT_FROM:
        return None
    shape = *a.shape[:-1], b.shape[-1]
    if input.ndim > len(shape) or any(m not in (1, n) for m, n in zip(input.shape[::-1], shape[::-1])):
        return None
    a, b, input = dense(a), dense(b), np.ascontiguousarray(input)
    if alpha == 1 and beta in (0, 1):
        return _kernels.product(a, b, input if beta else None)
    epilogue = _kernels.added(input, float(beta), float(alpha))
    return epilogue and _kernels.product(a, b, None, epilogue)


@primitive
def adjoint(x: Any) -> Any:
    """The last two axes swapped, and complex values conjugated."""
    x = x.swapaxes(-1, -2)
    return np.conjugate(x) if x.dtype.kind == "c" else x


# `x @ weight.T + bias` and its gradients by a kernel for small matrices; None where that does not apply
small_linear = _linear.forward
small_linear_back = _linear.backward
# products of two arrays in the same way
small_matmul, small_mm, small_bmm, small_mv, small_dot = (
    getattr(_small, name) for name in ("times", "mm", "bmm", "mv", "dot")
)
small_addmm, small_baddbmm, small_addmv = _small.addmm, _small.baddbmm, _small.addmv
