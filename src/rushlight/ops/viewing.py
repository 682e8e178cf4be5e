"""The public functions of view operators, whose results share memory with the first argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ..autograd.modes import state
from ..lang.movement import root
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import of_numpy
from ..tensor.storage import Storage, storage_of
from .calls import Source, apply_lines, conditions, fall_back, header, lazy_call, record_lines
from .intercept import intercepted, interceptors
from .operator import Operator, record

_new = object.__new__


def view_call(op: Operator) -> Callable[..., Any]:
    """The public function of a view operator."""
    op.slow = lambda values, out, renamed: slow_view(op, values, renamed)
    op.accepts_out, op.family, op.learns = False, "view", True
    return lazy_call(op, write_view, {"python_view": view_of, "finish_views": finish_views})


def write_view(op: Operator) -> str:
    """The function written out: straight through for one view of a plain tensor."""
    s, src = op.signature, Source()
    x = s.names[0]
    header(op, src, False)
    _look_lines(op, src, x)
    src.add(1, f"if {conditions(op, False)} and type({x}) in QUICK:")
    src.add(
        2,
        f"storage = {x}._s",
        "if storage is None:",
        f"    storage = storage_of({x})  # before this call itself holds the array",
        f"a0, g0 = {x}._a, {x}._rg",
    )
    options = [f"{n}={n}" if i >= s.positional else n for i, n in enumerate(s.names) if i]
    src.add(2, f"r = body({', '.join(['a0', *options])})")
    src.add(
        2,
        "if type(r) is not ndarray:",
        f"    return finish_views(op, ({', '.join(s.names)},), (a0, "
        f"{''.join(n + ', ' for n in s.names[1:])}), r)",
    )
    src.add(2, f"t = view_of({x}, a0, r, storage)")
    if op.differentiable and op.has_rules:
        record_lines(op, src, 2, "g0 and t.dtype.category >= FLOATING", None)
    src.add(2, "return t")
    fall_back(op, src, False)
    if op.has_rules:
        apply_lines(op, src)
    return src.text()


def _look_lines(op: Operator, src: Source, x: str) -> None:
    """Asks what has been learnt, and records a view that comes of it."""
    names = ", ".join(op.signature.names)
    src.add(1, f"if learnt is not None and {conditions(op, False)}:")
    src.add(2, f"t = learnt({names})", "if t is False:", f"    return learn({names})", "if t is not None:")
    if op.differentiable and op.has_rules:
        src.add(3, f"if {x}._rg and state.grad and type(t) is Tensor:")
        src.add(4, f"a0, g0, r = {x}._a, True, t._a")
        record_lines(op, src, 4, "g0 and t.dtype.category >= FLOATING", None)
    src.add(3, "return t")


def view_of(x: Tensor, own: np.ndarray, array: np.ndarray, storage: Storage) -> Tensor:
    """A tensor on `array`: a view of `x` where that is what it is, else one with its own memory."""
    if array is own:
        array = own[...]
    elif array.base is not storage.owner and root(array) is not storage.owner:
        return wrap(array, of_numpy(array.dtype))
    t = _new(Tensor)
    t._a = array
    t.dtype = x.dtype if array.dtype is own.dtype else of_numpy(array.dtype)
    t._rg = False
    t._node = t._grad = t._hooks = None
    t._out = 0
    t._s = storage
    t._base = x if x._base is None else x._base
    storage._members.append(ref(t))
    if len(storage._members) > storage._prune_at:
        storage.prune()
    return t


def finish_views(op: Operator, values: Any, arrays: Any, results: Any) -> Any:
    """Wraps and records a result of several views."""
    x = values[0]
    storage = storage_of(x)
    outputs = type(results)([view_of(x, arrays[0], r, storage) for r in results])
    if x._rg and state.grad and op.differentiable:
        record(op, values, arrays, results, outputs)
    return outputs


def slow_view(op: Operator, values: Any, renamed: dict) -> Any:
    """Any arguments: options by other names, subclasses, modes that step in."""
    from .declare import convert

    values = op.signature.complete_with(op.path, values, renamed)
    if interceptors or type(values[0]) not in QUICK:
        done, result = intercepted(op, op.call, values)
        if done:
            return result
        values = convert(op, values)
    x = values[0]
    storage = storage_of(x)
    arrays = [x._a, *values[1:]]
    result = op.run(arrays)
    if type(result) is not np.ndarray:
        return finish_views(op, values, arrays, result)
    output = view_of(x, x._a, result, storage)
    if x._rg and state.grad and op.differentiable:
        record(op, values, arrays, result, output)
    return output
