"""What several distributions need."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

from ..nn import functional as F
from ..ops import OPERATORS
from ..tensor.core import Tensor
from ..tensor.create import tensor
from ..tensor.limits import finfo

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape."""
    if not all(isinstance(v, (Tensor, Number)) for v in values):
        kinds = [type(v).__name__ for v in values]
        raise ValueError(f"parameters of distributions are numbers or Tensors, got {', '.join(kinds)}")
    given = [v for v in values if isinstance(v, Tensor)]
    like = {"dtype": given[0].dtype} if given else {"dtype": default_dtype()}
    tensors = [v if isinstance(v, Tensor) else tensor(v, **like) for v in values]
    return tuple(OPERATORS["broadcast_tensors"].call(*tensors))


def default_dtype() -> Any:
    from ..tensor.dtype import get_default_dtype

    return get_default_dtype()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logarithms: of success each, or of the categories in the last dimension."""
    return logits.sigmoid() if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities that have logarithms."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The way back."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


def sum_rightmost(value: Tensor, count: int) -> Tensor:
    """The sum over the last `count` dimensions."""
    return value if count == 0 else value.reshape(*value.shape[: value.ndim - count], -1).sum(-1)


class lazy_property:
    """An attribute that is computed when it is first asked for."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute, self.__doc__ = compute, compute.__doc__
        self.name = compute.__name__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value


class Odds:
    """A mixin for distributions that are given either `probs` or `logits`; the other follows."""

    _binary = True
    _given: str

    def _one_of(self, probs: Any, logits: Any) -> tuple[str, Any]:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        return self._given, logits if probs is None else probs

    @lazy_property
    def logits(self) -> Tensor:
        """Logarithms of the odds."""
        return probs_to_logits(self.probs, self._binary)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)

    @property
    def param_shape(self) -> Any:
        """The shape of what was given."""
        return getattr(self, self._given).size()
