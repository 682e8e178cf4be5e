"""MobileNet v3: blocks that weigh their channels, hard-swish."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import rushlight as rl
from rushlight import nn

from ..ops.misc import Conv2dNormActivation
from ..ops.misc import SqueezeExcitation as SElayer
from ._api import register_model
from ._catalogue import weights_of
from ._utils import init_layers, make_divisible, small_linear

MobileNet_V3_Large_Weights = weights_of("MobileNet_V3_Large_Weights", __name__)
MobileNet_V3_Small_Weights = weights_of("MobileNet_V3_Small_Weights", __name__)

SQUEEZE = partial(SElayer, scale_activation=nn.Hardsigmoid)


class InvertedResidualConfig:
    """The sizes of one block."""

    def __init__(
        self,
        input_channels: int,
        kernel: int,
        expanded_channels: int,
        out_channels: int,
        use_se: bool,
        activation: str,
        stride: int,
        dilation: int,
        width_mult: float,
    ) -> None:
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        return make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """Many channels, each by itself, weighed, between few; beside a shortcut where sizes agree."""

    def __init__(
        self,
        cnf: InvertedResidualConfig,
        norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = SQUEEZE,
    ) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError(f"InvertedResidual: stride is 1 or 2, got {cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        wide = cnf.expanded_channels
        options: dict[str, Any] = {"norm_layer": norm_layer}
        active = {**options, "activation_layer": nn.Hardswish if cnf.use_hs else nn.ReLU}
        layers: list[nn.Module] = []
        if wide != cnf.input_channels:
            layers.append(Conv2dNormActivation(cnf.input_channels, wide, kernel_size=1, **active))
        stride = 1 if cnf.dilation > 1 else cnf.stride
        layers.append(
            Conv2dNormActivation(
                wide, wide, cnf.kernel, stride=stride, dilation=cnf.dilation, groups=wide, **active
            )
        )
        if cnf.use_se:
            layers.append(se_layer(wide, make_divisible(wide // 4, 8)))
        layers.append(
            Conv2dNormActivation(wide, cnf.out_channels, kernel_size=1, activation_layer=None, **options)
        )
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1

    def forward(self, input: Any) -> Any:
        result = self.block(input)
        return result + input if self.use_res_connect else result


class MobileNetV3(nn.Module):
    """A stack of inverted residual blocks with hard-swish."""

    def __init__(
        self,
        inverted_residual_setting: list[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if not inverted_residual_setting:
            raise ValueError("MobileNetV3: inverted_residual_setting is to have at least one block")
        norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.Hardswish}
        first, last = inverted_residual_setting[0].input_channels, inverted_residual_setting[-1].out_channels
        self.features = nn.Sequential(
            Conv2dNormActivation(3, first, kernel_size=3, stride=2, **options),
            *[(block or InvertedResidual)(cnf, norm) for cnf in inverted_residual_setting],
            Conv2dNormActivation(last, 6 * last, kernel_size=1, **options),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * last, last_channel),
            nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )
        init_layers(self, small_linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(rl.flatten(self.avgpool(self.features(x)), 1))


def _config(
    small: bool, width_mult: float = 1.0, reduced_tail: bool = False, dilated: bool = False
) -> tuple[list[InvertedResidualConfig], int]:
    """The blocks of a variant, and the width of its classifier."""
    reduce, dilation = (2 if reduced_tail else 1), (2 if dilated else 1)
    rows = _small(reduce, dilation) if small else _large(reduce, dilation)
    last = (1024 if small else 1280) // reduce
    blocks = [InvertedResidualConfig(*row, width_mult=width_mult) for row in rows]
    return blocks, InvertedResidualConfig.adjust_channels(last, width_mult)


def _large(reduce: int, dilation: int) -> list[tuple[Any, ...]]:
    tail = 160 // reduce
    return [
        (16, 3, 16, 16, False, "RE", 1, 1),
        (16, 3, 64, 24, False, "RE", 2, 1),
        (24, 3, 72, 24, False, "RE", 1, 1),
        (24, 5, 72, 40, True, "RE", 2, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 3, 240, 80, False, "HS", 2, 1),
        (80, 3, 200, 80, False, "HS", 1, 1),
        (80, 3, 184, 80, False, "HS", 1, 1),
        (80, 3, 184, 80, False, "HS", 1, 1),
        (80, 3, 480, 112, True, "HS", 1, 1),
        (112, 3, 672, 112, True, "HS", 1, 1),
        (112, 5, 672, tail, True, "HS", 2, dilation),
        (tail, 5, 960 // reduce, tail, True, "HS", 1, dilation),
        (tail, 5, 960 // reduce, tail, True, "HS", 1, dilation),
    ]


def _small(reduce: int, dilation: int) -> list[tuple[Any, ...]]:
    tail = 96 // reduce
    return [
        (16, 3, 16, 16, True, "RE", 2, 1),
        (16, 3, 72, 24, False, "RE", 2, 1),
        (24, 3, 88, 24, False, "RE", 1, 1),
        (24, 5, 96, 40, True, "HS", 2, 1),
        (40, 5, 240, 40, True, "HS", 1, 1),
        (40, 5, 240, 40, True, "HS", 1, 1),
        (40, 5, 120, 48, True, "HS", 1, 1),
        (48, 5, 144, 48, True, "HS", 1, 1),
        (48, 5, 288, tail, True, "HS", 2, dilation),
        (tail, 5, 576 // reduce, tail, True, "HS", 1, dilation),
        (tail, 5, 576 // reduce, tail, True, "HS", 1, dilation),
    ]


def _mobilenet(small: bool, options: dict[str, Any]) -> MobileNetV3:
    shape = {k: options.pop(k) for k in ("width_mult", "reduced_tail", "dilated") if k in options}
    blocks, last = _config(small, **shape)
    return MobileNetV3(blocks, last, **options)


@register_model(MobileNet_V3_Large_Weights)
def mobilenet_v3_large(**kwargs: Any) -> MobileNetV3:
    """MobileNet v3, the large one."""
    return _mobilenet(False, kwargs)


@register_model(MobileNet_V3_Small_Weights)
def mobilenet_v3_small(**kwargs: Any) -> MobileNetV3:
    """MobileNet v3, the small one."""
    return _mobilenet(True, kwargs)
