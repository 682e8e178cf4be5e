"""What a node has saved, under PyTorch's names: `y.grad_fn._saved_self`, `_saved_result`, `_saved_dim`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor.core import Tensor, wrap
from ..tensor.dtype import of_numpy
from .node import RELEASED, Node
from .recording import Packed, SavedHooks, packed, unpacked

RENAMED = {"self": "input", "result": "", "result0": "", "result1": "", "result2": ""}


def saved_attribute(node: Any, name: str) -> Any:
    """The value of `_saved_<parameter>` of an operator's node; AttributeError when the gradient does not
    need it.
    """
    raw, wanted = name.startswith("_raw_saved_"), name.split("saved_", 1)[1]
    op = getattr(type(node), "op", None)
    if op is not None and node.saved is RELEASED:
        node.check()
    found, source = (_NOTHING, None) if op is None else _find(node, op, wanted)
    if found is _NOTHING:
        raise AttributeError(f"'{node.label}' object has no attribute '{name}'; it has {names(node)}")
    return SavedTensor(node, found) if raw else _shown(node, found, source)


_NOTHING: Any = object()


def names(node: Any) -> list[str]:
    """The saved attributes that a node has."""
    op = getattr(type(node), "op", None)
    if op is None or not node.saved or node.saved is RELEASED:
        return []
    parameters = op.signature.names
    sources = sorted({s for _, s in _sources(node, op)}, reverse=True)
    shown = [
        "result" if s == -1 else {"input": "self"}.get(parameters[s], parameters[s])
        for s in sources
        if s >= -1
    ]
    return [f"_saved_{n}" for n in shown]


def _sources(node: Any, op: Any) -> Any:
    """Pairs of a saved value and what it was saved as."""
    groups = (
        [op.joint[1]]
        if op.joint is not None
        else [op.rules[i][1] if i in op.rules else () for i in op.signature.arrays]
    )
    for values, sources in zip(node.saved, groups):
        if values is not None:
            yield from zip(values, sources)


def _find(node: Any, op: Any, wanted: str) -> tuple[Any, int | None]:
    parameters = op.signature.names
    plain = RENAMED.get(wanted, wanted)
    if plain and plain not in parameters and wanted == "self":
        plain = parameters[0]
    source = parameters.index(plain) if plain in parameters else -1 if wanted.startswith("result") else None
    for value, s in _sources(node, op) if node.saved else ():
        if s == source:
            if type(value) is tuple and wanted[-1].isdigit():
                k = int(wanted[-1])
                return (_shown(node, value, s)[k] if k < len(value) else _NOTHING), None
            return value, s
    return _NOTHING, None


def _shown(node: Any, value: Any, source: int | None) -> Any:
    """A saved value as a Tensor in its place in the graph; the leaf itself if it still has that value."""
    value = unpacked(value)
    if source is None:
        return value
    leaf = _leaf_of(node, source)
    return leaf if leaf is not None and leaf._a is value else node._lift(value, source)


def _leaf_of(node: Any, source: int) -> Tensor | None:
    arrays = type(node).op.signature.arrays
    edge = node.edges[arrays.index(source)] if source in arrays and not node.counts else None
    return None if edge is None or isinstance(edge[0], Node) else edge[0]


class SavedTensor:
    """A saved value before it is unpacked: hooks of its own may be registered on it."""

    def __init__(self, node: Any, value: Any) -> None:
        self._node, self._value = node, value

    def register_hooks(self, pack_hook: Any, unpack_hook: Any) -> None:
        """From now on this value is kept as what `pack_hook` makes of it, and unpacked in backward."""
        if type(self._value) is Packed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor with which hooks have already been registered is "
                "not supported"
            )
        if type(self._value) is not np.ndarray:
            raise RuntimeError("hooks can only be registered on a saved tensor, and this value is none")
        value = packed(self._value, SavedHooks(pack_hook, unpack_hook))
        old, node = self._value, self._node
        node.saved = [None if g is None else tuple(value if v is old else v for v in g) for g in node.saved]
        node.packed, self._value = True, value

    @property
    def data(self) -> Tensor:
        value = unpacked(self._value)
        return wrap(value, of_numpy(value.dtype))


__all__ = ["SavedTensor", "names", "saved_attribute"]
