"""MobileNet v2: narrow shortcuts, wide blocks of single channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..ops.misc import Conv2dNormActivation
from ._api import register_model
from ._catalogue import weights_of
from ._utils import init_layers, make_divisible, small_linear

MobileNet_V2_Weights = weights_of("MobileNet_V2_Weights", __name__)

# expansion, channels, blocks, stride of the first
SETTINGS = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


class InvertedResidual(nn.Module):
    """Many channels, each by itself, between few; beside a shortcut where sizes agree."""

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"InvertedResidual: stride is 1 or 2, got {stride}")
        norm = norm_layer or nn.BatchNorm2d
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.out_channels = oup
        self._is_cn = stride > 1
        hidden = round(inp * expand_ratio)
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.ReLU6}
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, kernel_size=1, **options))
        layers += [
            Conv2dNormActivation(hidden, hidden, stride=stride, groups=hidden, **options),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm(oup),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """Seventeen inverted residual blocks."""

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: list[list[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.ReLU6}
        width = make_divisible(32 * width_mult, round_nearest)
        self.last_channel = make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [Conv2dNormActivation(3, width, stride=2, **options)]
        for expansion, channels, count, stride in inverted_residual_setting or SETTINGS:
            wanted = make_divisible(channels * width_mult, round_nearest)
            for i in range(count):
                step = stride if i == 0 else 1
                features.append(
                    (block or InvertedResidual)(width, wanted, step, expand_ratio=expansion, norm_layer=norm)
                )
                width = wanted
        features.append(Conv2dNormActivation(width, self.last_channel, kernel_size=1, **options))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        init_layers(self, small_linear)

    def forward(self, x: Any) -> Any:
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(rl.flatten(x, 1))


@register_model(MobileNet_V2_Weights)
def mobilenet_v2(**kwargs: Any) -> MobileNetV2:
    """MobileNet v2."""
    return MobileNetV2(**kwargs)
