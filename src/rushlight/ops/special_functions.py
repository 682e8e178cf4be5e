"""Bessel functions, Airy's function and orthogonal polynomials."""

from __future__ import annotations

from .. import lang
from .alias import alias
from .declare import elementwise
from .trigonometric import sinc

REAL = ("complex",)


@elementwise(inplace=True, promote="float", refuses=REAL)
def i0(input):
    """The modified Bessel function of the first kind of order 0."""
    return lang.i0(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialI0EBackward0")
def i0e(input):
    """exp(-|x|) i0(x)."""
    return lang.i0e(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialI1Backward0")
def i1(input):
    """The modified Bessel function of the first kind of order 1."""
    return lang.i1(input)


@elementwise(namespace="special", promote="float", refuses=REAL, node="SpecialI1EBackward0")
def i1e(input):
    """exp(-|x|) i1(x)."""
    return lang.i1e(input)


def _over(result, input):
    """result / input, and its limit one half where both vanish."""
    return lang.where(input == 0, 0.5, result / lang.where(input == 0, 1.0, input))


i0.gradient(input=lambda g, input: g * lang.i1(input))
i0e.gradient(input=lambda g, input, result: g * (lang.i1e(input) - lang.sign(input) * result))
i1.gradient(input=lambda g, input, result: g * (lang.i0(input) - _over(result, input)))
i1e.gradient(
    input=lambda g, input, result: g * (lang.i0e(input) - lang.sign(input) * result - _over(result, input))
)

# functions of one number without a gradient, as in PyTorch
PLAIN = {
    "bessel_j0": "The Bessel function of the first kind of order 0.",
    "bessel_j1": "The Bessel function of the first kind of order 1.",
    "bessel_y0": "The Bessel function of the second kind of order 0.",
    "bessel_y1": "The Bessel function of the second kind of order 1.",
    "modified_bessel_i0": "The modified Bessel function of the first kind of order 0.",
    "modified_bessel_i1": "The modified Bessel function of the first kind of order 1.",
    "modified_bessel_k0": "The modified Bessel function of the second kind of order 0.",
    "modified_bessel_k1": "The modified Bessel function of the second kind of order 1.",
    "scaled_modified_bessel_k0": "exp(x) times the modified Bessel function of the second kind of order 0.",
    "scaled_modified_bessel_k1": "exp(x) times the modified Bessel function of the second kind of order 1.",
    "spherical_bessel_j0": "The spherical Bessel function of order 0: sin(x) / x.",
    "airy_ai": "Airy's function Ai.",
}
FAMILIES = {
    "chebyshev_polynomial_t": "Chebyshev polynomials of the first kind",
    "chebyshev_polynomial_u": "Chebyshev polynomials of the second kind",
    "chebyshev_polynomial_v": "Chebyshev polynomials of the third kind",
    "chebyshev_polynomial_w": "Chebyshev polynomials of the fourth kind",
    "shifted_chebyshev_polynomial_t": "Chebyshev polynomials of the first kind, of 2 x - 1",
    "shifted_chebyshev_polynomial_u": "Chebyshev polynomials of the second kind, of 2 x - 1",
    "shifted_chebyshev_polynomial_v": "Chebyshev polynomials of the third kind, of 2 x - 1",
    "shifted_chebyshev_polynomial_w": "Chebyshev polynomials of the fourth kind, of 2 x - 1",
    "hermite_polynomial_h": "physicists' Hermite polynomials",
    "hermite_polynomial_he": "probabilists' Hermite polynomials",
    "laguerre_polynomial_l": "Laguerre polynomials",
    "legendre_polynomial_p": "Legendre polynomials",
}


def _declare_plain(name, text):
    primitive = getattr(lang, name)

    def body(input):
        return primitive(input)

    body.__doc__ = text
    elementwise(body, name=name, namespace="special", promote="float", refuses=REAL, differentiable=False)


def _declare_family(name, text):
    primitive = getattr(lang, name)

    def body(input: ArrayOrNumber, n):
        return primitive(input, n)

    body.__doc__ = f"The {text}, of degree `n`, at each element."
    elementwise(body, name=name, namespace="special", promote="float", refuses=REAL, differentiable=False)


for _name, _text in PLAIN.items():
    _declare_plain(_name, _text)
for _name, _text in FAMILIES.items():
    _declare_family(_name, _text)

alias(i0, "special.i0")
alias(sinc, "special.sinc")
