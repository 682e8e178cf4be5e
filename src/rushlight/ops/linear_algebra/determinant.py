"""Determinants."""

from __future__ import annotations

from ... import lang, return_types
from ..alias import alias
from ..declare import composite
from .checks import check_square

Slogdet = return_types.named("linalg_slogdet", "sign", "logabsdet")
OldSlogdet = return_types.named("slogdet", "sign", "logabsdet")


@composite(namespace="linalg", method="det")
def det(A):
    """The determinant of each matrix."""
    check_square("linalg.det", A)
    return lang.det(A)


alias(det, "det", method=False)


@composite(namespace="linalg")
def slogdet(A):
    """The sign (or the phase) of each determinant, and the logarithm of its magnitude."""
    check_square("linalg.slogdet", A)
    return Slogdet(*lang.slogdet(A))


@composite(name="slogdet")
def old_slogdet(input):
    """Another name of `linalg.slogdet`."""
    return OldSlogdet(*slogdet(input))


@composite(out=False)
def logdet(input):
    """The logarithm of each determinant; nan where it is negative."""
    check_square("logdet", input)
    sign, log = lang.slogdet(input)
    return log + lang.log(sign)  # the logarithm of the sign is nan for -1, and the phase for complex numbers
