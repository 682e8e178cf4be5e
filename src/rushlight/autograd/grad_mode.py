"""PyTorch's name for the module of gradient modes."""

from __future__ import annotations

from .modes import enable_grad, inference_mode, no_grad, set_grad_enabled, settings


class set_multithreading_enabled:
    """Accepted, and remembered: a backward pass runs in the thread that called it, and its kernels use
    all threads.
    """

    def __init__(self, mode: bool) -> None:
        self.before, settings.multithreading = settings.multithreading, bool(mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        settings.multithreading = self.before


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` was given."""
    return settings.multithreading


__all__ = [
    "enable_grad",
    "inference_mode",
    "is_multithreading_enabled",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]
