"""`Parameter`, a tensor that a module trains, and `Buffer`, one that it only keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor.core import QUICK, Tensor, TensorType, wrap
from ..tensor.dtype import get_default_dtype
from ..tensor.meta import OnMeta, meta_class


def _own(cls: type, data: Any, what: str) -> Tensor:
    """`data` as an instance of `cls` on the same memory."""
    if data is None:
        t = wrap(np.empty(0, get_default_dtype().np), get_default_dtype())
    elif isinstance(data, Tensor):
        t = data.detach()
    else:
        raise TypeError(
            f"{what}(): data must be a Tensor, not {type(data).__name__}; make one first: torch.tensor(...)"
        )
    t.__class__ = meta_class(cls) if isinstance(t, OnMeta) else cls
    return t


class _ParameterType(TensorType):
    """A tensor of a user's own class that was made a Parameter counts as one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and instance.__dict__.get("_is_param", False)


class Parameter(Tensor, metaclass=_ParameterType):
    """A tensor that a module trains: assigned to one, it is among its `parameters()`."""

    __slots__ = ()
    _intercept = None  # operators on it give plain tensors

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        if isinstance(data, Tensor) and type(data) not in QUICK and not isinstance(data, OnMeta):
            t = data.detach()
            t.__dict__["_is_param"] = True
        else:
            t = _own(cls, data, "Parameter")
        if requires_grad:
            t.requires_grad = True
        return t  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def owned(data: Tensor) -> Tensor:
    """A new tensor, which nobody else has, as a parameter: the tensor itself."""
    if type(data) is not Tensor:
        return Parameter(data)
    data.__class__ = Parameter
    data.requires_grad = True
    return data


class _BufferType(TensorType):
    """A Buffer is an ordinary tensor with a mark on it."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.__dict__.get("_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferType):
    """A tensor that a module keeps and saves, and does not train."""

    __slots__ = ()

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Tensor:  # type: ignore[misc]
        t = _own(Tensor, data, "Buffer")
        t.__dict__.update(_is_buffer=True, persistent=persistent)
        return t


QUICK.add(Parameter)


def __getattr__(name: str) -> Any:
    if name in ("UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy"):
        from . import uninitialized

        return getattr(uninitialized, name)
    raise AttributeError(f"module 'rushlight.nn.parameter' has no attribute '{name}'")
