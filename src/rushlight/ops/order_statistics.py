"""Medians, quantiles and the like: values picked by their rank."""

from __future__ import annotations

from .. import lang, return_types
from ..tensor.core import Tensor, wrap_any
from .declare import composite, operator
from .extremes import check_not_empty, check_ordered, placed_along, shared_by_all
from .rules import wrap_dim


def _along(name, pick, input, dim, keepdim):
    """(values, indices) of one element picked along `dim`."""
    check_not_empty(name, input, dim)
    dim = wrap_dim(dim, input.ndim)
    values, indices = pick(input, dim)
    if input.ndim == 0:
        return lang.reshape(values, ()), lang.reshape(indices, ())
    if not keepdim:
        return values, indices
    shape = (*input.shape[:dim], 1, *input.shape[dim + 1 :])
    return lang.reshape(values, shape), lang.reshape(indices, shape)


def _of_all(name, input, skip_nan):
    check_ordered(name, input)
    return lang.median(lang.reshape(input, (-1,)), 0, skip_nan)[0]


@operator(name="_median", method=False, out=False, node="MedianBackward0")
def median_of_all(input: Array):
    return _of_all("median", input, False)


@operator(name="_nanmedian", method=False, out=False, node="NanmedianBackward0")
def nanmedian_of_all(input: Array):
    return _of_all("nanmedian", input, True)


@operator(name="_median_along", method=False, out=False, node="MedianBackward1", returns=return_types.median)
def median_along(input: Array, dim, keepdim=False):
    return _along("median", lambda x, d: lang.median(x, d, False), input, dim, keepdim)


@operator(
    name="_nanmedian_along",
    method=False,
    out=False,
    node="NanmedianBackward1",
    returns=return_types.nanmedian,
)
def nanmedian_along(input: Array, dim, keepdim=False):
    return _along("nanmedian", lambda x, d: lang.median(x, d, True), input, dim, keepdim)


@composite
def median(input, dim=None, keepdim=False):
    """The middle element (the lower of two), or NaN; with `dim`, (values, indices) along it."""
    return median_of_all(input) if dim is None else median_along(input, dim, keepdim)


@composite
def nanmedian(input, dim=None, keepdim=False):
    """The `median` of those elements that are not NaN."""
    return nanmedian_of_all(input) if dim is None else nanmedian_along(input, dim, keepdim)


@operator(returns=return_types.mode)
def mode(input: Array, dim=-1, keepdim=False):
    """The most frequent element along `dim` (the smallest of those), and where it is."""
    return _along("mode", lang.mode, input, dim, keepdim)


@operator(returns=return_types.kthvalue)
def kthvalue(input: Array, k, dim=-1, keepdim=False):
    """The `k`-th smallest element along `dim`, counted from one, and where it is."""
    check_not_empty("kthvalue", input, dim)
    length = input.shape[wrap_dim(dim, input.ndim)] if input.ndim else 1
    if not 1 <= k <= length:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}: k is {k}, and a tensor "
            f"of shape {list(input.shape)} has "
            f"{length} elements there, counted from 1"
        )
    return _along("kthvalue", lambda x, d: lang.kthvalue(x, k, d), input, dim, keepdim)


median_of_all.gradient(input=shared_by_all)
nanmedian_of_all.gradient(input=shared_by_all)
median_along.gradient(input=placed_along)
nanmedian_along.gradient(input=placed_along)
mode.gradient(input=placed_along)
kthvalue.gradient(input=placed_along)


# ---- quantiles

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@composite
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The values below which the shares `q` of the elements lie, of all or along `dim`; or NaN."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@composite
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The `quantile` of those elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _quantile(name, input, q, dim, keepdim, interpolation, skip_nan):
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, but it is {input.dtype}; "
            "convert it with x.float()"
        )
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = wrap_any(float(q)).to(input.dtype)
    _check_quantile(name, input, q, interpolation)
    result = interpolated(input, q, dim, keepdim, interpolation, skip_nan)
    return result


def _check_quantile(name, input, q, interpolation):
    if input._a.size == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty, but its shape is {list(input.shape)}")
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, but its shape is {list(q.shape)}")
    if q.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}() q tensor must be same dtype as the input tensor, but they are {q.dtype} and "
            f"{input.dtype}"
        )
    if not ((q._a >= 0) & (q._a <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(INTERPOLATIONS)}, but got {interpolation}"
        )


@operator(name="_quantile", method=False, out=False)
def interpolated(input: Array, q: Array, dim, keepdim, interpolation, skip_nan):
    """Quantiles of rows: the sorted values at the ranks that `q` asks for."""
    rows, shape = _rows_of(input, dim, keepdim)
    ranks = _ranks(rows, lang.reshape(q, (-1,)), skip_nan)
    picked = _at_ranks(lang.sort(rows, len(rows.shape) - 1)[0], ranks, interpolation)
    axes = len(picked.shape)
    picked = lang.permute(picked, (axes - 1, *range(axes - 1)))
    return lang.reshape(picked, (*q.shape, *shape))


def _rows_of(input, dim, keepdim):
    """`input` with the elements to rank along the last axis, and the shape of each quantile."""
    ndim = len(input.shape)
    if dim is None:
        return lang.reshape(input, (-1,)), (1,) * ndim if keepdim else ()
    dim = wrap_dim(dim, ndim)
    if ndim == 0:
        return lang.reshape(input, (1,)), ()
    rows = lang.permute(input, (*(i for i in range(ndim) if i != dim), dim))
    left = (1,) if keepdim else ()
    return rows, (*input.shape[:dim], *left, *input.shape[dim + 1 :])


def _ranks(rows, q, skip_nan):
    """How far into each sorted row the quantiles lie; a NaN that counts is at the end."""
    last = rows.shape[-1] - 1
    nan = lang.isnan(rows)
    axis = len(rows.shape) - 1
    if skip_nan:
        there = lang.sum(lang.cast(lang.logical_not(nan), rows.dtype), axis, True)
        return q * lang.maximum(there - 1, lang.zeros_like(there))
    return lang.where(lang.any(nan, axis, True), float(last), q * last)


def _at_ranks(ordered, ranks, interpolation):
    axis = len(ordered.shape) - 1
    pick = lambda r: lang.gather_along(ordered, axis, lang.cast(r, "int64"))  # noqa: E731
    if interpolation == "lower":
        return pick(lang.floor(ranks))
    if interpolation == "higher":
        return pick(lang.ceil(ranks))
    if interpolation == "nearest":
        return pick(lang.round(ranks))
    below, above = pick(lang.floor(ranks)), pick(lang.ceil(ranks))
    if interpolation == "midpoint":
        return below + (above - below) * 0.5
    weight = ranks - lang.floor(ranks)
    gap = above - below
    return lang.where(weight < 0.5, below + gap * weight, above - gap * (1 - weight))
