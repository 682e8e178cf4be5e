"""Copies of whole tensors: pickle, copy, deepcopy. Tensors that share memory still do so afterwards."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from .core import Tensor, wrap
from .dtype import dtype

if TYPE_CHECKING:
    from .memory import UntypedStorage

_OWN = {"_edits", "_after_hooks", "_inference"}  # kept by Rushlight in a tensor's __dict__; not the user's


def geometry(t: Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Offset, shape and strides of a tensor, in elements."""
    return t.storage_offset(), tuple(t._a.shape), t.stride()  # type: ignore[attr-defined]


def attributes(t: Tensor) -> dict[str, Any] | None:
    """What the user has attached to a tensor."""
    own = {k: v for k, v in t.__dict__.items() if k not in _OWN}
    return own or None


def plain_class(t: Tensor) -> type:
    return getattr(type(t), "_plain_class", type(t))


def reduce_ex(self: Tensor, protocol: Any) -> tuple:
    """What pickle stores: the memory, how the tensor lies in it, and what class it has."""
    cls = plain_class(self)
    if self.is_meta:
        return rebuild_meta, (
            cls,
            self.dtype,
            tuple(self._a.shape),
            self.stride(),
            self._rg,
            attributes(self),
        )  # type: ignore[attr-defined]
    return rebuild, (cls, self.untyped_storage(), self.dtype, *geometry(self), self._rg, attributes(self))


def rebuild(
    cls: type,
    memory: UntypedStorage,
    dt: dtype,
    offset: int,
    shape: Any,
    strides: Any,
    requires_grad: bool,
    state: dict[str, Any] | None,
) -> Tensor:
    """The tensor that `reduce_ex` described."""
    from .memory import on_storage

    return _dressed(on_storage(memory, dt, offset, shape, strides), cls, requires_grad, state)


def rebuild_meta(
    cls: type, dt: dtype, shape: Any, strides: Any, requires_grad: bool, state: dict[str, Any] | None
) -> Tensor:
    """A tensor without data."""
    from .factories import empty_strided
    from .meta import meta_class

    return _dressed(
        empty_strided(shape, strides, dtype=dt, device="meta"), meta_class(cls), requires_grad, state
    )


def _dressed(t: Tensor, cls: type, requires_grad: bool, state: dict[str, Any] | None) -> Tensor:
    if cls is not type(t):
        t.__class__ = cls
    t._rg = requires_grad
    if state:
        t.__dict__.update(state)
    return t


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with memory, gradient and attributes of its own."""
    if self._node is not None and self._rg:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
            "the moment: this one has "
            f"grad_fn=<{self._node.name()}>. Copy its values with x.detach().clone(), or keep it in the "
            "graph with x.clone()"
        )
    found = memo.get(id(self))
    if found is not None:
        return found
    new = _own_copy(self, memo)
    new._rg = self._rg
    memo[id(self)] = new
    if self._grad is not None:
        new._grad = copy.deepcopy(self._grad, memo)
    state = attributes(self)
    if state:
        new.__dict__.update(copy.deepcopy(state, memo))
    return new


def _own_copy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if self.is_meta:
        return rebuild_meta(plain_class(self), self.dtype, tuple(self._a.shape), self.stride(), False, None)  # type: ignore[attr-defined]
    if self._s is None:  # nobody shares the memory
        new = wrap(np.array(self._a, order="K"), self.dtype)
        new.__class__ = type(self)
        return new
    from .memory import on_storage

    memory = copy.deepcopy(self.untyped_storage(), memo)  # type: ignore[attr-defined]
    return _dressed(on_storage(memory, self.dtype, *geometry(self)), type(self), False, None)


Tensor.__reduce_ex__, Tensor.__deepcopy__ = reduce_ex, deepcopy  # type: ignore[method-assign, attr-defined]
__all__ = ["rebuild", "rebuild_meta"]
