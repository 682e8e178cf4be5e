"""Copies and joins of arrays by generated code that reads the arrays itself: see `llvm.moving`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import builtin, native, pool, session, watch
from .llvm import frame

CONSTANTS = {"ndarray_type": np.ndarray, "none": None, "true": True, "false": False}


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

    write = lambda: moving_ir(session.host().vector_bytes)  # noqa: E731
    return Moves(*builtins("moving", (), write, Moves._fields))


def builtins(
    name: str, arguments: tuple, write: Callable[[], str], fields: tuple[str, ...]
) -> list[Callable[..., Any]]:
    """The builtins of a module of generated code that reads arrays."""
    if not (answer := session.available()):
        raise session.Unavailable(answer.reason)
    frame.check_layouts()
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    key = (session.host().vector_bytes, *arguments)
    code = native.module(name, key, write, symbols=symbols)
    for constant, thing in CONSTANTS.items():
        if constant in code.address:
            ctypes.c_uint64.from_address(code.address[constant]).value = id(thing)
    made = (builtin.fastcall(code.address[field], field, owner=code) for field in fields)
    return [watch.watched(call, field) for call, field in zip(made, fields)]
