"""The decorators that declare operators, and the public functions that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.node import next_sequence
from ..quiet import SILENT, enter, leave
from ..runtime import settings
from ..tensor.core import QUICK, Tensor, wrap, wrap_any
from ..tensor.dtype import bool_, dtype, of_numpy
from ..tensor.inplace import assign, count_edit, ready, write_out
from ..tensor.learnt import Learner
from ..tensor.sampling import mappable
from . import halves, pointwise
from .calls import lazy_call, write_general
from .intercept import casts, intercepted, interceptors
from .operator import (
    OPERATORS,
    Operator,
    after_record,
    record,
    recording,
    renamed_class,
    saved_hooks,
    watchers,
)
from .overwriting import overwritten
from .signature import SYNONYMS
from .viewing import view_call

Function = Callable[..., Any]


def operator(body: Function | None = None, **options: Any) -> Any:
    """Declares an operator of any shape rule. Its body sees arrays and checks what it needs to."""
    if body is None:
        return lambda f: operator(f, **options)
    op = Operator(body, **options)
    return publish(op, general_call(op), **options)


def elementwise(body: Function | None = None, **options: Any) -> Any:
    """Declares an operator on each element: broadcasting and type promotion are done for it.

    promote: "same" (default), or "float": integers become the default floating point type.
    result: None, "bool" (comparisons) or "real" (abs of complex).
    refuses: dtype categories that it is not defined for, such as ("bool", "complex").
    """
    if body is None:
        return lambda f: elementwise(f, **options)
    op = pointwise.ElementwiseOperator(body, all_arrays=True, **options)
    return publish(op, pointwise.call_of(op), **options)


def view(body: Function | None = None, **options: Any) -> Any:
    """Declares an operator whose result shares memory with its first argument wherever its body returns a
    view.
    """
    if body is None:
        return lambda f: view(f, **options)
    op = Operator(body, **options)
    return publish(op, view_call(op), **{"out": False, **options})


def composite(body: Function | None = None, **options: Any) -> Any:
    """Declares a function that is written with other operators, on Tensors; its gradient follows from
    theirs.
    """
    if body is None:
        return lambda f: composite(f, **options)

    names = body.__code__.co_varnames[: body.__code__.co_argcount + body.__code__.co_kwonlyargcount]
    run = named(options["node"], body) if "node" in options else body

    scope: dict[str, Any] = {"learnt": None, "learn": None}

    def call(*args: Any, **kwargs: Any) -> Any:
        if scope["learnt"] is not None and not (kwargs or interceptors or casts):
            t = scope["learnt"](*args)
            if t is not None:
                return t if t is not False else scope["learn"](*args)
        out = kwargs.pop("out", None) if kwargs else None
        if kwargs and not SYNONYMS.keys().isdisjoint(kwargs):
            kwargs = {k if k in names else SYNONYMS.get(k, k): v for k, v in kwargs.items()}
        if out is not None and isinstance(out, Tensor):
            call.operator.check_out(out, args, kwargs)
        result = casts[-1](call.operator, run, args, kwargs) if casts else run(*args, **kwargs)
        return result if out is None else write_out(out, result, call.__name__)

    if options.get("random"):
        call.__name__ = body.__name__
        call = mappable(call)
    call.operator = Composite(body, **options)  # type: ignore[attr-defined]
    if options.get("learns"):
        Learner(call.operator, scope, run, recorded=False)  # type: ignore[attr-defined]
    return publish(call.operator, call, **options)  # type: ignore[attr-defined]


def named(name: Any, body: Function) -> Function:
    """`body`, with the node that it records last shown as `name`: a string, or a function of the arguments
    (whose None leaves it as it is).
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        before = next_sequence()
        result = body(*args, **kwargs)
        node = result._node if isinstance(result, Tensor) else None
        if node is not None and node.sequence > before:
            label = name if type(name) is str else name(*args, **kwargs)
            node.__class__ = renamed_class(type(node), label or node.label)
        return result

    return run


class Composite:
    """The registry's entry for a composite function."""

    family = "composite"
    has_rules = False

    @staticmethod
    def check_out(out: Tensor, args: Any, kwargs: dict) -> None:
        """Raises for an `out=` that the function does not take: see `outs.guard_out`."""

    def __init__(self, body: Function, *, namespace: str = "", **options: Any) -> None:
        self.body, self.namespace, self.name = body, namespace, options.get("name") or body.__name__
        self.learns = options.get("learns", False)
        OPERATORS[self.path] = self  # type: ignore[assignment]

    path = Operator.path


def publish(
    op: Any, call: Function, *, method: bool | str = True, inplace: bool = False, out: bool = True, **_: Any
) -> Function:
    """Gives a call its name, its documentation, its method and its in-place form."""
    call.__name__ = op.name
    call.__qualname__ = op.name
    call.__module__ = f"rushlight.{op.namespace}" if op.namespace else "rushlight"
    call.__doc__ = op.body.__doc__
    if op.body is not call:
        call.__wrapped__ = op.body  # type: ignore[attr-defined]
    call.operator, call.accepts_out = op, out  # type: ignore[attr-defined]
    op.call = call
    if not hasattr(op, "lenient"):
        op.lenient = call
    if hasattr(op, "gradient"):
        call.gradient = op.gradient  # type: ignore[attr-defined]
    if method and (not op.namespace or method is not True):
        setattr(Tensor, op.name if method is True else method, call)
    if inplace:
        setattr(Tensor, op.name + "_", inplace_form(op, call))
        INPLACE[op.path + "_"] = getattr(Tensor, op.name + "_")
    return call


