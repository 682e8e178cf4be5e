"""Putting elements where a tensor of indices says: scatter, scatter_add, scatter_reduce."""

from __future__ import annotations

from .. import lang
from ..lang import index as lang_index
from ..tensor.core import Tensor
from .brackets import number_for
from .declare import composite, operator
from .gather import at_least_one_dimension, check_bounds, check_index, check_smaller, explained
from .quick import quick, recorded_as
from .rules import wrap_dim

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@operator(name="_scatter_along", method=False, out=False, exact=True, node="ScatterBackward0")
def scatter_along(x: Array, value: Array, dim, index: Array):
    """`x` with `value` at the places that the index names."""
    return lang.scatter_along(x, value, dim, index)


@operator(name="_scatter_add_along", method=False, out=False, node="ScatterAddBackward0")
def scatter_add_along(x: Array, value: Array, dim, index: Array):
    """`x` with `value` added at the places that the index names."""
    return lang.scatter_add_along(x, value, dim, index)


scatter_along.gradient(
    x=lambda g, dim, index: lang.scatter_along(g, lang.zeros_of(g, ()), dim, index),
    value=lambda g, value_shape, dim, index: lang.sum_to(lang.gather_along(g, dim, index), value_shape),
)
scatter_add_along.gradient(x=lambda g: g, value=lambda g, dim, index: lang.gather_along(g, dim, index))


@operator(name="_scatter_fold_along", method=False, out=False, node="ScatterReduceBackward0")
def scatter_fold_along(x: Array, value: Array, dim, index: Array, reduce, include_self):
    """`x` with all values for one place folded into one."""
    return lang.scatter_fold_along(x, value, dim, index, reduce, include_self)


@scatter_fold_along.gradient
def _(g, x, value, dim, index, reduce, include_self, result, needs):
    rule = {"sum": fold_of_sum, "mean": fold_of_mean, "prod": fold_of_product}.get(reduce, fold_of_extreme)
    grad_x, grad_value = rule(g, x, value, dim, index, result, include_self)
    if not include_self:
        grad_x = lang.scatter_along(grad_x, lang.zeros_of(g, ()), dim, index)
    return grad_x, grad_value, None


def fold_of_sum(g, x, value, dim, index, result, include_self):
    return g, lang.gather_along(g, dim, index)


def fold_of_mean(g, x, value, dim, index, result, include_self):
    ones = lang.ones_like(x)
    start = ones if include_self else lang.zeros_like(x)
    counts = lang.scatter_add_along(start, lang.ones_like(value), dim, index)
    g = g / lang.where(lang.eq(counts, 0), ones, counts)
    return g, lang.gather_along(g, dim, index)


def fold_of_product(g, x, value, dim, index, result, include_self):
    """Zeros are left out of the quotient: the product without one of them is worked out anew."""
    one, zero = lang.ones_like(x), lang.zeros_like(x)
    x_zero = lang.eq(x, 0)
    without_x = lang.scatter_fold_along(lang.where(x_zero, one, x), value, dim, index, "prod", include_self)
    grad_x = g * without_x / lang.where(x_zero, one, x)
    ones, zeros = lang.ones_like(value), lang.zeros_like(value)
    value_zero = lang.eq(value, 0)
    zeros_here = lang.scatter_add_along(zero, lang.where(value_zero, ones, zeros), dim, index)
    alone = lang.logical_and(value_zero, lang.eq(lang.gather_along(zeros_here, dim, index), 1))
    without_value = lang.scatter_fold_along(
        x, lang.where(alone, ones, value), dim, index, "prod", include_self
    )
    quotient = lang.gather_along(g * result, dim, index) / lang.where(value_zero, ones, value)
    return grad_x, lang.where(alone, lang.gather_along(g * without_value, dim, index), quotient)


