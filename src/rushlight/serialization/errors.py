"""What is raised for a file that cannot be read, or must not be."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

LONGEST_TEXT = 100


class LoadError(UnpicklingError, RuntimeError):
    """A file is damaged, or asks for something that loading does not do."""


class EmptyFileError(LoadError, EOFError):
    """There is nothing to load."""


class NotAllowedError(LoadError):
    """A file names a class or function that loading does not touch; `name` says which."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class Passed(Exception):
    """Carries an exception of the program's own code out of the unpickler."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def told(value: Any) -> str:
    """A few words about a value from a file: no `repr` of a program's class runs, nothing long is built."""
    kind = type(value)
    if value is None or kind in (bool, float) or (kind is int and value.bit_length() < 128):
        return repr(value)
    if kind in (str, bytes):
        return repr(value[:LONGEST_TEXT])
    if kind in (tuple, list) and len(value) < 10 and all(type(n) is int for n in value):
        return "[" + ", ".join(map(told, value)) + "]"
    if kind is type:
        return f"the class {value.__module__}.{value.__qualname__}"
    return f"a {kind.__name__}"
