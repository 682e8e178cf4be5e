"""ResNet, ResNeXt and wide ResNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as rl
from rushlight import nn

from ._catalogue import publish_variants
from ._utils import init_layers


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Any:
    """A convolution of 3 x 3 that keeps the size (for stride 1)."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        groups=groups,
        bias=False,
        dilation=dilation,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> Any:
    """A convolution of single pixels."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError(f"BasicBlock has groups=1 and base_width=64, got {groups} and {base_width}")
        if dilation > 1:
            raise NotImplementedError(f"BasicBlock has no dilation, got {dilation}; Bottleneck has")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + shortcut)


class Bottleneck(nn.Module):
    """A convolution with few channels between two of single pixels, beside a shortcut."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + shortcut)


class ResNet(nn.Module):
    """Four stages of blocks with shortcuts."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: list[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: list[bool] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        dilated = replace_stride_with_dilation or [False] * 3
        if len(dilated) != 3:
            raise ValueError(f"replace_stride_with_dilation is None or three bools, got {dilated}")
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilated[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilated[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilated[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        init_layers(self)
        if zero_init_residual:
            self._silence_blocks()

    def _silence_blocks(self) -> None:
        """Makes every block its shortcut alone, to start from."""
        for module in self.modules():
            if isinstance(module, (Bottleneck, BasicBlock)):
                last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                nn.init.zeros_(last.weight)

    def _make_layer(
        self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        """A stage of blocks; the first changes the size."""
        first_dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        wanted = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != wanted:
            downsample = nn.Sequential(conv1x1(self.inplanes, wanted, stride), self._norm_layer(wanted))
        options = {"groups": self.groups, "base_width": self.base_width, "norm_layer": self._norm_layer}
        layers = [block(self.inplanes, planes, stride, downsample, dilation=first_dilation, **options)]
        self.inplanes = wanted
        layers += [block(wanted, planes, dilation=self.dilation, **options) for _ in range(1, blocks)]
        return nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(rl.flatten(self.avgpool(x), 1))


# what it is, the kind of block and the blocks of each stage, and options of the network
VARIANTS = {
    "resnet18": ("ResNet with 18 layers.", (BasicBlock, [2, 2, 2, 2], {})),
    "resnet34": ("ResNet with 34 layers.", (BasicBlock, [3, 4, 6, 3], {})),
    "resnet50": ("ResNet with 50 layers.", (Bottleneck, [3, 4, 6, 3], {})),
    "resnet101": ("ResNet with 101 layers.", (Bottleneck, [3, 4, 23, 3], {})),
    "resnet152": ("ResNet with 152 layers.", (Bottleneck, [3, 8, 36, 3], {})),
    "resnext50_32x4d": (
        "ResNeXt with 50 layers, 32 groups of 4 channels.",
        (Bottleneck, [3, 4, 6, 3], {"groups": 32, "width_per_group": 4}),
    ),
    "resnext101_32x8d": (
        "ResNeXt with 101 layers, 32 groups of 8 channels.",
        (Bottleneck, [3, 4, 23, 3], {"groups": 32, "width_per_group": 8}),
    ),
    "resnext101_64x4d": (
        "ResNeXt with 101 layers, 64 groups of 4 channels.",
        (Bottleneck, [3, 4, 23, 3], {"groups": 64, "width_per_group": 4}),
    ),
    "wide_resnet50_2": (
        "ResNet with 50 layers, twice as wide.",
        (Bottleneck, [3, 4, 6, 3], {"width_per_group": 128}),
    ),
    "wide_resnet101_2": (
        "ResNet with 101 layers, twice as wide.",
        (Bottleneck, [3, 4, 23, 3], {"width_per_group": 128}),
    ),
}


def _resnet(shape: tuple[Any, list[int], dict[str, int]], kwargs: dict[str, Any]) -> ResNet:
    block, layers, options = shape
    return ResNet(block, layers, **{**kwargs, **options})


publish_variants(globals(), ResNet, VARIANTS, _resnet)
