"""Warnings about a line of the user's program, however many of our own frames lie between."""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_ours(path: str) -> bool:
    """Is this file, or generated code, a part of Rushlight?"""
    return path.startswith((_PACKAGE, "<rushlight operator"))


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warns about the nearest line that is none of ours: there it is shown once, and can be mended."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


__all__ = ["is_ours", "warn"]
