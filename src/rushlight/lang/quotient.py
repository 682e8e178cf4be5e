"""Powers, quotients and remainders, with integers as PyTorch has them: division by zero is an error."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import elementwise
from .dispatch import elementwise_primitive


def _is_integral(*operands: Any) -> bool:
    return all(getattr(x, "dtype", np.dtype(type(x))).kind in "iub" for x in operands)


def _check_divisor(y: Any) -> None:
    if not (y if type(y) is int else np.all(y)):
        raise RuntimeError(
            "ZeroDivisionError: integers have no quotient by zero; mask those elements, or divide floats "
            "(x.double()), which gives inf or nan"
        )


def _floor_divide(x: Any, y: Any) -> Any:
    if _is_integral(x, y):
        _check_divisor(y)
    return np.floor_divide(x, y)


def _fmod(x: Any, y: Any) -> Any:
    if _is_integral(x, y):
        _check_divisor(y)
    return np.fmod(x, y)


def _remainder(x: Any, y: Any) -> Any:
    """The sign of `y`; where nothing remains, a zero with the sign of `x`, unlike numpy."""
    if _is_integral(x, y):
        _check_divisor(y)
        return np.remainder(x, y)
    rest = np.fmod(x, y)
    return np.where((rest != 0) & ((rest < 0) != (np.less(y, 0))), rest + y, rest)


SMALL_POWERS = {  # written with primitives, for arrays and whatever else stands for them
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    1: lambda x: +x,
    -1: elementwise.reciprocal,
    0.5: elementwise.sqrt,
    -0.5: lambda x: elementwise.reciprocal(elementwise.sqrt(x)),
    -2: lambda x: elementwise.reciprocal(x * x),
}


def is_small_power(y: Any) -> bool:
    """Is the number one of the exponents that need no logarithm?"""
    return type(y) in (int, float) and y in SMALL_POWERS


def _pow(x: Any, y: Any) -> Any:
    if _is_integral(x, y):
        return _integer_power(x, y)
    if is_small_power(y) and isinstance(x, (np.ndarray, np.generic)):
        return SMALL_POWERS[y](x)
    return np.power(x, y)


def _integer_power(x: Any, y: Any) -> Any:
    """A negative power of an integer is an error for one exponent for all; else 0, or what 1 and -1 give."""
    if type(y) is int:
        if y < 0:
            raise RuntimeError(
                "Integers to negative integer powers are not allowed; convert the base first: x.double()"
            )
        return np.square(x) if y == 2 else np.power(x, y)
    below = np.less(y, 0)
    if not below.any():
        return np.power(x, y)
    powers = np.power(x, np.where(below, np.bitwise_and(y, 1), y))
    return np.where(below & (np.abs(x) != 1), powers.dtype.type(0), powers)


floor_divide = elementwise_primitive("floor_divide", _floor_divide)
fmod = elementwise_primitive("fmod", _fmod)
remainder = elementwise_primitive("remainder", _remainder)
pow = elementwise_primitive("pow", _pow)
