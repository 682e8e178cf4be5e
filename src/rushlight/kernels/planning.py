"""What the ways to kernels have in common: plans that are kept by what calls look like, and building."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from ..runtime import session, settings
from . import invoke

SUMS = {"avx512": 28, "neon": 24, "avx2": 12}  # registers for the sums of a tile
LINE = 64
MOST_PLANS = 4096
_UNKNOWN = object()


class Plans:
    """How calls are done, by key: `make(*arguments)` says it once for each.

    What it says is None where numpy does the work, and so it is where there are no kernels. All is looked
    for again when the kernel mode has changed.
    """

    def __init__(self, what: str, make: Callable[..., Any]) -> None:
        self.what, self.make = what, make
        self._known: dict[Hashable, Any] = {}
        settings.when_changed.append(self.forget)

    def find(self, key: Hashable, *arguments: Any) -> Any:
        """The plan for a key, made of the arguments when it is first asked for."""
        plan = self._known.get(key, _UNKNOWN)
        return self._keep(key, arguments) if plan is _UNKNOWN else plan

    def _keep(self, key: Hashable, arguments: tuple[Any, ...]) -> Any:
        plan = None
        try:
            if settings.kernel_mode != "off" and session.available():
                plan = self.make(*arguments)
        except session.Unavailable as reason:
            settings.log(1, f"no kernels for {self.what}: {reason}")
        if len(self._known) >= MOST_PLANS:
            self._known.clear()
        self._known[key] = plan
        return plan

    def forget(self) -> None:
        self._known.clear()


def build(name: str, generator: str, arguments: tuple, make: Any) -> int:
    """The address of a generated kernel's `run`."""
    host = session.host()
    return invoke.built(
        f"{generator}_{name}",
        (generator, host.vector_bytes, *arguments),
        lambda: make(host.vector_bytes),
        (make.__module__,),
    )


def up(size: int, step: int) -> int:
    """`size` rounded up to a multiple."""
    return -(-size // step) * step
