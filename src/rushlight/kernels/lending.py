"""The arrays of `runtime.memory`, made and given back by generated code."""

from __future__ import annotations

import ctypes
import mmap
import os
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import builtin, native, session, settings
from . import objects

LENT_FROM = 1 << 14  # bytes below which numpy's own memory is as good
PAGE_FLAGS = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)


class Lender(NamedTuple):
    """`empty(shape, dtype, item)`, what it is made of, and the numbers it keeps."""

    empty: Any
    trim: Any
    held: Any
    limit: Any
    code: native.loader.Code


@cache
def load() -> Lender:
    """The lender of this process; raises `Unavailable` where there can be none."""
    from .llvm import lending

    if not PAGE_FLAGS:
        raise session.Unavailable("memory is mapped in another way here")
    code = objects.load_code(
        "lending",
        lending.add_lending,
        slots={},
        constants={"numpy_empty": np.empty},
        numbers={
            "page_flags": PAGE_FLAGS,
            "huge_pages": getattr(mmap, "MADV_HUGEPAGE", 0),
            "lent_from": LENT_FROM,
            "limit": _limit(),
        },
    )
    word = ctypes.c_int64.from_address
    return Lender(
        builtin.fastcall(code.address["empty"], "empty", owner=code),
        code.function("trim", None, ctypes.c_int64),
        word(code.address["held"]),
        word(code.address["limit"]),
        code,
    )


def _limit() -> int:
    """RUSHLIGHT_MEMORY_CACHE in MB, else an eighth of the machine's memory, at most 1 GB."""
    megabytes = settings.integer("RUSHLIGHT_MEMORY_CACHE", -1)
    if megabytes >= 0:
        return megabytes << 20
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = 4 << 30
    return min(1 << 30, memory // 8)
