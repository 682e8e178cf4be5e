"""EfficientNet, the first and the second version."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import rushlight as rl
from rushlight import nn

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ..ops.stochastic_depth import StochasticDepth
from ._api import register_model
from ._catalogue import weights_of
from ._utils import init_layers, make_divisible, zero_bias

EfficientNet_B0_Weights = weights_of("EfficientNet_B0_Weights", __name__)
EfficientNet_B1_Weights = weights_of("EfficientNet_B1_Weights", __name__)
EfficientNet_B2_Weights = weights_of("EfficientNet_B2_Weights", __name__)
EfficientNet_B3_Weights = weights_of("EfficientNet_B3_Weights", __name__)
EfficientNet_B4_Weights = weights_of("EfficientNet_B4_Weights", __name__)
EfficientNet_B5_Weights = weights_of("EfficientNet_B5_Weights", __name__)
EfficientNet_B6_Weights = weights_of("EfficientNet_B6_Weights", __name__)
EfficientNet_B7_Weights = weights_of("EfficientNet_B7_Weights", __name__)
EfficientNet_V2_S_Weights = weights_of("EfficientNet_V2_S_Weights", __name__)
EfficientNet_V2_M_Weights = weights_of("EfficientNet_V2_M_Weights", __name__)
EfficientNet_V2_L_Weights = weights_of("EfficientNet_V2_L_Weights", __name__)


@dataclass
class _MBConvConfig:
    """The sizes of a stage of blocks."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: Callable[..., nn.Module] | None = None

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        return make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(_MBConvConfig):
    """A stage of blocks that work on each channel by itself, as wide and deep as asked."""

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        block: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__(
            expand_ratio,
            kernel,
            stride,
            self.adjust_channels(input_channels, width_mult),
            self.adjust_channels(out_channels, width_mult),
            self.adjust_depth(num_layers, depth_mult),
            block or MBConv,
        )

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(_MBConvConfig):
    """A stage of blocks with one ordinary convolution."""

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        block: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__(
            expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block or FusedMBConv
        )


class _Block(nn.Module):
    """A block beside a shortcut where sizes agree, left out at random in training."""

    def __init__(self, cnf: _MBConvConfig, stochastic_depth_prob: float) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError(f"{type(self).__name__}: stride is 1 or 2, got {cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels

    def forward(self, input: Any) -> Any:
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


class MBConv(_Block):
    """Many channels, each by itself, weighed, between few."""

    def __init__(
        self,
        cnf: _MBConvConfig,
        stochastic_depth_prob: float,
        norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = SqueezeExcitation,
    ) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        active: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": nn.SiLU}
        wide = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        layers: list[nn.Module] = []
        if wide != cnf.input_channels:
            layers.append(Conv2dNormActivation(cnf.input_channels, wide, kernel_size=1, **active))
        squeeze = max(1, cnf.input_channels // 4)
        layers += [
            Conv2dNormActivation(wide, wide, cnf.kernel, stride=cnf.stride, groups=wide, **active),
            se_layer(wide, squeeze, activation=partial(nn.SiLU, inplace=True)),
            Conv2dNormActivation(
                wide, cnf.out_channels, kernel_size=1, norm_layer=norm_layer, activation_layer=None
            ),
        ]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels


class FusedMBConv(_Block):
    """An ordinary convolution to many channels and one back."""

    def __init__(
        self, cnf: _MBConvConfig, stochastic_depth_prob: float, norm_layer: Callable[..., nn.Module]
    ) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        active: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": nn.SiLU}
        wide = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        single = wide == cnf.input_channels
        first = cnf.out_channels if single else wide
        layers = [Conv2dNormActivation(cnf.input_channels, first, cnf.kernel, stride=cnf.stride, **active)]
        if not single:
            layers.append(
                Conv2dNormActivation(
                    wide, cnf.out_channels, kernel_size=1, norm_layer=norm_layer, activation_layer=None
                )
            )
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels


class EfficientNet(nn.Module):
    """Stages of blocks whose width and depth were found by search."""

    def __init__(
        self,
        inverted_residual_setting: Sequence[_MBConvConfig],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Callable[..., nn.Module] | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        if not inverted_residual_setting:
            raise ValueError("EfficientNet: inverted_residual_setting is to have at least one stage")
        norm = norm_layer or nn.BatchNorm2d
        active: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.SiLU}
        first, last = inverted_residual_setting[0].input_channels, inverted_residual_setting[-1].out_channels
        width = 4 * last if last_channel is None else last_channel
        self.features = nn.Sequential(
            Conv2dNormActivation(3, first, kernel_size=3, stride=2, **active),
            *_stages(inverted_residual_setting, stochastic_depth_prob, norm),
            Conv2dNormActivation(last, width, kernel_size=1, **active),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(width, num_classes))
        init_layers(self, _uniform_linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(rl.flatten(self.avgpool(self.features(x)), 1))


def _stages(settings: Sequence[_MBConvConfig], probability: float, norm: Any) -> list[nn.Module]:
    """The stages; later blocks are left out more often."""
    total, done, stages = sum(cnf.num_layers for cnf in settings), 0, []
    for cnf in settings:
        blocks = []
        for i in range(cnf.num_layers):
            own = copy(cnf)
            if i:
                own.input_channels, own.stride = own.out_channels, 1
            blocks.append(own.block(own, probability * float(done) / total, norm))  # type: ignore[misc]
            done += 1
        stages.append(nn.Sequential(*blocks))
    return stages


def _uniform_linear(layer: Any) -> None:
    bound = 1.0 / math.sqrt(layer.out_features)
    nn.init.uniform_(layer.weight, -bound, bound)
    zero_bias(layer)


BLOCKS = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
# stages of the second version: "fused" ones first, then those like the first version's
V2_BLOCKS = {
    "s": (
        ((1, 3, 1, 24, 24, 2), (4, 3, 2, 24, 48, 4), (4, 3, 2, 48, 64, 4)),
        ((4, 3, 2, 64, 128, 6), (6, 3, 1, 128, 160, 9), (6, 3, 2, 160, 256, 15)),
    ),
    "m": (
        ((1, 3, 1, 24, 24, 3), (4, 3, 2, 24, 48, 5), (4, 3, 2, 48, 80, 5)),
        ((4, 3, 2, 80, 160, 7), (6, 3, 1, 160, 176, 14), (6, 3, 2, 176, 304, 18), (6, 3, 1, 304, 512, 5)),
    ),
    "l": (
        ((1, 3, 1, 32, 32, 4), (4, 3, 2, 32, 64, 7), (4, 3, 2, 64, 96, 7)),
        ((4, 3, 2, 96, 192, 10), (6, 3, 1, 192, 224, 19), (6, 3, 2, 224, 384, 25), (6, 3, 1, 384, 640, 7)),
    ),
}


def _b(
    width: float, depth: float, dropout: float, kwargs: dict[str, Any], fine: bool = False
) -> EfficientNet:
    stages = [MBConvConfig(*row, width_mult=width, depth_mult=depth) for row in BLOCKS]
    dropout = kwargs.pop("dropout", dropout)
    if fine:
        kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))
    return EfficientNet(stages, dropout, **kwargs)


def _v2(size: str, dropout: float, kwargs: dict[str, Any]) -> EfficientNet:
    fused, plain = V2_BLOCKS[size]
    stages: list[_MBConvConfig] = [FusedMBConvConfig(*row) for row in fused]
    stages += [MBConvConfig(*row) for row in plain]
    dropout = kwargs.pop("dropout", dropout)
    kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=1e-03))
    return EfficientNet(stages, dropout, last_channel=1280, **kwargs)


