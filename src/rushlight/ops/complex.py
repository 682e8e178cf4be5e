"""Complex numbers: their parts, and making them."""

from __future__ import annotations

import math

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import composite, elementwise, operator, view
from .kinds import is_complex


@view(method=False, node="SelectBackward0", name="_real_part")
def _real_part(input: Array):
    """The real parts, in the same memory."""
    return lang.real(input)


@view(method=False, node="SelectBackward0", name="_imag_part")
def _imag_part(input: Array):
    """The imaginary parts, in the same memory."""
    return lang.imag(input)


_real_part.gradient(input=lambda g: lang.complex(g, lang.zeros_like(g)))
_imag_part.gradient(input=lambda g: lang.complex(lang.zeros_like(g), g))


@composite(method=False, out=False)
def real(input):
    """The real parts: a view; a real tensor itself."""
    return _real_part(input) if input.dtype.is_complex else input


@composite(method=False, out=False)
def imag(input):
    """The imaginary parts: a view."""
    if not input.dtype.is_complex:
        raise RuntimeError(
            "imag is not implemented for tensors with non-complex dtypes, "
            f"and this one is {input.dtype}: use zeros_like"
        )
    return _imag_part(input)


@view(method=False)
def view_as_real(input: Array):
    """A view with one more dimension, of size two: real and imaginary part."""
    if not is_complex(input):
        raise RuntimeError(
            f"view_as_real is only supported for complex tensors, and this one is {input.dtype}"
        )
    return lang.as_pairs(input)


@view(method=False)
def view_as_complex(input: Array):
    """A view whose last dimension, of size two, has become complex numbers."""
    return lang.from_pairs(input)


view_as_real.gradient(input=lambda g: lang.from_pairs(lang.contiguous(g)))
view_as_complex.gradient(input=lambda g: lang.as_pairs(g))
alias(view_as_complex, "_from_pairs")
alias(view_as_real, "_as_pairs")


@operator(method=False, name="complex", node="ComplexBackward0")
def _complex(real: Array, imag: Array):
    """Complex numbers of their two parts."""
    check_parts("complex", real, imag)
    return lang.complex(real, imag)


_complex.gradient(real=lambda g: lang.real(g), imag=lambda g: lang.imag(g))


@operator(method=False)
def polar(abs: Array, angle: Array):
    """Complex numbers of their magnitudes and angles."""
    check_parts("polar", abs, angle)
    return lang.complex(abs * lang.cos(angle), abs * lang.sin(angle))


def _turned(g, angle):
    """`g` seen along the direction `angle`, and across it."""
    return lang.conj(g) * lang.complex(lang.cos(angle), lang.sin(angle))


polar.gradient(
    abs=lambda g, angle: lang.real(_turned(g, angle)),
    angle=lambda g, abs, angle: -lang.imag(_turned(g, angle)) * abs,
)


def check_parts(name, first, second):
    """Both parts must be floating point numbers of one type."""
    if first.dtype != second.dtype or first.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: expected both inputs to be Half, Float or Double tensors "
            f"but got {first.dtype} and {second.dtype}; convert them to one floating point type first"
        )


@elementwise(out=False, method=False, name="_conjugate", node="ConjBackward0")
def _conjugate(input):
    """The complex conjugate of each element."""
    return lang.conj(input)


@composite(out=False)
def conj(input):
    """The complex conjugate of each element; a real tensor itself."""
    return _conjugate(input) if input.dtype.is_complex else input


@composite(inplace=True)
def conj_physical(input):
    """The complex conjugate of each element, in memory of its own; a real tensor itself."""
    return conj(input)


_conjugate.gradient(input=lambda g: lang.conj(g))


@composite(out=False)
def resolve_conj(input):
    """The tensor itself: conjugation is never put off here."""
    return input


@composite(out=False)
def resolve_neg(input):
    """The tensor itself: negation is never put off here."""
    return input


@composite(out=False)
def is_conj(input):
    """Is a conjugation put off? Never here: `conj` conjugates at once."""
    return False


@composite(out=False)
def is_neg(input):
    """Is a negation put off? Never here."""
    return False


@elementwise(promote="float", result="real")
def angle(input):
    """The angle of each number in the complex plane, between -pi and pi."""
    if is_complex(input):
        return lang.atan2(lang.imag(input), lang.real(input))
    return lang.where(lang.isnan(input), input, lang.where(input < 0, math.pi, lang.zeros_like(input)))


def _angle_gradient(g, input):
    if not is_complex(input):
        return lang.zeros_like(g)
    size = lang.abs(input)
    square = lang.where(size == 0, 1.0, size * size)
    turn = lang.complex(-lang.imag(input), lang.real(input))
    return turn * lang.where(size == 0, 0.0, g / square)


angle.gradient(input=_angle_gradient)


def _put_part(part):
    def write(self, value):
        part(self).copy_(value)

    return write


Tensor.real = property(real, _put_part(real))
Tensor.imag = property(imag, _put_part(imag))
