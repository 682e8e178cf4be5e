"""What networks that name each pixel are made of: a classifier's layers, and a head that looks at them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from rushlight import nn
from rushlight.nn import functional as F

from .. import mobilenetv3, resnet
from .._utils import IntermediateLayerGetter

# how published weights differ from a fresh network
PUBLISHED: dict[str, Any] = {"weights_backbone": None, "aux_loss": True}


def convolved(in_channels: int, out_channels: int, size: int = 1, dilation: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, a norm, an activation."""
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(in_channels, out_channels, size, padding=padding, dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(out_channels), nn.ReLU()]


class SimpleSegmentationModel(nn.Module):
    """A classifier's layers, a head on the last, and perhaps one on an earlier layer, to train it better."""

    def __init__(self, backbone: nn.Module, classifier: nn.Module, aux_classifier: Any = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Any) -> dict[str, Any]:
        features = self.backbone(x)
        result = OrderedDict(out=self._full_size(self.classifier(features["out"]), x))
        if self.aux_classifier is not None:
            result["aux"] = self._full_size(self.aux_classifier(features["aux"]), x)
        return result

    @staticmethod
    def _full_size(classes: Any, picture: Any) -> Any:
        return F.interpolate(classes, size=picture.shape[-2:], mode="bilinear", align_corners=False)


def resnet_layers(name: str, weights: Any, aux: bool | None) -> tuple[Any, int, int]:
    """A ResNet at an eighth of the size as `out` and `aux`, and the channels of both."""
    network = getattr(resnet, name)(weights=weights, replace_stride_with_dilation=[False, True, True])
    wanted = {"layer4": "out", **({"layer3": "aux"} if aux else {})}
    return IntermediateLayerGetter(network, wanted), 2048, 1024


def mobilenet_layers(weights: Any, early: str | None, late: str) -> tuple[Any, int, int]:
    """A MobileNet v3 under these names, and the channels of both layers."""
    layers = mobilenetv3.mobilenet_v3_large(weights=weights, dilated=True).features
    stages = [0, *(i for i, block in enumerate(layers) if getattr(block, "_is_cn", False)), len(layers) - 1]
    last, before = stages[-1], stages[-4]
    wanted = {str(last): late, **({str(before): early} if early else {})}
    channels = layers[last].out_channels, layers[before].out_channels
    return IntermediateLayerGetter(layers, wanted), *channels
