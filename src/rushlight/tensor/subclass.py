"""Subclasses of Tensor that users write, and `__torch_function__`, which changes what operators do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .core import QUICK, Tensor


class _State(threading.local):
    disabled = 0


_state = _State()


class DisableTorchFunctionSubclass:
    """Inside, operators take subclasses of Tensor as plain tensors."""

    def __enter__(self) -> None:
        _state.disabled += 1

    def __exit__(self, *error: object) -> None:
        _state.disabled -= 1


DisableTorchFunction = DisableTorchFunctionSubclass


def intercept(op: Any, call: Callable[..., Any], values: Any) -> tuple[bool, Any]:
    """Asks the `__torch_function__` of the classes among the arguments, subclasses first."""
    if _state.disabled:
        return False, None
    types = overriding(values)
    args, kwargs = as_call(op, values)
    for cls in types:
        result = cls.__torch_function__(call, types, args, kwargs)
        if result is not NotImplemented:
            return True, result
    raise TypeError(
        f"no implementation found for '{op.path}' on types that implement __torch_function__: {list(types)}"
    )


def as_call(op: Any, values: Any) -> tuple[tuple, dict[str, Any]]:
    """The values of all parameters as positional and keyword arguments, without the defaults."""
    signature = op.signature
    n, defaults = signature.positional, signature.complete
    kwargs = {name: v for name, v, d in zip(signature.names[n:], values[n:], defaults[n:]) if v is not d}
    last = n
    while last and values[last - 1] is defaults[last - 1]:
        last -= 1
    return tuple(values[:last]), kwargs


def overriding(values: Any) -> tuple[type, ...]:
    """The classes of the arguments that have a say: each once, subclasses before their bases."""
    found: list[type] = []
    for v in values:
        for t in v if type(v) in (list, tuple) else (v,):
            cls = type(t)
            if isinstance(t, Tensor) and cls not in QUICK and cls not in found and t._assign is None:
                place = next((i for i, other in enumerate(found) if issubclass(cls, other)), len(found))
                found.insert(place, cls)
    return tuple(found)


def torch_function(
    cls: type, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """What an operator does with a subclass unless it says otherwise: its result is of that subclass."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return as_class(result, cls)


def as_class(result: Any, cls: type) -> Any:
    """Tensors in a result become instances of `cls`."""
    if isinstance(result, Tensor):
        if type(result) is Tensor and cls is not Tensor:
            result.__class__ = cls
        return result
    if isinstance(result, (list, tuple)):
        for part in result:
            as_class(part, cls)
    return result


def make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Tensor:
    """`data` as an instance of `cls`, outside of the graph."""
    t = data.detach()
    t.__class__ = cls
    t.requires_grad = require_grad
    return t


Tensor.__torch_function__ = classmethod(torch_function)  # type: ignore[attr-defined]
Tensor._make_subclass = staticmethod(make_subclass)  # type: ignore[attr-defined]
