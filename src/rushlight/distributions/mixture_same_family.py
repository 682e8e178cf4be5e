"""A choice among distributions of one family."""

from __future__ import annotations

from typing import Any

from ..autograd.modes import no_grad
from ..tensor.core import Tensor
from ..tensor.size import Size
from . import constraints
from .categorical import Categorical
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """Samples of one of the components in the last dimension of a batch, chosen by `mixture_distribution`."""

    arg_constraints: Any = {}

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: Any = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("The Mixture distribution needs to be an instance of Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of Distribution")
        if mixture_distribution._num_events != component_distribution.batch_shape[-1]:
            raise ValueError(
                f"there are {component_distribution.batch_shape[-1]} components, but "
                f"{mixture_distribution._num_events} probabilities for them"
            )
        self._mixture_distribution, self._component_distribution = (
            mixture_distribution,
            component_distribution,
        )
        event = component_distribution.event_shape
        super().__init__(component_distribution.batch_shape[:-1], event, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Distribution:
        new = super().expand(batch_shape, _instance)
        shape = new.batch_shape + self._component_distribution.batch_shape[-1:]
        new._component_distribution = self._component_distribution.expand(shape)  # type: ignore[attr-defined]
        new._mixture_distribution = self._mixture_distribution.expand(new.batch_shape)  # type: ignore[attr-defined]
        return new

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    @constraints.dependent_property
    def support(self) -> Any:
        return self._component_distribution.support

    def _shares(self) -> Tensor:
        """The probabilities, with as many dimensions as samples of the components."""
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * len(self.event_shape))

    def _mix(self, values: Tensor) -> Tensor:
        return (self._shares() * values).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        return self._mix(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        means = self._component_distribution.mean
        apart = (means - self.mean.unsqueeze(-1 - len(self.event_shape))).pow(2)
        return self._mix(self._component_distribution.variance) + self._mix(apart)

    def cdf(self, x: Tensor) -> Tensor:
        values = self._component_distribution.cdf(x.unsqueeze(-1 - len(self.event_shape)))
        return (values * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        self._validate_sample(x)
        each = self._component_distribution.log_prob(x.unsqueeze(-1 - len(self.event_shape)))
        return (each + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            place = len(Size(sample_shape)) + len(self.batch_shape)
            chosen = self._mixture_distribution.sample(sample_shape)
            samples = self._component_distribution.sample(sample_shape)
            index = chosen.reshape(*chosen.shape, *(1,) * (len(self.event_shape) + 1))
            index = index.expand(*chosen.shape, 1, *self.event_shape)
            return samples.gather(place, index).squeeze(place)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution!r},\n  {self._component_distribution!r})"
