"""The tables of a module's parameters, buffers and submodules, all of which are its attributes as well."""

from __future__ import annotations

from typing import Any
from weakref import ref


class Members(dict):
    """A table of one kind of members. Whatever is written to it is also an ordinary attribute of its owner,
    so
    that `self.weight` and `self.layer` are found without further ado.
    """

    __slots__ = ("owner",)

    def __init__(self, owner: Any, members: Any = ()) -> None:
        super().__init__(members)
        self.owner = ref(owner)
        owner.__dict__.update(self)

    def _attributes(self) -> dict[str, Any]:
        owner = self.owner()
        return {} if owner is None else owner.__dict__

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._attributes()[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._attributes().pop(name, None)

    def pop(self, name: str, *default: Any) -> Any:
        if name in self:
            self._attributes().pop(name, None)
        return super().pop(name, *default)

    def popitem(self) -> tuple[str, Any]:
        name, value = super().popitem()
        self._attributes().pop(name, None)
        return name, value

    def clear(self) -> None:
        for name in self:
            self._attributes().pop(name, None)
        super().clear()

    def update(self, *given: Any, **named: Any) -> None:
        for name, value in dict(*given, **named).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def __ior__(self, other: Any) -> Members:  # type: ignore[override, misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)  # the owner makes a table of it again
