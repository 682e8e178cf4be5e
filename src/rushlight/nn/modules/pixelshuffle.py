"""Channels that become places of a picture, and back."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .parts import Described


class PixelShuffle(Described):
    """Makes a picture `upscale_factor` times larger out of its channels."""

    _shown = ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Described):
    """Makes a picture `downscale_factor` times smaller, its places becoming channels."""

    _shown = ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_unshuffle(input, self.downscale_factor)


__all__ = ["PixelShuffle", "PixelUnshuffle"]
