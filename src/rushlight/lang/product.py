"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import primitive


@primitive
def matmul(a: Any, b: Any) -> Any:
    """numpy's matrix product: the last two axes are matrices, the others are broadcast."""
    return np.matmul(a, b)
