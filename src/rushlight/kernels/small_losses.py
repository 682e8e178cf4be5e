"""Losses of small arrays, where numpy's calls would be most of the cost: see `llvm.small_losses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..runtime import session, settings

NAMES = {"f": "float32", "d": "float64"}


class Losses(NamedTuple):
    """The builtins for a type; each answers None where it does not apply."""

    squares: Callable[..., Any]
    squares_back: Callable[..., Any]
    labels: Callable[..., Any]
    labels_back: Callable[..., Any]


def _refuse(*arguments: Any) -> None:
    return None


NONE = Losses(_refuse, _refuse, _refuse, _refuse)
_losses: dict[str, Losses] = {}


def of(array: np.ndarray) -> Losses:
    """The builtins for the type of an array."""
    char = array.dtype.char
    return _losses[char] if char in _losses else _load(char)


def _load(char: str) -> Losses:
    found = NONE
    if char in NAMES and settings.kernel_mode != "off" and session.available():
        try:
            found = _build(NAMES[char])
        except session.Unavailable as reason:
            settings.log(1, f"no kernels for small losses: {reason}")
    _losses[char] = found
    return found


def _build(dtype: str) -> Losses:
    from . import objects
    from .llvm.small_losses import losses_ir

    return Losses(*objects.for_arrays("small_losses", dtype, losses_ir, Losses._fields))


settings.when_changed.append(_losses.clear)
