"""S3D: inception blocks whose convolutions are of space, then of time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import rushlight as rl
from rushlight import nn

from ...ops.misc import Conv3dNormActivation
from .._api import register_model
from .._catalogue import weights_of_task

S3D_Weights = weights_of_task("S3D_Weights", __name__)

# of each block the channels: in, of the first branch, then of narrow and wide of two, and of the last
BLOCKS = """
    192 64 96 128 16 32 32
    256 128 128 192 32 96 64
    480 192 96 208 16 48 64
    512 160 112 224 24 64 64
    512 128 128 256 24 64 64
    512 112 144 288 32 64 64
    528 256 160 320 32 128 128
    832 256 160 320 32 128 128
    832 384 192 384 48 128 128
"""


class TemporalSeparableConv(nn.Sequential):
    """A convolution of space, then one of time."""

    def __init__(
        self,
        in_planes: int,
        out_planes: int,
        kernel_size: int,
        stride: int,
        padding: int,
        norm_layer: Callable[..., nn.Module],
    ) -> None:
        layers = []
        for channels, space, time in ((in_planes, True, False), (out_planes, False, True)):
            sizes = [
                (size if time else other, size if space else other, size if space else other)
                for size, other in ((kernel_size, 1), (stride, 1), (padding, 0))
            ]
            layers.append(
                Conv3dNormActivation(channels, out_planes, *sizes, bias=False, norm_layer=norm_layer)
            )
        super().__init__(*layers)


class SepInceptionBlock3D(nn.Module):
    """Four branches side by side."""

    def __init__(
        self,
        in_planes: int,
        b0_out: int,
        b1_mid: int,
        b1_out: int,
        b2_mid: int,
        b2_out: int,
        b3_out: int,
        norm_layer: Callable[..., nn.Module],
    ) -> None:
        super().__init__()
        single = partial(Conv3dNormActivation, in_planes, kernel_size=1, stride=1, norm_layer=norm_layer)
        wide = partial(TemporalSeparableConv, kernel_size=3, stride=1, padding=1, norm_layer=norm_layer)
        self.branch0 = single(out_channels=b0_out)
        self.branch1 = nn.Sequential(single(out_channels=b1_mid), wide(b1_mid, b1_out))
        self.branch2 = nn.Sequential(single(out_channels=b2_mid), wide(b2_mid, b2_out))
        pool = nn.MaxPool3d(kernel_size=(3, 3, 3), stride=1, padding=1)
        self.branch3 = nn.Sequential(pool, single(out_channels=b3_out))

    def forward(self, x: Any) -> Any:
        return rl.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], 1)


class S3D(nn.Module):
    """Inception blocks for videos [N, 3, T, H, W]."""

    def __init__(
        self,
        num_classes: int = 400,
        dropout: float = 0.2,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or partial(nn.BatchNorm3d, eps=0.001, momentum=0.001)
        rows = [list(map(int, line.split())) for line in BLOCKS.strip().splitlines()]
        blocks = (SepInceptionBlock3D(*row, norm_layer=norm) for row in rows)

        def pool(size: Any, stride: Any, padding: Any) -> nn.Module:
            return nn.MaxPool3d(kernel_size=size, stride=stride, padding=padding)

        self.features = nn.Sequential(
            TemporalSeparableConv(3, 64, 7, 2, 3, norm),
            pool((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            Conv3dNormActivation(64, 64, kernel_size=1, stride=1, norm_layer=norm),
            TemporalSeparableConv(64, 192, 3, 1, 1, norm),
            pool((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *islice(blocks, 2),
            pool((3, 3, 3), (2, 2, 2), (1, 1, 1)),
            *islice(blocks, 5),
            pool((2, 2, 2), (2, 2, 2), (0, 0, 0)),
            *blocks,
        )
        self.avgpool = nn.AvgPool3d(kernel_size=(2, 7, 7), stride=1)
        last = nn.Conv3d(1024, num_classes, kernel_size=1, stride=1, bias=True)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), last)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x))).mean(dim=(2, 3, 4))


@register_model(S3D_Weights)
def s3d(**kwargs: Any) -> S3D:
    """S3D."""
    return S3D(**kwargs)
