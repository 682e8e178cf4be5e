"""What Python does in several steps, such as operators on mixed types, learnt as one kernel after some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import lang
from ..tensor.core import QUICK
from ..tensor.dtype import bfloat16, dtype, float16
from .at_once import AtOnce
from .fused import CALLS_BEFORE_KERNEL, compiled, exact

NUMBERS = (int, float)
WHOLE = ("int64", "int32")
HALF_TYPES = (float16, bfloat16)  # kernels convert them; there is no arithmetic on them, so none is learnt


def learn(
    at_once: AtOnce, function: Callable[..., Any], operands: Any, result: dtype, computed: dtype | None = None
) -> None:
    """Counts a call of `function`; after some of them, others like it are done at once.

    Tensors are taken as the type `computed`, if there is one. Left out are kernels that would not give the
    very bits of Python's steps, and results whose type depends on more than those of tensors.
    """
    key = tuple([v.dtype if type(v) in QUICK else type(v) for v in operands])
    calls = at_once.calls.get(key, 0)
    if calls > CALLS_BEFORE_KERNEL or _depends_on_ranks(operands):
        return
    at_once.calls[key] = calls + 1
    if calls == CALLS_BEFORE_KERNEL and _is_plain(key, computed or result):
        node = _traced(function, key, result, computed)
        kernel = compiled(node, at_once.name) if node is not None and exact(node) else None
        if kernel is not None:
            at_once.remember(
                [k if isinstance(k, dtype) else None for k in key], kernel, result, computed or result
            )


def _depends_on_ranks(operands: Any) -> bool:
    """Has the result another type than it would have if all tensors had dimensions?"""
    from ..kernels.quick import depends_on_ranks

    tensors = [v for v in operands if type(v) in QUICK]
    return not all(v.ndim for v in tensors) and depends_on_ranks({v.dtype for v in tensors})


def _is_plain(key: tuple, computed: dtype) -> bool:
    """Tensors, some of them of the type that is computed in, and numbers that fit that."""
    types = [k for k in key if isinstance(k, dtype)]
    numbers = [k for k in key if not isinstance(k, dtype)]
    fitting = NUMBERS if computed.is_floating_point else (int,) if computed.name in WHOLE else ()
    return (
        computed in types
        and not any((t.reduced and t not in HALF_TYPES) or t.is_complex for t in (*types, computed))
        and all(n in fitting for n in numbers)
    )


def _traced(function: Callable[..., Any], key: tuple, result: dtype, computed: dtype | None) -> Any:
    from ..kernels import input_node, scalar_node
    from ..lang.symbol import Symbol, Untraceable

    symbols, arrays, numbers = [], 0, 0
    for kind in key:
        if isinstance(kind, dtype):
            symbol = Symbol(input_node(arrays, kind.name))
            symbols.append(symbol if computed is None else lang.cast(symbol, computed.name))
            arrays += 1
        else:
            symbols.append(Symbol(scalar_node(numbers, (computed or result).name)))
            numbers += 1
    try:
        traced = function(*symbols)
    except (Untraceable, TypeError, AttributeError, ValueError, KeyError):
        return None
    return lang.cast(traced, result.name).node if isinstance(traced, Symbol) else None
