"""SqueezeNet: few parameters."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import nn

from ._api import register_model
from ._catalogue import weights_of
from ._utils import zero_bias

SqueezeNet1_0_Weights = weights_of("SqueezeNet1_0_Weights", __name__)
SqueezeNet1_1_Weights = weights_of("SqueezeNet1_1_Weights", __name__)


class Fire(nn.Module):
    """Few channels, then many: half of them from single pixels, half from 3 x 3."""

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        x = self.squeeze_activation(self.squeeze(x))
        pixels = self.expand1x1_activation(self.expand1x1(x))
        return rl.cat([pixels, self.expand3x3_activation(self.expand3x3(x))], 1)


def _pool() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _layers_1_0() -> list[nn.Module]:
    return [
        nn.Conv2d(3, 96, kernel_size=7, stride=2),
        nn.ReLU(inplace=True),
        _pool(),
        Fire(96, 16, 64, 64),
        Fire(128, 16, 64, 64),
        Fire(128, 32, 128, 128),
        _pool(),
        Fire(256, 32, 128, 128),
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        _pool(),
        Fire(512, 64, 256, 256),
    ]


def _layers_1_1() -> list[nn.Module]:
    return [
        nn.Conv2d(3, 64, kernel_size=3, stride=2),
        nn.ReLU(inplace=True),
        _pool(),
        Fire(64, 16, 64, 64),
        Fire(128, 16, 64, 64),
        _pool(),
        Fire(128, 32, 128, 128),
        Fire(256, 32, 128, 128),
        _pool(),
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        Fire(512, 64, 256, 256),
    ]


LAYERS = {"1_0": _layers_1_0, "1_1": _layers_1_1}


class SqueezeNet(nn.Module):
    """A stack of `Fire` modules."""

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in LAYERS:
            raise ValueError(f"SqueezeNet: version is {' or '.join(LAYERS)}, got {version!r}")
        self.num_classes = num_classes
        self.features = nn.Sequential(*LAYERS[version]())
        last = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                if layer is last:
                    nn.init.normal_(layer.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(layer.weight)
                zero_bias(layer)

    def forward(self, x: Any) -> Any:
        return rl.flatten(self.classifier(self.features(x)), 1)


@register_model(SqueezeNet1_0_Weights)
def squeezenet1_0(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.0."""
    return SqueezeNet("1_0", **kwargs)


@register_model(SqueezeNet1_1_Weights)
def squeezenet1_1(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.1, with less than half the work."""
    return SqueezeNet("1_1", **kwargs)
