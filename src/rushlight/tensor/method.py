"""A method that prints like a builtin when its parentheses are forgotten, and not with all of the tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Method:
    """`function` as a method for programs that print `x.type`.

    A call costs half a microsecond more than that of a plain function, so what programs call often is one.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.__name__, self.__func__, self.__doc__ = name, function, function.__doc__

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        return self.__func__ if owner is None else Bound(self, owner)


class Bound:
    """A Method of one object."""

    __slots__ = ("__self__", "_method")

    def __init__(self, method: Method, owner: Any) -> None:
        self._method, self.__self__ = method, owner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._method.__func__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def __repr__(self) -> str:
        owner = self.__self__
        return f"<built-in method {self.__name__} of {type(owner).__name__} object at {id(owner):#x}>"
