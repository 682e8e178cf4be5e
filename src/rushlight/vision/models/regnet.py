"""RegNet: widths that grow along a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from rushlight import nn

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ._catalogue import publish_variants
from ._utils import init_norm, make_divisible, small_linear

Layer = Callable[..., nn.Module]


class SimpleStemIN(Conv2dNormActivation):
    """The first convolution, which halves the picture."""

    def __init__(self, width_in: int, width_out: int, norm_layer: Layer, activation_layer: Layer) -> None:
        options: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": activation_layer}
        super().__init__(width_in, width_out, kernel_size=3, stride=2, **options)


class BottleneckTransform(nn.Sequential):
    """Pixels, groups of channels in 3 x 3, weights of channels, pixels."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None,
    ) -> None:
        super().__init__()
        width = round(width_out * bottleneck_multiplier)
        active: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": activation_layer}
        self.a = Conv2dNormActivation(width_in, width, kernel_size=1, stride=1, **active)
        self.b = Conv2dNormActivation(
            width, width, kernel_size=3, stride=stride, groups=width // group_width, **active
        )
        if se_ratio:
            self.se = SqueezeExcitation(width, round(se_ratio * width_in), activation=activation_layer)
        self.c = Conv2dNormActivation(
            width, width_out, kernel_size=1, stride=1, norm_layer=norm_layer, activation_layer=None
        )


class ResBottleneckBlock(nn.Module):
    """A bottleneck beside a shortcut."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int = 1,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
    ) -> None:
        super().__init__()
        self.proj = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in,
                width_out,
                kernel_size=1,
                stride=stride,
                norm_layer=norm_layer,
                activation_layer=None,
            )
        self.f = BottleneckTransform(
            width_in,
            width_out,
            stride,
            norm_layer,
            activation_layer,
            group_width,
            bottleneck_multiplier,
            se_ratio,
        )
        self.activation = activation_layer(inplace=True)

    def forward(self, x: Any) -> Any:
        shortcut = x if self.proj is None else self.proj(x)
        return self.activation(shortcut + self.f(x))


class AnyStage(nn.Sequential):
    """Blocks of one width; the first changes the size."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        depth: int,
        block_constructor: Layer,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None = None,
        stage_index: int = 0,
    ) -> None:
        super().__init__()
        rest = (norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio)
        for i in range(depth):
            sizes = (width_out, width_out, 1) if i else (width_in, width_out, stride)
            self.add_module(f"block{stage_index}-{i}", block_constructor(*sizes, *rest))


class BlockParams:
    """Depth, width, stride, groups and bottleneck of each stage."""

    def __init__(
        self,
        depths: list[int],
        widths: list[int],
        group_widths: list[int],
        bottleneck_multipliers: list[float],
        strides: list[int],
        se_ratio: float | None = None,
    ) -> None:
        self.depths = depths
        self.widths = widths
        self.group_widths = group_widths
        self.bottleneck_multipliers = bottleneck_multipliers
        self.strides = strides
        self.se_ratio = se_ratio

    @classmethod
    def from_init_params(
        cls,
        depth: int,
        w_0: int,
        w_a: float,
        w_m: float,
        group_width: int,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
        **kwargs: Any,
    ) -> BlockParams:
        """The stages of a line of widths w_0 + w_a * i, brought to w_0 * w_m ** k and multiples of 8."""
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError(
                f"RegNet: w_a >= 0, w_0 > 0 by 8 and w_m > 1 are wanted, got {w_a}, {w_0}, {w_m}"
            )
        line = np.arange(depth) * w_a + w_0
        steps = np.round(np.log(line / w_0) / math.log(w_m))
        by_block = (np.round(w_0 * w_m**steps / 8) * 8).astype(int)
        widths, counts = np.unique(by_block, return_counts=True)
        count = len(widths)
        multipliers = [bottleneck_multiplier] * count
        fitted, groups = _compatible(widths.tolist(), multipliers, [group_width] * count)
        return cls(counts.tolist(), fitted, groups, multipliers, [2] * count, se_ratio)

    def _get_expanded_params(self) -> Iterator[tuple[int, int, int, int, float]]:
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers)


def _compatible(
    widths: list[int], multipliers: list[float], groups: list[int]
) -> tuple[list[int], list[int]]:
    """Widths and groups that divide each other within the bottlenecks."""
    inner = [int(w * b) for w, b in zip(widths, multipliers)]
    groups = [min(g, w) for g, w in zip(groups, inner)]
    inner = [make_divisible(w, g) for w, g in zip(inner, groups)]
    return [int(w / b) for w, b in zip(inner, multipliers)], groups


