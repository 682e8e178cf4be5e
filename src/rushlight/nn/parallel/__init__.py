"""Networks on several devices at once, or in several processes: here there is one of either."""

from importlib import import_module
from typing import Any

from .data_parallel import DataParallel, data_parallel


def __getattr__(name: str) -> Any:
    if name == "DistributedDataParallel":
        return import_module("rushlight.nn.parallel.distributed").DistributedDataParallel
    raise AttributeError(f"module 'rushlight.nn.parallel' has no attribute '{name}'")


__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
