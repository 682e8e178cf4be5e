"""Sizes of Cauchy numbers."""

from __future__ import annotations

from typing import Any

from ..tensor.core import Tensor
from .cauchy import Cauchy
from .folded import Folded


class HalfCauchy(Folded):
    """The size of a Cauchy number around zero."""

    def __init__(self, scale: Any, validate_args: Any = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale.new_full(self._extended_shape(), float("inf"))

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance
