"""Half precision on arrays: functions compute in float32, and round what they give once.

float16 and bfloat16 are for memory. numpy would round after each of its steps, and converts each element by a
call; generated kernels convert while they load and store. This is the meaning, for arrays without a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import elementwise

HALVES = frozenset("eE")  # numpy's letters of float16 and ml_dtypes' bfloat16
SINGLE = np.dtype(np.float32)


def is_half(x: Any) -> bool:
    """Is this an array of half precision?"""
    return type(x) is np.ndarray and x.dtype.char in HALVES


def computed_in(x: np.ndarray) -> np.dtype:
    """The type that the elements of an array are computed in."""
    return SINGLE if x.dtype.char in HALVES else x.dtype


def widened(x: Any) -> Any:
    """A half precision array in float32; anything else as it is."""
    return elementwise.cast.on_arrays(x, SINGLE) if is_half(x) else x  # type: ignore[attr-defined]


def narrowed(result: Any, dtype: np.dtype) -> Any:
    """A float32 array (or each in a tuple or list) rounded to `dtype`; anything else as it is."""
    if type(result) is tuple or type(result) is list:
        return type(result)([narrowed(part, dtype) for part in result])
    if getattr(result, "dtype", None) != SINGLE:
        return result
    return elementwise.cast.on_arrays(np.asarray(result), dtype)  # type: ignore[attr-defined]


def rounded(number: float, dtype: np.dtype) -> float:
    """The nearest number that half precision has."""
    return float(np.float32(number).astype(dtype))


def in_single(function: Callable[..., Any], rounds: bool = False) -> Callable[..., Any]:
    """The same function for half precision: on float32, and rounded to the type of its first such argument.

    With `rounds`, so are numbers among the arguments before that.
    """

    def run(*arguments: Any, **options: Any) -> Any:
        dtype = next((a.dtype for a in arguments if is_half(a)), None)
        if dtype is None:
            return function(*arguments, **options)
        wide = {id(a): widened(a) for a in arguments if is_half(a)}  # x * x is widened once
        seen = [wide.get(id(a), a) for a in arguments]
        if rounds:
            seen = [rounded(a, dtype) if type(a) in (int, float) else a for a in seen]
        result = function(*seen, **options)
        return narrowed(result, dtype)

    return run
