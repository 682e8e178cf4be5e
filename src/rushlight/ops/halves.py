"""Operators on half precision: bodies and rules run on float32 arrays, and what they give is rounded once.

What a gradient needs is kept as it came, in half precision, and widened again when it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import lang
from ..lang.halves import HALVES, SINGLE, narrowed, widened
from ..quiet import SILENT, enter, leave
from ..tensor.core import Tensor
from ..tensor.dtype import bfloat16, float16, float32, of_numpy, promote
from .operator import Operator, OperatorNode

HALF_TYPES = frozenset((float16, bfloat16))
_classes: dict[Any, Any] = {}


def in_halves(op: Operator, values: Any) -> bool:
    """Is anything among the arguments of half precision, and nothing of the types with even fewer bits?"""
    types = {t.dtype for t in tensors(op, values)}
    return not HALF_TYPES.isdisjoint(types) and all(d in HALF_TYPES for d in types if d.reduced)


def tensors(op: Operator, values: Any) -> list[Any]:
    """The tensors among the arguments, those of lists one after another."""
    found: list[Any] = []
    for i in op.signature.arrays:
        found += values[i] if i in op.signature.lists else [values[i]]
    return [t for t in found if t is not None]


def computed(op: Operator, values: Any) -> tuple[list[Any], Any]:
    """The arguments as arrays, and the result of the body on them in float32, rounded to half precision."""
    arrays, wide, seen = list(values), list(values), {}
    see = _as_it_is if op.halves else _widened_once
    low = _type_of_result(op, values)
    for i in op.signature.arrays:
        if i in op.signature.lists:
            arrays[i] = [t._a for t in values[i]]
            wide[i] = [see(a, seen) for a in arrays[i]]
        elif values[i] is not None:
            arrays[i] = values[i]._a
            wide[i] = see(arrays[i], seen)
    token = enter(SILENT)
    try:
        result = op.run(wide)
    finally:
        leave(token)
    return arrays, result if low is None or _type_is_given(op, values) else narrowed(result, low)


def _type_of_result(op: Operator, values: Any) -> Any:
    """The half type that the result has; None when other operands make it a wider one.

    Operators that read half precision themselves take the type of their input: norms have wider weights.
    """
    given = tensors(op, values)
    first = next(t.dtype for t in given if t.dtype in HALF_TYPES)
    if op.halves or all(t.dtype is first for t in given):
        return first.np
    common = promote([(t.dtype, t.dim()) for t in given], [])
    return common.np if common in HALF_TYPES else None


def _as_it_is(a: np.ndarray, seen: dict) -> np.ndarray:
    return a


def _widened_once(a: np.ndarray, seen: dict) -> np.ndarray:
    if id(a) not in seen:
        seen[id(a)] = widened(a)
    return seen[id(a)]


def _type_is_given(op: Operator, values: Any) -> bool:
    names = op.signature.names
    return "dtype" in names and values[names.index("dtype")] is not None


# ---- backwards


class _InSingle:
    """The backward step of such a call."""

    __slots__ = ()

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        return self.apply_some(grads, lifted, None)

    def apply_some(self, grads: list[Any], lifted: bool, wanted: Any) -> Any:
        widen = _widened_tensor if lifted else widened
        return OperatorNode.apply_general(self, [widen(g) for g in grads], lifted, wanted)  # type: ignore[arg-type]

    def _values(self, saved: tuple, sources: tuple[int, ...], lifted: bool) -> Any:
        values = OperatorNode._values(self, saved, sources, lifted)  # type: ignore[arg-type]
        widen = _widened_tensor if lifted else widened
        return [type(v)([widen(x) for x in v]) if _has_arrays(v) else widen(v) for v in values]

    def _finish(self, results: Any, lifted: bool) -> list[Any]:
        found = OperatorNode._finish(self, results, lifted)  # type: ignore[arg-type]
        types = self.metadata["types"]  # type: ignore[attr-defined]
        return [_fitted(r, dtype) for r, dtype in zip(found, types)]


def in_single(kind: Any) -> Any:
    """The class of nodes like `kind` whose rules run in float32."""
    found = _classes.get(kind)
    if found is None:
        body = {"label": kind.label, "takes_parts": False, "__slots__": ()}
        found = _classes[kind] = type(kind.__name__, (_InSingle, kind), body)
    return found


def _has_arrays(value: Any) -> bool:
    """Is this a list of tensors, as some operators take, and not one of numbers?"""
    return type(value) in (list, tuple) and any(isinstance(x, (np.ndarray, Tensor)) for x in value)


def _widened_tensor(x: Any) -> Any:
    return x.to(float32) if isinstance(x, Tensor) and x.dtype in HALF_TYPES else widened(x)


def _fitted(r: Any, dtype: np.dtype | None) -> Any:
    """A gradient in the type of what it is for."""
    if r is None or dtype is None or dtype.char not in HALVES:
        return r
    if isinstance(r, Tensor):
        return r if r.dtype.np == dtype else r.to(of_numpy(dtype))
    return lang.cast(r, dtype) if r.dtype == SINGLE else r
