"""Selecting with numbers and slices, which makes views, and with tensors, which makes copies."""

from __future__ import annotations

from .. import lang
from ..autograd.placed import placed
from .declare import operator, view


def _kind(input, index):
    """The name of what an index does last, item by item; whole slices do nothing in company."""
    name = "AliasBackward0"
    for item in index:
        if item is None:
            name = "UnsqueezeBackward0"
        elif type(item) is slice:
            if len(index) == 1 or item not in WHOLE:
                name = "SliceBackward0"
        elif item is not Ellipsis:
            name = "SelectBackward0"
    return name


WHOLE = (slice(None), slice(0, None))


@view(name="_pick", method=False, node=_kind)
def pick(input: Array, index):
    """`input[index]` for an index of numbers, slices, None and Ellipsis."""
    return lang.pick(input, index)


@operator(name="_place", method=False, out=False, exact=True)
def place(x: Array, shape, index):
    """Zeros with `x` where `pick` would look."""
    return lang.place(x, shape, index)


pick.gradient(input=lambda g, input_shape, index: lang.place(g, input_shape, index))
pick.operator.at_once_with = placed
place.gradient(x=lambda g, index: lang.pick(g, index))


@operator(name="_select_index", method=False, out=False, exact=True, node="IndexBackward0")
def select_index(input: Array, indices):
    """`input[indices]` for arrays of integers, masks and full slices."""
    return lang.select_index(input, indices)


@operator(name="_index_set", method=False, out=False, exact=True, node="IndexPutBackward0")
def index_set(input: Array, value: Array, indices, accumulate=False):
    """`input` with `value` at the indices, or added there."""
    return lang.index_set(input, value, indices, accumulate)


@operator(name="_zeros_of", method=False, out=False, exact=True, differentiable=False)
def zeros_of(x: Array, shape):
    """Zeros of another shape in the dtype of `x`."""
    return lang.zeros_of(x, shape)


@operator(name="_index_spread", method=False, out=False)
def index_spread(x: Array, shape, indices):
    """Zeros with `x` added at the indices."""
    return lang.index_spread(x, shape, indices)


select_index.gradient(input=lambda g, input_shape, indices: lang.index_spread(g, input_shape, indices))
index_spread.gradient(x=lambda g, indices: lang.select_index(g, indices))
index_set.gradient(
    input=lambda g, indices, accumulate: (
        g if accumulate else lang.index_set(g, lang.zeros_of(g, ()), indices)
    ),
    value=lambda g, value_shape, indices: lang.sum_to(lang.select_index(g, indices), value_shape),
)
