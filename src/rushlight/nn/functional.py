"""The functions that networks are made of: `rushlight.nn.functional.conv2d`, `relu`, `cross_entropy` and
their like.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from ..ops import public as _public

_FUNCTIONS = _public("nn.functional")
globals().update(_FUNCTIONS)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the functions above


__all__ = list(_FUNCTIONS)
