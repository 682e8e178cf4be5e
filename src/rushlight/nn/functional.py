"""The functions that networks are made of: `rushlight.nn.functional.conv2d`, `relu`, `cross_entropy` and
their like.
"""

from ..ops.declare import INPLACE as _INPLACE
from ..ops.operator import OPERATORS as _OPERATORS

_PREFIX = "nn.functional."
_FUNCTIONS = {
    path.removeprefix(_PREFIX): op.call for path, op in _OPERATORS.items() if path.startswith(_PREFIX)
}
_FUNCTIONS.update(
    {path.removeprefix(_PREFIX): call for path, call in _INPLACE.items() if path.startswith(_PREFIX)}
)
_FUNCTIONS = {name: call for name, call in _FUNCTIONS.items() if not name.startswith("_")}
globals().update(_FUNCTIONS)

__all__ = list(_FUNCTIONS)
