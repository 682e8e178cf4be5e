"""Views in place: a tensor that itself gets another shape, `x.t_()`, or other memory, `x.set_(y)`."""

from __future__ import annotations

from math import prod

from .. import lang
from ..autograd.modes import state
from ..tensor.core import Tensor, wrap
from ..tensor.inplace import check_leaf, resize
from ..tensor.storage import storage_of
from .declare import composite
from .memory import as_strided
from .movement import squeeze, swapaxes, swapdims, t, transpose, unsqueeze
from .shapes import sizes


def in_place_of(call):
    """The method that makes a tensor what a view operator would give of it."""
    name = call.__name__ + "_"

    def method(self, *args, **kwargs):
        check_leaf(self, name)
        before, state.grad = state.grad, state.grad or self._node is not None
        try:
            result = call(self, *args, **kwargs)
        finally:
            state.grad = before
        self._a, self._node, self._out = result._a, result._node, result._out
        return self

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__doc__ = (
        f"In-place version of `{call.__name__}`: the same memory, and the tensor itself has the new shape."
    )
    return method


for _call in (squeeze, unsqueeze, t, transpose, swapaxes, swapdims, as_strided):
    setattr(Tensor, _call.__name__ + "_", in_place_of(_call))


def resize_(self, *size, memory_format=None):
    """Another shape on the same memory; more memory if that does not suffice, whose new elements are zero."""
    shape = sizes(size, "resize_(*sizes)")
    if self._rg:
        raise RuntimeError(
            "cannot resize variables that require grad; work on x.detach(), or use x.reshape(...)"
        )
    if shape == self._a.shape:
        return self
    if min(shape, default=0) < 0:
        raise RuntimeError(
            f"resize_: Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    offset = lang.offset_of(self._a)
    if self._s is not None and (offset + prod(shape)) * self.dtype.itemsize <= lang.root(self._a).nbytes:
        self._a = lang.as_strided(self._a, shape, row_major(shape), offset)
    else:
        resize(self, shape)
    if memory_format is not None and memory_format.order is not None:
        order = memory_format.order
        packed = tuple(shape[d] for d in order)
        self._a = lang.permute(
            lang.reshape(self._a, packed), sorted(range(len(order)), key=order.__getitem__)
        )
    return self


def row_major(shape):
    """The strides, in elements, of a dense tensor of this shape."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


@composite(out=False)
def resize_as_(input, the_template, *, memory_format=None):
    """`resize_` to the shape of another tensor."""
    return resize_(input, the_template._a.shape, memory_format=memory_format)


def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Makes this tensor look at the memory of `source`, with its shape or with a given one."""
    if source is None:
        source = wrap(lang.zeros_of(self._a, (0,)), self.dtype)
    if not isinstance(source, Tensor):
        source = _of_storage(source, self.dtype)
        size = (source._a.size - storage_offset,) if size is None else size
    if source.dtype is not self.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {source.dtype.name} to a tensor of type {self.dtype.name}; "
            "convert it first"
        )
    if size is not None:
        shape = sizes(size, "set_(size)")
        source = as_strided(
            source.detach(), shape, row_major(shape) if stride is None else stride, storage_offset
        )
    storage = storage_of(source)
    self._a, self._s, self._base = source._a, storage, None
    storage.add(self)
    return self


def _of_storage(storage, dtype):
    """A tensor on the memory of an UntypedStorage or TypedStorage."""
    tensor = getattr(storage, "_tensor", None)
    if tensor is None:
        raise TypeError(f"set_(): argument 'source' must be Tensor or Storage, not {type(storage).__name__}")
    return tensor.detach().reshape(-1).view(dtype)


Tensor.resize_, Tensor.set_ = resize_, set_
