"""Switches and questions about libraries underneath: ours is `winograd`, those of PyTorch are not there."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..kernels.switches import winograd


class Backend(ModuleType):
    """A library that is not there: its switches can be set, and change nothing."""

    def __init__(self, name: str, **switches: Any) -> None:
        super().__init__(f"{__name__}.{name}", "A library that is not there; its switches change nothing.")
        vars(self).update(switches)
        sys.modules[self.__name__] = self  # programs say `import torch.backends.cudnn as cudnn`

    def is_available(self) -> bool:
        """Is the library there?"""
        return False

    def is_built(self) -> bool:
        """Was it built in?"""
        return False

    def version(self) -> Any:
        """Its version: None, as it is not there."""
        return None


class Switches:
    """Names to which values can be given."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


cudnn = Backend(
    "cudnn", enabled=False, benchmark=False, deterministic=False, allow_tf32=False, benchmark_limit=10
)
cuda = Backend(
    "cuda",
    matmul=Switches(
        allow_tf32=False,
        allow_fp16_reduced_precision_reduction=False,
        allow_bf16_reduced_precision_reduction=False,
    ),
)
_ATTENTION = ("flash", "mem_efficient", "math", "cudnn")  # PyTorch's ways; one that is exact is here


def _switch_for(way: str) -> None:
    state = [True]
    setattr(cuda, f"{way}_sdp_enabled", lambda: state[0])
    setattr(cuda, f"enable_{way}_sdp", lambda enabled: state.__setitem__(0, bool(enabled)))


for _way in _ATTENTION:
    _switch_for(_way)

mps, mkl, openmp = Backend("mps"), Backend("mkl"), Backend("openmp")
mkldnn = Backend("mkldnn", enabled=False)

__all__ = ["Backend", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "winograd"]
