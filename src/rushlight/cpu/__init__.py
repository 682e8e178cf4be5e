"""The CPU as one of several devices: what programs ask of every device, answered for the one that is here."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from . import amp


def is_available() -> bool:
    """Is there a CPU?"""
    return True


def is_initialized() -> bool:
    """Is it ready?"""
    return True


def device_count() -> int:
    """One: all cores work together."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def set_device(device: Any) -> None:
    """There is nothing to choose."""


def synchronize(device: Any = None) -> None:
    """Operations are done when they return, so there is nothing to wait for."""


def stream(stream: Any) -> Any:
    """Operations run in the order of the program."""
    return nullcontext(stream)


__all__ = [
    "amp",
    "current_device",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]
