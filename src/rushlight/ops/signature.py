"""What an operator's parameters are, read off its body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SYNONYMS = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other", "self": "input"}
REQUIRED: Any = object()


class Signature:
    """Names, defaults and kinds of the parameters of a body.

    A parameter annotated `Array`, `Array | None` or `Arrays` (a list of them) is given arrays; every other
    one is passed as it is.
    """

    def __init__(self, body: Callable[..., Any], all_arrays: bool = False, varargs: bool = False) -> None:
        code = body.__code__
        positional = code.co_varnames[: code.co_argcount]
        keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        self.names: tuple[str, ...] = positional + keyword_only
        self.positional = len(positional)
        defaults = body.__defaults__ or ()
        keyword_defaults = body.__kwdefaults__ or {}
        self.defaults: list[Any] = [REQUIRED] * (len(positional) - len(defaults)) + list(defaults)
        self.defaults += [keyword_defaults.get(n, REQUIRED) for n in keyword_only]
        notes = body.__annotations__
        kinds = [
            str(notes.get(n, "Array" if all_arrays and i < len(positional) else ""))
            for i, n in enumerate(self.names)
        ]
        self.arrays: tuple[int, ...] = tuple(i for i, k in enumerate(kinds) if k.startswith("Array"))
        self.nullable = frozenset(i for i, k in enumerate(kinds) if "None" in k)
        self.lists = frozenset(i for i, k in enumerate(kinds) if k.startswith("Arrays"))
        self.complete = tuple(self.defaults)
        self.wants_keywords = bool(keyword_only)
        self.varargs = (
            varargs  # the last positional parameter may be given as separate numbers: x.permute(2, 0, 1)
        )

    def required(self, index: int) -> bool:
        return self.defaults[index] is REQUIRED

    def optional(self, index: int) -> bool:
        return index in self.nullable

    def complete_with(self, name: str, values: tuple, renamed: dict) -> list[Any]:
        """`values` for all parameters, some given under another name; a TypeError for what is unknown or
        missing.
        """
        filled = list(values)
        for key, value in renamed.items():
            index = self._index(key)
            if index is None:
                raise TypeError(f"{name}() got an unexpected keyword argument '{key}'; it is {name}{self}")
            filled[index] = value
        for i, value in enumerate(filled):
            if value is REQUIRED or (
                self.varargs and i == self.positional - 1 and value == () and self.required(i) and not renamed
            ):
                raise TypeError(f"{name}() missing required argument '{self.names[i]}'; it is {name}{self}")
        return filled

    def bind(self, name: str, args: tuple, kwargs: dict) -> list[Any]:
        """One value for each parameter; a TypeError that names what is missing or unknown."""
        if self.varargs and len(args) >= self.positional and not _is_sequence(args[self.positional - 1 :]):
            args = (*args[: self.positional - 1], tuple(args[self.positional - 1 :]))
        if len(args) > self.positional:
            raise TypeError(
                f"{name}() takes {self.positional} positional arguments but {len(args)} were given: {self}"
            )
        values = list(args) + list(self.complete[len(args) :])
        for key, value in kwargs.items():
            index = self._index(key)
            if index is None:
                raise TypeError(f"{name}() got an unexpected keyword argument '{key}'; it is {name}{self}")
            if index < len(args):
                raise TypeError(f"{name}() got multiple values for argument '{key}'")
            values[index] = value
        for i, value in enumerate(values):
            if value is REQUIRED:
                raise TypeError(f"{name}() missing required argument '{self.names[i]}'; it is {name}{self}")
        return values

    def _index(self, key: str) -> int | None:
        for k in (key, SYNONYMS.get(key)):
            if k in self.names:
                return self.names.index(k)
        return None

    def __str__(self) -> str:
        parts = [n if d is REQUIRED else f"{n}={d!r}" for n, d in zip(self.names, self.defaults)]
        if self.wants_keywords:
            parts.insert(self.positional, "*")
        return f"({', '.join(parts)})"


def _is_sequence(rest: tuple) -> bool:
    return len(rest) == 1 and (isinstance(rest[0], (tuple, list)) or rest[0] is None)
