"""Selecting with a tensor of indices: index_select, gather, take, take_along_dim, repeat_interleave."""

from __future__ import annotations

from .. import lang
from ..autograd.modes import state
from ..lang import index as lang_index
from ..lang.index import OutOfRange, counted_from_front, first_outside, in_range, repeat_index
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import INTEGRAL, int32, int64
from .brackets import checked
from .declare import composite, operator
from .outs import guard_out
from .quick import quick, recorded_as
from .rules import wrap_dim
from .select import select_index
from .shapes import broadcast, shape_of, sizes


@operator(name="_take_rows", method=False, out=False, exact=True, node="IndexSelectBackward0")
def take_rows(input: Array, dim, index: Array):
    """The slices along a dimension that a vector names."""
    return lang.take_rows(input, dim, index)


@operator(name="_spread_rows", method=False, out=False)
def spread_rows(x: Array, shape, dim, index: Array):
    """Zeros, with slices added where a vector says."""
    return lang.spread_rows(x, shape, dim, index)


@operator(name="_gather_along", method=False, out=False, exact=True, node="GatherBackward0")
def gather_along(input: Array, dim, index: Array):
    """The elements along a dimension that a tensor of indices names."""
    return lang.gather_along(input, dim, index)


@operator(name="_spread_along", method=False, out=False)
def spread_along(x: Array, shape, dim, index: Array):
    """Zeros, with elements added where `gather` would look."""
    return lang.spread_along(x, shape, dim, index)


take_rows.gradient(input=lambda g, input_shape, dim, index: lang.spread_rows(g, input_shape, dim, index))
spread_rows.gradient(x=lambda g, dim, index: lang.take_rows(g, dim, index))
gather_along.gradient(input=lambda g, input_shape, dim, index: lang.spread_along(g, input_shape, dim, index))
spread_along.gradient(x=lambda g, dim, index: lang.gather_along(g, dim, index))


EXPANDED_FROM = 4096  # elements of a result from which on a copy of a view is the quicker way


def check_index(name, index, types=(int64, int32)):
    """An index is a tensor of integers."""
    if not isinstance(index, Tensor):
        raise TypeError(
            f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}; use "
            f"torch.tensor({index!r})"
        )
    if index.dtype not in types and index._a.size:
        raise RuntimeError(
            f"{name}(): Expected dtype {' or '.join(t.name for t in types)} for index, but got "
            f"{index.dtype}; convert it with .long()"
        )


def check_bounds(name, index, size, dim, error=IndexError):
    """Every index lies within the dimension; these operators do not count from the end."""
    a = index._a
    if not counted_from_front(a, size):
        bad = first_outside(a, size) if not in_range(a, size) else int(a.min())
        raise error(
            f"{name}(): index {bad} is out of bounds for dimension {dim} with size {size}; indices go from 0 "
            f"to {size - 1}"
        )


def explained(name, run, index, size, dim, error=IndexError):
    """`run()`; an index out of range is told of by `check_bounds`."""
    try:
        return run()
    except OutOfRange:
        check_bounds(name, index, size, dim, error)
        raise


@composite
def index_select(input, dim, index):
    """The slices along `dim` that the vector `index` names, in that order."""
    if quick(input, index) and type(dim) is int:
        made = lang_index.rows_at(input._a, dim, index._a)
        if made is not None:
            return recorded_as(take_rows, made, input, dim % made.ndim, index)
    check_index("index_select", index)
    shape = shape_of(input)
    d = wrap_dim(dim, len(shape))
    if index._a.ndim > 1:
        raise IndexError(
            f"index_select(): Index is supposed to be a vector, but it has shape {list(index._a.shape)}"
        )
    if not shape and index._a.size != 1:
        raise IndexError(
            f"index_select(): Index to scalar can have only 1 value, got {index._a.size} value(s)"
        )
    if not shape:
        check_bounds("index_select", index, 1, d)
        return input.clone()
    vector = index if index._a.ndim else index.reshape(1)
    return explained("index_select", lambda: take_rows(input, d, vector), index, shape[d], d)


@composite
def gather(input, dim, index, *, sparse_grad=False):
    """The elements along `dim` that `index` names; in the other dimensions each keeps its place."""
    if quick(input, index) and type(dim) is int:
        made = lang_index.gathered(input._a, dim, index._a)
        if made is not None:
            return recorded_as(gather_along, made, input, dim % made.ndim, index)
    check_index("gather", index)
    x, index_, restore = at_least_one_dimension(input, index)
    d = wrap_dim(dim, x._a.ndim)
    if index._a.size == 0:
        return (
            input.reshape(-1)[:0].reshape(index._a.shape)
            if index._a.ndim != input._a.ndim
            else gather_along(x, d, index_)
        )
    if x._a.ndim != index_._a.ndim:
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor: gather of shape "
            f"{list(input._a.shape)} by index of shape "
            f"{list(index._a.shape)}"
        )
    check_smaller("gather", "input", x, index_, d)
    made = explained("gather", lambda: gather_along(x, d, index_), index_, x._a.shape[d], d, RuntimeError)
    return restore(made)


def at_least_one_dimension(x, index, *more):
    """Tensors without dimensions as vectors, and what makes a result like the first again."""
    index_ = index if index._a.ndim else index.reshape(1)
    more = [t if t._a.ndim else t.reshape(1) for t in more]
    shape = index._a.shape if not more else x._a.shape
    restore = (lambda r: r) if shape else (lambda r: r.reshape(()))
    return (x if x._a.ndim else x.reshape(1)), index_, *more, restore


