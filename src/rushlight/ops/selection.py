"""Elements chosen by a condition, and the parts that a floating point number is made of."""

from __future__ import annotations

import math

import numpy as np

from .. import lang
from ..lang.index import scalar
from ..return_types import frexp as FrexpResult
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import promote
from ..tensor.limits import finfo
from .at_once import ALONE, AtOnce
from .declare import composite, elementwise, operator
from .intercept import interceptors
from .kinds import is_complex, is_integral
from .learning import learn
from .operator import OPERATORS


@operator(method=False, out=False, name="_choose", node="WhereBackward0")
def _choose(condition: Array, input: Array, other: Array):
    """`input` where the condition holds, else `other`."""
    return lang.where(condition, input, other)


_choose.gradient(
    input=lambda g, condition: lang.where(condition, g, 0),
    other=lambda g, condition: lang.where(condition, 0, g),
)


choosing = AtOnce("where", 3, ALONE)


@composite(method=False)
def where(condition, input=None, other=None):
    """`input` where the condition holds, else `other`; of the condition alone, the indices where it does."""
    if input is None and other is None:
        return OPERATORS["nonzero"].call(condition, as_tuple=True)
    if not isinstance(condition, Tensor):
        kind = type(condition).__name__
        raise TypeError(
            f"where(): argument 'condition' must be Tensor, not {kind}; write torch.tensor({kind}(...))"
        )
    if condition.dtype.name not in ("bool", "uint8"):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition.dtype}; compare it: x != 0"
        )
    if condition.dtype.name == "uint8":
        condition = condition != 0
    quick = choosing.run
    result = quick(condition, input, other) if quick is not None and not interceptors else None
    if result is not None:
        return result
    chosen = _choose(condition, *_of_one_type(input, other))
    if not chosen.requires_grad:
        learn(choosing, lang.where, (condition, input, other), chosen.dtype)
    return chosen


def _of_one_type(*operands):
    """Tensors of the promoted type for tensors and numbers."""
    tensors = [(v.dtype, v._a.ndim) for v in operands if isinstance(v, Tensor)]
    numbers = [v for v in operands if not isinstance(v, Tensor)]
    common = promote(tensors, numbers)
    return [v.to(common) if isinstance(v, Tensor) else wrap(scalar(v, common.np), common) for v in operands]


def _where_method(self, condition, other):
    """This tensor's elements where `condition` holds, and those of `other` elsewhere."""
    return where(condition, self, other)


Tensor.where = _where_method


@elementwise(inplace=True, differentiable=False, refuses=("complex",))
def heaviside(input, values: Array):
    """0 below zero, 1 above it, `values` at zero."""
    return lang.where(input == 0, values, lang.cast(input > 0, input.dtype))


@elementwise(inplace=True, promote="float", refuses=("complex",))
def copysign(input, other):
    """The magnitude of `input` with the sign of `other`."""
    return lang.copysign(input, other)


def _copysign_gradient(g, input, result):
    return lang.where(input == 0, 0.0, g * lang.sign(input) * lang.sign(result))


copysign.gradient(input=_copysign_gradient, other=lambda g: lang.zeros_like(g))


@composite(inplace=True)
def nextafter(input, other):
    """The number of this type that comes next after `input` on the way to `other`."""
    for name, value in (("input", input), ("other", other)):
        if not isinstance(value, Tensor):
            raise TypeError(f"nextafter(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if input.dtype.reduced and other.dtype is input.dtype:
        return wrap(lang.next_stored(input._a, other._a), input.dtype)
    return _nextafter(input, other)


@elementwise(method=False, out=False, name="_nextafter", refuses=("bool", "integral", "complex"))
def _nextafter(input, other):
    """numpy's `nextafter`."""
    return lang.nextafter(input, other)


_nextafter.gradient(
    input=lambda g, input, other: lang.where(input == other, 0.0, g),
    other=lambda g: lang.zeros_like(g),
)


@composite(inplace=True)
def nan_to_num(input, nan: float | None = None, posinf: float | None = None, neginf: float | None = None):
    """Numbers in place of NaN (0) and of the infinities (the largest and smallest finite numbers)."""
    if input.dtype.reduced:  # it is computed in a type that has larger numbers
        most = finfo(input.dtype).max
        posinf, neginf = most if posinf is None else posinf, -most if neginf is None else neginf
    return finite_only(input, nan=nan, posinf=posinf, neginf=neginf)


@elementwise(name="_finite_only", method=False, out=False, node="NanToNumBackward0")
def finite_only(input, *, nan=None, posinf=None, neginf=None):
    if is_integral(input):
        return input
    if is_complex(input):
        return lang.nan_to_num(input, nan, posinf, neginf)
    most = float(np.finfo(input.dtype).max)
    low, high = -most if neginf is None else neginf, most if posinf is None else posinf
    bounded = lang.where(input == -math.inf, low, lang.where(input == math.inf, high, input))
    return lang.where(lang.isnan(input), 0.0 if nan is None else nan, bounded)


finite_only.gradient(input=lambda g, input: lang.where(lang.isfinite(input), g, 0.0))


@operator(returns=FrexpResult, exact=True)
def frexp(input: Array):
    """Mantissa, between 0.5 and 1, and exponent of 2 of each element."""
    if is_integral(input):
        raise RuntimeError("torch.frexp() only supports floating-point dtypes; convert first: x.float()")
    return lang.frexp(input)


@frexp.gradient
def _(g, results, needs):
    mantissa = g[0]
    return (mantissa * lang.exp2(lang.cast(-results[1], mantissa.dtype)),)


@elementwise(inplace=True, promote="float")
def ldexp(input, other: Array):
    """`input` times 2 to the power of `other`."""
    return input * lang.exp2(other)


LN2 = 0.6931471805599453
ldexp.gradient(
    input=lambda g, other: g * lang.conj(lang.exp2(other)),
    other=lambda g, result: g * lang.conj(result) * LN2,
)
