"""LR-ASPP: a small head on a small network."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from rushlight import nn
from rushlight.nn import functional as F

from .._api import register_model
from .._catalogue import weights_of_task
from ..mobilenetv3 import MobileNet_V3_Large_Weights
from ._parts import mobilenet_layers

LRASPP_MobileNet_V3_Large_Weights = weights_of_task("LRASPP_MobileNet_V3_Large_Weights", __name__)


class LRASPP(nn.Module):
    """A classifier's layers, and a small head on two of them."""

    def __init__(
        self,
        backbone: nn.Module,
        low_channels: int,
        high_channels: int,
        num_classes: int,
        inter_channels: int = 128,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: Any) -> dict[str, Any]:
        classes = self.classifier(self.backbone(input))
        full = F.interpolate(classes, size=input.shape[-2:], mode="bilinear", align_corners=False)
        return OrderedDict(out=full)


class LRASPPHead(nn.Module):
    """The late layer, weighed by what is in the whole picture, beside the early one."""

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.BatchNorm2d(inter_channels),
            nn.ReLU(inplace=True),
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(high_channels, inter_channels, 1, bias=False), nn.Sigmoid()
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: dict[str, Any]) -> Any:
        low, high = input["low"], input["high"]
        weighed = self.cbr(high) * self.scale(high)
        weighed = F.interpolate(weighed, size=low.shape[-2:], mode="bilinear", align_corners=False)
        return self.low_classifier(low) + self.high_classifier(weighed)


@register_model(LRASPP_MobileNet_V3_Large_Weights, weights_backbone=None)
def lraspp_mobilenet_v3_large(
    *,
    num_classes: int = 21,
    weights_backbone: Any = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    aux_loss: bool | None = None,
) -> LRASPP:
    """LR-ASPP on the large MobileNet v3."""
    if aux_loss:
        raise NotImplementedError("lraspp_mobilenet_v3_large has no second head, so no aux_loss")
    backbone, high, low = mobilenet_layers(weights_backbone, "low", "high")
    return LRASPP(backbone, low, high, num_classes)
