"""Special functions: the error function, gamma and Bessel functions, orthogonal polynomials."""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .ops import public as _public

_FUNCTIONS = _public("special")
globals().update(_FUNCTIONS)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the functions above


__all__ = list(_FUNCTIONS)
