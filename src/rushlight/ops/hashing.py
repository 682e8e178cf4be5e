"""A fingerprint of the values of a tensor."""

from __future__ import annotations

from .. import lang
from .declare import operator
from .rules import axes_of


@operator(differentiable=False, method=True)
def hash_tensor(input: Array, dim=None, *, keepdim=False, mode=0):
    """The exclusive or of the bits of all elements, or along `dim`, each widened to 64 bits; as uint64."""
    if mode != 0:
        raise RuntimeError(
            f"hash_tensor: mode must be 0 (exclusive or), the only one there is, but got {mode}"
        )
    return lang.bits_folded(input, axes_of(dim, input.ndim), keepdim)
