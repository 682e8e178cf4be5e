"""Successes before a number of failures."""

from __future__ import annotations

from typing import Any

from .. import poisson
from ..autograd.modes import no_grad
from ..nn import functional as F
from ..tensor.core import Tensor
from . import constraints
from .distribution import Distribution
from .gamma import Gamma
from .utils import Odds, broadcast_all, lazy_property


class NegativeBinomial(Odds, Distribution):
    """How many trials succeed, with probability `probs`, before `total_count` have failed."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: Any = None
    ) -> None:
        name, value = self._one_of(probs, logits)
        total, value = broadcast_all(total_count, value)
        self.total_count = total.type_as(value)
        setattr(self, name, value)
        super().__init__(value.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        return Gamma(concentration=self.total_count, rate=(-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        likely = n * F.logsigmoid(-self.logits) + value * F.logsigmoid(self.logits)
        ways = (1.0 + value).lgamma() + n.lgamma() - (n + value).lgamma()
        return likely - ways.masked_fill(n + value == 0.0, 0.0)
