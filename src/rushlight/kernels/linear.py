"""Small linear layers: generated code for sizes where a general matrix product is mostly overhead.

`forward` and `backward` answer None when they do not apply, and numpy does the work then. Which way is taken
depends on types, sizes and layouts alone, so the same program gives the same bits every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import session, settings

MOST_PRODUCTS = 1 << 18  # multiplications up to which this is quicker than BLAS
MOST_WEIGHTS = 4096  # elements of the weight that fit the stack, transposed
BUILTINS = ("forward", "backward")
NAMES = {"f": "float32", "d": "float64"}
_pairs: dict[str, Any] = {}


def _load(char: str) -> Any:
    """The builtins for a type, or None where there are no kernels."""
    pair = None
    if char in NAMES and settings.kernel_mode != "off" and session.available():
        try:
            pair = _build(NAMES[char])
        except session.Unavailable as reason:
            settings.log(1, f"no kernels for linear layers: {reason}")
    _pairs[char] = pair
    return pair


def _build(dtype: str) -> Any:
    from . import objects
    from .llvm.linear import linear_ir

    return objects.for_arrays("linear", dtype, linear_ir, BUILTINS)


def forward(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None) -> np.ndarray | None:
    """`x @ w.T + bias`, or None."""
    char = x.dtype.char
    pair = _pairs[char] if char in _pairs else _load(char)
    return None if pair is None else pair[0](x, w, bias)


def backward(g: np.ndarray, x: np.ndarray, w: np.ndarray, needs: tuple) -> tuple | None:
    """The gradients of x, w and bias that `needs` asks for, or None."""
    char = g.dtype.char
    pair = _pairs[char] if char in _pairs else _load(char)
    return None if pair is None else pair[1](g, x, w, needs)


def forget() -> None:
    """Looks again for kernels at the next call: the kernel mode has changed."""
    _pairs.clear()


settings.when_changed.append(forget)
