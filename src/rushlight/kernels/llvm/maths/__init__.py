"""Vector maths as polynomials: each takes the function under construction and float vectors of any width.

The worst errors, measured over random and special arguments by tests/kernels/test_maths.py, are in the
docstrings, in units in the last place (ulp).
"""

from .exponential import cosh, exp, exp2, expm1, sigmoid, sinh, tanh
from .logarithm import acosh, asinh, atanh, log, log1p, log2, log10, pow
from .special import erf, erfc, normal_below
from .trigonometry import acos, asin, atan, atan2, cos, sin, tan

UNARY = {
    function.__name__: function
    for function in (exp, exp2, expm1, sigmoid, tanh, sinh, cosh, log, log2, log10, log1p)
}
UNARY |= {
    "asinh": asinh,
    "acosh": acosh,
    "atanh": atanh,
    "erf": erf,
    "erfc": erfc,
    "normal_below": normal_below,
}
UNARY |= {"sin": sin, "cos": cos, "tan": tan, "asin": asin, "acos": acos, "atan": atan}
BINARY = {"atan2": atan2, "pow": pow}

__all__ = ["BINARY", "UNARY"]
