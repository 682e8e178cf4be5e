"""ResNets for videos: convolutions in space and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rushlight import nn

from .._api import register_model
from .._catalogue import weights_of_task
from .._utils import init_layers, small_linear

R3D_18_Weights = weights_of_task("R3D_18_Weights", __name__)
MC3_18_Weights = weights_of_task("MC3_18_Weights", __name__)
R2Plus1D_18_Weights = weights_of_task("R2Plus1D_18_Weights", __name__)

SPACE, TIME = (1, 3, 3), (3, 1, 1)


class Conv3DSimple(nn.Conv3d):
    """A convolution of space and time at once."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(in_planes, out_planes, (3, 3, 3), stride=stride, padding=padding, bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The strides of a shortcut beside the convolution."""
        return stride, stride, stride


class Conv2Plus1D(nn.Sequential):
    """A convolution of space, then one of time."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int, stride: int = 1, padding: int = 1
    ) -> None:
        steps, margins = (1, stride, stride), (0, padding, padding)
        super().__init__(
            nn.Conv3d(in_planes, midplanes, SPACE, stride=steps, padding=margins, bias=False),
            nn.BatchNorm3d(midplanes),
            nn.ReLU(inplace=True),
            nn.Conv3d(
                midplanes, out_planes, TIME, stride=(stride, 1, 1), padding=(padding, 0, 0), bias=False
            ),
        )

    get_downsample_stride = staticmethod(Conv3DSimple.get_downsample_stride)


class Conv3DNoTemporal(nn.Conv3d):
    """A convolution of space alone."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        steps, margins = (1, stride, stride), (0, padding, padding)
        super().__init__(in_planes, out_planes, SPACE, stride=steps, padding=margins, bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The strides of a shortcut beside the convolution."""
        return 1, stride, stride


def _normed(convolution: nn.Module, planes: int, *more: nn.Module) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm3d(planes), *more)


def _middle(inplanes: int, planes: int) -> int:
    """The channels between space and time that make as many weights as one convolution has."""
    return (inplanes * planes * 3 * 3 * 3) // (inplanes * 3 * 3 + 3 * planes)


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Callable[..., nn.Module],
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        middle = _middle(inplanes, planes)
        self.conv1 = _normed(conv_builder(inplanes, planes, middle, stride), planes, nn.ReLU(inplace=True))
        self.conv2 = _normed(conv_builder(planes, planes, middle), planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv2(self.conv1(x)) + shortcut)


class Bottleneck(nn.Module):
    """A convolution with few channels between two of single pixels, beside a shortcut."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Callable[..., nn.Module],
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        wide, middle = planes * self.expansion, _middle(inplanes, planes)
        self.conv1 = _normed(nn.Conv3d(inplanes, planes, 1, bias=False), planes, nn.ReLU(inplace=True))
        self.conv2 = _normed(conv_builder(planes, planes, middle, stride), planes, nn.ReLU(inplace=True))
        self.conv3 = _normed(nn.Conv3d(planes, wide, 1, bias=False), wide)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv3(self.conv2(self.conv1(x))) + shortcut)


class BasicStem(nn.Sequential):
    """The first convolution, of space and time at once."""

    def __init__(self) -> None:
        first = nn.Conv3d(3, 64, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False)
        super().__init__(first, nn.BatchNorm3d(64), nn.ReLU(inplace=True))


class R2Plus1dStem(nn.Sequential):
    """The first convolutions, of space, then of time."""

    def __init__(self) -> None:
        space = nn.Conv3d(3, 45, (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False)
        time = nn.Conv3d(45, 64, TIME, stride=(1, 1, 1), padding=(1, 0, 0), bias=False)
        activation = {"inplace": True}
        super().__init__(
            space, nn.BatchNorm3d(45), nn.ReLU(**activation), time, nn.BatchNorm3d(64), nn.ReLU(**activation)
        )


class VideoResNet(nn.Module):
    """Four stages of blocks with shortcuts, for videos [N, 3, T, H, W]."""

    def __init__(
        self,
        block: Any,
        conv_makers: Sequence[Any],
        layers: list[int],
        stem: Callable[..., nn.Module],
        num_classes: int = 400,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        self.inplanes = 64
        self.stem = stem()
        self.layer1 = self._make_layer(block, conv_makers[0], 64, layers[0], stride=1)
        self.layer2 = self._make_layer(block, conv_makers[1], 128, layers[1], stride=2)
        self.layer3 = self._make_layer(block, conv_makers[2], 256, layers[2], stride=2)
        self.layer4 = self._make_layer(block, conv_makers[3], 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        init_layers(self, small_linear)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.zeros_(module.conv3[1].weight)

    def _make_layer(
        self, block: Any, conv_builder: Any, planes: int, blocks: int, stride: int
    ) -> nn.Sequential:
        """A stage of blocks; the first changes the size."""
        wanted, downsample = planes * block.expansion, None
        if stride != 1 or self.inplanes != wanted:
            steps = conv_builder.get_downsample_stride(stride)
            downsample = _normed(nn.Conv3d(self.inplanes, wanted, 1, stride=steps, bias=False), wanted)
        first = block(self.inplanes, planes, conv_builder, stride, downsample)
        self.inplanes = wanted
        return nn.Sequential(first, *(block(wanted, planes, conv_builder) for _ in range(1, blocks)))

    def forward(self, x: Any) -> Any:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(self.avgpool(x).flatten(1))


@register_model(R3D_18_Weights)
def r3d_18(**kwargs: Any) -> VideoResNet:
    """ResNet with 18 layers of convolutions in space and time."""
    return VideoResNet(BasicBlock, [Conv3DSimple] * 4, [2, 2, 2, 2], BasicStem, **kwargs)


@register_model(MC3_18_Weights)
def mc3_18(**kwargs: Any) -> VideoResNet:
    """ResNet with 18 layers, the first of space and time, the others of space alone."""
    makers = [Conv3DSimple, *[Conv3DNoTemporal] * 3]
    return VideoResNet(BasicBlock, makers, [2, 2, 2, 2], BasicStem, **kwargs)


@register_model(R2Plus1D_18_Weights)
def r2plus1d_18(**kwargs: Any) -> VideoResNet:
    """ResNet with 18 layers, each of space, then of time."""
    return VideoResNet(BasicBlock, [Conv2Plus1D] * 4, [2, 2, 2, 2], R2Plus1dStem, **kwargs)
