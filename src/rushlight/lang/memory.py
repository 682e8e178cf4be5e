"""Copies and fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def copy(x: Any) -> Any:
    """The same values in memory of their own."""
    return x.copy(order="C" if 0 in x.strides else "K")


@primitive
def contiguous(x: Any) -> Any:
    """The same values in row-major memory of their own."""
    return x.copy(order="C")


@primitive
def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`."""
    return np.zeros(x.shape, x.dtype)


@primitive
def ones_like(x: Any) -> Any:
    """Ones of the shape and dtype of `x`."""
    return np.ones(x.shape, x.dtype)


@primitive
def full_like(x: Any, value: Any) -> Any:
    """`value` everywhere, in the shape and dtype of `x`."""
    return np.full(x.shape, value, x.dtype)
