"""Channels dealt out anew among groups."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .parts import Described


class ChannelShuffle(Described):
    """Deals the channels of each of `groups` groups out to all of them."""

    _shown = ("groups",)

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        return F.channel_shuffle(input, self.groups)


__all__ = ["ChannelShuffle"]
