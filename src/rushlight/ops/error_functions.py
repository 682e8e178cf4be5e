"""The error function and the normal distribution."""

from __future__ import annotations

import math

from .. import lang
from .alias import alias
from .declare import elementwise

SQRT_HALF = math.sqrt(0.5)
TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
SQRT_TWO_PI = math.sqrt(2 * math.pi)
REAL = ("complex",)


@elementwise(inplace=True, promote="float", refuses=REAL)
def erf(input):
    """The error function: how much of the bell curve exp(-t²) lies within `input` of its middle."""
    return lang.erf(input)


@elementwise(inplace=True, promote="float", refuses=REAL)
def erfc(input):
    """1 - erf(input), exact where that is small."""
    return lang.erfc(input)


@elementwise(inplace=True, promote="float", refuses=REAL)
def erfinv(input):
    """Where the error function is `input`."""
    return lang.erfinv(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialErfcxBackward0")
def erfcx(input):
    """exp(input²) erfc(input): erfc without its underflow."""
    return lang.erfcx(input)


erf.gradient(input=lambda g, input: g * lang.exp(-input * input) * TWO_OVER_SQRT_PI)
erfc.gradient(input=lambda g, input: g * lang.exp(-input * input) * -TWO_OVER_SQRT_PI)
erfinv.gradient(input=lambda g, result: g * lang.exp(result * result) * (1 / TWO_OVER_SQRT_PI))
erfcx.gradient(input=lambda g, input, result: g * (input * result * 2 - TWO_OVER_SQRT_PI))


@elementwise(namespace="special", promote="float", refuses=REAL, node="MulBackward1")
def ndtr(input):
    """How probable it is that a normal variable is below each element."""
    return lang.ndtr(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialLogNdtrBackward0")
def log_ndtr(input):
    """The logarithm of `ndtr`, exact far below zero too."""
    return lang.log_ndtr(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialNdtriBackward0")
def ndtri(input):
    """Which number a normal variable is below with probability `input`."""
    return lang.ndtri(input)


ndtr.gradient(input=lambda g, input: g * lang.exp(input * input * -0.5) * (1 / SQRT_TWO_PI))
log_ndtr.gradient(input=lambda g, input: g / lang.erfcx(input * -SQRT_HALF) * (2 / SQRT_TWO_PI))
ndtri.gradient(input=lambda g, result: g * lang.exp(result * result * 0.5) * SQRT_TWO_PI)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialEntrBackward0")
def entr(input):
    """-x log(x): what each probability contributes to the entropy; 0 at 0, minus infinity below."""
    return lang.where(input == 0, 0.0, lang.where(input < 0, -math.inf, -input * lang.log(input)))


entr.gradient(input=lambda g, input: g * (-1 - lang.log(input)))


@elementwise(inplace=True, promote="float", refuses=REAL)
def logit(input, eps: float | None = None):
    """log(x / (1 - x)), the inverse of the sigmoid; with `eps`, of x brought between eps and 1 - eps."""
    if eps is not None:
        input = lang.minimum(lang.maximum(input, eps), 1 - eps)
    return lang.log(input / (1 - input))


def _logit_gradient(g, input, eps):
    low, outside = (0.0, math.nan) if eps is None else (eps, 0.0)
    return lang.where((input < low) | (input > 1 - low), outside, g / (input * (1 - input)))


logit.gradient(input=_logit_gradient)

for _call in (erf, erfc, erfinv, logit):
    alias(_call, f"special.{_call.__name__}")
