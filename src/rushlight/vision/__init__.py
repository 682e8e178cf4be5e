"""Pictures: datasets, transforms, models and tools, under torchvision's names.

`import torchvision` gives this package in a program that `rushlight run` runs. Each part is
loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.29.2"  # the version of torchvision whose names and numbers these are

_PARTS = ("datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils", "version")
_image_backend = "PIL"


def set_image_backend(backend: str) -> None:
    """Chooses the package that loads pictures; Pillow ("PIL") is the one there is."""
    if backend != "PIL":
        raise ValueError(f"set_image_backend: 'PIL' is the only backend for pictures, got {backend!r}")


def get_image_backend() -> str:
    """The name of the package that loads pictures."""
    return _image_backend


def disable_beta_transforms_warning() -> None:
    """Does nothing: transforms.v2 has not warned for a long time, but old programs call this."""


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"module 'rushlight.vision' has no attribute '{name}'; its parts are {', '.join(_PARTS)}"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_PARTS})
