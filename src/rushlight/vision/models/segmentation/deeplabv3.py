"""DeepLab v3: convolutions that look far and near at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from .._api import register_model
from .._catalogue import weights_of_task
from ..mobilenetv3 import MobileNet_V3_Large_Weights
from ..resnet import ResNet50_Weights, ResNet101_Weights  # type: ignore[attr-defined]
from ._parts import PUBLISHED, SimpleSegmentationModel, convolved, mobilenet_layers, resnet_layers
from .fcn import FCNHead

DeepLabV3_ResNet50_Weights = weights_of_task("DeepLabV3_ResNet50_Weights", __name__)
DeepLabV3_ResNet101_Weights = weights_of_task("DeepLabV3_ResNet101_Weights", __name__)
DeepLabV3_MobileNet_V3_Large_Weights = weights_of_task("DeepLabV3_MobileNet_V3_Large_Weights", __name__)


class DeepLabV3(SimpleSegmentationModel):
    """A classifier's layers, and on top convolutions that look far and near at once."""


class ASPPConv(nn.Sequential):
    """A convolution that looks as far as its dilation."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(*convolved(in_channels, out_channels, 3, dilation))


class ASPPPooling(nn.Sequential):
    """What is in the whole picture, everywhere."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), *convolved(in_channels, out_channels))

    def forward(self, x: Any) -> Any:
        return F.interpolate(super().forward(x), size=x.shape[-2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """Convolutions of several dilations side by side, and one over all of them."""

    def __init__(self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        near = nn.Sequential(*convolved(in_channels, out_channels))
        dilated = [ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates]
        self.convs = nn.ModuleList([near, *dilated, ASPPPooling(in_channels, out_channels)])
        self.project = nn.Sequential(
            *convolved(len(self.convs) * out_channels, out_channels), nn.Dropout(0.5)
        )

    def forward(self, x: Any) -> Any:
        return self.project(rl.cat([conv(x) for conv in self.convs], dim=1))


class DeepLabHead(nn.Sequential):
    """From features to classes, far and near at once."""

    def __init__(
        self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)
    ) -> None:
        super().__init__(
            ASPP(in_channels, atrous_rates), *convolved(256, 256, 3), nn.Conv2d(256, num_classes, 1)
        )


def _deeplab(layers: tuple[Any, int, int], num_classes: int, aux_loss: bool | None) -> DeepLabV3:
    backbone, channels, early = layers
    aux = FCNHead(early, num_classes) if aux_loss else None
    return DeepLabV3(backbone, DeepLabHead(channels, num_classes), aux)


@register_model(DeepLabV3_ResNet50_Weights, **PUBLISHED)
def deeplabv3_resnet50(
    *,
    num_classes: int = 21,
    aux_loss: bool | None = None,
    weights_backbone: Any = ResNet50_Weights.IMAGENET1K_V1,
) -> DeepLabV3:
    """DeepLab v3 on ResNet-50."""
    return _deeplab(resnet_layers("resnet50", weights_backbone, aux_loss), num_classes, aux_loss)


@register_model(DeepLabV3_ResNet101_Weights, **PUBLISHED)
def deeplabv3_resnet101(
    *,
    num_classes: int = 21,
    aux_loss: bool | None = None,
    weights_backbone: Any = ResNet101_Weights.IMAGENET1K_V1,
) -> DeepLabV3:
    """DeepLab v3 on ResNet-101."""
    return _deeplab(resnet_layers("resnet101", weights_backbone, aux_loss), num_classes, aux_loss)


@register_model(DeepLabV3_MobileNet_V3_Large_Weights, **PUBLISHED)
def deeplabv3_mobilenet_v3_large(
    *,
    num_classes: int = 21,
    aux_loss: bool | None = None,
    weights_backbone: Any = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
) -> DeepLabV3:
    """DeepLab v3 on the large MobileNet v3."""
    layers = mobilenet_layers(weights_backbone, "aux" if aux_loss else None, "out")
    return _deeplab(layers, num_classes, aux_loss)
