"""Powers, roots, exponentials and logarithms."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import complex128, float64
from ..tensor.inplace import assign
from .alias import alias
from .declare import composite, elementwise
from .kinds import strong

LN2, LN10 = 0.6931471805599453, 2.302585092994046


def _kind(input, exponent):
    """By which of the two is a number."""
    return f"PowBackward{0 if not hasattr(exponent, 'dtype') else 1 if hasattr(input, 'dtype') else 2}"


@elementwise(inplace=True, refuses=("bool",), node=_kind, constants=(2, 3, 1, -1, 0.5, -0.5, -2))
def pow(input: ArrayOrNumber, exponent):
    """`input` to the power of `exponent`."""
    return lang.pow(input, exponent)


def _pow_gradient(g, input, exponent):
    if not hasattr(exponent, "dtype"):
        return (
            lang.zeros_like(g) if exponent == 0 else g * lang.conj(lang.pow(input, exponent - 1) * exponent)
        )
    slope = exponent * lang.pow(input, exponent - 1)
    return g * lang.conj(lang.where(exponent == 0, lang.zeros_like(slope), slope))


def _exponent_gradient(g, input, exponent, result):
    slope = result * lang.log(strong(input, result))
    flat = (input == 0) & (lang.real(exponent) >= 0)  # 0 ** y is 0 all along
    return g * lang.conj(lang.where(flat, lang.zeros_like(slope), slope))


pow.gradient(input=_pow_gradient, exponent=_exponent_gradient)


@composite
def float_power(input, exponent):
    """`input` to the power of `exponent`, in double precision whatever the arguments are."""
    wide = complex128 if any(_is_complex_operand(v) for v in (input, exponent)) else float64
    return pow(_widened(input, wide), _widened(exponent, wide))


def _float_power_in_place(self, exponent):
    """In-place version of `float_power`, for tensors in double precision."""
    result = float_power(self, exponent)
    if result.dtype is not self.dtype:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {self.dtype} but the operation's result requires "
            f"dtype {result.dtype}; convert the base first, or use float_power"
        )
    return assign(self, result, "float_power_")


Tensor.float_power_ = _float_power_in_place


def _is_complex_operand(v):
    return v.dtype.is_complex if isinstance(v, Tensor) else isinstance(v, complex)


def _widened(v, wide):
    return v.to(wide) if isinstance(v, Tensor) else v


@composite(inplace=True)
def square(input):
    """Each element times itself."""
    return pow(input, 2) if input.dtype.category else pow(input.long(), 2)


@elementwise(inplace=True, promote="float")
def sqrt(input):
    """The square root of each element."""
    return lang.sqrt(input)


@elementwise(inplace=True, promote="float")
def rsqrt(input):
    """One over the square root of each element."""
    return lang.rsqrt(input)


sqrt.gradient(input=lambda g, result: g / lang.conj(result * 2))
rsqrt.gradient(input=lambda g, result: g * lang.conj(result * result * result) * -0.5)


@elementwise(inplace=True, promote="float")
def exp(input):
    """e to the power of each element."""
    return lang.exp(input)


@elementwise(inplace=True, promote="float")
def exp2(input):
    """2 to the power of each element."""
    return lang.exp2(input)


@elementwise(inplace=True, promote="float")
def expm1(input):
    """e to the power of each element, less one: exact near zero."""
    return lang.expm1(input)


exp.gradient(input=lambda g, result: g * lang.conj(result))
exp2.gradient(input=lambda g, result: g * lang.conj(result) * LN2)
expm1.gradient(input=lambda g, result: g * lang.conj(result + 1))


@elementwise(inplace=True, promote="float")
def log(input):
    """The natural logarithm of each element."""
    return lang.log(input)


@elementwise(inplace=True, promote="float")
def log2(input):
    """The logarithm of each element to the base 2."""
    return lang.log2(input)


@elementwise(inplace=True, promote="float")
def log10(input):
    """The logarithm of each element to the base 10."""
    return lang.log10(input)


@elementwise(inplace=True, promote="float", node="Log1PBackward0")
def log1p(input):
    """The natural logarithm of one plus each element: exact near zero."""
    return lang.log1p(input)


log.gradient(input=lambda g, input: g / lang.conj(input))
log2.gradient(input=lambda g, input: g / lang.conj(input * LN2))
log10.gradient(input=lambda g, input: g / lang.conj(input * LN10))
log1p.gradient(input=lambda g, input: g / lang.conj(input + 1))


def _times(x, logarithm, y):
    """`x * logarithm(y)`, zero where `x` is, unless `y` is NaN."""
    return lang.where((x == 0) & (y == y), 0.0, x * logarithm)


@elementwise(inplace=True, promote="float", refuses=("complex",))
def xlogy(input: ArrayOrNumber, other):
    """`input * log(other)`, which is zero where `input` is."""
    return _times(input, lang.log(strong(other, input)), other)


def _xlogy_gradient(g, input, other):
    return g * lang.where((input == 0) & (other <= 0), 0.0, lang.log(strong(other, g)))


xlogy.gradient(input=_xlogy_gradient, other=lambda g, input, other: g * (input / other))


@elementwise(namespace="special", promote="float", refuses=("complex",), node="SpecialXlog1PyBackward0")
def xlog1py(input: ArrayOrNumber, other):
    """`input * log1p(other)`, which is zero where `input` is."""
    return _times(input, lang.log1p(strong(other, input)), other)


def _xlog1py_gradient(g, input, other):
    return g * lang.where((input == 0) & (other <= -1), 0.0, lang.log1p(strong(other, g)))


xlog1py.gradient(input=_xlog1py_gradient, other=lambda g, input, other: g * (input / (other + 1)))


@elementwise(refuses=("bool", "integral"))
def logaddexp(input, other: Array):
    """`log(exp(input) + exp(other))`, without overflow."""
    return lang.logaddexp(input, other)


@elementwise(refuses=("bool", "integral", "complex"))
def logaddexp2(input, other: Array):
    """`log2(2 ** input + 2 ** other)`, without overflow."""
    return lang.logaddexp2(input, other)


def _share(exponential):
    """The part of a sum of exponentials that `x` has: the slope of its logarithm."""

    def gradient(g, x, total):
        infinite = lang.eq(x, total)  # of two equal infinities the first stands for the sum
        difference = lang.where(infinite, lang.zeros_like(total), x - total)
        return g * lang.conj(exponential(difference))

    return gradient


_share_e, _share_2 = _share(lambda d: lang.exp(d)), _share(lambda d: lang.exp2(d))
logaddexp.gradient(
    input=lambda g, input, result: _share_e(g, input, result),
    other=lambda g, other, result: _share_e(g, other, result),
)
logaddexp2.gradient(
    input=lambda g, input, result: _share_2(g, input, result),
    other=lambda g, other, result: _share_2(g, other, result),
)

alias(exp2, "special.exp2")
alias(expm1, "special.expm1")
alias(log1p, "special.log1p")
alias(xlogy, "special.xlogy")
