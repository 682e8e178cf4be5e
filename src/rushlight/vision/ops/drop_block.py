"""Whole blocks of a map left out at random."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F


def drop_block2d(
    input: Any, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Any:
    """A map [N, C, H, W] with blocks of it set to 0, about a part p of it, and the rest made larger."""
    return _dropped(input, p, block_size, inplace, eps, training, 2)


def drop_block3d(
    input: Any, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Any:
    """`drop_block2d` for maps [N, C, D, H, W]."""
    return _dropped(input, p, block_size, inplace, eps, training, 3)


def _dropped(input: Any, p: float, block: int, inplace: bool, eps: float, training: bool, dims: int) -> Any:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"drop_block{dims}d: p is a probability from 0 to 1, got {p}")
    if input.ndim != dims + 2:
        raise ValueError(f"drop_block{dims}d: input is of {dims + 2} dimensions, got {tuple(input.shape)}")
    if not training or p == 0.0:
        return input
    sizes = input.shape[2:]
    block = min(block, *sizes)
    if block % 2 == 0:
        raise ValueError(f"drop_block{dims}d: block_size is odd, got {block}")
    kept = 1 - _blocks(input, p, block, dims)
    scale = kept.numel() / (eps + kept.sum())
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


def _blocks(input: Any, p: float, block: int, dims: int) -> Any:
    """1 where something is left out, in blocks round drawn middles."""
    sizes = input.shape[2:]
    middles = [size - block + 1 for size in sizes]
    area = rl.Size(sizes).numel()
    chance = p * area / (block**dims * rl.Size(middles).numel())
    drawn = rl.empty(*input.shape[:2], *middles, dtype=input.dtype).bernoulli_(chance)
    spread = F.max_pool2d if dims == 2 else F.max_pool3d
    return spread(F.pad(drawn, [block // 2] * (2 * dims)), block, stride=1, padding=block // 2)


class DropBlock2d(nn.Module):
    """`drop_block2d` as a module: nothing but the input when evaluating."""

    _drop = staticmethod(drop_block2d)

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Any) -> Any:
        return self._drop(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """`drop_block3d` as a module."""

    _drop = staticmethod(drop_block3d)
