"""Sums, means, products, and questions about all elements."""

from __future__ import annotations

from math import prod as product

from numpy import ndarray

from .. import lang
from ..lang.along import WHOLE, Along
from ..lang.halves import is_half
from ..lang.summation import whole_total
from ..tensor.dtype import get_default_dtype
from .alias import alias
from .declare import operator
from .rules import axes_of, restore


def spread(g, shape, dim, keepdim):
    """A gradient of a reduced value at every element that went into it."""
    return lang.expand(restore(g, shape, dim, keepdim), shape)


def converted(input, dtype):
    """`input` in the type that a reduction computes in: `dtype` where given, int64 for integers."""
    if dtype is not None:
        input = lang.cast(input, dtype)
        return lang.cast(input, "float32") if dtype.reduced else input
    return lang.cast(input, "int64") if input.dtype.kind in "biu" else input


def rounded(result, dtype):
    """A result in half precision where that was asked for."""
    return lang.cast(result, dtype) if dtype is not None and dtype.reduced else result


def count_of(shape, dim):
    """How many elements go into each reduced value."""
    axes = axes_of(dim, len(shape))
    return product(shape if axes is None else [shape[a] for a in axes])


def by_dim(name):
    """The name of a node that goes by 0 for all elements and by 1 for those along some dimensions."""
    return lambda dim: f"{name}Backward{int(dim is not None)}"


@operator(node=by_dim("Sum"), halves=True, learns=True)
def sum(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The sum of all elements, or along `dim`."""
    axes = axes_of(dim, input.ndim)
    if dtype is None and type(input) is ndarray and input.dtype.char in WHOLE:
        return whole_total(input, axes, keepdim)
    return rounded(lang.sum(converted(input, dtype), axes, keepdim), dtype)


@sum.gradient
def _(g, input_shape, input_dtype, dim, keepdim, needs):
    return (lang.cast(spread(g, input_shape, dim, keepdim), input_dtype),)


@operator
def nansum(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The sum without those elements that are NaN."""
    if input.dtype.kind == "c":
        raise RuntimeError(
            "nansum does not support complex inputs; sum the real and imaginary parts separately"
        )
    x = converted(input, dtype)
    axes = axes_of(dim, input.ndim)
    return rounded(
        lang.sum(lang.where(lang.isnan(x), 0, x) if x.dtype.kind == "f" else x, axes, keepdim), dtype
    )


nansum.gradient(
    input=lambda g, input, dim, keepdim: lang.cast(
        lang.where(lang.isnan(input), 0, spread(g, input.shape, dim, keepdim)), input.dtype
    )
)


@operator(node=by_dim("Mean"), halves="body", learns=True)
def mean(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The average of all elements, or along `dim`."""
    x = averaged("mean", input, dtype)
    axes = axes_of(dim, input.ndim)
    return rounded(lang.mean(x, axes, keepdim), dtype)


def averaged(name, input, dtype):
    """`input` as numbers whose average is of the same type."""
    kind = (
        "c"
        if dtype is not None and dtype.is_complex
        else "f"
        if dtype is not None and dtype.is_floating_point
        else ""
    )
    if not kind and (dtype is not None or not (input.dtype.kind in "fc" or is_half(input))):
        what = f"Input dtype must be either a floating point or complex dtype. Got: {input.dtype}"
        if dtype is not None:
            what = f"Optional dtype must be either a floating point or complex dtype. Got: {dtype}"
        raise RuntimeError(
            f"{name}(): could not infer output dtype. {what}. Give dtype=torch.float32, or convert "
            "with x.float()"
        )
    return converted(input, dtype)


@mean.gradient
def _(g, input_shape, input_dtype, dim, keepdim, needs):
    return (lang.cast(spread(g / count_of(input_shape, dim), input_shape, dim, keepdim), input_dtype),)


@operator(node="DivBackward0")
def nanmean(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The average of those elements that are not NaN."""
    if input.dtype.kind != "f":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}"
        )
    x = converted(input, dtype)
    axes = axes_of(dim, len(input.shape))
    there = lang.cast(lang.logical_not(lang.isnan(x)), x.dtype)
    return rounded(
        lang.sum(lang.where(lang.isnan(x), 0, x), axes, keepdim) / lang.sum(there, axes, keepdim), dtype
    )


