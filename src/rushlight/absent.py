"""Functions of devices that are not there: each says nothing, zero, or why it cannot be answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


def without_effect(names: str, device: str) -> dict[str, Callable[..., None]]:
    """Functions that have nothing to do: programs call them whether or not there is such a device."""

    def make(name: str) -> Callable[..., None]:
        def call(*args: Any, **kwargs: Any) -> None:
            return None

        return _named(call, name, f"Does nothing: there is no {device} device.")

    return {name: make(name) for name in names.split()}


def zero(names: str, device: str) -> dict[str, Callable[..., int]]:
    """Functions that count what there is none of."""

    def make(name: str) -> Callable[..., int]:
        def call(*args: Any, **kwargs: Any) -> int:
            return 0

        return _named(call, name, f"Zero: there is no {device} device.")

    return {name: make(name) for name in names.split()}


def refused(names: str, device: str, error: Callable[[str], Exception]) -> dict[str, Callable[..., NoReturn]]:
    """Functions that need the device; `error` makes what they raise of their names."""

    def make(name: str) -> Callable[..., NoReturn]:
        def call(*args: Any, **kwargs: Any) -> NoReturn:
            raise error(name)

        return _named(call, name, f"Refused: there is no {device} device.")

    return {name: make(name) for name in names.split()}


def needs(module: str) -> Callable[[str], Exception]:
    """What functions of a module say that have no device to work on."""
    return lambda name: RuntimeError(
        f"{module}.{name}(): there is no such device ({module}.is_available() is False); Rushlight "
        "computes on the CPU"
    )


def _named(call: Any, name: str, told: str) -> Any:
    call.__name__, call.__qualname__, call.__doc__ = name, name, told
    return call
