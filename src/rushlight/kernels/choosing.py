"""The first few elements of rows in order, by generated code: see `llvm.choosing`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..runtime import session
from . import moving


@cache
def load() -> Callable[..., Any]:
    """`choose(values, places, x, largest)`; `Unavailable` where there are no kernels."""
    from .llvm.choosing import choosing_ir

    number = np.dtype(np.int64).num
    write = lambda: choosing_ir(session.host().vector_bytes, number)  # noqa: E731
    return moving.builtins("choosing", (number,), write, ("choose",))[0]
