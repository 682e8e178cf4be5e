"""The graph as an object: its nodes and edges, hooks on what it saves, hooks on several gradients
together.
"""

from __future__ import annotations

import threading
import weakref
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..tensor.core import Tensor
from .engine import current
from .hooks import RemovableHandle
from .node import AccumulateGrad, GradientEdge
from .node import Node as _Node
from .recording import SavedHooks, saved_hooks

Hook = Callable[..., Any]


class Node(ABC):  # noqa: B024  (only ever asked whether something is one)
    """What `grad_fn` is: an operation of the graph. For isinstance checks; operations make the nodes."""


Node.register(_Node)
Node.register(AccumulateGrad)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of the graph that the gradient of `tensor` comes by; `grad` takes it in place of the
    tensor.
    """
    if not tensor._rg:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    return GradientEdge(AccumulateGrad(tensor) if tensor._node is None else tensor._node, tensor._out)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Tells the graph that the memory of a tensor has been written to behind its back."""
    from ..tensor.inplace import writable

    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        writable(t, "increment_version")


# ---- hooks on what is saved


class saved_tensors_hooks:
    """Inside, each tensor that the graph saves is kept as `pack_hook(tensor)`; `unpack_hook` gives it
    back in backward.
    """

    def __init__(self, pack_hook: Hook, unpack_hook: Hook) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _disabled.message is not None:
            raise RuntimeError(_disabled.message)
        self._entered = SavedHooks(self.pack_hook, self.unpack_hook)
        saved_hooks.append(self._entered)

    def __exit__(self, *error: object) -> None:
        saved_hooks.remove(self._entered)


class save_on_cpu(saved_tensors_hooks):
    """Keeps copies of what the graph saves on the CPU, where everything is already."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: (t.device, t.clone()), lambda packed: packed[1].to(packed[0]))


class _Disabled(threading.local):
    message: str | None = None


_disabled = _Disabled()


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, `saved_tensors_hooks` raises an error with this message."""
    before, _disabled.message = _disabled.message, error_message
    try:
        yield
    finally:
        _disabled.message = before


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Nothing changes inside: what a graph has saved may be edited in place anywhere, and the graph
    keeps the old values.
    """
    yield


# ---- hooks on several gradients


class _Handles:
    """The handles of a hook that hangs on several tensors."""

    def __init__(self, handles: list[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Hook, *, mode: str = "all") -> Any:
    """Calls `fn` when the gradients of all `tensors` are known (with a list of them), or with the first one
    in mode "any".

    A tensor that the backward pass does not reach has None in its place.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    collect = _All(len(tensors), [_target(t) for t in tensors], fn) if mode == "all" else _Any(fn)
    return _Handles([t.register_hook(lambda g, i=i: collect(i, g)) for i, t in enumerate(tensors)])


def _target(t: Tensor) -> Any:
    if not t._rg:
        raise RuntimeError(
            "register_multi_grad_hook: every tensor must require a gradient; call x.requires_grad_() first"
        )
    return t if t._node is None else t._node


class _All:
    """Waits, in each backward pass, for the gradients that will come."""

    def __init__(self, count: int, targets: list[Any], fn: Hook) -> None:
        self.count, self.targets, self.fn = count, targets, fn
        self.lock = threading.Lock()
        self.runs: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    def __call__(self, index: int, grad: Tensor) -> None:
        run = current()
        with self.lock:
            entry = self.runs.get(run)
            if entry is None:
                reached = run.reached()
                entry = self.runs[run] = [sum(t in reached for t in self.targets), [None] * self.count]
            entry[0] -= 1
            entry[1][index] = grad
            done = entry[0] == 0
            if done:
                del self.runs[run]
        if done:
            self.fn(entry[1])


class _Any:
    """Takes the first gradient of each backward pass."""

    def __init__(self, fn: Hook) -> None:
        self.fn, self.seen = fn, weakref.WeakSet()
        self.lock = threading.Lock()

    def __call__(self, index: int, grad: Tensor) -> None:
        run = current()
        with self.lock:
            if run in self.seen:
                return
            self.seen.add(run)
        self.fn(grad)


__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]
