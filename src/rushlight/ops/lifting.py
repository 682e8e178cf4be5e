"""The array language on Tensors: how a gradient rule runs when it is itself to be differentiated."""

from __future__ import annotations

from typing import Any

from .. import lang
from ..tensor.core import Tensor
from . import load_all
from .operator import OPERATORS

# primitives whose operator goes by another name; a private operator `_name` is that of the primitive `name`
NAMES = {
    "div": "true_divide",
    "copy": "clone",
    "cast": "_cast",
    "normal_below": "special.ndtr",
    "region": "_region",
    "region_put": "_region_put",
    "region_add": "_region_add",
}


_found: dict[str, Any] = {}


def on_tensors(name: str, args: tuple, kwargs: dict) -> Any:
    """The operator that means the same as a primitive."""
    found = _found.get(name) or _find(name) or (load_all() and _find(name))
    if not found:
        raise NotImplementedError(
            f"the primitive '{name}' has no operator, so this gradient cannot be differentiated again"
        )
    _found[name] = found
    return found.lenient(*args, **kwargs)


def _find(name: str) -> Any:
    return (
        OPERATORS.get("_" + name) or OPERATORS.get(NAMES.get(name, name)) or OPERATORS.get("special." + name)
    )


lang.handle(Tensor, on_tensors)
