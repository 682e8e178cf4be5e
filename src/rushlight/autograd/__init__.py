"""Gradients."""

from __future__ import annotations

from typing import Any

from .modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def __getattr__(name: str) -> Any:
    if name in ("backward", "grad"):
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module 'rushlight.autograd' has no attribute '{name}'")
