"""Reductions and normalisations of what a mask lets through: `rushlight.masked.mean(x, mask=x > 0)`.

A mask is a tensor of bools that broadcasts to the input; True lets an element through. The others count as if
they were not there: they are replaced by the value that changes nothing (0 for a sum, -inf for a maximum)
before the ordinary operator runs.
"""

from __future__ import annotations

from typing import Any

import rushlight as _root

from .tensor.core import Tensor
from .tensor.dtype import FLOATING, INTEGRAL, bool_, int64


def _fitting_mask(input: Tensor, mask: Tensor) -> Tensor:
    """The mask, broadcast to the input."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask must be Tensor but got {type(mask).__name__}; x > 0 makes one")
    mask = mask if mask.dtype is bool_ else mask != 0
    if mask.ndim > input.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input): "
            "the mask has "
            f"shape {list(mask.shape)}, the input {list(input.shape)}"
        )
    return mask.expand(input.shape)


def _filled(input: Tensor, mask: Tensor | None, value: Any) -> Tensor:
    """The input with `value` where the mask lets nothing through."""
    if mask is None:
        return input
    return _root.where(_fitting_mask(input, mask), input, _root.full((), value, dtype=input.dtype))


def _prepared(input: Tensor, dtype: Any, mask: Tensor | None, value: Any, widen: bool = False) -> Tensor:
    """The input in the type to compute in (integers as int64 when they are summed), with its gaps filled."""
    if dtype is None:
        dtype = int64 if widen and input.dtype.category <= INTEGRAL else input.dtype
    return _filled(input.to(dtype), mask, value)


def _extreme(dt: Any, largest: bool) -> Any:
    """The largest or smallest value of a type."""
    if dt is bool_:
        return largest
    if dt.category >= FLOATING:
        return float("inf") if largest else -float("inf")
    limits = _root.iinfo(dt)
    return limits.max if largest else limits.min


def _dims(input: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions to reduce: all for None and for ()."""
    if dim is None or dim == ():
        return tuple(range(input.ndim))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The sum of the elements that the mask lets through."""
    x = _prepared(input, dtype, mask, 0, widen=True)
    return x.sum(_dims(x, dim), keepdim=bool(keepdim), dtype=x.dtype)


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The product of the elements that the mask lets through."""
    x = _prepared(input, dtype, mask, 1, widen=True)
    for d in sorted((d % max(x.ndim, 1) for d in _dims(x, dim)), reverse=True):
        x = x.prod(d, keepdim=bool(keepdim))
    return x


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The largest of the elements that the mask lets through."""
    x = input if dtype is None else input.to(dtype)
    return _filled(x, mask, _extreme(x.dtype, False)).amax(_dims(x, dim), bool(keepdim))


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The smallest of the elements that the mask lets through."""
    x = input if dtype is None else input.to(dtype)
    return _filled(x, mask, _extreme(x.dtype, True)).amin(_dims(x, dim), bool(keepdim))


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the largest of the elements that the mask lets through is; in the type of the input."""
    x = input if dtype is None else input.to(dtype)
    return _filled(x, mask, _extreme(x.dtype, False)).argmax(dim, bool(keepdim)).to(x.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the smallest of the elements that the mask lets through is; in the type of the input."""
    x = input if dtype is None else input.to(dtype)
    return _filled(x, mask, _extreme(x.dtype, True)).argmin(dim, bool(keepdim)).to(x.dtype)


def cumsum(input, dim, *, dtype=None, mask=None):
    """The sums so far along a dimension; what the mask stops adds nothing."""
    x = _prepared(input, dtype, mask, 0)
    return x.cumsum(dim, dtype=x.dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """The products so far along a dimension; what the mask stops changes nothing."""
    x = _prepared(input, dtype, mask, 1)
    return x.cumprod(dim, dtype=x.dtype)


def _count(input: Tensor, dim: Any, keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements the mask lets through."""
    ones = _root.ones_like(input, dtype=int64) if mask is None else _fitting_mask(input, mask)
    return ones.sum(_dims(input, dim), keepdim=keepdim, dtype=int64)


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The mean of the elements that the mask lets through; nan where there are none."""
    x = input if dtype is None else input.to(dtype)
    if x.dtype.category < FLOATING:
        raise ValueError(
            f"masked.mean: expected a floating point or complex input, but got {x.dtype}; give "
            "dtype=torch.float32"
        )
    return sum(x, dim, keepdim=keepdim, mask=mask) / _count(x, dim, bool(keepdim), mask)


def _spread(input, dim, unbiased, correction, keepdim, dtype, mask):
    """The variance, with what is to be taken off the count."""
    if unbiased is not None and correction is not None:
        raise RuntimeError("masked.var, masked.std: only one of `unbiased` and `correction` may be given")
    if correction is None:
        correction = 0 if unbiased is False else 1
    x = input if dtype is None else input.to(dtype)
    if x.dtype.category < FLOATING:
        x = x.to(_root.get_default_dtype())
    distance = x - mean(x, dim, keepdim=True, mask=mask)
    total = sum(distance * distance.conj(), dim, keepdim=keepdim, mask=mask)
    return (total / (_count(x, dim, bool(keepdim), mask) - correction).clamp(min=0)).to(x.dtype)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The variance of the elements that the mask lets through."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The standard deviation of the elements that the mask lets through."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The vector norm of the elements that the mask lets through."""
    x = input if dtype is None else input.to(dtype)
    x = _filled(x, mask, 0 if ord is None or ord >= 0 else float("inf"))
    return _root.linalg.vector_norm(x, 2.0 if ord is None else ord, _dims(x, dim), bool(keepdim))


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """The elements that the mask lets through divided by their norm; the others are zero."""
    x = _prepared(input, dtype, mask, 0)
    return x / norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask).clamp(min=eps)


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The median along a dimension of the elements that the mask lets through."""
    x = input if dtype is None else input.to(dtype)
    if not x.is_floating_point():
        raise ValueError(
            f"masked.median: expected a floating point input, but got {x.dtype}; give dtype=torch.float32"
        )
    if mask is None:
        return x.median(dim, keepdim).values
    if x.isnan().any():
        raise ValueError(
            "masked.median: expected no nan in the input, since they could not be told from what is masked"
        )
    return _filled(x, mask, float("nan")).nanmedian(dim, keepdim).values


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The logarithm of the sum of the exponentials of the elements that the mask lets through."""
    x = _prepared(input, dtype, mask, _lowest(input, dtype))
    return x.logsumexp(_dims(x, dim), keepdim).to(x.dtype)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """The logarithm of the sum of two exponentials, each if its mask lets it through."""
    low = -float("inf")
    return _root.logaddexp(_prepared(input, dtype, input_mask, low), _prepared(other, dtype, other_mask, low))


def _lowest(input: Tensor, dtype: Any) -> Any:
    return _extreme(input.dtype if dtype is None else dtype, False)


def softmax(input, dim, *, dtype=None, mask=None):
    """`softmax` over the elements that the mask lets through; the others are zero."""
    return _root.softmax(_prepared(input, dtype, mask, _lowest(input, dtype)), dim)


def log_softmax(input, dim, *, dtype=None, mask=None):
    """`log_softmax` over the elements that the mask lets through; the others are -inf."""
    return _root.log_softmax(_prepared(input, dtype, mask, _lowest(input, dtype)), dim)


def softmin(input, dim, *, dtype=None, mask=None):
    """`softmax` of the negatives of the elements that the mask lets through; the others are zero."""
    x = input if dtype is None else input.to(dtype)
    return _root.softmax(-_filled(x, mask, _extreme(x.dtype, True)), dim)


__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean",
    "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip
