"""Views: the same elements under another shape."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import dtype as dtype_class
from .declare import composite, operator, view
from .rules import wrap_dim
from .shapes import broadcast, complete, expanded, shape_of, sizes


@view(varargs=True)
def permute(input: Array, dims):
    """The dimensions in another order."""
    try:
        return lang.permute(input, dims)
    except (ValueError, TypeError):
        return lang.permute(input, checked_permutation(dims, input))


permute.gradient(input=lambda g, dims: lang.permute(g, inverse([d % len(dims) for d in dims])))


def inverse(dims):
    """The permutation that undoes `dims`."""
    return sorted(range(len(dims)), key=dims.__getitem__)


def checked_permutation(dims, x):
    dims = sizes(dims, "permute(dims)")
    if len(dims) != len(x.shape):
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            "desired ordering of dimensions "
            f"i.e. input.dim() = {len(x.shape)} is not equal to len(dims) = {len(dims)}; shape "
            f"{list(x.shape)}, dims {list(dims)}"
        )
    dims = [wrap_dim(d, len(x.shape)) for d in dims]
    if len(set(dims)) < len(dims):
        raise RuntimeError(
            f"permute(): duplicate dims are not allowed, but dims={dims}; each dimension must come once"
        )
    return dims


@view
def transpose(input: Array, dim0, dim1):
    """Two dimensions swapped."""
    return lang.transpose(input, wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim))


@view(node="TransposeBackward0")
def swapaxes(input: Array, axis0, axis1):
    """Two dimensions swapped, under numpy's name."""
    return lang.transpose(input, wrap_dim(axis0, input.ndim), wrap_dim(axis1, input.ndim))


@view(node="TransposeBackward0")
def swapdims(input: Array, dim0, dim1):
    """Two dimensions swapped, under another name."""
    return lang.transpose(input, wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim))


transpose.gradient(input=lambda g, dim0, dim1: lang.transpose(g, dim0, dim1))
swapdims.gradient(input=lambda g, dim0, dim1: lang.transpose(g, dim0, dim1))
swapaxes.gradient(input=lambda g, axis0, axis1: lang.transpose(g, axis0, axis1))


@view(node="TBackward0")
def t(input: Array):
    """The transpose of a matrix; vectors and numbers stay as they are."""
    if input.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D; use x.mT, or "
            "x.permute(...)"
        )
    return lang.transpose(input, 0, 1) if input.ndim == 2 else input


t.gradient(input=lambda g: lang.transpose(g, 0, 1) if len(g.shape) == 2 else g)


@composite(learns=True)
def movedim(input, source, destination):
    """Dimensions moved to other places; the others keep their order."""
    ndim = input.ndim
    source, destination = (sizes(d, "movedim") for d in (source, destination))
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the "
            "same number of dims as "
            f"destination ({list(destination)} dims)"
        )
    source, destination = ([wrap_dim(d, ndim) for d in dims] for dims in (source, destination))
    for name, dims in (("source", source), ("destination", destination)):
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims}); each dimension may come once")
    order = [d for d in range(ndim) if d not in source]
    for to, d in sorted(zip(destination, source)):
        order.insert(to, d)
    return permute(input, order)


@composite
def moveaxis(input, source, destination):
    """Dimensions moved to other places, under numpy's name."""
    return movedim(input, source, destination)


def _kind(input, result):
    """A reshape is a view where it can be one."""
    shared = (
        result is input or result.base is input or (result.base is not None and result.base is input.base)
    )
    return "ViewBackward0" if shared else "UnsafeViewBackward0"


@view(varargs=True, node=_kind)
def reshape(input: Array, shape):
    """The same elements in another shape: a view where the strides allow it."""
    return reshaped(input, shape, "reshape")


def reshaped(x, shape, what):
    """numpy's reshape; where it refuses, or would take any negative size for -1, an error that says why."""
    try:
        if min(shape, default=0) >= -1:
            return lang.reshape(x, shape)
    except (ValueError, TypeError):
        pass
    return lang.reshape(x, complete(sizes(shape, f"{what}(shape)"), x.size, what, x.shape))


@view(name="_view", method=False, node="ViewBackward0")
def view_as_shape(input: Array, shape):
    """The same elements in another shape, without a copy."""
    result = reshaped(input, shape, "view")
    if not input.flags.c_contiguous and input.size and lang.root(result) is not lang.root(input):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous "
            f"subspaces): shape {list(input.shape)}, stride {[s // input.itemsize for s in input.strides]}, "
            f"asked for {list(shape)}. "
            "Use .reshape(...) instead, which copies when it must."
        )
    return result


@view(name="_flatten", method=False, node=_kind)
def flatten_dims(input: Array, shape):
    """`reshape` to a shape that is known to fit."""
    return lang.reshape(input, shape)


for _op in (reshape, view_as_shape, flatten_dims):
    _op.gradient(input=lambda g, input_shape: lang.reshape(g, input_shape))


