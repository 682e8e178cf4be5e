"""When arrays are moved by generated code: always, once there is some.

It is there from the first large array on, or after some small ones, which alone are not worth a compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime import settings

SMALL_CALLS = 200


class Eventually:
    """Builtins that are loaded when they are worth it: `found = moves(elements)` gives them, or nothing."""

    __slots__ = ("calls", "load", "loaded")

    def __init__(self, load: Callable[[], Any]) -> None:
        self.load = load
        self.forget()
        settings.when_changed.append(self.forget)

    def __call__(self, elements: int) -> Any:
        return self.loaded if self.loaded is not None else self._ask(elements)

    def forget(self) -> None:
        """Asks again at the next call: the kernel mode has changed."""
        self.calls, self.loaded = 0, None

    def _ask(self, elements: int) -> Any:
        if elements < settings.kernels_from:
            self.calls += 1
            if self.calls < SMALL_CALLS:
                return None
        self.loaded = settings.kernel_mode != "off" and self._load()
        return self.loaded

    def _load(self) -> Any:
        from ..runtime.session import Unavailable

        try:
            return self.load()
        except Unavailable as reason:
            settings.log(1, f"no kernels for moves: {reason}")
            return False


def _moves() -> Any:
    from ..kernels import moving

    return moving.load()


def _indexing(mode: str) -> Callable[[], Any]:
    def load() -> Any:
        from ..kernels import indexing

        return indexing.load(mode)

    return load


def _masking() -> Any:
    from ..kernels import masking

    return masking.load()


def _searching() -> Any:
    from ..kernels import searching

    return searching.load()


def _sorting() -> Any:
    from ..kernels import sorting

    return sorting.load()


def _choosing() -> Any:
    from ..kernels import choosing

    return choosing.load()


moves = Eventually(_moves)  # the `Moves` of `kernels.moving`
takes, puts, adds = (Eventually(_indexing(mode)) for mode in ("take", "put", "add"))  # see `kernels.indexing`
folds = {mode: Eventually(_indexing(mode)) for mode in ("mul", "max", "min")}  # the same
masks = Eventually(_masking)  # the `Masking` of `kernels.masking`
searches = Eventually(_searching)  # `search` of `kernels.searching`
chooses = Eventually(_choosing)  # `choose` of `kernels.choosing`
sorts = Eventually(_sorting)  # the `Sorting` of `kernels.sorting`
