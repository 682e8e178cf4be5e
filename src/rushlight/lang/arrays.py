"""The array language bound to numpy: what bodies and rules are run with when there are only arrays about.

`lang.tanh(x)` has to look at `x` to know what to do. On the quick path that is settled, so the functions of
`ops` are copied once with `lang` meaning this namespace, where every primitive is the numpy function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

from .movement import address, offset_of, root

_namespace: SimpleNamespace | None = None
_copies: dict[int, dict[str, Any]] = {}  # id of a module's globals -> the globals of its copies


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function for arrays only."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith("rushlight.ops"):
        return function
    return _copy(function, _globals_like(function.__globals__))


def _copy(function: FunctionType, scope: dict[str, Any]) -> FunctionType:
    new = FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )
    new.__kwdefaults__ = function.__kwdefaults__
    return new


def _globals_like(original: dict[str, Any]) -> dict[str, Any]:
    scope = _copies.get(id(original))
    if scope is None:
        scope = _copies[id(original)] = dict(original)
        scope["lang"] = _arrays()
        for name, value in original.items():
            if isinstance(value, FunctionType) and not hasattr(value, "operator"):
                scope[name] = on_arrays(value)
    return scope


class _Arrays(SimpleNamespace):
    """The primitives as functions on arrays, each taken over when it is first used."""

    def __getattr__(self, name: str) -> Any:
        from .. import lang

        found = getattr(lang, name)
        bare = getattr(found, "on_arrays", found)
        setattr(self, name, bare)
        return bare


def _arrays() -> SimpleNamespace:
    global _namespace
    if _namespace is None:
        _namespace = _Arrays(address=address, offset_of=offset_of, root=root)
    return _namespace
