"""ConvNeXt: convolutions in the manner of transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..ops.misc import Conv2dNormActivation, Permute
from ..ops.stochastic_depth import StochasticDepth
from ._api import register_model
from ._catalogue import weights_of
from ._utils import zero_bias

ConvNeXt_Tiny_Weights = weights_of("ConvNeXt_Tiny_Weights", __name__)
ConvNeXt_Small_Weights = weights_of("ConvNeXt_Small_Weights", __name__)
ConvNeXt_Base_Weights = weights_of("ConvNeXt_Base_Weights", __name__)
ConvNeXt_Large_Weights = weights_of("ConvNeXt_Large_Weights", __name__)


class LayerNorm2d(nn.LayerNorm):
    """A layer norm over the channels of each pixel."""

    def forward(self, x: Any) -> Any:
        pixels = x.permute(0, 2, 3, 1)
        pixels = F.layer_norm(pixels, self.normalized_shape, self.weight, self.bias, self.eps)
        return pixels.permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """A wide convolution of each channel, then two linear layers at each pixel, beside a shortcut."""

    def __init__(
        self,
        dim: int,
        layer_scale: float,
        stochastic_depth_prob: float,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim, bias=True),
            Permute([0, 2, 3, 1]),
            norm(dim),
            nn.Linear(in_features=dim, out_features=4 * dim, bias=True),
            nn.GELU(),
            nn.Linear(in_features=4 * dim, out_features=dim, bias=True),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(rl.ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Any) -> Any:
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


@dataclass
class CNBlockConfig:
    """Channels of a stage and of the one after it (None for the last), and how many blocks."""

    input_channels: int
    out_channels: int | None
    num_layers: int


class ConvNeXt(nn.Module):
    """Four stages of blocks, with halving convolutions between."""

    def __init__(
        self,
        block_setting: list[CNBlockConfig],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if not block_setting:
            raise ValueError("ConvNeXt: block_setting is to have at least one stage")
        norm = norm_layer or partial(LayerNorm2d, eps=1e-6)
        make_block = block or CNBlock
        total, done = sum(cnf.num_layers for cnf in block_setting), 0
        layers: list[nn.Module] = [_stem(block_setting[0].input_channels, norm)]
        for cnf in block_setting:
            chances = [stochastic_depth_prob * (done + i) / (total - 1.0) for i in range(cnf.num_layers)]
            layers.append(
                nn.Sequential(*[make_block(cnf.input_channels, layer_scale, chance) for chance in chances])
            )
            done += cnf.num_layers
            if cnf.out_channels is not None:
                halve = nn.Conv2d(cnf.input_channels, cnf.out_channels, kernel_size=2, stride=2)
                layers.append(nn.Sequential(norm(cnf.input_channels), halve))
        last = block_setting[-1].out_channels or block_setting[-1].input_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(norm(last), nn.Flatten(1), nn.Linear(last, num_classes))
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                zero_bias(layer)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)))


def _stem(channels: int, norm: Any) -> nn.Module:
    return Conv2dNormActivation(
        3, channels, kernel_size=4, stride=4, padding=0, norm_layer=norm, activation_layer=None, bias=True
    )


def _convnext(widths: list[int], depths: list[int], chance: float, kwargs: dict[str, Any]) -> ConvNeXt:
    settings = [CNBlockConfig(*stage) for stage in zip(widths, [*widths[1:], None], depths)]
    chance = kwargs.pop("stochastic_depth_prob", chance)
    return ConvNeXt(settings, stochastic_depth_prob=chance, **kwargs)


@register_model(ConvNeXt_Tiny_Weights)
def convnext_tiny(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, tiny."""
    return _convnext([96, 192, 384, 768], [3, 3, 9, 3], 0.1, kwargs)


@register_model(ConvNeXt_Small_Weights)
def convnext_small(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, small."""
    return _convnext([96, 192, 384, 768], [3, 3, 27, 3], 0.4, kwargs)


@register_model(ConvNeXt_Base_Weights)
def convnext_base(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, of middle size."""
    return _convnext([128, 256, 512, 1024], [3, 3, 27, 3], 0.5, kwargs)


@register_model(ConvNeXt_Large_Weights)
def convnext_large(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, large."""
    return _convnext([192, 384, 768, 1536], [3, 3, 27, 3], 0.5, kwargs)
