"""Products of small matrices and vectors by one builtin each, which answers None to all others.

Which way is taken depends on types, sizes and layouts alone, so the same program gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..runtime import session, settings
from .linear import NAMES

BUILTINS = ("times", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "addmv")
_builtins: dict[str, Any] = {}


def _load(char: str) -> Any:
    """The builtins for a type, or None where there are no kernels."""
    made = None
    if char in NAMES and settings.kernel_mode != "off" and session.available():
        from . import objects
        from .llvm.small_products import small_products_ir

        try:
            made = objects.for_arrays("small_products", NAMES[char], small_products_ir, BUILTINS)
        except session.Unavailable as reason:
            settings.log(1, f"no kernels for small products: {reason}")
    _builtins[char] = made
    return made


def _caller(number: int) -> Callable[..., np.ndarray | None]:
    def call(a: np.ndarray, *others: np.ndarray) -> np.ndarray | None:
        char = a.dtype.char
        made = _builtins[char] if char in _builtins else _load(char)
        return None if made is None else made[number](a, *others)

    call.__name__ = BUILTINS[number]
    return call


times, mm, bmm, mv, dot, addmm, baddbmm, addmv = (_caller(number) for number in range(len(BUILTINS)))
settings.when_changed.append(_builtins.clear)
