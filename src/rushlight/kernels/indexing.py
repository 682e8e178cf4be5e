"""Elements that indices name along an axis, by generated code that reads the arrays: see `llvm.indexing`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..runtime import session
from . import moving


@cache
def load(mode: str) -> Callable[..., Any]:
    """`take`, `put`, `add`, `mul`, `max` or `min`; `Unavailable` where there are no kernels.

    The builtin answers True, False for an index out of range, None for arrays of another kind.
    """
    from .llvm.indexing import indexing_ir

    number = np.dtype(np.int64).num
    write = lambda: indexing_ir(mode, session.host().vector_bytes, number)  # noqa: E731
    return moving.builtins(f"indexing_{mode}", (mode, number), write, (mode,))[0]
