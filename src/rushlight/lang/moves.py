"""When arrays are moved by generated code: always, once there is some; see `kernels.moving`.

It is there from the first large array on, or after some small ones, which alone are not worth a compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime import settings

if TYPE_CHECKING:
    from ..kernels.moving import Moves

SMALL_CALLS = 200
_loaded: Moves | bool | None = None  # False where there is none
_calls = 0


def moves(elements: int) -> Moves | bool | None:
    """The builtins for that many elements, or nothing."""
    return _ask(elements) if _loaded is None else _loaded


def _ask(elements: int) -> Moves | bool | None:
    global _calls, _loaded
    if elements < settings.kernels_from:
        _calls += 1
        if _calls < SMALL_CALLS:
            return None
    _loaded = _load()
    return _loaded


def _load() -> Moves | bool:
    if settings.kernel_mode == "off":
        return False
    from ..kernels import moving
    from ..runtime.session import Unavailable

    try:
        return moving.load()
    except Unavailable as reason:
        settings.log(1, f"no kernels for moves: {reason}")
        return False


def forget() -> None:
    """Asks again at the next call: the kernel mode has changed."""
    global _calls, _loaded
    _calls, _loaded = 0, None


settings.when_changed.append(forget)