class RegNet(nn.Module):
    """A stem, stages of bottlenecks, and a linear layer."""

    def __init__(
        self,
        block_params: BlockParams,
        num_classes: int = 1000,
        stem_width: int = 32,
        stem_type: Layer | None = None,
        block_type: Layer | None = None,
        norm_layer: Layer | None = None,
        activation: Layer | None = None,
    ) -> None:
        super().__init__()
        norm, active = norm_layer or nn.BatchNorm2d, activation or nn.ReLU
        self.stem = (stem_type or SimpleStemIN)(3, stem_width, norm, active)
        width = stem_width
        stages = nn.Sequential()
        for i, sizes in enumerate(block_params._get_expanded_params(), 1):
            wanted, stride, depth, group, multiplier = sizes
            stage = AnyStage(
                width,
                wanted,
                stride,
                depth,
                block_type or ResBottleneckBlock,
                norm,
                active,
                group,
                multiplier,
                block_params.se_ratio,
                stage_index=i,
            )
            stages.add_module(f"block{i}", stage)
            width = wanted
        self.trunk_output = stages
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(in_features=width, out_features=num_classes)
        self._initialize()

    def _initialize(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
                nn.init.normal_(layer.weight, mean=0.0, std=math.sqrt(2.0 / fan_out))
            elif isinstance(layer, nn.BatchNorm2d):
                init_norm(layer)
            elif isinstance(layer, nn.Linear):
                small_linear(layer)

    def forward(self, x: Any) -> Any:
        x = self.trunk_output(self.stem(x))
        return self.fc(self.avgpool(x).flatten(start_dim=1))


# what it is; depth, first width, how widths grow (twice), and the width of groups
VARIANTS = {
    "regnet_y_400mf": ("RegNet Y, 0.4 GFLOP.", (16, 48, 27.89, 2.09, 8)),
    "regnet_y_800mf": ("RegNet Y, 0.8 GFLOP.", (14, 56, 38.84, 2.4, 16)),
    "regnet_y_1_6gf": ("RegNet Y, 1.6 GFLOP.", (27, 48, 20.71, 2.65, 24)),
    "regnet_y_3_2gf": ("RegNet Y, 3.2 GFLOP.", (21, 80, 42.63, 2.66, 24)),
    "regnet_y_8gf": ("RegNet Y, 8 GFLOP.", (17, 192, 76.82, 2.19, 56)),
    "regnet_y_16gf": ("RegNet Y, 16 GFLOP.", (18, 200, 106.23, 2.48, 112)),
    "regnet_y_32gf": ("RegNet Y, 32 GFLOP.", (20, 232, 115.89, 2.53, 232)),
    "regnet_y_128gf": ("RegNet Y, 128 GFLOP.", (27, 456, 160.83, 2.52, 264)),
    "regnet_x_400mf": ("RegNet X, 0.4 GFLOP.", (22, 24, 24.48, 2.54, 16)),
    "regnet_x_800mf": ("RegNet X, 0.8 GFLOP.", (16, 56, 35.73, 2.28, 16)),
    "regnet_x_1_6gf": ("RegNet X, 1.6 GFLOP.", (18, 80, 34.01, 2.25, 24)),
    "regnet_x_3_2gf": ("RegNet X, 3.2 GFLOP.", (25, 88, 26.31, 2.25, 48)),
    "regnet_x_8gf": ("RegNet X, 8 GFLOP.", (23, 80, 49.56, 2.88, 120)),
    "regnet_x_16gf": ("RegNet X, 16 GFLOP.", (22, 216, 55.59, 2.1, 128)),
    "regnet_x_32gf": ("RegNet X, 32 GFLOP.", (23, 320, 69.86, 2.0, 168)),
}


def _regnet(shape: tuple[Any, ...], kwargs: dict[str, Any], se: float | None = None) -> RegNet:
    norm = kwargs.pop("norm_layer", partial(nn.BatchNorm2d, eps=1e-05, momentum=0.1))
    return RegNet(BlockParams.from_init_params(*shape, se_ratio=se), norm_layer=norm, **kwargs)


_Y = {name: row for name, row in VARIANTS.items() if "_y_" in name}  # these weigh their channels
_X = {name: row for name, row in VARIANTS.items() if "_x_" in name}
publish_variants(globals(), RegNet, _Y, partial(_regnet, se=0.25))
publish_variants(globals(), RegNet, _X, _regnet)