@nanmean.gradient
def _(g, input, dim, keepdim, needs):
    there = lang.logical_not(lang.isnan(input))
    counts = lang.sum(lang.cast(there, g.dtype), axes_of(dim, len(input.shape)), keepdim)
    return (lang.cast(lang.where(there, spread(g / counts, input.shape, dim, keepdim), 0), input.dtype),)


@operator(node=by_dim("Prod"), learns=True)
def prod(input: Array, dim=None, keepdim=False, *, dtype=None):
    """The product of all elements, or along `dim`."""
    if isinstance(dim, (tuple, list)):
        raise TypeError(
            f"prod(): argument 'dim' must be int, not {type(dim).__name__}; reduce one dimension after "
            "the other"
        )
    return rounded(lang.prod(converted(input, dtype), axes_of(dim, input.ndim), keepdim), dtype)


@prod.gradient
def _(g, input, dim, keepdim, result, needs):
    g, result = restore(g, input.shape, dim, keepdim), restore(result, input.shape, dim, keepdim)
    x = lang.cast(input, result.dtype)
    if not holds_zero(x):
        return (lang.cast(g * lang.conj(result / x), input.dtype),)
    others = product_of_others(lang.reshape(x, (-1,)), 0) if dim is None else product_of_others(x, dim)
    return (lang.cast(g * lang.conj(lang.reshape(others, input.shape)), input.dtype),)


def holds_zero(x):
    """Is any element zero? Asked of arrays and of Tensors."""
    return bool((getattr(x, "_a", x) == 0).any())


def product_of_others(x, dim):
    """For each element, the product of the others along `dim`; differentiable where some are zero."""
    if len(x.shape) == 0:
        return lang.ones_like(x)
    before = lang.shift(lang.cumprod(x, dim), dim, 1, 1)
    after = lang.shift(lang.flip(lang.cumprod(lang.flip(x, (dim,)), dim), (dim,)), dim, -1, 1)
    return before * after


def _stable_log_of_sum(axes, x):
    top = lang.amax(lang.real(x), axes, True)
    top = lang.where(lang.isfinite(top), top, 0)
    return lang.log(lang.sum(lang.exp(x - top), axes, True)) + top


_log_of_sum = Along(_stable_log_of_sum, "logsumexp")


@operator(learns=True)
def logsumexp(input: Array, dim, keepdim=False):
    """The logarithm of the sum of the exponentials along `dim`, without overflow."""
    x = lang.cast(input, get_default_dtype()) if input.dtype.kind in "biu" else input
    axes = axes_of(dim, input.ndim)
    if x.size == 0:
        return lang.log(lang.sum(lang.exp(x), axes, keepdim))
    result = _log_of_sum(tuple(range(x.ndim)) if axes is None else axes, x)
    return result if keepdim else lang.sum(result, axes, False)


@logsumexp.gradient
def _(g, input, dim, keepdim, result, needs):
    share = lang.exp(input - restore(result, input.shape, dim, keepdim))
    return (restore(g, input.shape, dim, keepdim) * lang.conj(share),)


alias(logsumexp, "special.logsumexp", method=False)


@operator(differentiable=False, out=False)
def count_nonzero(input: Array, dim=None):
    """How many elements are not zero, in all or along `dim`."""
    return lang.cast(lang.count_nonzero(input, axes_of(dim, input.ndim)), "int64")


@operator(differentiable=False, learns=True)
def all(input: Array, dim=None, keepdim=False):
    """Are all elements true (not zero), in all or along `dim`?"""
    return _truth(lang.all(input, _axes_of_truth(dim, input.ndim), keepdim), input)


@operator(differentiable=False, learns=True)
def any(input: Array, dim=None, keepdim=False):
    """Is any element true (not zero), in all or along `dim`?"""
    return _truth(lang.any(input, _axes_of_truth(dim, input.ndim), keepdim), input)


def _axes_of_truth(dim, ndim):
    """An empty list of dimensions reduces nothing here, unlike in sums."""
    return () if isinstance(dim, (tuple, list)) and not dim else axes_of(dim, ndim)


def _truth(result, input):
    """bool; for uint8, which once stood for bool, uint8."""
    return lang.cast(result, "uint8") if input.dtype == "uint8" else result
