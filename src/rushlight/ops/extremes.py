"""The largest and smallest elements, and where they are."""

from __future__ import annotations

from .. import lang, return_types
from ..tensor.core import Tensor
from .declare import OPERATORS, composite, operator
from .rules import axes_of, restore, wrap_dim


def check_ordered(name, input):
    """There is no order among complex numbers."""
    if input.dtype.kind == "c":
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}: complex numbers have no order; '
            "take x.abs() or x.real first"
        )


def check_not_empty(name, input, dim, error=RuntimeError):
    """There is no largest element among none; `error` is for the case that all elements are meant."""
    check_ordered(name, input)
    if input.size:
        return
    axes = axes_of(dim, input.ndim)
    if axes is None:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' "
            f"argument; the input has shape {list(input.shape)}"
        )
    for a in axes:
        if input.shape[a] == 0:
            raise IndexError(
                f"{name}(): Expected reduction dim {a} to have non-zero size; the input has shape "
                f"{list(input.shape)}. "
                "There is no extreme among no elements: reduce another dim, or treat the empty case apart."
            )


def shared(g, input, dim, keepdim, result):
    """The gradient of an extreme value, in equal parts for all elements that have it."""
    mask = lang.cast(lang.eq(input, restore(result, input.shape, dim, keepdim)), input.dtype)
    return restore(g, input.shape, dim, keepdim) * mask / lang.sum(mask, axes_of(dim, len(input.shape)), True)


def placed(g, shape, dim, keepdim, indices):
    """The gradient of values that were picked along `dim` of `shape`, at the places they were picked from."""
    if not shape:
        return g
    if not keepdim:
        picked = (*shape[:dim], 1, *shape[dim + 1 :])
        g, indices = lang.reshape(g, picked), lang.reshape(indices, picked)
    return lang.spread_along(g, shape, dim, indices)


@operator(halves="body", learns=True)
def amax(input: Array, dim=(), keepdim=False):
    """The largest element, in all or along `dim`; equals share the gradient."""
    check_not_empty("amax", input, dim)
    return lang.amax(input, axes_of(dim, input.ndim), keepdim)


@operator(halves="body", learns=True)
def amin(input: Array, dim=(), keepdim=False):
    """The smallest element, in all or along `dim`; equals share the gradient."""
    check_not_empty("amin", input, dim)
    return lang.amin(input, axes_of(dim, input.ndim), keepdim)


amax.gradient(input=shared)
amin.gradient(input=shared)


@operator(name="_max", method=False, out=False, node="MaxBackward1", halves="body", learns=True)
def max_of_all(input: Array):
    check_not_empty("max", input, None)
    return lang.amax(input)


@operator(name="_min", method=False, out=False, node="MinBackward1", halves="body", learns=True)
def min_of_all(input: Array):
    check_not_empty("min", input, None)
    return lang.amin(input)


def shared_by_all(g, input, result):
    """The gradient of a value picked from all elements, in equal parts for all that have it, NaN included."""
    mask = lang.cast(
        lang.logical_or(lang.eq(input, result), lang.logical_and(lang.isnan(result), lang.isnan(input))),
        input.dtype,
    )
    return g * mask / lang.sum(mask)


max_of_all.gradient(input=shared_by_all)
min_of_all.gradient(input=shared_by_all)


FEW = 4096  # up to here it is quicker to look for the extreme again than to pick it


def _with_indices(name, extreme, find, input, dim, keepdim):
    """The extreme values along `dim`, and where they are."""
    check_not_empty(name, input, dim)
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return lang.copy(input), find(input, None, False)
    if input.size <= FEW:
        return extreme(input, dim, keepdim), find(input, dim, keepdim)
    indices = find(input, dim, True)
    values = lang.gather_along(input, dim, indices)
    if keepdim:
        return values, indices
    shape = input.shape[:dim] + input.shape[dim + 1 :]
    return lang.reshape(values, shape), lang.reshape(indices, shape)


def placed_along(g, input_shape, dim, keepdim, results):
    """The same as a rule for (values, indices)."""
    return placed(g[0], input_shape, wrap_dim(dim, len(input_shape)), keepdim, results[1])


@operator(name="_max_along", method=False, out=False, node="MaxBackward0", returns=return_types.max)
def max_along(input: Array, dim, keepdim=False):
    return _with_indices("max", lang.amax, lang.argmax, input, dim, keepdim)


@operator(name="_min_along", method=False, out=False, node="MinBackward0", returns=return_types.min)
def min_along(input: Array, dim, keepdim=False):
    return _with_indices("min", lang.amin, lang.argmin, input, dim, keepdim)


max_along.gradient(input=placed_along)
min_along.gradient(input=placed_along)


@composite
def max(input, dim=None, keepdim=False, *, other=None):
    """The largest of all; with `dim`, (values, indices) along it; with another tensor, of each pair."""
    return _extreme(input, dim, keepdim, other, max_of_all, max_along, "maximum")


@composite
def min(input, dim=None, keepdim=False, *, other=None):
    """The smallest of all; with `dim`, (values, indices) along it; with another tensor, of each pair."""
    return _extreme(input, dim, keepdim, other, min_of_all, min_along, "minimum")


def _extreme(input, dim, keepdim, other, of_all, along, of_each):
    if not isinstance(input, Tensor):
        raise TypeError(f"max() and min(): argument 'input' must be Tensor, not {type(input).__name__}")
    if isinstance(dim, Tensor):
        dim, other = None, dim
    if other is not None:
        return OPERATORS[of_each].call(input, other)
    return of_all(input) if dim is None else along(input, dim, keepdim)


@operator(returns=return_types.aminmax)
def aminmax(input: Array, *, dim=None, keepdim=False):
    """The smallest and the largest element, in all or along `dim`."""
    check_not_empty("aminmax", input, dim)
    axes = axes_of(dim, input.ndim)
    return lang.amin(input, axes, keepdim), lang.amax(input, axes, keepdim)


@aminmax.gradient
def _(g, input, dim, keepdim, results, needs):
    return (shared(g[0], input, dim, keepdim, results[0]) + shared(g[1], input, dim, keepdim, results[1]),)


def _where_extreme(name, find, input, dim, keepdim):
    check_not_empty(name, input, dim, IndexError)
    if input.dtype == "bool":
        raise RuntimeError(
            f"{name}(): does not support bool input; convert it first, for instance with x.int()"
        )
    if not input.ndim:
        wrap_dim(dim or 0, 0)
        return find(input, None, True)
    return find(input, None if dim is None else wrap_dim(dim, input.ndim), keepdim)


@operator(differentiable=False)
def argmax(input: Array, dim=None, keepdim=False):
    """Where the largest element is: along `dim`, or counted through all of them."""
    return _where_extreme("argmax", lang.argmax, input, dim, keepdim)


@operator(differentiable=False)
def argmin(input: Array, dim=None, keepdim=False):
    """Where the smallest element is: along `dim`, or counted through all of them."""
    return _where_extreme("argmin", lang.argmin, input, dim, keepdim)
