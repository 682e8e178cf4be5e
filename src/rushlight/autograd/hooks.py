"""Functions that are called when a gradient comes by."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from ..tensor.core import Tensor
from .node import Node

_next_id = count().__next__
Hook = Callable[..., Any]


class RemovableHandle:
    """What `register_hook` returns: `remove()` takes the hook off again; so does the end of a `with`
    block.
    """

    def __init__(self, hooks: dict[int, Hook]) -> None:
        self.id = _next_id()
        self._hooks = hooks

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


def add_hook(hooks: dict[int, Hook], hook: Hook, first: bool = False) -> RemovableHandle:
    """Enters a hook into an ordered collection of them."""
    handle = RemovableHandle(hooks)
    if first:
        others = dict(hooks)
        hooks.clear()
        hooks[handle.id] = hook
        hooks.update(others)
    else:
        hooks[handle.id] = hook
    return handle


class LeafHooks:
    """The hooks of a leaf: on its gradient, and on the leaf once that has been accumulated."""

    __slots__ = ("after", "before")

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}


def _hooks_of(t: Tensor) -> dict[int, Hook]:
    """The hooks on the gradient of a tensor."""
    if t._node is None:
        t._hooks = t._hooks or LeafHooks()
        return t._hooks.before
    if t._node.prehooks is None:
        t._node.prehooks = {}
    return t._node.prehooks.setdefault(t._out, {})


def register_hook(self: Tensor, hook: Hook) -> RemovableHandle:
    """Calls `hook(grad)` when the gradient of this tensor is known; what it returns, if anything,
    replaces the gradient.
    """
    if not self._rg:
        raise RuntimeError(
            "cannot register a hook on a tensor that doesn't require gradient; call x.requires_grad_() first"
        )
    hooks = _hooks_of(self)
    handle = add_hook(hooks, hook)
    kept = self.__dict__.get("_retain")  # the gradient that is kept is the one after all hooks
    if kept is not None and kept.id in hooks:
        hooks[kept.id] = hooks.pop(kept.id)
    return handle


def register_post_accumulate_grad_hook(self: Tensor, hook: Hook) -> RemovableHandle:
    """Calls `hook(tensor)` each time that a gradient has been added to the `grad` of this leaf."""
    if not self._rg:
        raise RuntimeError(
            "cannot register a hook on a tensor that doesn't require gradient; call x.requires_grad_() first"
        )
    if self._node is not None:
        raise RuntimeError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors: only leaves accumulate "
            "gradients"
        )
    self._hooks = self._hooks or LeafHooks()
    return add_hook(self._hooks.after, hook)


def retain_grad(self: Tensor) -> None:
    """Keeps the gradient of this intermediate tensor in its `grad` too."""
    if not self._rg:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._node is None or self.__dict__.get("_retain") is not None:
        return
    itself = weakref.ref(self)

    def keep(grad: Tensor) -> None:
        t = itself()
        if t is not None:
            t._grad = grad.clone() if t._grad is None else t._grad + grad

    self.__dict__["_retain"] = add_hook(_hooks_of(self), keep)


def _retains_grad(self: Tensor) -> bool:
    return self._node is not None and "_retain" in self.__dict__


def node_register_hook(self: Node, hook: Hook) -> RemovableHandle:
    """Calls `hook(grad_inputs, grad_outputs)` after this node has run backward."""
    if self.hooks is None:
        self.hooks = {}
    return add_hook(self.hooks, hook)


def node_register_prehook(self: Node, hook: Hook) -> RemovableHandle:
    """Calls `hook(grad_outputs)` before this node runs backward."""
    if self.all_prehooks is None:
        self.all_prehooks = {}
    self.prehooks = self.prehooks or {None: {}}
    return add_hook(self.all_prehooks, hook)


Tensor.register_hook = register_hook  # type: ignore[attr-defined]
Tensor.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.retain_grad = retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(_retains_grad)  # type: ignore[attr-defined]
Node.register_hook = node_register_hook  # type: ignore[attr-defined]
Node.register_prehook = node_register_prehook  # type: ignore[attr-defined]
