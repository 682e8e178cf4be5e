"""Gradients."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

_FROM = {
    "anomaly": (
        "detect_anomaly",
        "is_anomaly_check_nan_enabled",
        "is_anomaly_enabled",
        "set_anomaly_enabled",
        "set_detect_anomaly",
    ),
    "api": ("backward", "grad"),
    "function": ("Function", "FunctionCtx"),
    "gradcheck": ("gradcheck", "gradgradcheck"),
    "grad_mode": ("is_multithreading_enabled", "set_multithreading_enabled"),
    "variable": ("Variable",),
}
_HOME = {name: module for module, names in _FROM.items() for name in names}
_MODULES = frozenset(
    {
        "anomaly_mode",
        "forward_ad",
        "function",
        "functional",
        "grad_mode",
        "gradcheck",
        "graph",
        "variable",
    }
)

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return found
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'rushlight.autograd' has no attribute '{name}'")
