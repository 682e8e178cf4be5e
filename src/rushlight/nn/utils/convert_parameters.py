"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...ops.operator import OPERATORS
from ...tensor.core import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after another."""
    return OPERATORS["cat"].call([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Gives the parameters the values of a vector."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    values: Any = vec
    place = 0
    for p in parameters:
        size = p.numel()
        p.data = values[place : place + size].view(p.shape).data
        place += size


__all__ = ["parameters_to_vector", "vector_to_parameters"]
