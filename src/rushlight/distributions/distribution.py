"""What all distributions share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..autograd.modes import no_grad
from ..tensor.core import Tensor
from ..tensor.size import Size
from ..warned import warn
from . import constraints
from .utils import broadcast_all


class Distribution:
    """A probability distribution over tensors of `event_shape`, one for each place in `batch_shape`."""

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    arg_constraints: Any = {}

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # the parameters that `_hold` takes

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked where nothing is said about it."""
        if value not in (True, False):
            raise ValueError(f"validate_args is True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: Any = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _hold(self, validate_args: Any, event_dims: int = 0, **parameters: Any) -> None:
        """Takes the parameters, broadcast to each other; their last `event_dims` dimensions are one event."""
        numbers = not any(isinstance(value, Tensor) for value in parameters.values())
        values = (
            broadcast_all(*parameters.values()) if len(parameters) > 1 or numbers else parameters.values()
        )
        for name, value in zip(parameters, values):
            setattr(self, name, value)
        shape = next(iter(values)).shape
        split = len(shape) - event_dims
        Distribution.__init__(self, Size() if numbers else shape[:split], shape[split:], validate_args)

    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if value is None or constraints.is_dependent(constraint):
                continue
            inside = constraint.check(value)
            if not inside.all():
                raise ValueError(
                    f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    # ---- shapes

    @property
    def batch_shape(self) -> Any:
        """The shape over which there are parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Any:
        """The shape of one sample."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> Any:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Distribution:
        """The same distribution over a larger `batch_shape`."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        batch_shape = Size(batch_shape)
        for name, value in self.__dict__.items():
            own = isinstance(value, Tensor) and name in self.arg_constraints
            tail = value.shape[len(self._batch_shape) :] if own else None
            setattr(new, name, value.expand(batch_shape + tail) if own else value)
        new._batch_shape = batch_shape
        return new

    # ---- what a distribution may have

    @property
    def support(self) -> Any:
        """The region of the samples."""
        raise NotImplementedError(f"{type(self).__name__} has no support")

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Any:
        """The most likely value."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Samples of shape `sample_shape + batch_shape + event_shape`, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Samples through which the parameters get gradients."""
        raise NotImplementedError(f"{type(self).__name__} has no samples with gradients; use sample()")

    def sample_n(self, n: int) -> Tensor:
        """`n` samples."""
        warn("sample_n will be deprecated. Use .sample((n,)) instead", UserWarning)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density (or probability) at `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value up to which the probability is `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def entropy(self) -> Tensor:
        """The entropy, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__} cannot list its values")

    def perplexity(self) -> Tensor:
        """`exp(entropy)`"""
        return self.entropy().exp()

    def _along_support(self, values: Tensor, expand: bool) -> Tensor:
        """Values in the first dimension of a batch, as `enumerate_support` gives them."""
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _validate_sample(self, value: Tensor) -> None:
        """Refuses values outside of the support, where that is checked."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError(f"The value argument to log_prob must be a Tensor, got {type(value).__name__}")
        _check_shape(value.shape, self._batch_shape + self._event_shape)
        inside = self.support.check(value)
        if not inside.all():
            raise ValueError(
                f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the support "
                f"({self.support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        own = [n for n in self.arg_constraints if n in self.__dict__ and self.__dict__[n] is not None]
        return f"{type(self).__name__}({', '.join(f'{n}: {_shown(self.__dict__[n])}' for n in own)})"


def _shown(value: Any) -> Any:
    return value if not isinstance(value, Tensor) or value.numel() == 1 else value.size()


def _check_shape(actual: Iterable[int], expected: Iterable[int]) -> None:
    for i, j in zip(reversed(tuple(actual)), reversed(tuple(expected))):
        if i != 1 and j != 1 and i != j:
            raise ValueError(
                f"Value is not broadcastable with batch_shape+event_shape: {tuple(actual)} vs "
                f"{tuple(expected)}."
            )


class ExponentialFamily(Distribution):
    """A distribution of the exponential family."""
