"""What the modules share: parameters made by name, and options told in a line."""

from __future__ import annotations

from typing import Any

from ...tensor.factories import empty
from ..module import Module
from ..parameter import owned


def add_parameters(module: Module, device: Any, dtype: Any, **shapes: Any) -> None:
    """Registers a parameter of each shape, uninitialised; None keeps the place of one."""
    for name, shape in shapes.items():
        value = None if shape is None else owned(empty(shape, device=device, dtype=dtype))
        module.register_parameter(name, value)


class Described(Module):
    """A module whose line tells the options named in `_shown`."""

    _shown: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        told = [f"{name}={getattr(self, name)!r}" for name in self._shown]
        if self.__dict__.get("inplace"):
            told.append("inplace=True")
        return ", ".join(told)
