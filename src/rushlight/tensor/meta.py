"""Tensors on the meta device: sizes, strides and types without memory behind them.

A meta tensor is an array on address space that nothing has touched, so it costs no memory whatever its
size, and views of it are ordinary views. An operator on it runs as always; then its result is given fresh,
untouched memory.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .core import META, Tensor


class OnMeta:
    """What distinguishes a tensor without data: mixed into Tensor and its subclasses."""

    __slots__ = ()

    @property
    def device(self) -> Any:
        return META

    @property
    def grad(self) -> Any:
        if self._grad is not None and not isinstance(self._grad, OnMeta):
            as_meta(self._grad)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        Tensor.grad.__set__(self, value)  # type: ignore[attr-defined]

    def detach(self) -> Tensor:
        t = super().detach()  # type: ignore[misc]
        t.__class__ = meta_class(Tensor)
        return t

    @staticmethod
    def _intercept(op: Any, call: Any, values: Any) -> tuple[bool, Any]:
        return True, run(op, call, values)


@cache
def meta_class(cls: type) -> type:
    """The class of meta tensors that stands in for `cls`, and calls itself by the same name."""
    if issubclass(cls, OnMeta):
        return cls
    members = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "_plain_class": cls,
    }
    return type(cls.__name__, (OnMeta, cls), members)


def as_meta(t: Tensor) -> Tensor:
    """Makes `t` a meta tensor: it lets go of its data and keeps its size, strides and type."""
    t._a = blank(t._a)
    t._s = t._base = None
    t.__class__ = meta_class(type(t))
    return t


def blank(array: np.ndarray) -> np.ndarray:
    """Untouched memory that is laid out like `array`."""
    extent = (
        sum((n - 1) * s for n, s in zip(array.shape, array.strides)) + array.itemsize if array.size else 0
    )
    return np.ndarray(array.shape, array.dtype, address_space(extent), 0, array.strides)


def address_space(size: int) -> np.ndarray:
    """`size` bytes that cost nothing until somebody writes to them."""
    try:
        return np.zeros(size, np.uint8)
    except MemoryError:  # more than the machine has: reserve addresses only
        import mmap

        unreserved = getattr(mmap, "MAP_NORESERVE", 0x4000)
        return np.frombuffer(
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | unreserved), np.uint8
        )


def untouched(shape: Any, np_dtype: Any) -> np.ndarray:
    """Row-major memory of a shape that nobody has written to."""
    return np.ndarray(shape, np_dtype, address_space(math.prod(shape) * np.dtype(np_dtype).itemsize))


def run(op: Any, call: Any, values: Any) -> Any:
    """An operator with meta tensors among its arguments: the result is on the meta device too."""
    metas = _metas(op, values)
    for t in metas:
        t.__class__ = type(t)._plain_class  # type: ignore[attr-defined]
    try:
        signature = op.signature
        rest = dict(zip(signature.names[signature.positional :], values[signature.positional :]))
        result = call(*values[: signature.positional], **rest)
    finally:
        for t in metas:
            t.__class__ = meta_class(type(t))
    return _adopted(result)


def _metas(op: Any, values: Any) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    for v in values:
        for t in v if type(v) in (list, tuple) else (v,):
            if isinstance(t, OnMeta):
                found[id(t)] = t  # type: ignore[assignment]
            elif isinstance(t, Tensor) and t._a.ndim:
                raise RuntimeError(
                    f"{op.path}: Tensor on device cpu is not on the expected device meta! One argument has "
                    "no data, another (of shape "
                    f"{list(t._a.shape)}) is on the CPU; move it with .to('meta'), or make the first one "
                    "with to_empty(device='cpu')"
                )
    return list(found.values())


def _adopted(result: Any) -> Any:
    if isinstance(result, Tensor):
        if not isinstance(result, OnMeta):
            if result._base is None:
                result._a, result._s = blank(result._a), None
            result.__class__ = meta_class(type(result))
    elif isinstance(result, (list, tuple)):
        for t in result:
            _adopted(t)
    return result


def refuse_data(what: str) -> None:
    raise NotImplementedError(
        f"{what}: Cannot copy out of meta tensor; no data! Make a tensor with memory: torch.empty_like(x, "
        "device='cpu')"
    )


__all__ = ["OnMeta", "as_meta", "blank", "meta_class", "refuse_data"]
