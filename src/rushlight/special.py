"""Special functions: the error function, gamma and Bessel functions, orthogonal polynomials."""

from .ops import public as _public

_FUNCTIONS = _public("special")
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
