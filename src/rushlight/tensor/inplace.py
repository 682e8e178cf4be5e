"""Edits in place, and `out=`. A recorded graph keeps the values it needs: see `storage`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.modes import state
from ..lang.movement import address
from ..lang.region import Geometry
from ..warned import warn
from .core import QUICK, Tensor, wrap
from .dtype import can_cast
from .storage import Storage, is_held


def assign(target: Tensor, result: Tensor, operation: str) -> Tensor:
    """`target` takes the values of `result`, and its place in the graph."""
    traced = target._assign or result._assign
    if traced is not None:
        return traced(target, result, operation)
    if result._a.shape != target._a.shape:
        raise RuntimeError(
            f"{operation}: output with shape {list(target._a.shape)} doesn't match the broadcast shape "
            f"{list(result._a.shape)}. Use the version without the underscore."
        )
    if result.dtype is not target.dtype:
        if not can_cast(result.dtype, target.dtype):
            raise RuntimeError(
                f"result type {result.dtype.name} can't be cast to the desired output type "
                f"{target.dtype.name} ({operation}); "
                f"convert the tensor first, for instance with x.to({result.dtype})"
            )
        result = result.to(target.dtype)
    check_leaf(target, operation)
    put(target, result, operation)
    if state.grad:
        regraph(target, result)
    return target


def check_leaf(target: Tensor, operation: str) -> None:
    """An edit of a leaf that requires a gradient would make the leaf something else."""
    if not state.grad:
        return
    if target._rg and target._node is None:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({operation}). "
            "Its gradient could not be told from that of the edited values: work on a copy (x.clone()), "
            "or edit it inside `with torch.no_grad():`"
        )
    base = target._base
    if base is not None and base._rg and base._node is None:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation "
            f"({operation}). Work on a copy of the leaf (x.clone()), "
            "or edit it inside `with torch.no_grad():`"
        )


def put(target: Tensor, result: Tensor, operation: str) -> None:
    """Writes values. Where nobody shares the memory, the new array simply takes the place of the old one."""
    storage = target._s
    if storage is None:
        a, r = target._a, result._a
        if (
            result._s is None
            and r.strides == a.strides
            and r.flags.writeable
            and type(r.base) is not np.ndarray
        ):
            target._a = r
        elif is_held(target):
            target._a = np.empty_like(a)
            target._a[...] = r
        else:
            a[...] = r
        count_edit(target)
        return
    check_overlap(target._a, operation)
    storage.about_to_change(operation)
    target._a[...] = result._a


def count_edit(target: Tensor) -> None:
    """Another version of a tensor that shares its memory with nobody."""
    edits = target.__dict__
    edits["_edits"] = edits.get("_edits", 0) + 1


def writable(target: Tensor, operation: str) -> np.ndarray:
    """The array of `target`, ready to be written to: nothing that a graph has saved is lost by it."""
    if target._s is not None:
        target._s.about_to_change(operation)
    else:
        if is_held(target):
            target._a = target._a.copy(order="K")
        count_edit(target)
    return target._a


def ready(target: Tensor, others: tuple, operation: str) -> bool:
    """Makes memory that several tensors see ready to be written to; False where an edit is a matter of the
    graph, or an operand sees the same memory.
    """
    storage, base = target._s, target._base
    if storage.pinned or type(target) not in QUICK or 0 in target._a.strides:  # type: ignore[union-attr]
        return False
    recorded = state.grad
    if recorded and (target._rg or (base is not None and base._rg)):
        return False
    for t in others:
        if type(t) in QUICK and (t._s is storage or (recorded and t._rg)):
            return False
    storage.about_to_change(operation)  # type: ignore[union-attr]
    return True


def check_overlap(array: np.ndarray, operation: str) -> None:
    """An expanded tensor shows one element in several places: writing to it has no one meaning."""
    if operation in ("fill_", "zero_"):
        return
    if (
        0 in array.strides
        and array.size > 1
        and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape))
    ):
        raise RuntimeError(
            f"unsupported operation ({operation}): more than one element of the written-to tensor "
            "refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def regraph(target: Tensor, result: Tensor) -> None:
    """After an edit, `target` and whoever shares its memory get their new places in the graph."""
    base = target._base
    if base is None:
        if not (target._rg or result._rg):
            return
        if not result._rg:  # nothing of the old values is left, but the tensor stays in the graph
            _region_of(target, target, result)
        else:
            target._node, target._out, target._rg = result._node, result._out, True
            if result._node is None:  # the result is itself a leaf
                target._node, target._out = _copy_node(result)
        if target._s is not None:
            _refresh_views(target, target._s)
    elif result._rg or base._rg:
        _region_of(base, target, result)
        _refresh_views(base, target._s)  # type: ignore[arg-type]


def _copy_node(leaf: Tensor) -> tuple[Any, int]:
    from ..ops.memory import clone

    copy = clone(leaf)
    return copy._node, copy._out


def _region_of(base: Tensor, target: Tensor, result: Tensor) -> None:
    """`base` becomes: the old base with the region that `target` looks at replaced by `result`."""
    from ..ops.region import replaced

    base._node, base._out, base._rg = replaced(base, result, geometry(base, target)), 0, True


def _refresh_views(base: Tensor, storage: Storage) -> None:
    from ..ops.region import regained

    for t in storage.members():
        if t._base is base:
            if base._rg and (t.dtype.is_floating_point or t.dtype.is_complex):
                t._node, t._out, t._rg = regained(base, geometry(base, t)), 0, True
            else:
                t._node, t._rg = None, False


def geometry(base: Tensor, view: Tensor) -> Geometry:
    """How a view lies in its base."""
    a, v = base._a, view._a
    return Geometry(a.shape, a.strides, a.dtype, v.shape, v.strides, address(v) - address(a), v.dtype)


def write_out(out: Any, result: Any, operation: str) -> Any:
    """Puts results into the tensors given as `out=` and returns those."""
    if isinstance(result, Tensor):
        if isinstance(out, (tuple, list)) and len(out) == 1:
            out = out[0]
        _write_one(out, result, operation)
        return out
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        raise TypeError(f"{operation}(): out= must be a tuple of {len(result)} tensors, one for each result")
    for o, r in zip(out, result):
        _write_one(o, r, operation)
    return type(result)(*out) if hasattr(result, "_fields") else tuple(out)


def _write_one(out: Any, result: Tensor, operation: str) -> None:
    if not isinstance(out, Tensor):
        raise TypeError(f"{operation}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if state.grad and (out._rg or result._rg):
        raise RuntimeError(
            f"{operation}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad. Leave out= away, or compute inside `with "
            "torch.no_grad():`"
        )
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"{operation}(): result type {result.dtype.name} can't be cast to the desired output type "
            f"{out.dtype.name} of out="
        )
    if out._a.shape != result._a.shape:
        if out._a.size:
            warn(
                f"An output with one or more elements was resized since it had shape {list(out._a.shape)}, "
                f"which does not match the required output shape {list(result._a.shape)} of {operation}. "
                "Give an empty tensor, or one of that shape.",
                UserWarning,
            )
        resize(out, result._a.shape)
    if out.dtype is not result.dtype:
        result = result.to(out.dtype)
    put(out, wrap(result._a, result.dtype), operation)


def resize(t: Tensor, shape: tuple[int, ...]) -> None:
    """Another shape, in new memory when the old does not suffice; the contents are kept as far as they go."""
    from ..lang.movement import root

    count = int(np.prod(shape, dtype=np.int64))
    memory = root(t._a)
    flat = memory.ravel("K") if memory.flags.forc else t._a.ravel()
    if flat.dtype == t._a.dtype and flat.size >= count and t._s is None:
        t._a = flat[:count].reshape(shape)
    else:
        new = np.zeros(count, t._a.dtype)
        old = t._a.ravel()[:count]
        new[: old.size] = old
        t._a, t._s, t._base = new.reshape(shape), None, None
