"""How a primitive of the array language finds its implementation.

A primitive is a function on numpy arrays: that is its meaning. The same name, called with something else that
stands for an array (a Tensor while a gradient is differentiated again, a symbol while a kernel is traced), is
handed to the handler which that type has registered. So a formula is written once and runs on whatever it is
given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

HANDLERS: dict[type, Callable[..., Any]] = {}
PRIMITIVES: dict[str, Callable[..., Any]] = {}


def handle(cls: type, handler: Callable[..., Any]) -> None:
    """Sends every primitive that meets a `cls` among its arguments to `handler(name, args, kwargs)`."""
    HANDLERS[cls] = handler


def primitive(on_arrays: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a primitive of a function on arrays. Its first arguments are the arrays (or lists of them)."""
    name = on_arrays.__name__
    handlers = HANDLERS

    @wraps(on_arrays)
    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            cls = type(x)
            if cls in handlers:
                return handlers[cls](name, args, kwargs)
            if (cls is list or cls is tuple) and x and type(x[0]) in handlers:
                return handlers[type(x[0])](name, args, kwargs)
        return on_arrays(*args, **kwargs)

    call.on_arrays = on_arrays  # type: ignore[attr-defined]
    PRIMITIVES[name] = call
    return call


def elementwise_primitive(name: str, ufunc: Callable[..., Any]) -> Callable[..., Any]:
    """A primitive that is one numpy ufunc (or a function that behaves like one)."""
    handlers = HANDLERS

    def call(*args: Any) -> Any:
        for x in args:
            if type(x) in handlers:
                return handlers[type(x)](name, args, {})
        return ufunc(*args)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{name}` of each element."
    call.on_arrays = ufunc  # type: ignore[attr-defined]
    PRIMITIVES[name] = call
    return call
