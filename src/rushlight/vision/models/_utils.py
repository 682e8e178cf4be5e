"""What the models have in common: initial values, sizes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from rushlight import nn

NORMS = (nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm)
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


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
        if isinstance(layer, CONVOLUTIONS):
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


class IntermediateLayerGetter(nn.ModuleDict):
    """The layers of a network up to the last one wanted, and under new names what comes of those wanted."""

    _version = 2

    def __init__(self, model: nn.Module, return_layers: dict[str, str]) -> None:
        names = [name for name, _ in model.named_children()]
        absent = set(return_layers) - set(names)
        if absent:
            raise ValueError(f"return_layers: the network has no {', '.join(sorted(absent))}, but {names}")
        last = max(names.index(name) for name in return_layers)
        super().__init__(OrderedDict(list(model.named_children())[: last + 1]))
        self.return_layers = return_layers

    def forward(self, x: Any) -> OrderedDict[str, Any]:
        """{new name: what came of the layer}."""
        out = OrderedDict()
        for name, layer in self.items():
            x = layer(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out