INPLACE: dict[str, Function] = {}  # path of each in-place form, such as "relu_" or "nn.functional.relu_"


def inplace_form(op: Any, call: Function) -> Function:
    """`x.op_(...)`: computes, then puts the result where `x` was."""

    name = op.name + "_"

    def call_inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return assign(self, call(self, *args, **kwargs), name)

    if op.family == "elementwise":
        call_inplace = on_the_spot(op, call, name)
    call_inplace.__name__ = name
    call_inplace.__qualname__ = f"Tensor.{name}"
    call_inplace.__doc__ = f"In-place version of `{op.name}`."
    return call_inplace


def on_the_spot(op: Any, call: Function, name: str) -> Function:
    """The same, without another array wherever generated code can write to the memory of `x` itself."""
    at_once, others = op.at_once, op.count - 1

    def call_inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        into = at_once.into
        plain = into is not None and not kwargs and len(args) == others and not interceptors
        alone = self._s is None
        if plain and (alone or ready(self, args, name)):
            if into(self, self, *args) is not None:
                if alone:
                    count_edit(self)
                return self
            if not alone:
                self._s.version -= 1  # type: ignore[union-attr]  # the general way counts the edit
        if not kwargs and self._a.size >= settings.kernels_from and overwritten(op, self, args):
            return self
        return assign(self, call(self, *args, **kwargs), name)

    return call_inplace


# ---- the general call


def general_call(op: Operator) -> Function:
    """The public function of an operator; those on lists of tensors are not worth writing out."""
    op.slow = lambda values, out, renamed: slow(op, values, out, renamed)
    if not op.signature.lists:
        return lazy_call(op, write_general, {"finish_many": finish_many, "own": _own, "tie": tie})

    def call(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None) if kwargs else None
        return slow(op, op.signature.bind(op.path, args, kwargs), out, {})

    return call


def slow(op: Operator, values: Any, out: Any, renamed: dict) -> Any:
    """Any arguments: lists, options, `out=`, half precision, subclasses."""
    signature = op.signature
    values = signature.complete_with(op.path, values, renamed)
    arrays_at, lists = signature.arrays, signature.lists
    if interceptors or not _plain(values, arrays_at, lists):
        done, result = intercepted(op, op.call, values)
        if done:
            return result if out is None else write_out(out, result, op.path)
        values = convert(op, values)
    in_half = not op.exact and _reduced(values, arrays_at, lists)
    in_half = in_half and not (op.halves is True and halves.in_halves(op, values))
    wants_gradient = op.differentiable and recording(values, signature)
    if in_half and (op.has_rules or not wants_gradient) and halves.in_halves(op, values):
        result = _in_single(op, values, wants_gradient)
    elif in_half:
        result = _in_float32(op.call, op, values)
    elif not op.has_rules and op.differentiable and recording(values, signature):
        result = op.run(values)
    else:
        result = compute(op, values)
    return result if out is None else write_out(out, result, op.path)


def finish_many(op: Operator, values: Any, arrays: Any, result: Any) -> Any:
    """Wraps and records a result of several parts."""
    outputs = wrap_results(op, result, list(arrays))
    if op.differentiable and op.has_rules and recording(values, op.signature):
        record(op, values, arrays, tuple(o._a if isinstance(o, Tensor) else o for o in outputs), outputs)
    return outputs


def tie(node: Any, outputs: list[Tensor]) -> None:
    """Makes the tensors the outputs of a node."""
    node.outputs = len(outputs)
    for k, t in enumerate(outputs):
        t._node, t._out, t._rg = node, k, True
    node.metadata["outputs"] = [(t._a.shape, t.dtype) for t in outputs]
    if watchers or saved_hooks:
        after_record(node)


def compute(op: Operator, values: Any) -> Any:
    """Runs the body on arrays, wraps what it gives and records the call if a gradient is wanted."""
    arrays = list(values)
    for i in op.signature.arrays:
        v = values[i]
        if i in op.signature.lists:
            arrays[i] = [t._a for t in v]
        elif v is not None:
            arrays[i] = v._a
    token = enter(SILENT)
    try:
        result = op.run(arrays)
    finally:
        leave(token)
    outputs = wrap_results(op, result, arrays)
    if op.differentiable and recording(values, op.signature):
        if type(outputs) is not Tensor:
            result = tuple(o._a if isinstance(o, Tensor) else o for o in outputs)
        else:
            result = outputs._a
        record(op, values, arrays, result, outputs)
    return outputs


