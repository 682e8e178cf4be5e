"""Copies and joins of arrays by generated code that reads the arrays itself: see `llvm.moving`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import builtin, native, pool, session, watch
from .llvm import frame

SOURCES = tuple(
    f"rushlight.{name}"
    for name in (
        "runtime.ir",
        *(f"kernels.llvm.{part}" for part in ("frame", "dispatch", "objects", "moving")),
    )
)


class Moves(NamedTuple):
    """The builtins."""

    copy: Callable[..., Any]
    extent: Callable[..., Any]
    join: Callable[..., Any]
    triangle: Callable[..., Any]


@cache
def load() -> Moves:
    """The builtins; `Unavailable` where there are no kernels."""
    from .llvm.moving import moving_ir

    if not (answer := session.available()):
        raise session.Unavailable(answer.reason)
    frame.check_layouts()
    width = session.host().vector_bytes
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    code = native.module("moving", (width,), lambda: moving_ir(width), sources=SOURCES, symbols=symbols)
    for constant, thing in (("ndarray_type", np.ndarray), ("none", None), ("true", True)):
        ctypes.c_uint64.from_address(code.address[constant]).value = id(thing)
    made = (builtin.fastcall(code.address[name], name, owner=code) for name in Moves._fields)
    return Moves(*(watch.watched(call, name) for call, name in zip(made, Moves._fields)))
