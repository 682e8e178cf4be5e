"""Failures before the first success."""

from __future__ import annotations

from typing import Any

from ..autograd.modes import no_grad
from ..nn.functional import binary_cross_entropy_with_logits
from ..tensor.core import Tensor
from ..tensor.limits import finfo
from . import constraints
from .distribution import Distribution
from .utils import Odds, broadcast_all


class Geometric(Odds, Distribution):
    """How many trials fail before the first that succeeds."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        name, value = self._one_of(probs, logits)
        self._hold(validate_args, **{name: value})
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            raise ValueError(f"Expected parameter probs of {self!r} to be positive, got {self.probs}")

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return self.probs * 0

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            drawn = self.probs.new_empty(self._extended_shape(sample_shape))
            u = drawn.uniform_(finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        certain = (probs == 1) & (value == 0)
        return value * (-probs.masked_fill(certain, 0)).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
