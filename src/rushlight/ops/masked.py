"""Elements that a mask, their values or their places choose: masked_*, nonzero, index_put and put."""

from __future__ import annotations

from .. import lang
from ..autograd.modes import state
from ..lang.index import filled_from
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import bool_, float32, float64
from ..tensor.inplace import check_leaf
from .brackets import LARGE, checked, fitting, number_for
from .declare import composite, operator
from .getitem import spread_masks, tensor_item
from .movement import expand
from .outs import guard_out
from .pieces import unbind
from .quick import quick
from .select import index_set, select_index
from .selection import where
from .shapes import broadcast, shape_of

NUMBERS = frozenset((int, float))
FLOATS = frozenset((float32, float64))


def same_shape(input, mask):
    """Have both one shape, with dimensions?"""
    return input._a.shape == mask._a.shape and input._a.ndim > 0


def graphed(*tensors):
    """Does one of them take part in gradients now?"""
    return state.grad and True in [t._rg for t in tensors]


def check_mask(name, mask):
    if mask.dtype is not bool_:
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype {mask.dtype.name}; compare, as in "
            "x > 0, or mask.bool()"
        )


@composite(node="MaskedSelectBackward0")
def masked_select(input, mask):
    """The elements where `mask` is true, as a vector."""
    if quick(input, mask) and mask.dtype is bool_ and same_shape(input, mask) and not graphed(input):
        return wrap(lang.select_index.on_arrays(input._a, (mask._a,)), input.dtype)
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, but got {mask.dtype}")
    shape = broadcast([shape_of(input), shape_of(mask)], "masked_select")
    index = expand(mask, shape)
    return select_index(expand(input, shape).reshape(shape or 1), (lang.copy(index.reshape(shape or 1)._a),))


masked_select = guard_out(masked_select)


@operator(name="_masked_fill", method=False, out=False, exact=True, node="MaskedFillBackward0")
def masked_fill_value(input: Array, mask: Array, value: Array):
    """`value` where the mask is true, `input` elsewhere."""
    return lang.where(mask, value, input)


masked_fill_value.gradient(
    input=lambda g, mask: lang.where(mask, lang.zeros_of(g, ()), g),
    value=lambda g, mask, value_shape: lang.sum_to(lang.where(mask, g, lang.zeros_of(g, ())), value_shape),
)


@composite(inplace=True, out=False)
def masked_fill(input, mask, value):
    """`input` with a number where `mask` is true."""
    if type(value) in NUMBERS and -LARGE < value < LARGE and quick(input, mask) and mask.dtype is bool_:
        made = where(mask, value, input) if input.dtype in FLOATS and not graphed(input) else input
        if made is not input and made._a.shape == input._a.shape:
            return made
    check_mask("masked_fill_", mask)
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._a.ndim} dimension(s); for values of "
                "several elements there is torch.where"
            )
        if value.dtype.is_complex and not input.dtype.is_complex:
            raise RuntimeError(
                f"value cannot be converted to type {input.dtype.name} without overflow: it is complex"
            )
        value = value.to(input.dtype)
    else:
        value = number_for(value, input)
    broadcast([shape_of(input), shape_of(mask)], "masked_fill")
    return masked_fill_value(input, mask, value)


@composite(inplace=True, out=False)
def masked_scatter(input, mask, source):
    """`input` with the elements of `source`, one after the other, where `mask` is true."""
    check_mask("masked_scatter_", mask)
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter_: expected self and source to have same dtypes but got {input.dtype.name} and "
            f"{source.dtype.name}"
        )
    plain = quick(input, mask, source) and same_shape(input, mask) and not graphed(input, source)
    if plain and lang.count_true(mask._a) <= source._a.size:
        return wrap(filled_from(input._a, mask._a, source._a), input.dtype)
    shape = broadcast([shape_of(input), shape_of(mask)], "masked_scatter")
    x, where = expand(input, shape).reshape(shape or 1), expand(mask, shape).reshape(shape or 1)
    count = lang.count_true(where._a)
    if source._a.size < count:
        raise RuntimeError(
            "masked_scatter: expected `source` to have at least as many elements as the mask has ones, "
            f"{count}, but it has {source._a.size}"
        )
    result = index_set(x, source.reshape(-1)[:count], (lang.copy(where._a),))
    return result if shape else result.reshape(())


