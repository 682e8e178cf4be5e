"""Triangles and diagonals of matrices, and the factorisations that solve equations with them."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from .dispatch import primitive


@primitive
def matrix_diagonal(x: Any) -> Any:
    """The main diagonal of each matrix."""
    return np.diagonal(x, axis1=-2, axis2=-1)


@primitive
def spread_diagonal(v: Any, shape: Sequence[int]) -> Any:
    """Zeros of `shape` with `v` on the main diagonal of each matrix."""
    x = np.zeros(tuple(shape), v.dtype)
    np.einsum("...ii->...i", x[..., : v.shape[-1], : v.shape[-1]])[...] = v
    return x


@primitive
def lower_triangle(x: Any, diagonal: int = 0) -> Any:
    """Each matrix with zeros above its `diagonal`-th diagonal."""
    return np.tril(x, diagonal)


@primitive
def upper_triangle(x: Any, diagonal: int = 0) -> Any:
    """Each matrix with zeros below its `diagonal`-th diagonal."""
    return np.triu(x, diagonal)
