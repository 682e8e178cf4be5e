"""The array language: the primitives that every operator's body and every gradient rule is written in.

On numpy arrays a primitive computes at once; see `dispatch` for what else it runs on. Each module here
declares its primitives with `@primitive`, and every primitive is a name of this package: `lang.exp`,
`lang.sort`, ...
"""

import importlib
import pkgutil
from typing import Any

from .dispatch import HANDLERS, PRIMITIVES, elementwise_primitive, handle, primitive
from .movement import address, offset_of, root

_LAZY = {"arrays", "symbol"}  # not primitives

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _LAZY):
    importlib.import_module(f"{__name__}.{_module}")

globals().update(PRIMITIVES)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"the array language has no primitive '{name}'; declare it in a module of rushlight/lang"
    )


__all__ = [
    "HANDLERS",
    "PRIMITIVES",
    "address",
    "elementwise_primitive",
    "handle",
    "offset_of",
    "primitive",
    "root",
]
