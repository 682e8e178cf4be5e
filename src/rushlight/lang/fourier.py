"""Fourier transforms.

`norm` says what is divided by the number of points: the inverse ("backward"), the transform ("forward"),
or both by the root of it ("ortho").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .dispatch import primitive


def _complex_like(x: np.ndarray) -> np.dtype:
    """The complex type for transforms of `x`; older numpy always computes in double precision."""
    return np.result_type(x.dtype, np.complex64)


@primitive
def fourier(x: Any, dims: Sequence[int], norm: str, inverse: bool) -> Any:
    """The transform along several axes, from complex to complex."""
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return transform(x, axes=tuple(dims), norm=norm).astype(_complex_like(x), copy=False)


@primitive
def fourier_real(x: Any, dim: int, norm: str) -> Any:
    """The half of the transform of real values that says everything."""
    return np.fft.rfft(x, axis=dim, norm=norm).astype(_complex_like(x), copy=False)


@primitive
def fourier_half(x: Any, n: int, dim: int, norm: str) -> Any:
    """The `n` real values whose transform has the half `x`."""
    return np.fft.irfft(x, n, axis=dim, norm=norm).astype(x.real.dtype, copy=False)


@primitive
def weigh_bins(x: Any, n: int, dim: int, factor: float) -> Any:
    """Half of the transform of `n` values, with all those bins multiplied that stand for two."""
    inner = (slice(None),) * (dim % x.ndim) + (slice(1, (n + 1) // 2),)
    x = x.copy()
    x[inner] *= factor
    return x


def bin_frequencies(numbers: Any, n: int, d: float, dtype: Any) -> np.ndarray:
    """The frequencies of bins with these numbers."""
    return (np.fromiter(numbers, np.float64) * (1 / (n * d))).astype(dtype)