@view(name="_view_dtype", method=False)
def view_dtype(input: Array, dtype):
    """The same bytes, read as another type."""
    return lang.reinterpret(input, dtype)


view_dtype.operator.differentiable = False


def view_method(self, *shape, dtype=None, size=None):
    """The same memory in another shape, `x.view(2, -1)`, or read as another type, `x.view(torch.int32)`."""
    if size is not None:
        shape = (size,)
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtype_class)):
        return read_as(self, dtype or shape[0])
    return view_as_shape(self, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)


def read_as(x, dtype):
    if dtype is x.dtype:
        return view_as_shape(x, x.shape)
    return view_dtype(x.detach() if x._rg else x, dtype)


Tensor.view = view_method


@composite
def view_as(input, other):
    """`input.view(other.shape)`"""
    return view_as_shape(input, shape_of(other))


@composite
def reshape_as(input, other):
    """`input.reshape(other.shape)`"""
    return reshape(input, shape_of(other))


@composite(learns=True)
def flatten(input, start_dim=0, end_dim=-1):
    """Several neighbouring dimensions made one."""
    shape = shape_of(input)
    first, last = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if first > last:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim cannot come after end_dim ({start_dim} > {end_dim})"
        )
    if not shape:
        return flatten_dims(input, (1,))
    if first == last:
        return input
    count = 1
    for n in shape[first : last + 1]:
        count *= n
    return flatten_dims(input, (*shape[:first], count, *shape[last + 1 :]))


@composite
def ravel(input):
    """All elements in one dimension."""
    return flatten(input)


@composite(learns=True)
def unflatten(input, dim, sizes):
    """One dimension made several, whose sizes multiply to its own."""
    shape = shape_of(input)
    d = wrap_dim(dim, len(shape))
    parts = tuple(sizes)
    if not parts:
        raise RuntimeError(
            "unflatten: sizes must be non-empty; give the sizes that the dimension is to be split into"
        )
    known = complete_part(parts, shape[d], d)
    return (
        view_as_shape(input, (*shape[:d], *known, *shape[d + 1 :])) if shape else view_as_shape(input, known)
    )


def complete_part(parts, size, dim):
    try:
        return complete(parts, size, "unflatten", (size,))
    except RuntimeError as error:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(parts)} don't multiply up to the size of dim {dim} ({size}) in "
            f"the input tensor; {error}"
        ) from None


@view(node=lambda dim: f"SqueezeBackward{0 if dim is None else 1 if type(dim) is int else 2}")
def squeeze(input: Array, dim=None):
    """Dimensions of size one left out: all of them, or those named."""
    if dim is None:
        return lang.reshape(input, [n for n in input.shape if n != 1])
    dims = {wrap_dim(d, input.ndim) for d in sizes(dim, "squeeze(dim)")}
    return lang.drop(input, [d for d in sorted(dims) if d < input.ndim and input.shape[d] == 1])


@view
def unsqueeze(input: Array, dim):
    """A new dimension of size one."""
    return lang.insert(input, wrap_dim(dim, input.ndim + 1))


squeeze.gradient(input=lambda g, input_shape: lang.reshape(g, input_shape))
unsqueeze.gradient(input=lambda g, input_shape: lang.reshape(g, input_shape))


@view(varargs=True)
def expand(input: Array, size, *, implicit=False):
    """Dimensions of size one repeated without copying; -1 leaves one as it is."""
    return lang.expand(input, expanded(sizes(size, "expand(*sizes)"), input.shape))


expand.gradient(input=lambda g, input_shape: lang.sum_to(g, input_shape))


@composite
def expand_as(input, other):
    """`input.expand(other.shape)`"""
    return expand(input, shape_of(other))


@composite
def broadcast_to(input, size, *more):
    """`input` repeated, without copying, to a shape it broadcasts to."""
    return expand(input, (size, *more) if more else size)


@composite(method=False)
def broadcast_tensors(*tensors):
    """All tensors expanded to the shape they have in common."""
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast([shape_of(t) for t in tensors], "broadcast_tensors")
    return tuple(expand(t, shape) for t in tensors)


@operator(method=False, out=False, name="sum_to")
def sum_to(input: Array, shape):
    """The opposite of `expand`."""
    return lang.sum_to(input, shape)


sum_to.gradient(input=lambda g, input_shape: lang.expand(g, input_shape))


@composite
def sum_to_size(input, size, *more):
    """The sum over those dimensions that `size` lacks, or has as one; without any, the tensor itself."""
    wanted, shape = sizes((size, *more) if more else size, "sum_to_size(*sizes)"), shape_of(input)
    lead = len(shape) - len(wanted)
    if lead < 0 or any(n not in (1, m) for n, m in zip(wanted, shape[lead:])):
        raise RuntimeError(
            f"size {list(wanted)} is not expandable to size {list(shape)}: sum_to_size sums over whole "
            "dimensions, so each size must be that of the tensor, or 1"
        )
    if wanted == shape and shape:
        return input
    if input.dtype.np.kind in "bui":
        input = input.long()  # as `sum` does
    return sum_to(input, wanted)
