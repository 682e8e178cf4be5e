"""Linear algebra: `rushlight.linalg.solve`, `rushlight.linalg.svd` and their like."""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .lang.linear_algebra import LinAlgError
from .ops import public as _public

_FUNCTIONS = _public("linalg")
globals().update(_FUNCTIONS)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the functions above


__all__ = ["LinAlgError", *_FUNCTIONS]
