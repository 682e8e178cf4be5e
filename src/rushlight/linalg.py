"""Linear algebra: `rushlight.linalg.solve`, `rushlight.linalg.svd` and their like."""

from .lang.linear_algebra import LinAlgError
from .ops import public as _public

_FUNCTIONS = _public("linalg")
globals().update(_FUNCTIONS)

__all__ = ["LinAlgError", *_FUNCTIONS]
