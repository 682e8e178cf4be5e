"""Networks on several devices at once."""

from importlib import import_module
from typing import Any

from .data_parallel import DataParallel, data_parallel


def __getattr__(name: str) -> Any:
    if name == "DistributedDataParallel":
        try:
            return import_module("rushlight.distributed").DistributedDataParallel
        except ModuleNotFoundError as error:
            raise AttributeError(f"rushlight.nn.parallel has no {name}: {error}") from error
    raise AttributeError(f"module 'rushlight.nn.parallel' has no attribute '{name}'")


__all__ = ["DataParallel", "data_parallel"]
