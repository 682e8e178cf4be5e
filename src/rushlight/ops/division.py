"""Quotients and remainders, with each way of rounding."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import composite, elementwise
from .kinds import is_integral

NO_DIVISION = ("bool", "complex")


@elementwise(
    promote="float",
    inplace=True,
    numbers=True,
    node=lambda input: "DivBackward0" if hasattr(input, "dtype") else "MulBackward0",
)
def true_divide(input, other):
    """The quotient of each pair of elements, in floating point."""
    return input / other


true_divide.gradient(
    input=lambda g, other: g / lang.conj(other),
    other=lambda g, other, result: -g * lang.conj(result / other),
)


@elementwise(inplace=True, numbers=True, refuses=NO_DIVISION, node="DivBackward2")
def floor_divide(input, other):
    """The quotient, rounded down."""
    return lang.floor_divide(input, other)


@elementwise(
    method=False, out=False, name="_trunc_divide", numbers=True, refuses=NO_DIVISION, node="DivBackward2"
)
def _trunc_divide(input, other):
    """The quotient, rounded towards zero."""
    if not is_integral(input, other):
        return lang.trunc(input / other)
    short = (lang.remainder(input, other) != 0) & ((input < 0) != (other < 0))
    return lang.floor_divide(input, other) + short


@elementwise(inplace=True, refuses=NO_DIVISION, node="RemainderBackward0")
def remainder(input: ArrayOrNumber, other):
    """What division leaves, with the sign of the divisor (Python's `%`)."""
    return lang.remainder(input, other)


@elementwise(inplace=True, refuses=NO_DIVISION)
def fmod(input, other):
    """What division leaves, with the sign of the dividend (C's fmod)."""
    return lang.fmod(input, other)


for _flat in (floor_divide, _trunc_divide):
    _flat.gradient(input=lambda g: lang.zeros_like(g), other=lambda g: lang.zeros_like(g))
remainder.gradient(input=lambda g: g, other=lambda g, input, other: -g * lang.floor_divide(input, other))
fmod.gradient(input=lambda g: g, other=lambda g, input, other: -g * lang.trunc(input / other))

_ROUNDED = {None: true_divide, "floor": floor_divide, "trunc": _trunc_divide}


@composite(inplace=True)
def div(input, other, *, rounding_mode=None):
    """The quotient, exact by default; `rounding_mode` "trunc" or "floor" rounds it."""
    if rounding_mode not in _ROUNDED:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return _ROUNDED[rounding_mode](input, other)


@elementwise(inplace=True, promote="float")
def reciprocal(input):
    """One divided by each element."""
    return lang.reciprocal(input)


reciprocal.gradient(input=lambda g, result: -g * lang.conj(result * result))


def _divide_number(self, other):
    return true_divide(other, self)


Tensor.__div__, Tensor.__rdiv__, Tensor.__idiv__ = (
    div,
    _divide_number,
    Tensor.true_divide_,
)  # Python 2's names
alias(div, "divide")
