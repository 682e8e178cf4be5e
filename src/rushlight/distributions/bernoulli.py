"""One or zero."""

from __future__ import annotations

from typing import Any

from .. import arange, bernoulli
from ..autograd.modes import no_grad
from ..nn.functional import binary_cross_entropy_with_logits
from ..tensor.core import Tensor
from . import constraints
from .distribution import ExponentialFamily
from .utils import Odds, broadcast_all


class Bernoulli(Odds, ExponentialFamily):
    """One with probability `probs` (or the odds whose logarithm is `logits`), else zero."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        name, value = self._one_of(probs, logits)
        self._hold(validate_args, **{name: value})

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        found = (self.probs >= 0.5).to(self.probs)
        return found.masked_fill(self.probs == 0.5, float("nan"))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._along_support(arange(2, dtype=getattr(self, self._given).dtype), expand)
