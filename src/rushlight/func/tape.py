"""Gradients at a level: what `grad` and `vjp` follow tensors with inside of other transforms.

The nodes are those of the ordinary graph and the engine is the same; only, what they save are the tensors
one level below, so that rules run under whatever transforms are around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.engine import gradients
from ..autograd.modes import state
from ..autograd.node import LeafLink, Node
from ..autograd.recording import after_record, saved_hooks, watchers
from ..ops.declare import _in_float32, _reduced
from ..ops.operator import DTYPE_OF, SHAPE_OF
from ..ops.pointwise import common_type, number
from ..tensor.core import Tensor, edge_of, wrap
from ..tensor.dtype import FLOATING, float32
from .levels import Traced, at, below, call, make


class Followed(Traced):
    """A tensor whose gradient is followed at its level."""

    __slots__ = ()
    own_graph = True

    @staticmethod
    def process(op: Any, values: Any, level: int) -> Any:
        lower = below(values, level)
        if not (state.grad and op.differentiable and followed(op, values, level)):
            return call(op, lower)
        if op.family == "elementwise":
            return elementwise(op, values, level)
        if not op.exact and _reduced(values, op.signature.arrays, op.signature.lists):
            return _in_float32(op.call, op, values)
        if not op.has_rules:
            return op.run(values)
        return record(op, values, lower, call(op, lower), level)

    def replace(self, result: Tensor, operation: str) -> None:
        if self._node is None or self.viewed:
            raise NotImplementedError(
                f"{operation}: an edit in place of "
                f"{'an input' if self._node is None else 'a view, or of a tensor with views'} is not "
                "supported "
                "inside of nested function transforms; use the operation without the underscore"
            )
        self.value = result.value if at(result, self.level) else result
        self._node, self._out, self._rg = result._node, result._out, at(result, self.level) and result._rg


def follow(value: Tensor, level: int) -> Followed:
    """A new input whose gradient is to be followed."""
    t = make(Followed, level, value)
    t._rg = True
    return t


def followed(op: Any, values: Any, level: int) -> bool:
    """Does an array argument take part in the gradients of `level`?"""
    s = op.signature
    return any(
        at(t, level) and t._rg for i in s.arrays for t in (values[i] if i in s.lists else (values[i],))
    )


def elementwise(op: Any, values: Any, level: int) -> Any:
    """Promotion first, as a recorded step; then the operator on operands of one type."""
    operands = list(values[: op.count])
    common = op.compute_type(common_type(op, operands))
    inner = float32 if common.reduced else common
    operands = [
        t.to(inner) if isinstance(t, Tensor) else None if t is None else number(t, inner) for t in operands
    ]
    values = [*operands, *values[op.count :]]
    if op.has_rules:
        lower = below(values, level)
        result = record(op, values, lower, call(op, lower), level)
    else:
        result = op.run(values)
    return result.to(op.result_type(common)) if common.reduced else result


def record(op: Any, values: Any, lower: Any, result: Any, level: int) -> Any:
    """Makes the node of a call and ties its outputs to it."""
    s = op.signature
    groups = [values[i] if i in s.lists else (values[i],) for i in s.arrays]
    edges = [edge_of(t) if at(t, level) else None for group in groups for t in group]
    many = not isinstance(result, Tensor)
    node = op.node_class(edges, len(result) if many else 1)
    node.counts = [len(g) for g in groups] if s.lists else None
    node.shapes = [tuple(t.shape) if isinstance(t, Tensor) else None for group in groups for t in group]
    node.leases = []
    save(node, op, lower, result)
    outputs = [output(r, node, k, level) for k, r in enumerate(result if many else (result,))]
    mark_views(op, values, outputs)
    if many:
        node.metadata["outputs"] = [
            (tuple(r.shape), r.dtype) if isinstance(r, Tensor) else ((), None) for r in result
        ]
    if watchers or saved_hooks:
        after_record(node)
    if not many:
        return outputs[0]
    return (
        type(result)(*outputs)
        if hasattr(result, "_fields") or hasattr(result, "_asdict")
        else type(result)(outputs)
    )


def save(node: Any, op: Any, lower: Any, result: Any) -> None:
    """Keeps what the rules of this call will need."""
    kept: dict[int, Any] = {}

    def pick(source: int, flags: tuple) -> Any:
        if source <= SHAPE_OF or source == -2:
            return _pick(source, lower, flags)
        if source not in kept:
            kept[source] = frozen(result if source == -1 else lower[source], node.leases)
        return kept[source]

    if op.joint is not None:
        flags = tuple(e is not None for e in node.edges)
        node.saved = [tuple([pick(s, flags) for s in op.joint[1]])]
        return
    node.saved, position = [], 0
    for k, i in enumerate(op.signature.arrays):
        count = node.counts[k] if node.counts else 1
        flags = tuple(e is not None for e in node.edges[position : position + count])
        position += count
        if any(flags) and i not in op.rules:
            op.refuse_gradient(i)
        node.saved.append(tuple([pick(s, flags) for s in op.rules[i][1]]) if any(flags) else None)


def _pick(source: int, lower: Any, flags: tuple) -> Any:
    """What a rule asks about a call other than its values."""
    if source <= DTYPE_OF:
        value = lower[DTYPE_OF - source]
        return [t.dtype.np for t in value] if isinstance(value, (list, tuple)) else value.dtype.np
    if source <= SHAPE_OF:
        value = lower[SHAPE_OF - source]
        return [tuple(t.shape) for t in value] if isinstance(value, (list, tuple)) else tuple(value.shape)
    return flags


def frozen(value: Any, leases: list[Any]) -> Any:
    """A tensor that keeps the present values, whatever is done in place to the one that it was made from."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        parts = [frozen(v, leases) for v in value]
        return parts if isinstance(value, list) else tuple(parts)
    if not isinstance(value, Tensor):
        return value
    if isinstance(value, Traced):
        t = value.again(frozen(value.value, leases), leases)
    else:
        t = wrap(value._a, value.dtype)
        if value._s is not None:
            leases.append(value._s.lease())
    edge = edge_of(value) if not isinstance(value, Traced) or value.own_graph else None
    if edge is not None:
        t._rg = True
        t._node, t._out = edge if isinstance(edge[0], Node) else (LeafLink(edge), 0)
    return t


def output(r: Any, node: Any, k: int, level: int) -> Any:
    """A result as a tensor of this level; as it is where it has no gradient."""
    if not isinstance(r, Tensor) or r.dtype.category < FLOATING:
        return r
    t = make(Followed, level, r)
    t._node, t._out, t._rg = node, k, True
    return t


def mark_views(op: Any, values: Any, outputs: Any) -> None:
    """Notes which tensors may show the same memory: edits in place of those need care."""
    x = values[0]
    for t in outputs if op.family == "view" else ():
        if isinstance(t, Traced) and bottom(t)._base is not None:
            t.viewed = True
            if isinstance(x, Traced):
                x.viewed = True


def bottom(t: Any) -> Tensor:
    while isinstance(t, Traced):
        t = t.value
    return t


def pull(outputs: Sequence[Any], cotangents: Sequence[Any], inputs: Sequence[Any], level: int) -> list[Any]:
    """The gradients at `level` of `outputs` with respect to `inputs`, as tensors of the levels below."""
    roots = [(y, g) for y, g in zip(outputs, cotangents) if at(y, level) and y._rg and g is not None]
    if not roots:
        return [None] * len(inputs)
    return gradients(roots, list(inputs), keep=True, recorded=True)
