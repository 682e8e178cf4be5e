"""The ground under the kernels: compiler session, object cache, thread pool, memory.

Importing this package imports neither llvmlite nor multiprocessing; `available()` tells whether kernels can
be had. The pool and the session themselves are loaded when somebody asks for them.
"""

from importlib import import_module
from typing import Any

from .settings import set_kernel_mode

_HOMES = {
    "Availability": "session",
    "Unavailable": "session",
    "available": "session",
    "get_num_threads": "pool",
    "set_num_threads": "pool",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rushlight.runtime' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = ["set_kernel_mode", *_HOMES]
