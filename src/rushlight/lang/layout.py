"""The order of the dimensions in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def laid_out(x: Any, order: Any) -> Any:
    """A copy of `x` whose dimensions lie in memory in `order`, outermost first; None is row-major."""
    if order is None:
        return x.copy(order="C")
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
