"""The classes and functions that the program itself has allowed files to use."""

from __future__ import annotations

from typing import Any

_allowed: dict[str, Any] = {}  # by the name that files have for it


def _named(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, tuple):
        if len(entry) != 2:
            raise ValueError(f"a safe global is a class, or a pair (class, name in files), got {entry!r}")
        value, name = entry
        if not isinstance(name, str):
            raise TypeError(
                f"the second item of a safe global is its name in files, such as 'models.Net', got {name!r}"
            )
        return name, value
    if not hasattr(entry, "__qualname__") or not hasattr(entry, "__module__"):
        raise TypeError(
            f"a safe global is a class or a function, got {entry!r}; pass the class itself, or (object, name)"
        )
    return f"{entry.__module__}.{entry.__qualname__}", entry


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Lets files build objects of these classes, and call these functions. Only name code that you trust with
    any arguments.
    """
    _allowed.update(map(_named, safe_globals))


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has been given."""
    return [value if name == _usual_name(value) else (value, name) for name, value in _allowed.items()]


def _usual_name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def clear_safe_globals() -> None:
    """Allows nothing but what is safe by itself."""
    _allowed.clear()


def lookup(name: str) -> Any:
    """The object that files may use under this name, or None."""
    return _allowed.get(name)


class safe_globals:
    """Allows classes and functions inside of a `with` block."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self._given = safe_globals

    def __enter__(self) -> None:
        self._before = dict(_allowed)
        add_safe_globals(self._given)

    def __exit__(self, *error: object) -> None:
        _allowed.clear()
        _allowed.update(self._before)
