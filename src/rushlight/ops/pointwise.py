"""The family of operators that act on each element: promotion, broadcasting, and the quick path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from .. import lang
from ..autograd.modes import state
from ..lang.halves import rounded
from ..quiet import SILENT, enter, leave
from ..runtime import settings
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import (
    BOOL,
    COMPLEX,
    DTYPES,
    FLOATING,
    INTEGRAL,
    bfloat16,
    bool_,
    dtype,
    float16,
    get_default_dtype,
    promote,
)
from ..tensor.inplace import count_edit, write_out
from .at_once import ALONE, NEVER, AtOnce
from .calls import lazy_call
from .elementwise_calls import write_elementwise, write_insisting
from .fused import Fusible, fused
from .intercept import intercepted, interceptors
from .learning import learn
from .operator import Operator, record

CATEGORIES = {"bool": BOOL, "integral": INTEGRAL, "float": FLOATING, "complex": COMPLEX}
NUMBERS = (bool, int, float, complex)
REAL = (int, float)
# PyTorch rounds numbers beside half precision to it before these, and takes them as they are for the others
ROUNDING = frozenset(["add", "sub", "rsub", "pow", "fmod", "remainder", "eq", "ne", "lt", "le", "gt", "ge"])


class ElementwiseOperator(Operator):
    """An operator whose parameters before `*` are broadcast against each other."""

    family = "elementwise"

    def __init__(self, body: Callable[..., Any], **options: Any) -> None:
        super().__init__(body, **options)
        self.to_float = options.get("promote") == "float"
        self.result = options.get("result")
        self.numbers = options.get("numbers", False)  # may all operands be Python numbers?
        self.insists = frozenset() if self.numbers else self._insists(body.__annotations__)
        # second operands that are part of the kernel, because it is another formula for each
        self.constants = frozenset(options.get("constants", ()))
        self.refused = frozenset(CATEGORIES[c] for c in options.get("refuses", ()))
        self.count = len(self.signature.arrays)  # the others are options
        self.rounds_numbers = self.name in ROUNDING
        recorded = self.differentiable and self.result != "bool"
        self.at_once = AtOnce(self.name, self.count, ALONE if recorded else NEVER, self.insists)
        self.direct = frozenset(d for d in DTYPES.values() if self._takes_directly(d))

    @cached_property
    def fusible(self) -> Fusible:
        return Fusible(self.body, self.name, self.constants, self.rounds_numbers, self.at_once)

    def _insists(self, annotations: dict[str, Any]) -> frozenset[int]:
        """Where a user must give a tensor: at the first parameter, and at those annotated `Array`."""
        kinds = [
            str(annotations.get(n, "Array" if i == 0 else "ArrayOrNumber"))
            for i, n in enumerate(self.signature.names)
        ]
        return frozenset(i for i in self.signature.arrays if kinds[i] == "Array")

    def _takes_directly(self, d: dtype) -> bool:
        stored_only = d.reduced and d not in (float16, bfloat16)
        if stored_only or d.category in self.refused or (d.is_complex and self.result == "real"):
            return False
        return not (self.to_float and d.category < FLOATING)

    def compute_type(self, common: dtype) -> dtype:
        """The type the body runs in, for operands of type `common`."""
        if common.category in self.refused:
            raise RuntimeError(
                f'"{self.name}" not implemented for {common.name}; convert the argument first, '
                "for instance with x.to(torch.float32)"
            )
        return get_default_dtype() if self.to_float and common.category < FLOATING else common

    def result_type(self, computed: dtype) -> dtype:
        if self.result == "bool":
            return bool_
        return computed.to_real() if self.result == "real" else computed


def call_of(op: ElementwiseOperator) -> Callable[..., Any]:
    """The public function of an element-wise operator."""
    names = {"broadcast_error": broadcast_error, "direct": op.direct}
    op.slow = lambda values, out, renamed: slow(op, values, out, renamed)
    op.insist = lambda values, out, renamed: insist(op, values, out, renamed)
    op.lenient = lazy_call(op, write_elementwise, names)
    if not op.insists:
        return op.lenient
    return lazy_call(op, write_insisting, names)


def insist(op: ElementwiseOperator, values: Any, out: Any, renamed: dict) -> Any:
    """`slow`, after a look at who gave a number where PyTorch takes only tensors."""
    values = op.signature.complete_with(op.path, values, renamed)
    for i in op.insists:
        if isinstance(values[i], (*NUMBERS, np.generic)):
            name, kind = op.signature.names[i], type(values[i]).__name__
            raise TypeError(
                f"{op.path}(): argument '{name}' (position {i + 1}) must be Tensor, not {kind}; "
                f"write torch.tensor({values[i]!r}) for a number"
            )
    return slow(op, values, out, {})


def slow(op: ElementwiseOperator, values: Any, out: Any, renamed: dict) -> Any:
    """Any mixture of tensors and numbers, options, `out=`, promotion, half precision."""
    if out is not None and not renamed and written_at_once(op, values, out):
        return out
    values = op.signature.complete_with(op.path, values, renamed)
    operands = values[: op.count]
    if interceptors or any(isinstance(v, Tensor) and type(v) not in QUICK for v in operands):
        done, result = intercepted(op, op.call, values)
        if done:
            return result if out is None else write_out(out, result, op.path)
    result = evaluate(op, values)
    return result if out is None else write_out(out, result, op.path)


def written_at_once(op: ElementwiseOperator, values: Any, out: Any) -> bool:
    """Has generated code put the result into the memory of `out`?"""
    into = op.at_once.into
    if into is None or interceptors or values[op.count :] != op.signature.complete[op.count :]:
        return False
    if type(out) not in QUICK or out._s is not None:
        return False
    if into(out, *values[: op.count]) is None:
        return False
    count_edit(out)
    return True


def evaluate(op: ElementwiseOperator, values: list[Any]) -> Any:
    """The operator on operands of any types, recorded where a gradient is wanted."""
    given = values[: op.count]
    common = common_type(op, values[: op.count])
    computed = op.compute_type(common)
    inner = computed.wide
    tracked = (
        op.differentiable and state.grad and any(isinstance(v, Tensor) and v._rg for v in values[: op.count])
    )
    if interceptors and (op.has_rules or not tracked):  # they have kept the quick way from this call
        r = by_kernel(op, values, computed)
        if r is not None:
            arrays = [v._a if isinstance(v, Tensor) else v for v in values]
            return finish(op, values, arrays, r, computed, computed, tracked)
    if computed.reduced and op.rounds_numbers:
        values[: op.count] = [rounded(v, computed.np) if type(v) in REAL else v for v in values[: op.count]]
    values = [operand(v, inner, tracked) for v in values[: op.count]] + values[op.count :]
    if tracked and not op.has_rules:
        result = op.run(values)
        return result.to(computed) if computed.reduced else result
    arrays = [v._a if isinstance(v, Tensor) else v for v in values]
    token = enter(SILENT)
    try:
        r = op.run(arrays)
    except ValueError:
        raise broadcast_error(op, arrays[: op.count]) from None
    finally:
        leave(token)
    if not tracked and values[op.count :] == list(op.signature.complete[op.count :]):
        learn(op.at_once, op.body, given, op.result_type(inner), inner)
    return finish(op, values, arrays, r, computed, inner, tracked)


def by_kernel(op: ElementwiseOperator, values: list[Any], computed: dtype) -> np.ndarray | None:
    """The result for large arrays of one type and numbers that fit it; None where numpy does the work."""
    arrays, size = [], 0
    for v in values[: op.count]:
        if isinstance(v, Tensor):
            if v.dtype is not computed:
                return None
            size += v._a.size
            arrays.append(v._a)
        elif type(v) in REAL and v not in op.constants and computed.category == FLOATING:
            arrays.append(v)
        else:
            return None
    if size < settings.kernels_from or computed not in op.direct:
        return None
    return fused(op, op.result_type(computed), tuple(arrays), tuple(values[op.count :]))


def finish(op: Any, values: list, arrays: list, r: Any, computed: dtype, inner: dtype, tracked: bool) -> Any:
    """Wraps a result, records it, and rounds it to half precision where that was asked for."""
    if type(r) is not np.ndarray:
        r = np.asarray(r)
    if type(r.base) is np.ndarray or any(r is a for a in arrays):
        r = r.copy(order="K")
    result_type = op.result_type(inner)
    if r.dtype != result_type.np:
        r = r.astype(result_type.np)
    t = wrap(r, result_type)
    if tracked and result_type is not bool_:
        record(op, values, arrays, r, t)
    return t.to(op.result_type(computed)) if computed.reduced and result_type is not bool_ else t


def common_type(op: ElementwiseOperator, operands: list[Any]) -> dtype:
    """The promoted type of tensors and numbers; a TypeError for anything else."""
    tensors, scalars = [], []
    for i, v in enumerate(operands):
        if isinstance(v, Tensor):
            tensors.append((v.dtype, v.ndim))
        elif type(v) in NUMBERS:
            scalars.append(v)
        elif isinstance(v, np.generic):
            operands[i] = v.item()
            scalars.append(operands[i])
        elif v is not None:
            raise TypeError(
                f"{op.path}(): argument '{op.signature.names[i]}' must be Tensor or Number, not "
                f"{type(v).__name__}; "
                f"it is {op.path}{op.signature}"
            )
    if not tensors and not op.numbers:
        raise TypeError(
            f"{op.path}(): argument '{op.signature.names[0]}' must be Tensor, not "
            f"{type(operands[0]).__name__}"
        )
    return promote(tensors, scalars)


def operand(v: Any, dt: dtype, tracked: bool) -> Any:
    """An operand in the type of the computation."""
    if isinstance(v, Tensor):
        if v.dtype is dt:
            return v
        return v.to(dt) if tracked and v._rg else wrap(np.asarray(lang.cast(v._a, dt.np)), dt)
    return v if v is None else number(v, dt)


def number(v: Any, dt: dtype) -> Any:
    """A Python number as a weak scalar of type `dt`; integers that do not fit wrap round."""
    if isinstance(v, np.generic):
        v = v.item()
    if dt.category == FLOATING:
        return float(v)
    if dt.category == COMPLEX:
        return complex(v)
    if dt.category == BOOL:
        return np.bool_(v)
    v = int(v)
    bits = dt.itemsize * 8
    low, high = (-(1 << bits - 1), (1 << bits - 1)) if dt.is_signed else (0, 1 << bits)
    return v if low <= v < high else (v - low) % (1 << bits) + low


def broadcast_error(op: Any, arrays: Any) -> Exception:
    """Says which dimension does not fit, or gives back the body's own error."""
    shapes = [(n, a.shape) for n, a in zip(op.signature.names, arrays) if isinstance(a, np.ndarray)]
    for (n1, s1), (n2, s2) in combinations(shapes, 2):
        for k, (p, q) in enumerate(zip(reversed(s1), reversed(s2))):
            if p != q and 1 not in (p, q):
                axis = max(len(s1), len(s2)) - 1 - k
                return RuntimeError(
                    f"The size of tensor a ({p}) must match the size of tensor b ({q}) at non-singleton "
                    f"dimension {axis}: "
                    f"{op.name}({n1}: {list(s1)}, {n2}: {list(s2)}). Shapes are compared from the right; "
                    "each pair of sizes must be "
                    "equal, or one of them 1. Reshape or unsqueeze one side so that they line up."
                )
    return sys.exc_info()[1]  # type: ignore[return-value]
