"""Sums, differences, products and magnitudes."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import INPLACE, composite, elementwise
from .kinds import is_complex, is_integral, kind_of


def scaled(x, alpha, *others):
    """`x * alpha`; integers take no fraction of a number."""
    if isinstance(alpha, float) and is_integral(x, *others):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number; "
            f"alpha is {alpha}. Convert the tensors first (x.float()), or give a whole number."
        )
    if type(alpha) is int and alpha < 0 and not isinstance(x, (int, float)) and kind_of(x) == "integral":
        return -(x * -alpha)  # unsigned numbers wrap round
    return x * alpha


@elementwise(inplace=True, numbers=True)
def add(input, other, *, alpha=1):
    """`input + alpha * other`, element by element."""
    return input + other if alpha == 1 else input + scaled(other, alpha, input)


@elementwise(inplace=True, numbers=True, refuses=("bool",))
def sub(input, other, *, alpha=1):
    """`input - alpha * other`, element by element."""
    return input - other if alpha == 1 else input - scaled(other, alpha, input)


@elementwise(refuses=("bool",), node="RsubBackward1")
def rsub(input, other, *, alpha=1):
    """`other - alpha * input`, element by element."""
    return other - input if alpha == 1 else other - scaled(input, alpha, other)


@elementwise(inplace=True, numbers=True)
def mul(input, other):
    """The product of each pair of elements."""
    return input * other


add.gradient(input=lambda g: g, other=lambda g, alpha: g if alpha == 1 else g * alpha)
sub.gradient(input=lambda g: g, other=lambda g, alpha: -g if alpha == 1 else g * -alpha)
rsub.gradient(input=lambda g, alpha: -g if alpha == 1 else g * -alpha, other=lambda g: g)
mul.gradient(input=lambda g, other: g * lang.conj(other), other=lambda g, input: g * lang.conj(input))


@elementwise(inplace=True, refuses=("bool",))
def neg(input):
    """The negative of each element."""
    return -input


neg.gradient(input=lambda g: -g)


@composite(out=False)
def positive(input):
    """The tensor itself, as `+x` is in Python."""
    if input.dtype.category == 0:
        raise RuntimeError(
            "The `+` operator, on a bool tensor is not supported; convert it first: x.to(torch.int64)"
        )
    return input


@elementwise(inplace=True, result="real", refuses=("bool",))
def abs(input):
    """The magnitude of each element."""
    return lang.abs(input)


_abs_in_place = Tensor.abs_


def _abs_of_real(self):
    """In-place version of `abs`."""
    if self.dtype.is_complex:
        raise RuntimeError(
            "In-place abs is not supported for complex tensors (the result is real): use x.abs()"
        )
    return _abs_in_place(self)


Tensor.abs_ = INPLACE["abs_"] = _abs_of_real
abs.gradient(input=lambda g, input: g * lang.sgn(input))


@elementwise(inplace=True, refuses=("complex",))
def sign(input):
    """-1, 0 or 1: the sign of each element, 0 for NaN."""
    return lang.sign(input)


@elementwise(inplace=True)
def sgn(input):
    """The sign of each element; for complex numbers, the number divided by its magnitude."""
    return lang.sgn(input)


sign.gradient(input=lambda g: lang.zeros_like(g))


def _sgn_gradient(g, input, result):
    """What of `g` turns the number; what would lengthen it has no effect. Zero at zero."""
    if not is_complex(input):
        return lang.zeros_like(g)
    size = lang.abs(input)
    along = lang.real(lang.conj(result) * g)
    return lang.where(size == 0, lang.zeros_like(g), (g - result * along) / lang.where(size == 0, 1.0, size))


sgn.gradient(input=_sgn_gradient)


@elementwise(inplace=True)
def addcmul(input, tensor1: Array, tensor2: Array, *, value=1):
    """`input + value * tensor1 * tensor2`, element by element."""
    value = int(value) if is_integral(input) else value
    return input + tensor1 * tensor2 if value == 1 else input + tensor1 * tensor2 * value


addcmul.gradient(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * lang.conj(tensor2 * value),
    tensor2=lambda g, tensor1, value: g * lang.conj(tensor1 * value),
)


@elementwise(inplace=True, refuses=("bool", "integral"))
def addcdiv(input, tensor1: Array, tensor2: Array, *, value=1):
    """`input + value * tensor1 / tensor2`, element by element."""
    return input + tensor1 / tensor2 * value


addcdiv.gradient(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * lang.conj(value / tensor2),
    tensor2=lambda g, tensor1, tensor2, value: -g * lang.conj(tensor1 / (tensor2 * tensor2) * value),
)


@elementwise(
    method=False, out=False, name="_lerp_by_number", refuses=("bool", "integral"), node="LerpBackward0"
)
def _lerp_by_number(input, end, *, weight):
    """Interpolation where the weight is one number."""
    step = end - input
    return input + step * weight if -0.5 < weight.real < 0.5 else end - step * (1 - weight)


@elementwise(
    method=False, out=False, name="_lerp_by_tensor", refuses=("bool", "integral"), node="LerpBackward1"
)
def _lerp_by_tensor(input, end, weight):
    """Interpolation where each element has its weight."""
    step = end - input
    return lang.where(lang.abs(weight) < 0.5, input + weight * step, end - step * (1 - weight))


_lerp_by_number.gradient(
    input=lambda g, weight: g * (1 - weight.conjugate()),
    end=lambda g, weight: g * weight.conjugate(),
)
_lerp_by_tensor.gradient(
    input=lambda g, weight: g * lang.conj(1 - weight),
    end=lambda g, weight: g * lang.conj(weight),
    weight=lambda g, input, end: g * lang.conj(end - input),
)


@composite(inplace=True)
def lerp(input, end, weight):
    """From `input` (weight 0) to `end` (weight 1) along a straight line."""
    if type(weight) in (float, int, complex):
        return _lerp_by_number(input, end, weight=weight)
    return _lerp_by_tensor(input, end, weight)


alias(sub, "subtract")
alias(mul, "multiply")
alias(neg, "negative")
alias(abs, "absolute")
