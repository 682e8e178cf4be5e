"""Random calls of spatial operators, made in PyTorch and in Rushlight, with gradients of any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.nn.functional as ours


class Draw(random.Random):
    """Random shapes, options and values from one seed."""

    def array(self, *shape: int, dtype: str = "float64") -> np.ndarray:
        generator = np.random.default_rng(self.randrange(1 << 30))
        x = generator.normal(size=shape)
        if "complex" in dtype:
            x = x + 1j * generator.normal(size=shape)
        return (x * 4).astype(dtype) if "int" in dtype else x.astype(dtype)

    def each(self, count: int, low: int, high: int) -> list[int]:
        """A number for each dimension."""
        return [self.randint(low, high) for _ in range(count)]

    def images(self, count: int, channels: int, high: int = 8) -> list[int]:
        """The shape of a batch, or of one image without a batch."""
        batch = [self.choice([1, 2, 3])] if self.random() < 0.75 else []
        return [*batch, channels, *self.each(count, 1, high)]


def agrees(name: str, *arrays: np.ndarray, order: int = 2, **options: Any) -> None:
    """`nn.functional.<name>` gives what PyTorch gives, or both refuse with the same class of error."""
    agree(lambda functions, *ts: getattr(functions, name)(*ts, **options), *arrays, order=order)


def agree(call: Callable[..., Any], *arrays: np.ndarray, order: int = 2) -> None:
    """`call(functional, *tensors)` agrees in both frameworks, gradients too; or both refuse.

    Results are squared for the gradients: those of a linear operator would have none themselves.
    """
    import torch

    from support.against_torch import same, tensors_of

    def through(framework: Any, *tensors: Any) -> Any:
        found = call(torch.nn.functional if framework is torch else ours, *tensors)
        return [t * t if order and t.dtype != framework.int64 else t for t in tensors_of(found)]

    refusal = refusal_of(lambda: through(torch, *map(torch.from_numpy, arrays)))
    if refusal is None:
        same(through, *arrays, order=order)
    else:
        import rushlight

        assert refusal_of(lambda: through(rushlight, *map(rushlight.from_numpy, arrays))) is refusal


def refusal_of(call: Callable[[], Any]) -> type | None:
    """The class of the error that a call raises."""
    try:
        call()
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        return type(error)
    return None
