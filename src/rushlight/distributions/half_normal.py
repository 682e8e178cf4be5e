"""Sizes of normal numbers."""

from __future__ import annotations

import math
from typing import Any

from ..tensor.core import Tensor
from .folded import Folded
from .normal import Normal


class HalfNormal(Folded):
    """The size of a normal number of mean zero."""

    def __init__(self, scale: Any, validate_args: Any = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (1 - 2 / math.pi)
