"""Window functions: `rushlight.signal.windows.hann` and its like."""

from ..ops.operator import OPERATORS as _OPERATORS

_PREFIX = "signal.windows."
_FUNCTIONS = {
    path.removeprefix(_PREFIX): op.call for path, op in _OPERATORS.items() if path.startswith(_PREFIX)
}
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
