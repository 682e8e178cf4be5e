"""The order of the dimensions in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive
from .memory import row_major


@primitive
def laid_out(x: Any, order: Any) -> Any:
    """A copy of `x` whose dimensions lie in memory in `order`, outermost first; None is row-major."""
    if order is None:
        return row_major(x)
    return row_major(x.transpose(order)).transpose(np.argsort(order))
