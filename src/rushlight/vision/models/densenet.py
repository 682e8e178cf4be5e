"""DenseNet: every layer sees all layers before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ._api import register_model
from ._catalogue import weights_of
from ._utils import init_norm, zero_bias

DenseNet121_Weights = weights_of("DenseNet121_Weights", __name__)
DenseNet161_Weights = weights_of("DenseNet161_Weights", __name__)
DenseNet169_Weights = weights_of("DenseNet169_Weights", __name__)
DenseNet201_Weights = weights_of("DenseNet201_Weights", __name__)

OLD_KEY = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$")


class _DenseLayer(nn.Module):
    """New channels of all that there are."""

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        width = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, width, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, growth_rate, kernel_size=3, stride=1, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def _narrow(self, *features: Any) -> Any:
        return self.conv1(self.relu1(self.norm1(rl.cat(features, 1))))

    def forward(self, input: Any) -> Any:
        features = [input] if isinstance(input, rl.Tensor) else input
        if self.memory_efficient and any(f.requires_grad for f in features):
            from rushlight.utils.checkpoint import checkpoint

            narrow = checkpoint(self._narrow, *features, use_reentrant=False)
        else:
            narrow = self._narrow(*features)
        new = self.conv2(self.relu2(self.norm2(narrow)))
        return F.dropout(new, p=self.drop_rate, training=self.training) if self.drop_rate > 0 else new


class _DenseBlock(nn.ModuleDict):
    """Layers that each add channels to what goes on."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            width = num_input_features + i * growth_rate
            layer = _DenseLayer(width, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: Any) -> Any:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return rl.cat(features, 1)


class _Transition(nn.Sequential):
    """Fewer channels, half the size."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Blocks of dense layers with transitions between."""

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential()
        add = self.features.add_module
        add("conv0", nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False))
        add("norm0", nn.BatchNorm2d(num_init_features))
        add("relu0", nn.ReLU(inplace=True))
        add("pool0", nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        width = num_init_features
        for i, count in enumerate(block_config, 1):
            block = _DenseBlock(count, width, bn_size, growth_rate, drop_rate, memory_efficient)
            add(f"denseblock{i}", block)
            width += count * growth_rate
            if i != len(block_config):
                add(f"transition{i}", _Transition(width, width // 2))
                width //= 2
        add("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        self._initialize()

    def _initialize(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
            elif isinstance(layer, nn.BatchNorm2d):
                init_norm(layer)
            elif isinstance(layer, nn.Linear):
                zero_bias(layer)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Loads a state; keys of old files such as "norm.1.weight" are understood."""
        renamed = {OLD_KEY.sub(r"\1\2", key): value for key, value in state_dict.items()}
        if list(renamed) != list(state_dict):
            state_dict = renamed
        return super().load_state_dict(state_dict, *args, **kwargs)

    def forward(self, x: Any) -> Any:
        out = F.relu(self.features(x), inplace=True)
        return self.classifier(rl.flatten(F.adaptive_avg_pool2d(out, (1, 1)), 1))


@register_model(DenseNet121_Weights)
def densenet121(**kwargs: Any) -> DenseNet:
    """DenseNet with 121 layers."""
    return DenseNet(32, (6, 12, 24, 16), 64, **kwargs)


@register_model(DenseNet161_Weights)
def densenet161(**kwargs: Any) -> DenseNet:
    """DenseNet with 161 layers, wider."""
    return DenseNet(48, (6, 12, 36, 24), 96, **kwargs)


@register_model(DenseNet169_Weights)
def densenet169(**kwargs: Any) -> DenseNet:
    """DenseNet with 169 layers."""
    return DenseNet(32, (6, 12, 32, 32), 64, **kwargs)


@register_model(DenseNet201_Weights)
def densenet201(**kwargs: Any) -> DenseNet:
    """DenseNet with 201 layers."""
    return DenseNet(32, (6, 12, 48, 32), 64, **kwargs)
