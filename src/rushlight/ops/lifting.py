"""The array language on Tensors: how a gradient rule runs when it is itself to be differentiated."""

from __future__ import annotations

from typing import Any

from .. import lang
from ..tensor.core import Tensor
from .operator import OPERATORS

# primitives whose operator goes by another name; a private operator `_name` is that of the primitive `name`
NAMES = {
    "div": "true_divide",
    "copy": "clone",
    "cast": "_cast",
    "region": "_region",
    "region_put": "_region_put",
    "region_add": "_region_add",
}


def on_tensors(name: str, args: tuple, kwargs: dict) -> Any:
    """The operator that means the same as a primitive."""
    op = OPERATORS.get("_" + name) or OPERATORS.get(NAMES.get(name, name)) or OPERATORS["special." + name]
    return op.call(*args, **kwargs)


lang.handle(Tensor, on_tensors)