@composite(inplace=True, out=False)
def index_put(input, indices, values, accumulate=False):
    """`input` with `values` at `indices`, a tuple with a tensor for each dimension; or with them added."""
    items = [None if t is None else tensor_item(t) for t in indices]
    items = [t if t is None or isinstance(t, Tensor) else indices[k].reshape(1) for k, t in enumerate(items)]
    places: list = []
    for t in items:
        places += [t] + [None] * (t._a.ndim - 1 if t is not None and t.dtype is bool_ else 0)
    if len(places) > input._a.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input._a.ndim} (got {len(places)})")
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype.name} for the "
            f"destination and {values.dtype.name} "
            "for the source."
        )
    index = checked(spread_masks(places), input, True)
    values = fitting(values, lang.select_index(input._a, index).shape, True)
    return index_set(input, values, index, accumulate)


@composite(inplace=True, out=False, node="PutBackward0")
def put(input, index, source, accumulate=False):
    """`input` with the elements of `source` at places counted over all of `input`; or with them added."""
    if index.dtype.name != "int64":
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype.name} and source.dtype = {source.dtype.name}"
        )
    if index._a.size != source._a.size:
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() "
            f"= {source._a.size}, index.numel() = {index._a.size}"
        )
    flat = input.reshape(-1)
    if not index._a.size:
        return input.clone()
    return index_set(flat, source.reshape(-1), checked([index.reshape(-1)], flat, True), accumulate).reshape(
        shape_of(input)
    )


@operator(name="_nonzero", method=False, differentiable=False)
def nonzero_rows(input: Array):
    """Where the elements that are not zero are: a row of indices each."""
    return lang.nonzero(input)


@composite
def nonzero(input, *, as_tuple=False):
    """The indices of the elements that are not zero: rows, or (as_tuple) a vector for each dimension."""
    if as_tuple:
        return unbind(nonzero_rows(input if input._a.ndim else input.reshape(1)), 1)
    return nonzero_rows(input)


@composite(out=False)
def argwhere(input):
    """The indices of the elements that are not zero, a row each."""
    return nonzero_rows(input)


@composite
def nonzero_static(input, *, size, fill_value=-1):
    """`nonzero` with a given number of rows: the rest is cut off, or filled."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, but it is {size}")
    rows = nonzero_rows(input)
    found = rows._a.shape[0]
    if found >= size:
        return rows[:size].clone()
    from .join import cat

    return cat([rows, rows.new_full((size - found, rows._a.shape[1]), fill_value)], 0)


def fill_diagonal_(self, fill_value, wrap=False):
    """Puts a number on the main diagonal; with `wrap`, a tall matrix has several."""
    shape = shape_of(self)
    if len(shape) < 2:
        raise RuntimeError("fill_diagonal_: dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            f"fill_diagonal_: all dimensions of input must be of equal length, but the shape is {list(shape)}"
        )
    check_leaf(self, "fill_diagonal_")
    n = min(shape)
    if len(shape) > 2:
        k = index_range(n)
        self[(k,) * len(shape)] = fill_value
        return self
    step = shape[1] + 1 if shape[1] else 1
    for start in range(0, shape[0], step) if wrap else (0,):
        block = self[start : start + n]
        if block._a.size:
            block.diagonal().fill_(fill_value)
    return self


def index_range(n):
    from ..lang.index import repeat_index
    from ..tensor.core import wrap
    from ..tensor.dtype import int64

    return wrap(repeat_index(n, 1), int64)


Tensor.fill_diagonal_ = fill_diagonal_


def iterate(self):
    """The slices along the first dimension, one after the other."""
    if not self._a.ndim:
        raise TypeError("iteration over a 0-d tensor: it has no dimension to go along; x.item() is its value")
    return iter(unbind(self, 0))


Tensor.__iter__ = iterate
