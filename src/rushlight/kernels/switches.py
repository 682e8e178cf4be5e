"""Switches for kernels that a user may not want."""

from __future__ import annotations


class Winograd:
    """The switch for Winograd's convolutions, `rushlight.backends.winograd.enabled`.

    Filters of 3x3 and 5x5 with stride one, on float32 images whose channels are multiples of 16, need 2.8
    to 4 times fewer multiplications this way. It rounds more: errors of about 1e-5 of the largest value of
    a result, where the direct way has 1e-6. `enabled = False` takes the direct way everywhere.
    """

    def __init__(self) -> None:
        self._enabled = True
        self.when_changed: list = []  # called after the switch was turned: who keeps plans looks again

    @property
    def enabled(self) -> bool:
        """May Winograd's way be taken where it pays?"""
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._enabled = bool(value)
        for forget in self.when_changed:
            forget()


winograd = Winograd()
