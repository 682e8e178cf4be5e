"""Matrix products of half precision, which are summed in float32, and of integers, which wrap round."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import half_products as _kernels
from ..kernels.half_products import product
from .halves import HALVES, narrowed, widened

FROM = 512  # multiplications of integers from which on a kernel is quicker than numpy's loops


def dense(x: np.ndarray) -> np.ndarray:
    """A copy where neither rows nor columns of `x` are dense, since no product takes such a matrix."""
    if x.ndim < 2 or x.flags.forc:
        return x
    *_, down, across = x.strides
    return x if x.itemsize in (down, across) else np.ascontiguousarray(x)


def times(a: np.ndarray, b: np.ndarray, start: np.ndarray | None = None) -> Any:
    """`start + a @ b`, with vectors as rows or columns; half precision is rounded once, at the end."""
    in_half = a.dtype.char in HALVES
    if in_half or (a.dtype.char in _kernels.NAMES and a.size * b.shape[-1] >= FROM):
        made = _by_kernel(a, b, start if in_half else None)
        if made is not None:
            return made if in_half or start is None else made + start
    if not in_half:
        return np.matmul(dense(a), dense(b)) if start is None else np.matmul(dense(a), dense(b)) + start
    result = np.matmul(widened(a), widened(b))
    return narrowed(result if start is None else result + widened(start), a.dtype)


def _by_kernel(a: np.ndarray, b: np.ndarray, start: np.ndarray | None) -> np.ndarray | None:
    """The product of anything with one axis at least, or None where numpy is to do it."""
    if not a.ndim or not b.ndim or a.dtype != b.dtype:
        return None
    if start is not None and (not start.ndim or start.shape[-1] != b.shape[-1] or start.dtype != a.dtype):
        return None
    left, right = (a[None] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
    begin = None if start is None else np.ascontiguousarray(start)
    made = product(dense(left), dense(right), begin)
    if made is None:
        return None
    if b.ndim == 1:
        made = made[..., 0]
    return made[..., 0] if a.ndim == 1 and b.ndim == 1 else made[..., 0, :] if a.ndim == 1 else made


def added(input: np.ndarray, a: np.ndarray, b: np.ndarray, beta: float, alpha: float) -> Any:
    """`beta * input + alpha * (a @ b)` of half precision, rounded once; None for what does not fit."""
    if a.dtype.char not in HALVES or a.shape[-1] != b.shape[-2]:
        return None
    try:
        start = np.broadcast_to(input, (*input.shape[:-1], b.shape[-1]))
        if np.broadcast_shapes(start.shape, (*a.shape[:-1], b.shape[-1])) != (*a.shape[:-1], b.shape[-1]):
            return None
    except ValueError:
        return None
    if alpha == 1 and beta in (0, 1):
        return times(a, b, start if beta else None)
    result = np.multiply(np.matmul(widened(a), widened(b)), np.float32(alpha))
    return narrowed(result + widened(input) * np.float32(beta) if beta else result, a.dtype)
