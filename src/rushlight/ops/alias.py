"""Other names of an operator: `alias(asin, "arcsin", "special.arcsin")`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.core import Tensor
from .declare import INPLACE
from .operator import OPERATORS


def alias(call: Callable[..., Any], *paths: str, method: bool = True) -> None:
    """Gives an operator further names, with its methods; in a namespace, the function only."""
    operator = call.operator  # type: ignore[attr-defined]
    for path in paths:
        OPERATORS[path] = operator
        if "." in path or not method:
            continue
        for suffix in ("", "_"):
            form = Tensor.__dict__.get(operator.name + suffix)
            if form is not None:
                setattr(Tensor, path + suffix, form)
        if operator.name + "_" in INPLACE:
            INPLACE[path + "_"] = INPLACE[operator.name + "_"]
