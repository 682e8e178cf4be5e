"""Forward mode: a tensor together with its tangent, the derivative along one direction.

No operator has a forward rule. The tangent of a result follows from the operator's gradient: the gradient
is a linear function of the cotangent it is given, and the gradient of *that* function, along the tangents
of the inputs, is the tangent of the result.
"""

from __future__ import annotations

from typing import Any

from ..autograd.modes import enable_grad
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import FLOATING
from .levels import Traced, at, below, call, make, new_level, tensors_in
from .tape import bottom, follow, frozen, mark_views, pull


class Dual(Traced):
    """A tensor with its tangent at one level."""

    __slots__ = ("tangent",)
    _rg = property(lambda self: True)  # functions that ask whether a derivative is wanted must hear yes

    @staticmethod
    def process(op: Any, values: Any, level: int) -> Any:
        if not op.differentiable:
            return call(op, below(values, level))
        duals = list({id(t): t for t in tensors_in(values) if at(t, level)}.values())
        if op.family == "view":
            return _view(op, values, call(op, below(values, level)), level)
        return push(lambda *inputs: call(op, _replaced(values, duals, inputs)), duals, level)

    def replace(self, result: Tensor, operation: str) -> None:
        own = at(result, self.level)
        value, tangent = (result.value, result.tangent) if own else (result, zeros_like(result))
        if not self.viewed:
            self.value, self.tangent = value, tangent
            return
        self.value.copy_(value)  # those that look at the same memory see it, too
        self.tangent.copy_(tangent)

    def again(self, value: Tensor, leases: list[Any]) -> Dual:
        return dual(self.level, value, frozen(self.tangent, leases))


def _view(op: Any, values: Any, primal: Any, level: int) -> Any:
    """A view is linear: its tangent is the same view of the tangent, and edits in place reach both."""
    tangent = call(op, [values[0].tangent, *values[1:]])
    if isinstance(primal, Tensor):
        result = dual(level, primal, tangent)
        mark_views(op, values, (result,))
        return result
    parts = [dual(level, p, t) for p, t in zip(primal, tangent)]
    mark_views(op, values, parts)
    return type(primal)(parts)


def dual(level: int, primal: Tensor, tangent: Tensor) -> Dual:
    """`primal` with a tangent."""
    t = make(Dual, level, primal)
    t.tangent = tangent
    return t


def zeros_like(t: Tensor) -> Tensor:
    """Plain zeros in the shape and type of any tensor."""
    import numpy as np

    return wrap(np.zeros(t._a.shape, t.dtype.np), t.dtype)


def _replaced(values: Any, old: list[Any], new: Any) -> list[Any]:
    """The values with some tensors exchanged for others."""
    table = {id(o): n for o, n in zip(old, new)}

    def swap(v: Any) -> Any:
        return table.get(id(v), v)

    return [type(v)(map(swap, v)) if type(v) in (list, tuple) else swap(v) for v in values]


def push(f: Any, duals: list[Dual], level: int) -> Any:
    """`f` on the primals, its results with their tangents at `level`."""
    with enable_grad(), new_level() as first:
        inputs = [follow(d.value, first) for d in duals]
        result = f(*inputs)
        single = isinstance(result, Tensor)
        parts = [result] if single else list(result)
        live = [k for k, y in enumerate(parts) if at(y, first) and y._rg and y.dtype.category >= FLOATING]
        tangents = transposed([parts[k] for k in live], inputs, [d.tangent for d in duals], first)
    done = [below((y,), first)[0] for y in parts]
    for k, t in zip(live, tangents):
        if t is not None:
            shared = bottom(t)._s is not None or any(t is d.tangent for d in duals)
            done[k] = dual(
                level, done[k], t.clone() if shared else t
            )  # so that an edit in place changes this one alone
    if single:
        return done[0]
    return (
        type(result)(*done)
        if hasattr(result, "_fields") or hasattr(result, "_asdict")
        else type(result)(done)
    )


def transposed(
    outputs: list[Any], inputs: list[Any], tangents: list[Tensor], first: int
) -> list[Tensor | None]:
    """The derivative of `outputs` along `tangents`: the gradient, as a function of its cotangents,
    differentiated again.
    """
    if not outputs:
        return []
    with new_level() as second:
        cotangents = [follow(zeros_like(y), second) for y in outputs]
        pulled = pull(outputs, cotangents, inputs, first)
        return pull(pulled, tangents, cotangents, second)
