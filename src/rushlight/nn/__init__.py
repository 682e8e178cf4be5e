"""What networks are made of."""

from importlib import import_module
from typing import Any

from . import modules
from .modules import *  # noqa: F403
from .parameter import Buffer, Parameter
from .uninitialized import UninitializedBuffer, UninitializedParameter

_LATER = {"attention", "common_types", "functional", "grad", "init", "parallel", "utils"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return import_module(f"rushlight.nn.{name}")
    if name == "DataParallel":
        return import_module("rushlight.nn.parallel").DataParallel
    if name == "LinearCrossEntropyOptions":
        return import_module("rushlight.nn.modules.linear_cross_entropy_options").LinearCrossEntropyOptions
    if name == "factory_kwargs":
        return import_module("rushlight.nn.common_types").factory_kwargs
    raise AttributeError(f"module 'rushlight.nn' has no attribute '{name}'")


__all__ = [
    *modules.__all__,
    "Buffer",
    "DataParallel",  # noqa: F405
    "LinearCrossEntropyOptions",  # noqa: F405
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    *sorted(_LATER),
]
