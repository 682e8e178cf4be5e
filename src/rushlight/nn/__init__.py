"""What networks are made of."""

from importlib import import_module
from typing import Any

from .module import Module
from .parameter import Buffer, Parameter


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module("rushlight.nn.functional")
    raise AttributeError(f"module 'rushlight.nn' has no attribute '{name}'")


__all__ = ["Buffer", "Module", "Parameter", "functional"]
