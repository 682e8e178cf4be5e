"""Ways to compute scaled dot product attention. Here is one, which is exact; choosing among them is
accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any


class SDPBackend(IntEnum):
    """The ways that PyTorch has."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """Inside, attention is computed in one of the given ways; all of them are the same here."""
    given = list(backends) if isinstance(backends, Iterable) else [backends]
    if not given or not all(isinstance(backend, SDPBackend) for backend in given):
        raise TypeError(f"sdpa_kernel: backends must be an SDPBackend or a list of them, not {backends!r}")
    yield


__all__ = ["SDPBackend", "sdpa_kernel"]
