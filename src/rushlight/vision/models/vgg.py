"""VGG, after "Very deep convolutional networks for large-scale image recognition"."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import nn

from ._api import register_model
from ._catalogue import weights_of
from ._utils import init_layers, small_linear

VGG11_Weights = weights_of("VGG11_Weights", __name__)
VGG11_BN_Weights = weights_of("VGG11_BN_Weights", __name__)
VGG13_Weights = weights_of("VGG13_Weights", __name__)
VGG13_BN_Weights = weights_of("VGG13_BN_Weights", __name__)
VGG16_Weights = weights_of("VGG16_Weights", __name__)
VGG16_BN_Weights = weights_of("VGG16_BN_Weights", __name__)
VGG19_Weights = weights_of("VGG19_Weights", __name__)
VGG19_BN_Weights = weights_of("VGG19_BN_Weights", __name__)

# channels of the convolutions; M halves the picture
CHANNELS: dict[str, list[Any]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}


class VGG(nn.Module):
    """Convolutions of 3 x 3, then three linear layers."""

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            init_layers(self, small_linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(rl.flatten(self.avgpool(self.features(x)), 1))


def make_layers(cfg: list[Any], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions of a list of channels."""
    layers: list[nn.Module] = []
    channels = 3
    for wanted in cfg:
        if wanted == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, wanted, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(wanted))
        layers.append(nn.ReLU(inplace=True))
        channels = wanted
    return nn.Sequential(*layers)


def _vgg(cfg: str, batch_norm: bool, **kwargs: Any) -> VGG:
    return VGG(make_layers(CHANNELS[cfg], batch_norm), **kwargs)


@register_model(VGG11_Weights, init_weights=False)
def vgg11(**kwargs: Any) -> VGG:
    """VGG with 11 layers."""
    return _vgg("A", False, **kwargs)


@register_model(VGG11_BN_Weights, init_weights=False)
def vgg11_bn(**kwargs: Any) -> VGG:
    """VGG with 11 layers and batch norms."""
    return _vgg("A", True, **kwargs)


@register_model(VGG13_Weights, init_weights=False)
def vgg13(**kwargs: Any) -> VGG:
    """VGG with 13 layers."""
    return _vgg("B", False, **kwargs)


@register_model(VGG13_BN_Weights, init_weights=False)
def vgg13_bn(**kwargs: Any) -> VGG:
    """VGG with 13 layers and batch norms."""
    return _vgg("B", True, **kwargs)


@register_model(VGG16_Weights, init_weights=False)
def vgg16(**kwargs: Any) -> VGG:
    """VGG with 16 layers."""
    return _vgg("D", False, **kwargs)


@register_model(VGG16_BN_Weights, init_weights=False)
def vgg16_bn(**kwargs: Any) -> VGG:
    """VGG with 16 layers and batch norms."""
    return _vgg("D", True, **kwargs)


@register_model(VGG19_Weights, init_weights=False)
def vgg19(**kwargs: Any) -> VGG:
    """VGG with 19 layers."""
    return _vgg("E", False, **kwargs)


@register_model(VGG19_BN_Weights, init_weights=False)
def vgg19_bn(**kwargs: Any) -> VGG:
    """VGG with 19 layers and batch norms."""
    return _vgg("E", True, **kwargs)
