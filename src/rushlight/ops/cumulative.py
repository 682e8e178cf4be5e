"""Running sums, products and extremes; differences and integrals along a dimension."""

from __future__ import annotations

from .. import lang, return_types
from .declare import operator
from .extremes import check_ordered, placed
from .reduction import converted, holds_zero, rounded
from .rules import wrap_dim


def _along(scan, x, dim):
    """A scan along `dim`; a number by itself is its own."""
    dim = wrap_dim(dim, x.ndim)
    return scan(x, dim) if x.ndim else lang.copy(x)


@operator(inplace=True, learns=True)
def cumsum(input: Array, dim, *, dtype=None):
    """The sum of the elements so far along `dim`."""
    return rounded(_along(lang.cumsum, converted(input, dtype), dim), dtype)


def _sum_from_here(g, dim):
    """The sum of the elements from each one to the end."""
    return lang.flip(lang.cumsum(lang.flip(g, (dim,)), dim), (dim,)) if len(g.shape) else g


cumsum.gradient(input=lambda g, input_dtype, dim: lang.cast(_sum_from_here(g, dim), input_dtype))


@operator(inplace=True, learns=True)
def cumprod(input: Array, dim, *, dtype=None):
    """The product of the elements so far along `dim`."""
    return rounded(_along(lang.cumprod, converted(input, dtype), dim), dtype)


@cumprod.gradient
def _(g, input, dim, result, needs):
    x = lang.conj(lang.cast(input, g.dtype))
    if len(x.shape) == 0:
        return (lang.cast(g, input.dtype),)
    if not holds_zero(x):
        return (lang.cast(_sum_from_here(g * lang.conj(result), dim) / x, input.dtype),)
    before = lang.shift(lang.cumprod(x, dim), dim, 1, 1)
    later = lang.recurrence(g, lang.shift(x, dim, -1), dim, True)  # g[i] + x[i+1] * (g[i+1] + x[i+2] * (...))
    return (lang.cast(before * later, input.dtype),)


@operator(name="_recurrence", method=False, out=False)
def recurrence(terms: Array, factors: Array, axis, backwards=False):
    """s[i] = terms[i] + factors[i] * s[i - 1] along `axis`; backwards, with s[i + 1]."""
    return lang.recurrence(terms, factors, axis, backwards)


@recurrence.gradient
def _(g, factors, axis, backwards, result, needs):
    step = -1 if backwards else 1
    total = lang.recurrence(g, lang.conj(lang.shift(factors, axis, -step)), axis, not backwards)
    return total, total * lang.conj(lang.shift(result, axis, step))


@operator(name="_shift", method=False, out=False)
def shift(x: Array, axis, by, fill=0):
    """Elements moved along `axis`; `fill` where none came."""
    return lang.shift(x, axis, by, fill)


shift.gradient(x=lambda g, axis, by: lang.shift(g, axis, -by))


def _running_extreme(name, find, x, dim):
    check_ordered(name, x)
    dim = wrap_dim(dim, x.ndim)
    if x.size == 0 or x.ndim == 0:
        return lang.copy(x), lang.cast(lang.zeros_like(x), "int64")
    return find(x, dim)


@operator(returns=return_types.cummax)
def cummax(input: Array, dim):
    """The largest element so far along `dim`, and where it is."""
    return _running_extreme("cummax", lang.cummax, input, dim)


@operator(returns=return_types.cummin)
def cummin(input: Array, dim):
    """The smallest element so far along `dim`, and where it is."""
    return _running_extreme("cummin", lang.cummin, input, dim)


def _to_origins(g, input_shape, dim, results):
    return placed(g[0], input_shape, wrap_dim(dim, len(input_shape)), True, results[1])


cummax.gradient(input=_to_origins)
cummin.gradient(input=_to_origins)


@operator
def logcumsumexp(input: Array, dim):
    """The logarithm of the sum of the exponentials so far along `dim`."""
    if input.dtype.kind not in "fc":
        raise NotImplementedError(f'"logcumsumexp" not implemented for {input.dtype}; convert with x.float()')
    return _along(lang.logcumsumexp, input, dim)


@logcumsumexp.gradient
def _(g, input, dim, result, needs):
    """exp(x[i] - y[i]) * s[i], where s[i] = g[i] + exp(y[i] - y[i+1]) * s[i+1]: nothing here can overflow."""
    if len(input.shape) == 0 or 0 in input.shape:
        return (g,)
    alive = lang.isfinite(lang.real(result))
    y = lang.where(alive, result, 0)
    falls = lang.shift(lang.shift(y, dim, 1) - y, dim, -1)
    later = lang.recurrence(g, lang.conj(lang.exp(lang.where(alive, falls, 0))), dim, True)
    return (later * lang.conj(lang.exp(input - y)),)
