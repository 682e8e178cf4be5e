"""Rows in order, by generated code: see `llvm.sorting`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import memory, pool, session
from . import moving, policy
from .llvm import sorting as generator
from .llvm.order_keys import ranked_most

WIDE = 8  # bytes of an element whose key does not lie beside its place in 64 bits
INT64 = np.dtype(np.int64)
_none = np.empty(0, np.uint8)


class Sorting(NamedTuple):
    """The builtin, and the rows that need no scratch: of elements of up to 4 bytes, and of more."""

    sort: Callable[..., Any]
    short: tuple[int, int]

    def rows(
        self, x: np.ndarray, descending: bool, with_values: bool = True
    ) -> tuple[Any, np.ndarray] | None:
        """The elements of row-major rows in order (if wanted), and where they were; None: numpy does it."""
        values = memory.empty(x.shape, x.dtype) if with_values else None
        places = memory.empty(x.shape, INT64)
        if not x.size:
            return values, places
        threads = pool.get_num_threads() if x.size >= policy.SORT_PARALLEL_FROM else 1
        length, wide = x.shape[-1], x.itemsize == WIDE
        rows = x.size // length
        within = rows < threads * policy.SORT_ROWS and length >= policy.SORT_PARALLEL_FROM
        parts = threads if within else min(rows, threads)
        if length <= self.short[wide]:
            done = self.sort(values, places, x, _none, int(descending), parts, 0)
            return (values, places) if done else None
        scratch = memory.scratch(generator.scratch_bytes(length, wide, parts, within))
        done = self.sort(values, places, x, scratch, int(descending), parts, int(within))
        memory.end_scratch(scratch)
        return (values, places) if done else None


@cache
def load() -> Sorting:
    """The kernel; `Unavailable` where there are none."""
    vector_bytes = session.host().vector_bytes
    write = lambda: generator.sorting_ir(vector_bytes, INT64.num)  # noqa: E731
    sort = moving.builtins("sorting", (INT64.num,), write, ("sort",))[0]
    return Sorting(sort, (ranked_most(4, vector_bytes), ranked_most(8, vector_bytes)))
