"""Small linear layers: generated code for sizes where a general matrix product is mostly overhead.

`forward` and `backward` answer None when they do not apply, and numpy does the work then. Which way is taken
depends on types, sizes and layouts alone, so the same program gives the same bits every time.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..runtime import builtin, native, session, settings

MOST_PRODUCTS = 1 << 18  # multiplications up to which this is quicker than BLAS
MOST_WEIGHTS = 4096  # elements of the weight that fit the stack, transposed
SOURCES = (
    "rushlight.runtime.ir",
    "rushlight.kernels.linear",
    "rushlight.kernels.llvm.linear",
    "rushlight.kernels.llvm.lowering",
)
NAMES = {"f": "float32", "d": "float64"}
_pairs: dict[str, Any] = {}
_empty = np.empty


def _load(char: str) -> Any:
    """The two builtins for a type, or None where there are no kernels."""
    pair = None
    if char in NAMES and settings.kernel_mode != "off" and session.available():
        try:
            pair = _build(NAMES[char])
        except session.Unavailable as reason:
            settings.log(1, f"no kernels for linear layers: {reason}")
    _pairs[char] = pair
    return pair


def _build(dtype: str) -> Any:
    from .llvm import frame
    from .llvm.linear import linear_ir

    frame.check_layouts()
    vector_bytes = session.host().vector_bytes
    code = native.module(
        f"linear_{dtype}", (dtype, vector_bytes), lambda: linear_ir(dtype, vector_bytes), sources=SOURCES
    )
    ctypes.c_uint64.from_address(code.address["ndarray_type"]).value = id(np.ndarray)
    ctypes.c_uint64.from_address(code.address["none"]).value = id(None)
    return tuple(
        builtin.fastcall(code.address[name], f"linear_{name}", owner=code) for name in ("forward", "backward")
    )


def forward(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None) -> np.ndarray | None:
    """`x @ w.T + bias`, or None."""
    columns = len(w)
    if x.size * columns > MOST_PRODUCTS or w.size > MOST_WEIGHTS or x.ndim != 2:
        return None
    char = x.dtype.char
    pair = _pairs[char] if char in _pairs else _load(char)
    if pair is None:
        return None
    return pair[0](_empty((len(x), columns), x.dtype), x, w, bias)


def backward(g: np.ndarray, x: np.ndarray, w: np.ndarray, needs: tuple) -> tuple | None:
    """The gradients of x, w and bias that `needs` asks for, or None."""
    if g.size * w.shape[-1] > MOST_PRODUCTS or g.ndim != 2 or w.size > MOST_WEIGHTS:
        return None
    char = g.dtype.char
    pair = _pairs[char] if char in _pairs else _load(char)
    if pair is None:
        return None
    dtype = g.dtype
    gx = _empty(x.shape, dtype) if needs[0] else None
    gw = _empty(w.shape, dtype) if needs[1] else None
    gb = _empty((g.shape[1],), dtype) if needs[2] else None
    return None if pair[1](gx, gw, gb, g, x, w) is None else (gx, gw, gb)


def forget() -> None:
    """Looks again for kernels at the next call: the kernel mode has changed."""
    _pairs.clear()


settings.when_changed.append(forget)
