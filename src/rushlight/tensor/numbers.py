"""A tensor as a Python number: item, tolist, int(x), float(x), bool(x), and as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.modes import state
from ..warned import warn
from .core import Tensor
from .dtype import get_default_dtype


def item(self: Tensor) -> Any:
    """The only element, as a Python number."""
    a = self._a
    if a.size != 1:
        raise RuntimeError(
            f"a Tensor with {a.size} elements cannot be converted to Scalar; its shape is {list(a.shape)}. "
            "Reduce it or pick an element first; x.tolist() gives them all"
        )
    if self.is_meta:
        raise RuntimeError("Tensor.item() cannot be called on meta tensors: they have no data")
    value = a.item()
    return float(value) if self.dtype.reduced else value


def tolist(self: Tensor) -> Any:
    """The values as nested Python lists; a number for a tensor without dimensions."""
    _check_data(self)
    a = self._a
    return (a.astype(np.float32) if self.dtype.reduced else a).tolist()


def _check_data(self: Tensor) -> None:
    if self.is_meta:
        from .meta import refuse_data

        refuse_data("tolist()")


def _bool(self: Tensor) -> bool:
    a = self._a
    if a.size != 1:
        if a.size == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous; ask x.numel() instead")
        raise RuntimeError(
            f"Boolean value of Tensor with more than one value is ambiguous: the shape is {list(a.shape)}. "
            "Use x.any() or x.all()"
        )
    return bool(item(self))


DETACH_FIRST = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first."
)
_told: list[None] = []  # once in a process is enough


def tell_of_lost_gradient(x: Tensor) -> None:
    """Warns that a number of what has a gradient goes on without it, where gradients are recorded."""
    if x._rg and not _told and state.grad:
        _told.append(warn(DETACH_FIRST))


def _converter(python: type) -> Any:
    def convert(self: Tensor) -> Any:
        if self._a.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars, but this one has shape "
                f"{list(self._a.shape)}; reduce it or pick an element first, or see x.tolist()"
            )
        if python is not int:
            tell_of_lost_gradient(self)
        value = item(self)
        if isinstance(value, complex) and python is not complex:
            if value.imag:
                raise RuntimeError(
                    f"value cannot be converted to type {python.__name__} without overflow: {value} is "
                    "complex; use x.real"
                )
            value = value.real
        return python(value)

    return convert


def _index(self: Tensor) -> int:
    if self._a.size != 1 or self.dtype.category > 1 or (self._a.ndim and self._a.size != 1):
        raise TypeError(
            "only integer tensors of a single element can be converted to an index, but this one has "
            f"shape {list(self._a.shape)} and dtype {self.dtype}"
        )
    return int(item(self))


def _len(self: Tensor) -> int:
    if not self._a.ndim:
        raise TypeError("len() of a 0-d tensor")
    return len(self._a)


def _contains(self: Tensor, element: Any) -> bool:
    if isinstance(element, (Tensor, bool, int, float, complex, np.generic)):
        return bool((self == element).detach()._a.any())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


# ---- text


def to_text(self: Tensor) -> str:
    """What `repr` gives: the values, and what is special about the tensor."""
    from .printing import tensor_to_string

    suffixes = []
    if self._node is not None and self._rg:
        suffixes.append(f"grad_fn=<{self._node.label}>")
    elif self._rg:
        suffixes.append("requires_grad=True")
    meta, array = self.is_meta, self._a
    if self.dtype.reduced and self.dtype.name.startswith(("float8", "bfloat")):
        array = array.astype(np.float32)
    elif self.dtype.name == "complex32":
        array = array.astype(np.complex64)
    name = type(self).__name__
    return tensor_to_string(
        None if meta else array,
        dtype_name=self.dtype.name,
        default_dtype_name=get_default_dtype().name,
        suffixes=suffixes,
        prefix="tensor(" if name in ("Tensor", "Parameter", "Buffer") else name + "(",
        device_suffix="device='meta'" if meta else None,
        shape=tuple(array.shape) if meta else None,
    )


def _repr(self: Tensor, *, tensor_contents: str | None = None) -> str:
    return to_text(self)


def _format(self: Tensor, spec: str) -> str:
    if not self._a.ndim and not self.is_meta and type(self) is Tensor:
        return item(self).__format__(spec)
    return object.__format__(self, spec)


Tensor.item, Tensor.tolist = item, tolist  # type: ignore[attr-defined]
Tensor.__bool__, Tensor.__index__, Tensor.__len__, Tensor.__contains__ = _bool, _index, _len, _contains  # type: ignore[attr-defined]
Tensor.__repr__, Tensor.__format__ = _repr, _format  # type: ignore[method-assign, assignment]
for _python in (int, float, complex):
    setattr(Tensor, f"__{_python.__name__}__", _converter(_python))
