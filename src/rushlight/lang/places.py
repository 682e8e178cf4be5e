"""Where the first extreme of each of many short rows is, by a kernel: numpy calls a function for each row."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..runtime import settings
from .along import Along
from .dispatch import PRIMITIVES as P

SHORT = 64  # elements of a row, beyond which numpy's vectors make up for its calls
LARGE = 8  # times the elements of other kernels, where two passes pay
TYPES = "fdil"


def _places(extreme: str) -> Along:
    def formula(axes: Any, x: Any, numbers: Any) -> Any:
        best = P[extreme](x, axes, True)
        is_best = P["logical_or"](P["eq"](x, best), P["ne"](x, x))  # the first NaN, if there is one
        return P["amin"](P["where"](is_best, numbers, SHORT), axes, True)

    return Along(formula, f"place_of_{extreme}")


_formulas = {name: _places(name) for name in ("amax", "amin")}


@cache
def _numbers(length: int, char: str) -> np.ndarray:
    return np.arange(length).astype(char)


def in_short_rows(extreme: str, x: np.ndarray, axis: int | None, keepdims: bool) -> np.ndarray | None:
    """Where the first extreme along the last axis is, or None where numpy is to do the work."""
    if axis is None or axis % x.ndim != x.ndim - 1 or x.size < LARGE * settings.kernels_from:
        return None
    length = x.shape[-1]
    if not 1 < length <= SHORT or x.dtype.char not in TYPES or not x.flags.c_contiguous:
        return None
    numbers = _numbers(length, x.dtype.char).reshape((1,) * (x.ndim - 1) + (length,))
    made = _formulas[extreme].by_kernel((x.ndim - 1,), x, numbers)
    if made is None:
        return None
    return made.astype(np.int64).reshape((*x.shape[:-1], 1) if keepdims else x.shape[:-1])
