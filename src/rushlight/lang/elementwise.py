"""Element-wise primitives: each is a numpy ufunc, so numpy's broadcasting applies.

Bodies receive arrays whose dtypes have been promoted already; Python scalars are weak, as in numpy 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import elementwise_primitive, primitive
from .single import by_kernel

add = elementwise_primitive("add", np.add)
sub = elementwise_primitive("sub", np.subtract)
mul = elementwise_primitive("mul", np.multiply)
div = elementwise_primitive("div", np.true_divide)
neg = elementwise_primitive("neg", np.negative)
abs = elementwise_primitive("abs", np.absolute)

exp = elementwise_primitive("exp", np.exp)
exp2 = elementwise_primitive("exp2", np.exp2)
expm1 = elementwise_primitive("expm1", np.expm1)
log = elementwise_primitive("log", np.log)
log2 = elementwise_primitive("log2", np.log2)
log10 = elementwise_primitive("log10", np.log10)
log1p = elementwise_primitive("log1p", np.log1p)
sqrt = elementwise_primitive("sqrt", np.sqrt)
reciprocal = elementwise_primitive("reciprocal", np.reciprocal)
sin = elementwise_primitive("sin", np.sin)
cos = elementwise_primitive("cos", np.cos)
tan = elementwise_primitive("tan", np.tan)
asin = elementwise_primitive("asin", np.arcsin)
acos = elementwise_primitive("acos", np.arccos)
atan = elementwise_primitive("atan", np.arctan)
atan2 = elementwise_primitive("atan2", np.arctan2)
sinh = elementwise_primitive("sinh", np.sinh)
cosh = elementwise_primitive("cosh", np.cosh)
tanh = elementwise_primitive("tanh", np.tanh)
asinh = elementwise_primitive("asinh", np.arcsinh)
acosh = elementwise_primitive("acosh", np.arccosh)
atanh = elementwise_primitive("atanh", np.arctanh)

floor = elementwise_primitive("floor", np.floor)
ceil = elementwise_primitive("ceil", np.ceil)
trunc = elementwise_primitive("trunc", np.trunc)
round = elementwise_primitive("round", np.rint)

minimum = elementwise_primitive("minimum", np.minimum)
maximum = elementwise_primitive("maximum", np.maximum)
fmin = elementwise_primitive("fmin", np.fmin)
fmax = elementwise_primitive("fmax", np.fmax)
copysign = elementwise_primitive("copysign", np.copysign)
nextafter = elementwise_primitive("nextafter", np.nextafter)
hypot = elementwise_primitive("hypot", np.hypot)
heaviside = elementwise_primitive("heaviside", np.heaviside)

eq = elementwise_primitive("eq", np.equal)
ne = elementwise_primitive("ne", np.not_equal)
lt = elementwise_primitive("lt", np.less)
le = elementwise_primitive("le", np.less_equal)
gt = elementwise_primitive("gt", np.greater)
ge = elementwise_primitive("ge", np.greater_equal)
isnan = elementwise_primitive("isnan", np.isnan)
isinf = elementwise_primitive("isinf", np.isinf)
isfinite = elementwise_primitive("isfinite", np.isfinite)
signbit = elementwise_primitive("signbit", np.signbit)

logical_and = elementwise_primitive("logical_and", np.logical_and)
logical_or = elementwise_primitive("logical_or", np.logical_or)
logical_xor = elementwise_primitive("logical_xor", np.logical_xor)
logical_not = elementwise_primitive("logical_not", np.logical_not)
bitwise_and = elementwise_primitive("bitwise_and", np.bitwise_and)
bitwise_or = elementwise_primitive("bitwise_or", np.bitwise_or)
bitwise_xor = elementwise_primitive("bitwise_xor", np.bitwise_xor)
bitwise_not = elementwise_primitive("bitwise_not", np.invert)
left_shift = elementwise_primitive("left_shift", np.left_shift)
right_shift = elementwise_primitive("right_shift", np.right_shift)
gcd = elementwise_primitive("gcd", np.gcd)
lcm = elementwise_primitive("lcm", np.lcm)


def _rsqrt(x: Any) -> Any:
    return np.reciprocal(np.sqrt(x))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _where(condition: Any, a: Any, b: Any) -> Any:
    """np.where with weak Python scalars: a scalar branch takes the dtype of the other branch."""
    if type(a) in (bool, int, float, complex) and hasattr(b, "dtype"):
        a = np.asarray(a, b.dtype) if type(a) is not complex else a
    elif type(b) in (bool, int, float, complex) and hasattr(a, "dtype"):
        b = np.asarray(b, a.dtype) if type(b) is not complex else b
    if _is_plain(condition) and _is_plain(a) and _is_plain(b) and a.dtype == b.dtype:
        made = by_kernel("where", a.dtype, condition, a, b) if condition.dtype == bool else None
        if made is not None:
            return made
    return np.where(condition, a, b)


def _is_plain(x: Any) -> bool:
    return type(x) is np.ndarray


def _sign(x: Any) -> Any:
    """Unlike np.sign: 0 for NaN, and bools stay."""
    return x.copy() if x.dtype.kind == "b" else np.subtract(x > 0, x < 0, dtype=x.dtype)


def _sgn(x: Any) -> Any:
    if not np.iscomplexobj(x):
        return _sign(x)
    size = np.abs(x)
    return np.where(size == 0, x.dtype.type(0), x / np.where(size == 0, size.dtype.type(1), size))


def _conj(x: Any) -> Any:
    if getattr(x, "dtype", None) is not None and x.dtype.char == BFLOAT16:
        return x
    return x.conjugate()  # a method, so that Python numbers stay Python numbers


def _logaddexp(x: Any, y: Any) -> Any:
    if not np.iscomplexobj(x):
        return np.logaddexp(x, y)
    larger, smaller = np.where(x.real < y.real, y, x), np.where(x.real < y.real, x, y)
    same = np.isinf(x.real) & (x.real == y.real)
    total = larger + np.log1p(np.exp(smaller - larger))
    return np.where(same, np.log(np.exp(x) + np.exp(y)) if np.any(same & (x.real < 0)) else x, total)


sign = elementwise_primitive("sign", _sign)
sgn = elementwise_primitive("sgn", _sgn)
conj = elementwise_primitive("conj", _conj)
rsqrt = elementwise_primitive("rsqrt", _rsqrt)
sigmoid = elementwise_primitive("sigmoid", _sigmoid)
where = elementwise_primitive("where", _where)
logaddexp = elementwise_primitive("logaddexp", _logaddexp)
logaddexp2 = elementwise_primitive("logaddexp2", np.logaddexp2)


@primitive
def real(x: Any) -> Any:
    """The real part; a real value is its own."""
    return x.real if np.iscomplexobj(x) else x


@primitive
def imag(x: Any) -> Any:
    """The imaginary part of a complex value."""
    return x.imag


@primitive
def cast(x: Any, dtype: Any) -> Any:
    """The values in another dtype (Rushlight's, numpy's, or a name); from complex to real, the real part."""
    dtype = np.dtype(getattr(dtype, "np", dtype))
    if x.dtype == dtype:
        return x
    if x.dtype.kind == "c" and dtype.kind not in "cb" and dtype.name != "complex32":
        x = x.real
    if x.dtype.kind == "f" and dtype.kind in "iu":
        return _float_to_integer(x, dtype)
    if x.dtype.char == BFLOAT16 and dtype.char != "f":  # exact, and numpy's own conversions go on from there
        return cast.on_arrays(cast.on_arrays(x, np.dtype(np.float32)), dtype)  # type: ignore[attr-defined]
    if type(x) is np.ndarray and (made := by_kernel("cast", dtype, x)) is not None:
        return made
    return x.astype(dtype)


BFLOAT16 = "E"  # the letter that ml_dtypes gave it


def _float_to_integer(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Truncates; what does not fit goes through int64, as the CPU does it, so that -1.0 is 255 in uint8."""
    if dtype.itemsize < 4 or dtype.kind == "u":
        return x.astype(np.int64).astype(dtype)
    return x.astype(dtype)
