"""Gradients."""

from __future__ import annotations

from typing import Any

from .modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

_LAZY = {"Function": "function", "Variable": "variable", "backward": "api", "grad": "api", "gradcheck": "gradcheck", "gradgradcheck": "gradcheck"}

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled", *_LAZY]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'rushlight.autograd' has no attribute '{name}'")
