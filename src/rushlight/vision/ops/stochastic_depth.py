"""Layers left out at random."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import nn


def stochastic_depth(input: Any, p: float, mode: str, training: bool = True) -> Any:
    """Zeros with probability p, for the batch or (mode "row") each sample; else the input / (1 - p)."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"stochastic_depth: p is a probability from 0 to 1, got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f'stochastic_depth: mode is "batch" or "row", got {mode!r}')
    if not training or p == 0.0:
        return input
    shape = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    kept = rl.empty(shape, dtype=input.dtype).bernoulli_(1.0 - p)
    if p < 1.0:
        kept = kept / (1.0 - p)
    return input * kept


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a module: nothing but the input when evaluating."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Any) -> Any:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
