"""Norms of vectors, distances, and limits on norms."""

from __future__ import annotations

from math import inf

from .. import lang
from ..lang.along import Along
from .declare import OPERATORS, composite, operator
from .reduction import converted, rounded
from .rules import axes_of, restore, without, wrap_dim


@operator(namespace="linalg", method=False, node="LinalgVectorNormBackward0", learns=True)
def vector_norm(x: Array, ord=2, dim=None, keepdim=False, *, dtype=None):
    """The length of vectors along `dim` (all elements): (sum |x|^ord)^(1/ord).

    For inf it is the largest |x|, for -inf the smallest; `ord=0` counts what is not zero.
    """
    _check_norm(x, ord, dim, dtype)
    axes = axes_of(dim, x.ndim)
    x = converted(x, dtype)
    if float(ord) in IN_ONE_PASS and x.dtype.kind == "f":
        made = IN_ONE_PASS[float(ord)].by_kernel(tuple(range(x.ndim)) if axes is None else axes, x)
        if made is not None:
            return rounded(made if keepdim else without(made, axes), dtype)
    size = lang.abs(x)
    return rounded(_norm(size, float(ord), axes, keepdim), dtype)


IN_ONE_PASS = {
    2.0: Along(lambda axes, x: lang.sqrt(lang.sum(x * x, axes, True)), "norm"),
    1.0: Along(lambda axes, x: lang.sum(lang.abs(x), axes, True), "sum_of_sizes"),
    inf: Along(lambda axes, x: lang.amax(lang.abs(x), axes, True), "largest_size"),
}


def _norm(size, p, axes, keepdim):
    if p == 2:
        return lang.sqrt(lang.sum(size * size, axes, keepdim))
    if p == 1:
        return lang.sum(size, axes, keepdim)
    if p == 0:
        return lang.sum(lang.cast(lang.ne(size, 0), size.dtype), axes, keepdim)
    if p in (inf, -inf):
        if size.size == 0:
            return lang.sum(size, axes, keepdim)
        return lang.amax(size, axes, keepdim) if p > 0 else lang.amin(size, axes, keepdim)
    return lang.pow(lang.sum(lang.pow(size, p), axes, keepdim), 1 / p)


def _check_norm(x, ord, dim, dtype):
    if isinstance(ord, str) or not isinstance(ord, (int, float)):
        raise RuntimeError(
            f"linalg.vector_norm: ord must be a number, not {ord!r}; for norms of matrices use "
            "linalg.matrix_norm"
        )
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.dtype}; "
            "convert it with x.float()"
        )
    if dtype is not None and (
        dtype.is_complex != (x.dtype.kind == "c") or not (dtype.is_floating_point or dtype.is_complex)
    ):
        kind = "complex" if x.dtype.kind == "c" else "a real floating point type"
        raise RuntimeError(
            f"linalg.vector_norm: dtype should be {kind} for an input of {x.dtype}, but got {dtype}"
        )
    if dtype is not None and dtype.itemsize < x.dtype.itemsize:
        raise RuntimeError(
            f"linalg.vector_norm: the dtype of the input ({x.dtype}) should be convertible without "
            f"narrowing to the specified dtype ({dtype})"
        )
    if ord < 0 or ord == inf:
        axes = axes_of(dim, x.ndim)
        empty = x.size == 0 if axes is None else any(x.shape[a] == 0 for a in axes)
        if empty:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor along a "
                "dimension of size zero, because the "
                f"operation has no identity; the input has shape {list(x.shape)}"
            )


@vector_norm.gradient
def _(g, x, ord, dim, keepdim, result, needs):
    p = float(ord)
    norm = restore(result, x.shape, dim, keepdim)
    g = lang.cast(restore(g, x.shape, dim, keepdim), norm.dtype)
    return (lang.cast(_norm_gradient(g, x, p, norm, axes_of(dim, len(x.shape))), x.dtype),)


def _norm_gradient(g, x, p, norm, axes):
    """Zero, a subgradient, wherever the norm is zero."""
    if p == 0:
        return lang.zeros_like(x)
    if p == 1:
        return lang.sgn(x) * g
    at_zero = lang.eq(norm, 0)
    safe = lang.where(at_zero, 1, norm)
    if p == 2:
        return x * lang.where(at_zero, 0, g / safe)
    size = lang.abs(x)
    if p in (inf, -inf):
        extreme = lang.cast(lang.eq(size, norm), norm.dtype)
        return lang.sgn(x) * (extreme * (g / lang.sum(extreme, axes, True)))
    if p < 1:
        none = lang.eq(size, 0)
        powers = lang.where(none, 0, lang.pow(lang.where(none, 1, size), p - 1))
    else:
        powers = lang.pow(size, p - 1)
    return lang.sgn(x) * powers * lang.where(at_zero, 0, g * lang.pow(safe, 1 - p))


@composite
def norm(input, p="fro", dim=None, keepdim=False, dtype=None):
    """The norm of all elements, or along `dim`; p="nuc" is the sum of the singular values of a matrix."""
    if p == "nuc":
        return OPERATORS["linalg.matrix_norm"].call(
            input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype
        )
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(
            f"only valid p_norm values for strings are 'fro' and 'nuc', got {p!r}; p may also be a number"
        )
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


@composite(out=False, node="DistBackward0")
def dist(input, other, p=2):
    """The norm of the difference."""
    return vector_norm(input - other, p)


@operator(inplace=True, node="RenormBackward0")
def renorm(input: Array, p, dim, maxnorm):
    """Each slice along `dim` whose norm is greater than `maxnorm`, scaled down to that."""
    ndim = len(input.shape)
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, but p is {p}")
    if ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {ndim} dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = wrap_dim(dim, ndim)
    others = tuple(i for i in range(ndim) if i != dim)
    norms = _slice_norms(input, p, others)
    too_long = norms > maxnorm
    return input * lang.where(too_long, maxnorm / (norms + 1e-7), lang.ones_like(norms))


def _slice_norms(input, p, axes):
    call = vector_norm if hasattr(input, "_a") else vector_norm.operator.body
    return call(input, p, axes, True)
