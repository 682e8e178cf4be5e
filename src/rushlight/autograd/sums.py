"""Sums of gradients that meet: large ones by the kernel of addition, which threads share."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..runtime import settings

_plus: Any = None  # made when it is first needed: operators are loaded after this


def added(a: Any, b: Any, out: Any = None) -> Any:
    """`a + b`, in new memory or in `out`."""
    if type(a) is type(b) is np.ndarray and a.size >= settings.kernels_from and _alike(a, b):
        return _by_kernel(a, b, out)
    return np.asarray(a + b) if out is None else np.add(a, b, out=out)


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype is b.dtype and a.dtype.char in "fd"


def _by_kernel(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    from ..ops.fused import Fusible, launch

    global _plus
    if _plus is None:
        _plus = Fusible(operator.add, "add")
    key = a.dtype.num
    kernel = _plus.large.get(key, 0)
    if type(kernel) is int:
        kernel = _plus.find(_plus.large, key, kernel, (a, b), None)
    if kernel is None:
        return np.add(a, b, out=out)
    return launch(kernel, a.dtype, a, b) if out is None else kernel(out, a, b)
