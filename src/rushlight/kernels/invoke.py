"""Calls of generated kernels that Python has planned: `invoke(address, release, *arrays_and_numbers)`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from ..runtime import builtin, native, pool, watch
from .llvm import frame


@cache
def load() -> Callable:
    """The builtin; `Unavailable` where there are no kernels."""
    from .llvm.invoke import invoke_ir

    frame.check_layouts()
    code = native.module("invoke", (), invoke_ir)
    ctypes.c_uint64.from_address(code.address["ndarray_type"]).value = id(np.ndarray)
    ctypes.c_uint64.from_address(code.address["none"]).value = id(None)
    return watch.watched(builtin.fastcall(code.address["invoke"], "invoke", owner=code))


def built(name: str, arguments: tuple, write: Callable[[], str], writers: tuple[str, ...] = ()) -> int:
    """The address of `run` in a kernel's module, for `invoke`; `Unavailable` where there are no kernels."""
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    return native.module(name, arguments, write, writers=writers, symbols=symbols).address["run"]
