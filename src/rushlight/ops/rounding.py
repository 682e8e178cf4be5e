"""Whole numbers near a number."""

from __future__ import annotations

from .. import lang
from .alias import alias
from .declare import elementwise
from .kinds import is_integral

NO_ROUNDING = ("bool", "complex")


@elementwise(inplace=True, refuses=NO_ROUNDING)
def floor(input):
    """The largest whole number not above each element."""
    return input if is_integral(input) else lang.floor(input)


@elementwise(inplace=True, refuses=NO_ROUNDING)
def ceil(input):
    """The smallest whole number not below each element."""
    return input if is_integral(input) else lang.ceil(input)


@elementwise(inplace=True, refuses=NO_ROUNDING)
def trunc(input):
    """Each element without its fraction."""
    return input if is_integral(input) else lang.trunc(input)


def _rounded(decimals):
    return "RoundBackward1" if decimals else "RoundBackward0"


@elementwise(inplace=True, refuses=("bool", "integral", "complex"))
def frac(input):
    """The fraction of each element, with its sign."""
    return input - lang.trunc(input)


@elementwise(inplace=True, refuses=NO_ROUNDING, node=_rounded)
def round(input, *, decimals=0):
    """The nearest whole number, ties to even; or with so many decimals (negative: tens, hundreds, ...)."""
    if is_integral(input):
        if decimals:
            raise RuntimeError(
                '"round" with decimals is not implemented for integers; convert first: x.double()'
            )
        return input
    if decimals == 0:
        return lang.round(input)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    return lang.round(input * scale) / scale if decimals > 0 else lang.round(input / scale) * scale


for _flat in (floor, ceil, trunc, round):
    _flat.gradient(input=lambda g: lang.zeros_like(g))
frac.gradient(input=lambda g: g)

alias(trunc, "fix")
alias(round, "special.round")
