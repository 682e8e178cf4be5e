"""Squared errors of large arrays by generated kernels, without the errors in memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .. import lang
from ..runtime import memory, settings
from .fused import Fusible, launch

ROW = 4096  # errors squared and added at a time


def takes(input: Any, target: Any) -> bool:
    """Are these large, and of one type and layout?"""
    return (
        input.size >= settings.kernels_from
        and input.size >= ROW
        and input.shape == target.shape
        and input.dtype is target.dtype
        and input.dtype.char in "fd"
        and input.flags.c_contiguous
        and target.flags.c_contiguous
        and _available()
    )


@lru_cache(maxsize=1)
def _available() -> bool:
    from .. import kernels

    return bool(kernels.available())


@lru_cache(maxsize=4)
def _sum_of_squares(dtype: str) -> Any:
    from .. import kernels

    gap = kernels.Node("sub", (kernels.input_node(0, dtype), kernels.input_node(1, dtype)), dtype)
    squares = kernels.Node("mul", (gap, gap), dtype)
    return kernels.rowwise(kernels.Node("sum", (squares,), dtype), name="squared_errors")


def squared_error(input: Any, target: Any) -> Any:
    """The sum of the squares of input - target."""
    rows, rest = divmod(input.size, ROW)
    x, t = input.reshape(-1), target.reshape(-1)
    sums = memory.empty((rows, 1), input.dtype)
    whole = rows * ROW
    _sum_of_squares(input.dtype.name)(sums, x[:whole].reshape(rows, ROW), t[:whole].reshape(rows, ROW))
    total = lang.sum(sums)
    return total + lang.sum_of_squares(x[whole:] - t[whole:]) if rest else total


_gap = Fusible(lambda input, target, factor: (input - target) * factor, "scaled_gap")


def scaled_gap(input: Any, target: Any, factor: float) -> Any:
    """(input - target) * factor, or None if there is no kernel for it."""
    kernel = _gap.large.get(input.dtype, 0)
    if type(kernel) is int:
        kernel = _gap.find(_gap.large, input.dtype, kernel, (input, target, factor), None)
    return None if kernel is None else launch(kernel, input.dtype, input, target, factor)
