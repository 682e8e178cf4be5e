"""Linear algebra: `rushlight.linalg.solve`, `rushlight.linalg.svd` and their like."""

from .lang.linear_algebra import LinAlgError
from .ops.operator import OPERATORS as _OPERATORS

_FUNCTIONS = {
    path.removeprefix("linalg."): op.call for path, op in _OPERATORS.items() if path.startswith("linalg.")
}
globals().update(_FUNCTIONS)

__all__ = ["LinAlgError", *_FUNCTIONS]
