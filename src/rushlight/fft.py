"""Discrete Fourier transforms: `rushlight.fft.fft`, `rushlight.fft.rfftn` and their like."""

from .ops.operator import OPERATORS as _OPERATORS

_FUNCTIONS = {
    path.removeprefix("fft."): op.call for path, op in _OPERATORS.items() if path.startswith("fft.")
}
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