def fold_of_extreme(g, x, value, dim, index, result, include_self):
    """The gradient is shared evenly among all that are equal to the extreme."""
    one, zero = lang.ones_like(x), lang.zeros_like(x)
    x_won = lang.where(lang.eq(x, result), one, zero)
    value_won = lang.where(
        lang.eq(value, lang.gather_along(result, dim, index)), lang.ones_like(value), lang.zeros_like(value)
    )
    winners = lang.scatter_add_along(x_won if include_self else zero, value_won, dim, index)
    share = g / lang.where(lang.eq(winners, 0), one, winners)
    return share * x_won, value_won * lang.gather_along(share, dim, index)


def prepared(name, input, dim, index, src):
    """Checked arguments of at least one dimension, and what gives the result its shape back."""
    check_index(name, index)
    x, index, src, restore = at_least_one_dimension(input, index, src)
    d = wrap_dim(dim, x._a.ndim)
    if src.dtype is not x.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, but they are {x.dtype.name} and "
            f"{src.dtype.name}"
        )
    if not index._a.size:
        return None
    for what, t in (("self", x), ("src", src)):
        if t._a.ndim != index._a.ndim:
            raise RuntimeError(
                f"Index tensor must have the same number of dimensions as {what} tensor: {name}() got "
                f"{index._a.ndim} and {t._a.ndim}"
            )
    check_smaller(name, "self", x, index, d)
    check_smaller(name, "src", src, index, -1)
    if src._a.shape != index._a.shape:
        src = src[tuple(slice(n) for n in index._a.shape)]
    return x, d, index, src, restore


@composite(inplace=True)
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """`input` with the elements of `src` (or one number) at the places along `dim` that `index` names."""
    src = value if src is None else src
    if reduce is None and quick(input, index, src) and type(dim) is int:
        made = lang_index.scattered(input._a, dim, index._a, src._a)
        if made is not None:
            return recorded_as(scatter_along, made, input, src, dim % made.ndim, index)
    if src is None:
        raise TypeError("scatter() missing required argument 'src' (a tensor) or 'value' (a number)")
    number = not isinstance(src, Tensor)
    if number:
        src = number_for(src, input).expand(index._a.shape)
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(
            f"scatter(): reduce argument must be either add or multiply, but it is {reduce!r}; "
            "scatter_reduce has more"
        )
    ready = prepared("scatter", input, dim, index, src)
    if ready is None:
        return input.clone()
    x, d, index, src, restore = ready
    if reduce == "multiply":
        check_bounds("scatter", index, x._a.shape[d], d, RuntimeError)
        return restore(scatter_fold_along(x, src, d, index, "prod", True))
    return restore(_scattered("scatter", scatter_add_along if reduce else scatter_along, x, src, d, index))


def _scattered(name, run, x, src, dim, index):
    return explained(name, lambda: run(x, src, dim, index), index, x._a.shape[dim], dim, RuntimeError)


@composite(inplace=True)
def scatter_add(input, dim, index, src):
    """`input` with the elements of `src` added at the places along `dim` that `index` names."""
    if quick(input, index, src) and type(dim) is int:
        made = lang_index.scattered(input._a, dim, index._a, src._a, "sum")
        if made is not None:
            return recorded_as(scatter_add_along, made, input, src, dim % made.ndim, index)
    ready = prepared("scatter_add", input, dim, index, src)
    if ready is None:
        return input.clone()
    x, d, index, src, restore = ready
    return restore(_scattered("scatter_add", scatter_add_along, x, src, d, index))


@composite(inplace=True)
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """`input` with the elements of `src` folded into the places along `dim` that `index` names."""
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if include_self and reduce in lang_index.WAYS and quick(input, index, src) and type(dim) is int:
        made = lang_index.scattered(input._a, dim, index._a, src._a, reduce)
        if made is not None:
            return recorded_as(scatter_fold_along, made, input, src, dim % made.ndim, index, reduce, True)
    ready = prepared("scatter_reduce", input, dim, index, src)
    if ready is None:
        return input.clone()
    x, d, index, src, restore = ready
    check_bounds("scatter_reduce", index, x._a.shape[d], d, RuntimeError)
    return restore(scatter_fold_along(x, src, d, index, reduce, include_self))
