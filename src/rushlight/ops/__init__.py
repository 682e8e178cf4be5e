"""Every operator, each declared once, in the module of its subject.

`OPERATORS` has them by their public path: `OPERATORS["nn.functional.relu"].call` is the function. The modules
in FIRST are loaded at once; the others when a name is asked for that none of those has.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from .declare import INPLACE
from .operator import OPERATORS

FIRST = [
    "activation",
    "arithmetic",
    "bitwise",
    "brackets",
    "comparison",
    "constants",
    "conversion",
    "copies",
    "division",
    "exponential",
    "extremes",
    "getitem",
    "in_place",
    "join",
    "lifting",
    "memory",
    "movement",
    "pieces",
    "product",
    "reduction",
    "region",
    "rounding",
    "sampling",
    "select",
    "selection",
    "softmax",
    "transposes",
    "trigonometric",
    "types",
    "viewing",
]
_waiting = [True]


def load_all() -> bool:
    """Declares the operators that were waiting to be used; was there anything to load?"""
    if not _waiting:
        return False
    _waiting.clear()
    try:
        for name in sorted(m.name for m in pkgutil.iter_modules(__path__)):
            importlib.import_module(f"{__name__}.{name}")
    except BaseException:
        _waiting.append(True)  # so that the next use says what is wrong, too
        raise
    return True


def public(namespace: str) -> dict[str, Callable[..., Any]]:
    """The functions of a namespace such as "linalg" ("" for the root), in-place forms included."""
    load_all()
    prefix = f"{namespace}." if namespace else ""
    found = {path.removeprefix(prefix): op.call for path, op in OPERATORS.items() if path.startswith(prefix)}
    if namespace:
        found.update({path.removeprefix(prefix): f for path, f in INPLACE.items() if path.startswith(prefix)})
    return {name: f for name, f in found.items() if not name.startswith("_") and "." not in name}


for _name in FIRST:
    importlib.import_module(f"{__name__}.{_name}")

from . import python  # noqa: E402  (when the operators it needs are declared)

python.attach()

__all__ = ["OPERATORS", "load_all", "public"]
