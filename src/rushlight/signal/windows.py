"""Window functions: `rushlight.signal.windows.hann` and its like."""

from ..ops import public as _public

_FUNCTIONS = _public("signal.windows")
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