@register_model(EfficientNet_B0_Weights)
def efficientnet_b0(**kwargs: Any) -> EfficientNet:
    """EfficientNet B0."""
    return _b(1.0, 1.0, 0.2, kwargs)


@register_model(EfficientNet_B1_Weights)
def efficientnet_b1(**kwargs: Any) -> EfficientNet:
    """EfficientNet B1."""
    return _b(1.0, 1.1, 0.2, kwargs)


@register_model(EfficientNet_B2_Weights)
def efficientnet_b2(**kwargs: Any) -> EfficientNet:
    """EfficientNet B2."""
    return _b(1.1, 1.2, 0.3, kwargs)


@register_model(EfficientNet_B3_Weights)
def efficientnet_b3(**kwargs: Any) -> EfficientNet:
    """EfficientNet B3."""
    return _b(1.2, 1.4, 0.3, kwargs)


@register_model(EfficientNet_B4_Weights)
def efficientnet_b4(**kwargs: Any) -> EfficientNet:
    """EfficientNet B4."""
    return _b(1.4, 1.8, 0.4, kwargs)


@register_model(EfficientNet_B5_Weights)
def efficientnet_b5(**kwargs: Any) -> EfficientNet:
    """EfficientNet B5."""
    return _b(1.6, 2.2, 0.4, kwargs, fine=True)


@register_model(EfficientNet_B6_Weights)
def efficientnet_b6(**kwargs: Any) -> EfficientNet:
    """EfficientNet B6."""
    return _b(1.8, 2.6, 0.5, kwargs, fine=True)


@register_model(EfficientNet_B7_Weights)
def efficientnet_b7(**kwargs: Any) -> EfficientNet:
    """EfficientNet B7."""
    return _b(2.0, 3.1, 0.5, kwargs, fine=True)


@register_model(EfficientNet_V2_S_Weights)
def efficientnet_v2_s(**kwargs: Any) -> EfficientNet:
    """EfficientNet v2, small."""
    return _v2("s", 0.2, kwargs)


@register_model(EfficientNet_V2_M_Weights)
def efficientnet_v2_m(**kwargs: Any) -> EfficientNet:
    """EfficientNet v2, medium."""
    return _v2("m", 0.3, kwargs)


@register_model(EfficientNet_V2_L_Weights)
def efficientnet_v2_l(**kwargs: Any) -> EfficientNet:
    """EfficientNet v2, large."""
    return _v2("l", 0.4, kwargs)
