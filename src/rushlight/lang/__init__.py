"""The array language: the primitives that every operator's body and every gradient rule is written in.

On numpy arrays a primitive computes at once; see `dispatch` for what else it runs on. Each module here
declares its primitives with `@primitive`, and every primitive is a name of this package: `lang.exp`,
`lang.sort`, ...
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from . import elementwise, index, memory, movement, pieces, product, reduce, region
from .dispatch import HANDLERS, PRIMITIVES, elementwise_primitive, handle, primitive
from .movement import address, offset_of, root
from .product import (
    small_addmm,
    small_addmv,
    small_baddbmm,
    small_bmm,
    small_dot,
    small_linear,
    small_linear_back,
    small_matmul,
    small_mm,
    small_mv,
)

_NOT_PRIMITIVES = {"arrays", "halves", "symbol"}
_waiting = [True]

globals().update(PRIMITIVES)


def load_all() -> None:
    """Loads the primitives of all modules; those that are seldom needed wait until one of them is."""
    _waiting.clear()
    for name in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        if name not in _NOT_PRIMITIVES:
            importlib.import_module(f"{__name__}.{name}")
    globals().update(PRIMITIVES)


def __getattr__(name: str) -> Any:
    if _waiting and not name.startswith("__"):
        load_all()
        if name in globals():
            return globals()[name]
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
    "small_addmm",
    "small_addmv",
    "small_baddbmm",
    "small_bmm",
    "small_dot",
    "small_linear",
    "small_linear_back",
    "small_matmul",
    "small_mm",
    "small_mv",
]
