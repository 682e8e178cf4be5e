"""Element-wise bodies as generated kernels: traced once for each operator and type, compiled, and kept.

`fused` answers with the result, or with None where there is no kernel and numpy is to do the work.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import lang
from ..runtime import memory, settings

MOST_VARIANTS = 8  # of one operator with different options (`alpha=0.3`); beyond that, numpy
_kernels: dict[Any, Callable[..., Any] | None] = {}
_variants: dict[Any, int] = {}


def fused(op: Any, result_type: Any, arrays: tuple, options: tuple) -> np.ndarray | None:
    """The result of an operator's body on large arrays and numbers, by one generated kernel."""
    key = (op.path, tuple([a.dtype.num if type(a) is np.ndarray else None for a in arrays]), options)
    try:
        kernel = _kernels[key]
    except KeyError:
        kernel = _kernels[key] = _make(op, result_type, arrays, options)
    except TypeError:  # an option that cannot be a key
        return None
    if kernel is None:
        return None
    inputs = [a for a in arrays if type(a) is np.ndarray]
    numbers = [a for a in arrays if type(a) is not np.ndarray]
    out = _destination(inputs, result_type.np)
    return None if out is None else kernel(out, *inputs, *numbers)


def _destination(inputs: list[np.ndarray], dtype: np.dtype) -> np.ndarray | None:
    """Memory for the result, laid out as numpy would: like the first input of the broadcast shape."""
    shape = inputs[0].shape
    if any(a.shape != shape for a in inputs):
        try:
            shape = np.broadcast_shapes(*[a.shape for a in inputs])
        except ValueError:
            return None
    for a in inputs:
        if a.shape == shape:
            return memory.empty(shape, dtype) if a.flags.c_contiguous else np.empty_like(a, dtype)
    return memory.empty(shape, dtype)


def _make(op: Any, result_type: Any, arrays: tuple, options: tuple) -> Callable[..., Any] | None:
    """The kernel of a body, or None: not traceable, not supported, or no compiler."""
    from .. import kernels
    from ..lang.symbol import Symbol, Untraceable

    if not kernels.available():
        return None
    family = (op.path, tuple(type(a) is np.ndarray for a in arrays))
    _variants[family] = _variants.get(family, 0) + 1
    if options and _variants[family] > MOST_VARIANTS:
        return None
    inputs = iter(range(len(arrays)))
    numbers = iter(range(len(arrays)))
    own = next(a.dtype.name for a in arrays if type(a) is np.ndarray)
    symbols = [
        Symbol(kernels.input_node(next(inputs), a.dtype.name)) if type(a) is np.ndarray else Symbol(kernels.scalar_node(next(numbers), own))
        for a in arrays
    ]
    s = op.signature
    try:
        traced = op.body(*symbols, **dict(zip(s.names[op.count :], options)))
        if not isinstance(traced, Symbol):
            return None
        traced = lang.cast(traced, result_type.name)
        return kernels.elementwise(traced.node, name=op.name) if kernels.supports(traced.node) else None
    except (Untraceable, TypeError, AttributeError, kernels.Unsupported) as reason:
        settings.log(2, f"{op.path}: numpy, because of {reason}")
        return None


def only_primitive(op: Any) -> Callable[..., Any] | None:
    """The numpy function of a body that is just one primitive of its arguments, as that of `add` is, for every type."""
    names = {_primitive_of(op, dtype) for dtype in ("float32", "int64", "complex64")}
    name = names.pop()
    return None if names or name is None else lang.PRIMITIVES[name].on_arrays


def _primitive_of(op: Any, dtype: str) -> str | None:
    from ..kernels.graph import input_node
    from ..lang.symbol import Symbol

    symbols = [Symbol(input_node(i, dtype)) for i in range(op.count)]
    try:
        node = op.body(*symbols).node
    except Exception:  # whatever such a body does, it is not one primitive
        return None
    alone = node.op in lang.PRIMITIVES and node.args == tuple(s.node for s in symbols)
    return node.op if alone else None
