"""The generator of random numbers, as PyTorch's programs see it: states are tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..random import engine
from .core import CPU, Tensor, wrap
from .device import device
from .dtype import uint8


class Generator(engine.Generator):
    """A stream of random numbers of its own: PyTorch's, from the same seed or the same saved state."""

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__(_checked(device))

    @property
    def device(self) -> device:
        return CPU

    def get_state(self) -> Tensor:  # type: ignore[override]
        """The whole state, as a tensor of bytes."""
        return wrap(engine.Generator.get_state(self), uint8)

    def set_state(self, new_state: Any) -> Generator:
        """Goes on from a state that `get_state` gave."""
        if not isinstance(new_state, (Tensor, np.ndarray)):
            raise TypeError(
                f"expected a torch.ByteTensor, but got {type(new_state).__name__}; pass what get_state() "
                "returned"
            )
        super().set_state(new_state._a if isinstance(new_state, Tensor) else new_state)
        return self

    def clone_state(self) -> Generator:
        """Another generator that continues from the same point."""
        return Generator().set_state(self.get_state())

    graphsafe_get_state = clone_state

    def graphsafe_set_state(self, other: Generator) -> Generator:
        """Goes on from where another generator stands."""
        return self.set_state(other.get_state())

    def __getstate__(self) -> dict[str, bytes]:
        return {"state": engine.Generator.get_state(self).tobytes()}


def _checked(given: Any) -> str:
    kind = device(given).type
    if kind != "cpu":
        raise RuntimeError(
            f"there is no generator for device '{given}': Rushlight computes on the CPU; write "
            "torch.Generator()"
        )
    return kind


default_generator = engine.default_generator
default_generator.__class__ = Generator  # one stream, for arrays and for tensors


def manual_seed(seed: Any) -> Generator:
    """Starts the default stream of random numbers over from `seed`; returns its generator."""
    return default_generator.manual_seed(int(seed))  # type: ignore[return-value]


def seed() -> int:
    """Starts the default stream over from a seed that nobody can foresee, and returns that seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default stream was last started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default stream, as a tensor of bytes."""
    return default_generator.get_state()  # type: ignore[return-value]


def set_rng_state(new_state: Tensor) -> None:
    """Continues the default stream from a state that `get_rng_state` gave."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda", **_: Any
) -> Iterator[None]:
    """What is drawn inside the `with` block leaves the default stream where it was before."""
    if not enabled:
        yield
        return
    before = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(before)


__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]
