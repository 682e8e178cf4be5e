"""Tools around tensors: `dlpack`, `checkpoint`, `data` and others, each loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PARTS = ("checkpoint", "data", "dlpack", "download", "graph", "model_zoo", "pytree", "tensorboard")


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'rushlight.utils' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PARTS})
