"""Pillow, when it is wanted: its modules on first use, and what kind of picture something is."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def pillow(module: str = "Image") -> Any:
    """A module of Pillow. Without the package, the error names what to install."""
    try:
        return import_module(f"PIL.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "PIL":
            raise
        raise ModuleNotFoundError(
            "pictures are read and changed with Pillow, which is not installed; "
            "`pip install rushlight[vision]` brings it",
            name="PIL",
        ) from None


def is_pil(thing: Any) -> bool:
    """Is this a picture of Pillow's? Pillow is not loaded to find out."""
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(thing, image.Image)
