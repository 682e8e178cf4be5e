"""The gamma function's logarithm, its derivatives, and its incomplete forms."""

from __future__ import annotations

import math

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import composite, elementwise, inplace_form
from .kinds import strong

REAL = ("complex",)


@elementwise(inplace=True, promote="float", refuses=REAL)
def lgamma(input):
    """The logarithm of the magnitude of the gamma function."""
    return lang.lgamma(input)


@elementwise(inplace=True, promote="float", refuses=REAL)
def digamma(input):
    """The slope of `lgamma`."""
    return lang.digamma(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialZetaBackward0")
def zeta(input: ArrayOrNumber, other):
    """Hurwitz's zeta function: the sum of (other + k) ** -input over k = 0, 1, 2, ..."""
    return lang.zeta(input, other)


lgamma.gradient(input=lambda g, input: g * lang.digamma(input))
digamma.gradient(input=lambda g, input: g * lang.zeta(2.0, input))
zeta.gradient(other=lambda g, input, other: g * -input * lang.zeta(input + 1.0, other))


@elementwise(name="_polygamma", promote="float", refuses=REAL, method=False, node="PolygammaBackward0")
def _polygamma(input, *, n):
    """Derivative number `n` of `digamma`."""
    return lang.digamma(input) if n == 0 else lang.zeta(n + 1.0, input) * _sign_and_factorial(n)


def _sign_and_factorial(n):
    size = math.factorial(n) if n <= 170 else math.inf
    return float(size if n % 2 else -size)


_polygamma.gradient(input=lambda g, input, n: g * lang.zeta(n + 2.0, input) * _sign_and_factorial(n + 1))


@composite(method=False)
def polygamma(n, input):
    """Derivative number `n` of `digamma`, at each element."""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, and n is {n}.")
    return _polygamma(input, n=int(n))


def _polygamma_method(self, n):
    """Derivative number `n` of `digamma`, at each element of this tensor."""
    return polygamma(n, self)


Tensor.polygamma = _polygamma_method
Tensor.polygamma_ = inplace_form(polygamma.operator, _polygamma_method)


@elementwise(inplace=True, promote="float", refuses=REAL)
def mvlgamma(input, p: int):
    """The logarithm of the gamma function of `p` by `p` matrices."""
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, but it is {p}")
    total = lang.lgamma(input)
    for k in range(1, p):
        total = total + lang.lgamma(input - k / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


def _mvlgamma_gradient(g, input, p):
    total = lang.digamma(input)
    for k in range(1, p):
        total = total + lang.digamma(input - k / 2)
    return g * total


mvlgamma.gradient(input=_mvlgamma_gradient)


@elementwise(inplace=True, refuses=("bool", "integral", "complex"))
def igamma(input, other: Array):
    """The regularized lower incomplete gamma function: the share of the integral of `input` up to `other`."""
    return lang.igamma(input, other)


@elementwise(inplace=True, refuses=("bool", "integral", "complex"))
def igammac(input, other: Array):
    """The regularized upper incomplete gamma function: 1 - igamma."""
    return lang.igammac(input, other)


def _gamma_density(input, other):
    a, x = strong(input, other), strong(other, input)
    return lang.exp((a - 1) * lang.log(x) - x - lang.lgamma(a))


igamma.gradient(other=lambda g, input, other: g * _gamma_density(input, other))
igammac.gradient(other=lambda g, input, other: -g * _gamma_density(input, other))

alias(lgamma, "special.gammaln")
alias(digamma, "special.digamma", "special.psi")
alias(polygamma, "special.polygamma")
alias(mvlgamma, "special.multigammaln")
alias(igamma, "special.gammainc")
alias(igammac, "special.gammaincc")