def check_smaller(name, what, x, index, dim):
    """Apart from `dim`, no dimension of the index is larger than that of `x`."""
    for k, (n, m) in enumerate(zip(index._a.shape, x._a.shape)):
        if k != dim and n > m:
            raise RuntimeError(
                f"{name}(): Size does not match at dimension {k} expected index {list(index._a.shape)} to be "
                f"no larger than {what} "
                f"{list(x._a.shape)} apart from dimension {dim}"
            )


@composite(node="TakeBackward0")
def take(input, index):
    """The elements that `index` names, counted over all of `input` in row-major order."""
    if quick(input, index) and not (input._rg and state.grad):
        made = lang_index.taken(input._a, index._a)
        if made is not None:
            return wrap(made, input.dtype)
    if not isinstance(index, Tensor) or index.dtype is not int64:
        raise RuntimeError(
            "take(): Expected a long tensor for index, but got "
            f"{getattr(index, 'dtype', type(index).__name__)}"
        )
    flat = input.reshape(-1)
    if not in_range(index._a, flat._a.size):
        bad = first_outside(index._a, flat._a.size)
        raise IndexError(f"out of range: tried to access index {bad} on a tensor of {flat._a.size} elements.")
    return select_index(flat, checked([index if index._a.ndim else index.reshape(1)], flat, True)).reshape(
        index._a.shape
    )


@composite
def take_along_dim(input, indices, dim=None):
    """`gather` with input and indices broadcast against each other; without `dim`, over all elements."""
    check_index("torch.take_along_dim", indices, (int64,))
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    shape, own = shape_of(input), shape_of(indices)
    if len(shape) != len(own):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{len(shape)} dimensions for "
            f"input, and {len(own)} dimensions for indices"
        )
    d = wrap_dim(dim, len(shape))
    common = broadcast([(*shape[:d], 1, *shape[d + 1 :]), (*own[:d], 1, *own[d + 1 :])], "take_along_dim")
    full = lambda n: (*common[:d], n, *common[d + 1 :])  # noqa: E731
    indices = indices.expand(full(own[d]))
    if indices._a.size and int(indices._a.min()) < 0 and in_range(indices._a, shape[d]):
        indices = indices.remainder(shape[d])  # counted from the end
    return gather(input.expand(full(shape[d])), d, indices)


@composite(method=False, out=False)
def unravel_index(indices, shape):
    """For positions counted over all elements of a tensor of this shape, the index in each dimension."""
    shape = sizes(shape, "unravel_index(shape)")
    if indices.dtype.category != INTEGRAL:
        raise ValueError(
            f"unravel_index(): expected 'indices' to be integer dtype, but got {indices.dtype}; convert it "
            "with .long()"
        )
    if min(shape, default=0) < 0:
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    count = 1
    places = []
    indices = indices.long()
    for n in reversed(shape):
        places.append(indices.div(count, rounding_mode="floor").remainder(n))
        count *= n
    return tuple(reversed(places))


index_select, gather, take = guard_out(index_select), guard_out(gather), guard_out(take)


@composite(out=False, node="ViewBackward0")
def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each element (or slice along `dim`) several times in a row; `repeats` is one number or one for each."""
    if repeats is None:
        return wrap(repeat_index(input._a.size, counted(input)), int64)
    if dim is None:
        input, dim = input.reshape(-1), 0
    d = wrap_dim(dim, input._a.ndim)
    if not input._a.ndim:
        input = input.reshape(1)
    n = input._a.shape[d]
    if isinstance(repeats, Tensor):
        repeats = counted(repeats)
        if repeats.ndim and repeats.size not in (1, n):
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{repeats.size} and input.size({d}) = {n}"
            )
        repeats = repeats.reshape(-1)
    elif isinstance(repeats, int) and repeats < 0:
        raise RuntimeError(f"repeats can not be negative, but it is {repeats}")
    elif output_size is None and input._a.size * repeats >= EXPANDED_FROM:
        return spread_out(input, d, repeats)
    index = repeat_index(n, repeats)
    if output_size is not None and index.size != output_size:
        raise RuntimeError(
            f"repeat_interleave: allocated size does not match required size: output_size is {output_size}, "
            f"but {index.size} come out"
        )
    return take_rows(input, d, wrap(index, int64))


def spread_out(input, dim, repeats):
    """Each slice as often, by a view that shows it so often."""
    shape = input._a.shape
    lead, rest = shape[:dim], shape[dim + 1 :]
    wide = input.reshape(*lead, shape[dim], 1, *rest).expand(*lead, shape[dim], repeats, *rest)
    return wide.contiguous().reshape(*lead, shape[dim] * repeats, *rest)


def counted(repeats):
    """How often each element is to come, as an array."""
    a = repeats._a
    if a.ndim > 1:
        raise RuntimeError(
            f"repeat_interleave only accept 1D vector as repeat, but it has shape {list(a.shape)}"
        )
    if repeats.dtype not in (int64, int32):
        raise RuntimeError(f"repeats has to be Long or Int tensor, but it is {repeats.dtype}")
    if a.size and int(a.min()) < 0:
        raise RuntimeError(f"repeats can not be negative, but the smallest is {int(a.min())}")
    return a
