"""Discrete Fourier transforms: `rushlight.fft.fft`, `rushlight.fft.rfftn` and their like."""

from .ops import public as _public

_FUNCTIONS = _public("fft")
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
