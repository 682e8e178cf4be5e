"""The array language: the primitives that every operator's body and every gradient rule is written in.

On numpy arrays a primitive computes at once; see `dispatch` for what else it runs on.
"""

from .dispatch import HANDLERS, PRIMITIVES, elementwise_primitive, handle, primitive
from .elementwise import *  # noqa: F403  (the names are the language)
from .memory import contiguous, copy, full_like, ones_like, region, region_add, region_put, zeros_like
from .movement import address, as_strided, expand, offset_of, permute, reshape, root, sum_to, transpose
from .product import matmul
from .reduce import all, amax, amin, any, argmax, argmin, prod, sum

__all__ = ["HANDLERS", "PRIMITIVES", "address", "elementwise_primitive", "handle", "primitive", "root", *PRIMITIVES]
