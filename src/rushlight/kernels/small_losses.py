"""Losses of small arrays, where numpy's calls would be most of the cost: see `llvm.small_losses`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..runtime import builtin, native, session, settings, watch

NAMES = {"f": "float32", "d": "float64"}
SOURCES = tuple(
    f"rushlight.{name}"
    for name in (
        "runtime.ir",
        "kernels.linear",
        "kernels.llvm.frame",
        "kernels.llvm.linear",
        "kernels.llvm.lowering",
        "kernels.llvm.objects",
        "kernels.llvm.small_losses",
        "kernels.llvm.maths.common",
        "kernels.llvm.maths.exponential",
        "kernels.llvm.maths.logarithm",
    )
)


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
    from .llvm import frame
    from .llvm.small_losses import losses_ir

    frame.check_layouts()
    width = session.host().vector_bytes
    code = native.module(
        f"small_losses_{dtype}",
        (dtype, width),
        lambda: losses_ir(dtype, width),
        sources=SOURCES,
        symbols=objects.array_symbols(),
    )
    for name, thing in (("ndarray_type", np.ndarray), ("none", None), ("true", True)):
        ctypes.c_uint64.from_address(code.address[name]).value = id(thing)
    made = {name: builtin.fastcall(code.address[name], name, owner=code) for name in Losses._fields}
    return Losses(*(watch.watched(call, f"loss_{name}") for name, call in made.items()))


settings.when_changed.append(_losses.clear)
