"""Switches and questions about libraries underneath: ours is `winograd`, those of PyTorch are not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..kernels.switches import winograd


class Backend(SimpleNamespace):
    """A library that is not there: its switches can be set, and change nothing."""

    def is_available(self) -> bool:
        """Is the library there?"""
        return False

    def is_built(self) -> bool:
        """Was it built in?"""
        return False

    def version(self) -> Any:
        """Its version: None, as it is not there."""
        return None


cudnn = Backend(enabled=False, benchmark=False, deterministic=False, allow_tf32=False, benchmark_limit=10)
cuda = Backend(
    matmul=Backend(
        allow_tf32=False,
        allow_fp16_reduced_precision_reduction=False,
        allow_bf16_reduced_precision_reduction=False,
    )
)
mps, mkl, openmp = Backend(), Backend(), Backend()
mkldnn = Backend(enabled=False)

__all__ = ["Backend", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "winograd"]
