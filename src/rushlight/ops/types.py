"""Questions about types, and the rules of promotion."""

from __future__ import annotations

from ..tensor.core import Tensor
from ..tensor.dtype import can_cast as _can_cast
from ..tensor.dtype import promote
from ..tensor.dtype import promote_types as _promote_types
from .declare import composite


@composite(out=False)
def is_floating_point(input):
    """Are the elements floating point numbers?"""
    return input.dtype.is_floating_point


@composite(out=False)
def is_complex(input):
    """Are the elements complex numbers?"""
    return input.dtype.is_complex


@composite(out=False)
def is_signed(input):
    """Can the elements be negative?"""
    return input.dtype.is_signed


@composite(out=False)
def is_nonzero(input):
    """Is the only element other than zero?"""
    if input._a.size != 1:
        what = "no values" if input._a.size == 0 else "more than one value"
        raise RuntimeError(
            f"Boolean value of Tensor with {what} is ambiguous; its shape is {list(input._a.shape)}"
        )
    return bool(input._a.reshape(-1)[0])


@composite(out=False)
def is_same_size(input, other):
    """Have both tensors the same shape?"""
    return input._a.shape == other._a.shape


@composite(method=False, out=False)
def is_tensor(obj):
    """Is this a Tensor?"""
    return isinstance(obj, Tensor)


@composite(method=False, out=False)
def can_cast(from_, to):
    """May a result of type `from_` be stored as `to` by an operation in place?"""
    return _can_cast(from_, to)


@composite(method=False, out=False)
def promote_types(type1, type2):
    """The smallest type that both can become."""
    return _promote_types(type1, type2)


@composite(method=False, out=False)
def result_type(tensor1, tensor2):
    """The type that arithmetic on two tensors or numbers gives."""
    operands = (tensor1, tensor2)
    tensors = [(v.dtype, v._a.ndim) for v in operands if isinstance(v, Tensor)]
    return promote(tensors, [v for v in operands if not isinstance(v, Tensor)])
