"""MNASNet: found by search, for phones."""

from __future__ import annotations

from typing import Any

from rushlight import nn

from ._api import register_model
from ._catalogue import weights_of
from ._utils import make_divisible, zero_bias

MNASNet0_5_Weights = weights_of("MNASNet0_5_Weights", __name__)
MNASNet0_75_Weights = weights_of("MNASNet0_75_Weights", __name__)
MNASNet1_0_Weights = weights_of("MNASNet1_0_Weights", __name__)
MNASNet1_3_Weights = weights_of("MNASNet1_3_Weights", __name__)

MOMENTUM = 1 - 0.9997
# kernel, stride of the first, expansion, blocks
STACKS = ((3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1))


class _InvertedResidual(nn.Module):
    """Many channels, each by itself, between few; beside a shortcut where sizes agree."""

    def __init__(
        self,
        in_ch: int,
        out_ch: int,
        kernel_size: int,
        stride: int,
        expansion_factor: int,
        bn_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if stride not in (1, 2) or kernel_size not in (3, 5):
            raise ValueError(f"stride is 1 or 2 and kernel_size 3 or 5, got {stride} and {kernel_size}")
        mid = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(in_ch, mid, 1, bias=False),
            nn.BatchNorm2d(mid, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, mid, kernel_size, padding=kernel_size // 2, stride=stride, groups=mid, bias=False),
            nn.BatchNorm2d(mid, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, out_ch, 1, bias=False),
            nn.BatchNorm2d(out_ch, momentum=bn_momentum),
        )

    def forward(self, input: Any) -> Any:
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(in_ch: int, out_ch: int, kernel: int, stride: int, expansion: int, count: int) -> nn.Sequential:
    blocks = [_InvertedResidual(in_ch, out_ch, kernel, stride, expansion, bn_momentum=MOMENTUM)]
    blocks += [
        _InvertedResidual(out_ch, out_ch, kernel, 1, expansion, bn_momentum=MOMENTUM)
        for _ in range(count - 1)
    ]
    return nn.Sequential(*blocks)


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, momentum=MOMENTUM), nn.ReLU(inplace=True)]


class MNASNet(nn.Module):
    """Six stacks of inverted residual blocks; `alpha` scales their widths."""

    _version = 2

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0.0:
            raise ValueError(f"MNASNet: alpha is to be positive, got {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        widths = [make_divisible(width * alpha, 8) for width in (32, 16, 24, 40, 80, 96, 192, 320)]
        first, second = widths[:2]
        layers = [
            nn.Conv2d(3, first, 3, padding=1, stride=2, bias=False),
            *_norm_relu(first),
            nn.Conv2d(first, first, 3, padding=1, stride=1, groups=first, bias=False),
            *_norm_relu(first),
            nn.Conv2d(first, second, 1, padding=0, stride=1, bias=False),
            nn.BatchNorm2d(second, momentum=MOMENTUM),
            *[_stack(widths[i], widths[i + 1], *shape) for i, shape in enumerate(STACKS, 1)],
            nn.Conv2d(widths[-1], 1280, 1, padding=0, stride=1, bias=False),
            *_norm_relu(1280),
        ]
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes))
        self._initialize()

    def _initialize(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                zero_bias(layer)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.ones_(layer.weight)
                nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, mode="fan_out", nonlinearity="sigmoid")
                zero_bias(layer)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.layers(x).mean([2, 3]))


@register_model(MNASNet0_5_Weights)
def mnasnet0_5(**kwargs: Any) -> MNASNet:
    """MNASNet, half as wide."""
    return MNASNet(0.5, **kwargs)


@register_model(MNASNet0_75_Weights)
def mnasnet0_75(**kwargs: Any) -> MNASNet:
    """MNASNet, three quarters as wide."""
    return MNASNet(0.75, **kwargs)


@register_model(MNASNet1_0_Weights)
def mnasnet1_0(**kwargs: Any) -> MNASNet:
    """MNASNet."""
    return MNASNet(1.0, **kwargs)


@register_model(MNASNet1_3_Weights)
def mnasnet1_3(**kwargs: Any) -> MNASNet:
    """MNASNet, 1.3 times as wide."""
    return MNASNet(1.3, **kwargs)
