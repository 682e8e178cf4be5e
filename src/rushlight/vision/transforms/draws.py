"""Random draws of transforms, all from the default generator, and transforms that happen by chance."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import random as draws
from rushlight.nn import Module


def integer(low: int, high: int) -> int:
    """A whole number from low to high - 1."""
    return int(draws.randint(rl.default_generator, (1,), "int64", low, high)[0])


def uniform(low: float, high: float) -> float:
    """A number between low and high."""
    return float(draws.uniform(rl.default_generator, (1,), "float32", low, high)[0])


def happens(p: float) -> bool:
    """True in p of all cases."""
    return bool((draws.uniform(rl.default_generator, (1,)) < p)[0])


class ByChance(Module):
    """A change that is made with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def change(self, img: Any) -> Any:
        raise NotImplementedError

    def forward(self, img: Any) -> Any:
        return self.change(img) if happens(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"
