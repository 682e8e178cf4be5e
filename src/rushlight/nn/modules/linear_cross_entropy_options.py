"""How LinearCrossEntropyLoss is to go about its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

POLICIES = ("accurate", "balanced", "compact", "auto")


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """Options of the chunked computation: they change memory and time, not the result."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}; it is one of {POLICIES}")
        if self.chunking_method not in (None, "auto") and not _is_aspect_ratio(self.chunking_method):
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype is not None and not self.acc_dtype.is_floating_point:
            raise ValueError(f"acc_dtype must be a floating point type or None, got {self.acc_dtype!r}")


def _is_aspect_ratio(method: str) -> bool:
    """ "aspect_ratio" or "aspect_ratio:4"."""
    name, _, factor = method.partition(":")
    return name == "aspect_ratio" and (":" not in method or (factor.isdigit() and int(factor) > 0))


__all__ = ["LinearCrossEntropyOptions"]
