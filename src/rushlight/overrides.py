"""`__torch_function__` from the outside: modes that see every operator, and helpers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .ops.intercept import interceptors
from .tensor.core import QUICK, Tensor
from .tensor.subclass import DisableTorchFunctionSubclass, as_call, overriding


class TorchFunctionMode:
    """Inside its `with` block every operator calls `__torch_function__` of the mode instead of running."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> TorchFunctionMode:
        interceptors.append(self._step_in)
        return self

    def __exit__(self, *error: object) -> None:
        interceptors.remove(self._step_in)

    def _step_in(self, op: Any, call: Callable[..., Any], values: Any) -> tuple[bool, Any]:
        position = interceptors.index(self._step_in)
        hidden = interceptors[position:]
        del interceptors[position:]  # the mode does not see what it calls itself
        try:
            args, kwargs = as_call(op, values)
            return True, self.__torch_function__(call, overriding(values), args, kwargs)
        finally:
            interceptors[position:] = hidden


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Has one of the arguments a class that changes what functions do?"""
    return any(type(x) not in QUICK and hasattr(type(x), "__torch_function__") for x in relevant_args)


def has_torch_function_unary(x: Any) -> bool:
    """`has_torch_function` of one argument."""
    return has_torch_function((x,))


has_torch_function_variadic = lambda *args: has_torch_function(args)  # noqa: E731


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls the first `__torch_function__` among the arguments that has an answer."""
    found = [type(x) for x in relevant_args if has_torch_function((x,))]
    types = tuple(dict.fromkeys(found))
    for cls in types:
        result = cls.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for '{public_api.__name__}' on types that implement __torch_function__: "
        f"{list(types)}"
    )


def is_tensor_like(inp: Any) -> bool:
    """Is it a tensor, or of a class that stands for one?"""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def get_default_nowrap_functions() -> set[Any]:
    """Functions whose results do not become instances of a subclass: none here."""
    return set()


__all__ = [
    "DisableTorchFunctionSubclass",
    "TorchFunctionMode",
    "get_default_nowrap_functions",
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
]
