"""Calls of kernels as RUSHLIGHT_DEBUG=4 shows them: which one, with which arrays, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import settings

LEVEL = 4
names: dict[int, str] = {}  # of modules, by the addresses of their functions


def watched(call: Callable[..., Any], name: str = "") -> Callable[..., Any]:
    """`call`, which tells of itself from that level on; without a name, its first argument is an address."""
    if settings.debug_level < LEVEL:
        return call

    def run(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = call(*arguments)
        took = 1e6 * (time.perf_counter() - began)
        shown = name or names.get(arguments[0], "kernel")
        arrays = ", ".join(f"{a.dtype}{list(a.shape)}" for a in arguments if hasattr(a, "shape"))
        settings.log(LEVEL, f"{shown}({arrays}) in {took:.1f} us")
        return result

    run.__self__ = getattr(call, "__self__", None)  # type: ignore[attr-defined]
    return run
