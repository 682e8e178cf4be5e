"""Parameters and buffers of lazy modules, which have no size yet."""

from __future__ import annotations

from typing import Any

from ..tensor.core import Tensor, wrap
from ..tensor.factories import empty
from .parameter import Parameter


class UninitializedTensorMixin:
    """What a tensor without a size can do: wait for `materialize`."""

    __slots__ = ()
    cls_to_become: type = Tensor

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Becomes an ordinary tensor of `shape`, with values that nobody has set."""
        self.__class__ = self.cls_to_become
        self.data = empty(shape, device=device or self.device, dtype=dtype or self.dtype)

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer: a lazy module learns it from "
            "its "
            "first input, so call it once with an example (or load a state_dict) before asking"
        )

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer: call the lazy module once with an "
            "example before `share_memory()`"
        )

    def detach(self) -> Any:
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self: Any, protocol: Any) -> tuple:
        return _rebuild, (type(self), self.requires_grad, self.dtype)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    @staticmethod
    def _intercept(op: Any, call: Any, values: Any) -> tuple[bool, Any]:
        if op.name == "_cast":  # another type is no matter of size
            waiting, dtype = values
            return True, type(waiting)(waiting.requires_grad, waiting.device, dtype)
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {op.path}. Call the lazy module once with an "
            "example "
            "first, so that it learns the sizes of its parameters"
        )


def _rebuild(cls: type, requires_grad: bool, dtype: Any) -> Any:
    return cls(requires_grad, None, dtype)


def _blank(cls: type, requires_grad: bool, device: Any, dtype: Any) -> Any:
    sized = empty(0, device=device, dtype=dtype)
    t = wrap(sized._a, sized.dtype)
    t.__class__ = cls
    t._rg = requires_grad
    return t


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter of a size that is not known yet."""

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return _blank(cls, requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer of a size that is not known yet."""

    __slots__ = ()

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        t = _blank(cls, requires_grad, device, dtype)
        t.__dict__.update(_is_buffer=True, persistent=persistent)
        return t


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer waits for its size."""
    return isinstance(param, UninitializedTensorMixin)
