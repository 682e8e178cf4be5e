"""What GoogLeNet and Inception v3 have in common."""

from __future__ import annotations

from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ._utils import init_norm

# means and spreads of the colours that Google's weights were trained with, as seen after torchvision's
INPUT_SCALES = (
    (0.229 / 0.5, (0.485 - 0.5) / 0.5),
    (0.224 / 0.5, (0.456 - 0.5) / 0.5),
    (0.225 / 0.5, (0.406 - 0.5) / 0.5),
)


class NormedConv2d(nn.Module):
    """A convolution, a batch norm and a ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Any) -> Any:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def init_truncated(model: Any, stddev: float) -> None:
    """Convolutions and linear layers drawn from a bell cut off at 2; a layer's own `stddev` goes first."""
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(layer.weight, 0.0, getattr(layer, "stddev", stddev), -2, 2)
        elif isinstance(layer, nn.BatchNorm2d):
            init_norm(layer)


def rescaled(x: Any) -> Any:
    """Pictures normalised as torchvision does, as Google's weights want them."""
    return rl.cat([x[:, i : i + 1] * scale + shift for i, (scale, shift) in enumerate(INPUT_SCALES)], 1)
