"""Where numbers belong in ascending rows, by generated code: see `llvm.searching`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from . import moving


@cache
def load() -> Callable[..., Any]:
    """`search(out, rows, values, right)`; `Unavailable` where there are no kernels."""
    from .llvm.searching import searching_ir

    number = np.dtype(np.int64).num
    return moving.builtins("searching", (number,), lambda: searching_ir(number), ("search",))[0]
