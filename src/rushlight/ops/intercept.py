"""What may step in before an operator runs: a mode (autocast, capture), or a tensor subclass (a user's,
vmap, dual numbers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.core import Tensor

interceptors: list[Callable[..., Any]] = []  # modes in force: f(op, call, values) -> (done, result)
casts: list[Callable[..., Any]] = []  # autocast, while it is on: f(op, body, args, kwargs) -> result


def intercepted(op: Any, call: Callable[..., Any], values: Any) -> tuple[bool, Any]:
    """Offers a call to whoever wants it; (True, result) when somebody took it.

    Users' own subclasses come before function transforms, which take the call for all of their tensors at
    once.
    """
    for step_in in reversed(interceptors):
        done, result = step_in(op, call, values)
        if done:
            return True, result
    traced = None
    for v in values:
        for t in v if type(v) in (list, tuple) else (v,):
            if isinstance(t, Tensor) and t._intercept is not None:
                if t._assign is not None:
                    traced = t
                    continue
                done, result = t._intercept(op, call, values)
                if done:
                    return True, result
    return traced._intercept(op, call, values) if traced is not None else (False, None)
