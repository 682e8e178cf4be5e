"""Python's operators on tensors: `a + b`, `-a`, `a @ b`, `a < b`, `a += b`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor.core import Tensor
from .calls import lazy_call
from .elementwise_calls import write_dunder
from .operator import OPERATORS, Operator
from .pointwise import broadcast_error

Function = Callable[..., Any]
OPERANDS = (Tensor, bool, int, float, complex, np.generic, np.ndarray)

BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def _operand(other: Any) -> Any:
    """The other side of an operator; numpy arrays count as tensors."""
    if isinstance(other, np.ndarray):
        from ..tensor.interop import from_numpy

        return from_numpy(other)
    return other


def forward(call: Function) -> Function:
    """`a.__op__(b)`"""

    def method(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or type(other) is float:
            return call(self, other)
        if isinstance(other, OPERANDS):
            return call(self, _operand(other))
        return NotImplemented

    return method


def dunder(op: Operator) -> Function:
    """`a.__op__(b)`, written out where it is an element-wise operator."""
    if op.family != "elementwise":
        return forward(op.lenient)
    names = {"broadcast_error": broadcast_error, "direct": op.direct, "other_operand": forward(op.lenient)}  # type: ignore[attr-defined]
    return lazy_call(op, write_dunder, names)


def reflected(call: Function) -> Function:
    """`b.__rop__(a)`: the number comes first."""

    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(f"descriptor of 'Tensor' doesn't apply to a '{type(self).__name__}' object")
        return call(_operand(other), self) if isinstance(other, OPERANDS) else NotImplemented

    return method


def inplace(name: str) -> Function:
    """`a op= b` where the operator has an in-place form."""

    call = getattr(Tensor, name)

    def method(self: Tensor, other: Any) -> Any:
        if type(self) is Tensor and (type(other) is Tensor or type(other) is float):
            return call(self, other)
        if not isinstance(other, OPERANDS):
            return NotImplemented
        return getattr(self, name)(_operand(other))

    return method


def attach() -> None:
    """Gives Tensor Python's operators, for all that are declared."""
    for python, name in BINARY.items():
        if name not in OPERATORS:
            continue
        call = OPERATORS[name].lenient
        setattr(Tensor, f"__{python}__", dunder(OPERATORS[name]))
        setattr(Tensor, f"__r{python}__", reflected(call))
        if name + "_" in vars(Tensor):
            setattr(Tensor, f"__i{python}__", inplace(name + "_"))
    Tensor.__rdiv__ = Tensor.__rtruediv__  # type: ignore[attr-defined]
    Tensor.__rsub__ = dunder(OPERATORS["rsub"])  # type: ignore[attr-defined]
    for name in COMPARISONS:
        setattr(Tensor, f"__{name}__", dunder(OPERATORS[name]))
    Tensor.__neg__ = OPERATORS["neg"].call  # type: ignore[attr-defined]
    Tensor.__abs__ = OPERATORS["abs"].call  # type: ignore[attr-defined]
    Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]
    Tensor.__invert__ = OPERATORS["bitwise_not"].call  # type: ignore[attr-defined]
