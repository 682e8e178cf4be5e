"""Shares of a whole."""

from __future__ import annotations

from typing import Any

from ..ops import OPERATORS
from ..tensor.core import Tensor
from . import constraints
from .distribution import ExponentialFamily


class Dirichlet(ExponentialFamily):
    """Shares that sum to one, one for each number in the last dimension of `concentration`."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: Any = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self._hold(validate_args, 1, concentration=concentration)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        shares = (self.concentration - 1).clamp(min=0.0)
        mode = shares / shares.sum(-1, True)
        largest = self.concentration.argmax(-1, keepdim=True)
        corner = mode.new_zeros(mode.shape).scatter(-1, largest, 1.0)
        return corner.where((self.concentration < 1).all(-1, keepdim=True), mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        concentration = self.concentration.expand(self._extended_shape(sample_shape))
        gammas = OPERATORS["_standard_gamma"].call(concentration.double()).clamp(min=2.0**-1022)
        return (gammas / gammas.sum(-1, True)).to(concentration.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a = self.concentration
        return (a - 1.0).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.size(-1)
        total = a.sum(-1)
        spread = (k - total) * total.digamma() + ((a - 1.0) * a.digamma()).sum(-1)
        return a.lgamma().sum(-1) - total.lgamma() - spread
