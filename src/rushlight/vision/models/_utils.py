"""What the models have in common: initial values, sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rushlight import nn

NORMS = (nn.BatchNorm2d, nn.GroupNorm)


def make_divisible(value: float, divisor: int = 8, least: int | None = None) -> int:
    """The multiple of `divisor` nearest to a value, and not below nine tenths of it."""
    rounded = max(least or divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def init_norm(layer: Any) -> None:
    """A norm that does nothing yet."""
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)


def zero_bias(layer: Any) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def init_layers(model: Any, linear: Callable[[Any], None] | None = None) -> None:
    """Convolutions drawn by the size of their output, norms that do nothing, linear layers by `linear`."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            zero_bias(layer)
        elif isinstance(layer, NORMS):
            init_norm(layer)
        elif isinstance(layer, nn.Linear) and linear is not None:
            linear(layer)


def small_linear(layer: Any) -> None:
    """Small weights, no bias."""
    nn.init.normal_(layer.weight, 0, 0.01)
    zero_bias(layer)
