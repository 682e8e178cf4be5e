"""Views: the same elements under another shape."""

from __future__ import annotations

from .. import lang
from .declare import operator, view
from .rules import wrap_dim


@view(varargs=True)
def permute(input: Array, dims):
    """The dimensions in another order."""
    return lang.permute(input, [wrap_dim(d, input.ndim) for d in dims])


permute.gradient(input=lambda g, dims: lang.permute(g, sorted(range(len(dims)), key=lambda i: dims[i] % len(dims))))


@view
def transpose(input: Array, dim0, dim1):
    """Two dimensions swapped."""
    return lang.transpose(input, wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim))


transpose.gradient(input=lambda g, dim0, dim1: lang.transpose(g, dim0, dim1))


@view(node="TBackward0")
def t(input: Array):
    """The transpose of a matrix."""
    return lang.transpose(input, 0, 1) if input.ndim == 2 else input


t.gradient(input=lambda g: lang.transpose(g, 0, 1) if len(g.shape) == 2 else g)


@view(varargs=True)
def reshape(input: Array, shape):
    """The same elements in another shape: a view where the strides allow it."""
    return lang.reshape(input, shape)


reshape.gradient(input=lambda g, input: lang.reshape(g, input.shape))


@view(varargs=True)
def expand(input: Array, size):
    """Dimensions of size one repeated without copying; -1 leaves one as it is."""
    lead = len(size) - input.ndim
    shape = [input.shape[i - lead] if n == -1 else n for i, n in enumerate(size)]
    return lang.expand(input, shape)


expand.gradient(input=lambda g, input: lang.sum_to(g, input.shape))


@operator(method=False, out=False, name="sum_to")
def sum_to(input: Array, shape):
    """The opposite of `expand`."""
    return lang.sum_to(input, shape)


sum_to.gradient(input=lambda g, input: lang.expand(g, input.shape))


@operator(out=False)
def clone(input: Array, *, memory_format=None):
    """A copy with memory of its own."""
    return lang.copy(input)


clone.gradient(input=lambda g: g)


@view
def as_strided(input: Array, size, stride, storage_offset=None):
    """A view of the memory behind `input` with any shape, strides and offset, counted in elements."""
    if storage_offset is None:
        storage_offset = lang.offset_of(input)
    return lang.as_strided(input, size, stride, storage_offset)


as_strided.gradient(
    input=lambda g, input, size, stride, storage_offset: lang.region_add(g, strided_geometry(input, size, stride, storage_offset))
)


def strided_geometry(x, size, stride, offset):
    """How `as_strided` of `x` lies in `x`, in bytes: see `tensor.inplace.geometry`."""
    array = getattr(x, "_a", x)
    start = lang.offset_of(array)
    item = array.itemsize
    start = 0 if offset is None else offset - start
    return array.shape, array.strides, tuple(size), tuple(s * item for s in stride), start * item, array.dtype.str
