"""What may look at each new node of the graph: anomaly mode, and hooks that keep saved values elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .node import Node

watchers: list[Callable[[Node], None]] = []  # told of every new node
saved_hooks: list[SavedHooks] = []  # those in force, in all threads, innermost last


class SavedHooks:
    """A pair of functions through which one thread passes whatever its graph saves."""

    __slots__ = ("pack", "thread", "unpack")

    def __init__(self, pack: Callable[..., Any], unpack: Callable[..., Any]) -> None:
        self.pack, self.unpack, self.thread = pack, unpack, threading.get_ident()


def hooks_here() -> SavedHooks | None:
    """The innermost pair of hooks of this thread."""
    here = threading.get_ident()
    return next((h for h in reversed(saved_hooks) if h.thread == here), None)


class Packed:
    """What a hook has made of a saved array."""

    __slots__ = ("unpack", "value")

    def __init__(self, tensor: Any, hooks: SavedHooks) -> None:
        from .modes import no_grad

        self.unpack = hooks.unpack
        with no_grad():
            self.value = hooks.pack(tensor)

    def __call__(self) -> np.ndarray:
        return self.tensor()._a

    def tensor(self) -> Any:
        from ..tensor.core import Tensor
        from .modes import no_grad

        with no_grad():
            t = self.unpack(self.value)
        if not isinstance(t, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(t).__name__}"
            )
        return t


def after_record(node: Any) -> None:
    """What happens to a new node when somebody wants to know, or to keep the saved values elsewhere."""
    hooks = hooks_here() if saved_hooks else None
    if hooks is not None and node.saved:
        node.saved = packed(node.saved, hooks)
        node.leases, node.packed = None, True
    for watch in watchers:
        watch(node)


def packed(value: Any, hooks: SavedHooks) -> Any:
    """Saved values with their arrays in the care of hooks."""
    from ..tensor.core import wrap
    from ..tensor.dtype import of_numpy

    def pack(value: Any) -> Any:
        if type(value) is np.ndarray:
            return Packed(wrap(value, of_numpy(value.dtype)), hooks)
        if type(value) in (tuple, list):
            return type(value)([pack(v) for v in value])
        return value

    return pack(value)


def unpacked(value: Any) -> Any:
    """The arrays again."""
    if type(value) is Packed:
        return value()
    if type(value) in (tuple, list):
        return type(value)([unpacked(v) for v in value])
    return value
