"""Conversions of type."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import of_numpy
from .declare import operator


@operator(method=False, out=False, name="_cast", node="ToCopyBackward0")
def cast(input: Array, dtype):
    """The values in another type."""
    return lang.cast(input, dtype)


cast.gradient(input=lambda g, input: lang.cast(g, input.dtype))


def to(self, dtype):
    return self if self.dtype is dtype else cast(self, dtype)


Tensor.to = to
