"""Elements that a mask chooses, by generated code: see `llvm.masking`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, session
from . import moving

PART = 1 << 15  # elements of a mask that a thread takes at a time, at least
MOST_PARTS = 16
INT64 = np.dtype(np.int64)


class Masking(NamedTuple):
    """The builtins."""

    counts: Callable[..., Any]
    pick: Callable[..., Any]
    put: Callable[..., Any]
    find: Callable[..., Any]
    fill: Callable[..., Any]

    def starts(self, mask: np.ndarray) -> tuple[np.ndarray, int, int] | None:
        """Where the chosen elements of each part start, the number of parts and that of the elements."""
        parts = max(1, min(mask.size // PART, MOST_PARTS))
        table = np.zeros(parts + 1, INT64)
        if not self.counts(mask, table[1:], parts):
            return None
        if parts > 1:
            np.cumsum(table, out=table)
        return table, parts, int(table[-1])

    def picked(self, x: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
        """`x[mask]` for a mask of its shape; None where numpy is to do it."""
        found = self.starts(mask) if x.flags.c_contiguous else None
        if found is None:
            return None
        starts, parts, count = found
        out = memory.empty((count,), x.dtype)
        return out if self.pick(out, x, mask, starts, parts, x.itemsize) else None

    def placed(self, x: np.ndarray, values: np.ndarray, mask: np.ndarray) -> bool:
        """`x[mask] = values` for as many values or more; False where numpy is to do it."""
        found = self.starts(mask)
        return found is not None and bool(self.put(x, values, mask, *found[:2], x.itemsize))

    def nonzero(self, mask: np.ndarray) -> np.ndarray | None:
        """The indices of what is true in a vector or a matrix, a row each; None where numpy is to do it."""
        found = self.starts(mask) if 1 <= mask.ndim <= 2 else None
        if found is None:
            return None
        starts, parts, count = found
        if mask.ndim == 2 and mask.shape[1] == 1:
            return None
        out = memory.empty((count, mask.ndim), INT64)
        columns = mask.shape[1] if mask.ndim == 2 else 1
        return out if self.find(out, mask, starts, parts, columns) else None


@cache
def load() -> Masking:
    """The builtins; `Unavailable` where there are no kernels."""
    from .llvm.masking import masking_ir

    write = lambda: masking_ir(session.host().vector_bytes, INT64.num)  # noqa: E731
    return Masking(*moving.builtins("masking", (INT64.num,), write, Masking._fields))