def _in_single(op: Operator, values: Any, recorded: bool) -> Any:
    """The same for half precision, by a body and rules that see float32."""
    arrays, result = halves.computed(op, values)
    outputs = wrap_results(op, result, arrays)
    if recorded:
        if type(outputs) is not Tensor:
            result = tuple(o._a if isinstance(o, Tensor) else o for o in outputs)
        else:
            result = outputs._a
        record(op, values, arrays, result, outputs)
        node = _node_of(outputs)
        if node is not None:
            node.__class__ = halves.in_single(type(node))
            node.metadata["types"] = [None if t is None else t._a.dtype for t in flat(values, op)]
    return outputs


def _node_of(outputs: Any) -> Any:
    """The node of outputs that have one."""
    made = (outputs,) if type(outputs) is Tensor else outputs
    return next((t._node for t in made if isinstance(t, Tensor) and t._node is not None), None)


def flat(values: Any, op: Operator) -> list[Any]:
    """The values of array parameters, one for each edge of a node."""
    found: list[Any] = []
    for i in op.signature.arrays:
        found += values[i] if i in op.signature.lists else [values[i]]
    return found


def wrap_results(op: Operator, result: Any, arrays: list[Any]) -> Any:
    """Tensors for what a body returned; never on the memory of an argument."""
    if isinstance(result, (tuple, list)):
        parts = [None if r is None else _wrap_fresh(r, arrays) for r in result]
        if op.returns:
            return op.returns(*parts)
        return type(result)(parts)
    return _wrap_fresh(result, arrays)


def _wrap_fresh(r: Any, arrays: list[Any]) -> Tensor:
    if type(r) is not np.ndarray:
        return wrap_any(r)
    if type(r.base) is np.ndarray or id(r) in map(id, arrays):
        r = _own(r, arrays)
    return wrap(r, of_numpy(r.dtype))


def _own(r: np.ndarray, arrays: list[Any]) -> np.ndarray:
    owner = _owner(r)
    for a in arrays:
        for x in a if type(a) is list else (a,):
            if type(x) is np.ndarray and (r is x or _shared(r, owner, x)):
                return r.copy(order="K")
    return r if r.flags.writeable and 0 not in r.strides and min(r.strides, default=0) >= 0 else r.copy()


def _shared(r: np.ndarray, owner: np.ndarray | None, x: np.ndarray) -> bool:
    """May the arrays share memory? Two owners never do, and that is told at once."""
    other = _owner(x)
    return (owner is None or other is None or owner is other) and np.may_share_memory(r, x)


def _owner(a: np.ndarray) -> np.ndarray | None:
    """The array that owns the memory; None where somebody else does."""
    if type(a.base) is np.ndarray:
        a = a.base
    return a if a.base is None else None


# ---- arguments that are not plain Tensors


def _plain(values: Any, arrays_at: tuple[int, ...], lists: Any) -> bool:
    for i in arrays_at:
        v = values[i]
        if i in lists:
            if type(v) not in (list, tuple) or any(type(t) not in QUICK for t in v):
                return False
        elif v is not None and type(v) not in QUICK:
            return False
    return True


def convert(op: Operator, values: Any) -> list[Any]:
    """Accepts tensor subclasses as tensors; a TypeError that says what was expected for anything else."""
    values = list(values)
    for i in op.signature.arrays:
        v = values[i]
        if i in op.signature.lists:
            if isinstance(v, Tensor) or not isinstance(v, (list, tuple)):
                raise TypeError(
                    f"{op.path}(): argument '{op.signature.names[i]}' must be tuple of Tensors, not "
                    f"{type(v).__name__}"
                )
            values[i] = list(v)
        for t in values[i] if i in op.signature.lists else (v,):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"{op.path}(): argument '{op.signature.names[i]}' must be Tensor, not "
                    f"{type(t).__name__}; it is {op.path}{op.signature}"
                )
    return values


def _reduced(values: Any, arrays_at: tuple[int, ...], lists: Any) -> bool:
    for i in arrays_at:
        v = values[i]
        if i in lists:
            if v and v[0].dtype.reduced:
                return True
        elif v is not None and v.dtype.reduced:
            return True
    return False


def _in_float32(call: Function, op: Operator, values: Any) -> Any:
    """Half precision is computed in float32 and rounded once, at the end."""
    low: dtype | None = None
    values = list(values)
    for i in op.signature.arrays:
        v = values[i]
        for t in v if i in op.signature.lists else (v,):
            if t is not None and t.dtype.reduced:
                low = low or t.dtype
        widen = lambda t: t.to(t.dtype.wide) if t is not None and t.dtype.reduced else t  # noqa: E731
        values[i] = [widen(t) for t in v] if i in op.signature.lists else widen(v)
    s = op.signature
    result = call(*values[: s.positional], **dict(zip(s.names[s.positional :], values[s.positional :])))
    narrow = lambda t: t.to(low) if isinstance(t, Tensor) and t.dtype is low.wide else t  # noqa: E731
    if "dtype" in s.names and values[s.names.index("dtype")] is not None:
        return result  # in the type that was asked for
    if isinstance(result, Tensor):
        return narrow(result)
    parts = [narrow(t) for t in result]
    return op.returns(*parts) if op.returns else type(result)(parts)


__all__ = ["INPLACE", "OPERATORS", "bool_", "composite", "elementwise", "operator", "view"]
