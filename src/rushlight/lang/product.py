"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import linear as _linear
from .dispatch import primitive


@primitive
def matmul(a: Any, b: Any) -> Any:
    """The product of the matrices in the last two axes; others are broadcast; vectors are rows or columns."""
    if (
        a.ndim == 2 and b.ndim == 2 and a.dtype.char in "fd"
    ):  # half the overhead of np.matmul for small matrices
        return np.dot(_for_blas(a), _for_blas(b))
    if a.ndim > 2 and b.ndim == 2 and a.flags.c_contiguous and a.size:
        return np.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return np.matmul(_for_blas(a), _for_blas(b))


def _for_blas(x: np.ndarray) -> np.ndarray:
    """A copy where neither rows nor columns of `x` are dense, since BLAS takes no such matrix."""
    if x.ndim < 2 or x.flags.forc:
        return x
    *_, down, across = x.strides
    return x if x.itemsize in (down, across) else np.ascontiguousarray(x)


@primitive
def adjoint(x: Any) -> Any:
    """The last two axes swapped, and complex values conjugated."""
    x = x.swapaxes(-1, -2)
    return np.conjugate(x) if x.dtype.kind == "c" else x


def small_linear(x: Any, weight: Any, bias: Any) -> Any:
    """`x @ weight.T + bias` by a kernel for small matrices; None where that does not apply."""
    return _linear.forward(x, weight, bias)


def small_linear_back(g: Any, x: Any, weight: Any, needs: tuple) -> Any:
    """The gradients of `small_linear`; None where its kernel does not apply, as on anything but arrays."""
    return _linear.backward(g, x, weight, needs) if type(g) is np.ndarray else None
