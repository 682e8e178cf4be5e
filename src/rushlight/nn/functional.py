"""The functions that networks are made of: `rushlight.nn.functional.conv2d`, `relu`, `cross_entropy` and
their like.
"""

from ..ops import public as _public

_FUNCTIONS = _public("nn.functional")
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
