"""Fully convolutional networks."""

from __future__ import annotations

from typing import Any

from rushlight import nn

from .._api import register_model
from .._catalogue import weights_of_task
from ..resnet import ResNet50_Weights, ResNet101_Weights  # type: ignore[attr-defined]
from ._parts import PUBLISHED, SimpleSegmentationModel, convolved, resnet_layers

FCN_ResNet50_Weights = weights_of_task("FCN_ResNet50_Weights", __name__)
FCN_ResNet101_Weights = weights_of_task("FCN_ResNet101_Weights", __name__)


class FCN(SimpleSegmentationModel):
    """A classifier's layers and two convolutions on top."""


class FCNHead(nn.Sequential):
    """Two convolutions, from features to classes."""

    def __init__(self, in_channels: int, channels: int) -> None:
        middle = in_channels // 4
        super().__init__(*convolved(in_channels, middle, 3), nn.Dropout(0.1), nn.Conv2d(middle, channels, 1))


def _fcn(name: str, num_classes: int, aux_loss: bool | None, weights_backbone: Any) -> FCN:
    backbone, channels, early = resnet_layers(name, weights_backbone, aux_loss)
    aux = FCNHead(early, num_classes) if aux_loss else None
    return FCN(backbone, FCNHead(channels, num_classes), aux)


@register_model(FCN_ResNet50_Weights, **PUBLISHED)
def fcn_resnet50(
    *,
    num_classes: int = 21,
    aux_loss: bool | None = None,
    weights_backbone: Any = ResNet50_Weights.IMAGENET1K_V1,
) -> FCN:
    """A fully convolutional network on ResNet-50."""
    return _fcn("resnet50", num_classes, aux_loss, weights_backbone)


@register_model(FCN_ResNet101_Weights, **PUBLISHED)
def fcn_resnet101(
    *,
    num_classes: int = 21,
    aux_loss: bool | None = None,
    weights_backbone: Any = ResNet101_Weights.IMAGENET1K_V1,
) -> FCN:
    """A fully convolutional network on ResNet-101."""
    return _fcn("resnet101", num_classes, aux_loss, weights_backbone)
