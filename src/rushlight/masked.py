"""Reductions and normalisations of the elements that a mask selects: `masked.mean(x, 0, mask=x > 0)`.

Elements that are masked out count as if they were not there. A result of no element at all is that of an
empty reduction: 0 for a sum, 1 for a product, -inf for a largest element, nan for a mean.
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

import rushlight as rl

from .tensor.core import Tensor
from .tensor.dtype import bool_, int64
from .tensor.limits import iinfo

F = rl.nn.functional


def _dims(dim: Any) -> Any:
    """() and None mean all dimensions."""
    return None if dim is None or dim == () else dim


def _cast(input: Tensor, dtype: Any, of_integers: Any = None) -> Tensor:
    if (
        dtype is None
        and of_integers is not None
        and not (input.dtype.is_floating_point or input.dtype.is_complex)
    ):
        dtype = of_integers
    return input if dtype is None or dtype is input.dtype else input.to(dtype)


def _mask(input: Tensor, mask: Any) -> Any:
    """The mask in the shape of the input."""
    if mask is None:
        return None
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask must be Tensor but got {type(mask).__name__}")
    mask = mask if mask.dtype is bool_ else mask != 0
    while mask.dim() < input.dim():
        mask = mask.unsqueeze(0)
    if mask.dim() > input.dim():
        raise IndexError(f"mask has {mask.dim()} dimensions, more than the {input.dim()} of input")
    return mask.expand(input.shape)


def _filled(input: Tensor, mask: Any, value: Any) -> Tensor:
    """The input with `value` where it is masked out."""
    mask = _mask(input, mask)
    return input if mask is None else rl.where(mask, input, rl.full_like(input, value))


def _lowest(dtype: Any) -> Any:
    if dtype.is_floating_point:
        return -inf
    return False if dtype is bool_ else iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    if dtype.is_floating_point:
        return inf
    return True if dtype is bool_ else iinfo(dtype).max


def sum(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The sum of the selected elements."""
    x = _filled(_cast(input, dtype, int64), mask, 0)
    return rl.sum(x, _dims(dim), keepdim)


def prod(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The product of the selected elements."""
    x = _filled(_cast(input, dtype, int64), mask, 1)
    dims = range(x.dim()) if _dims(dim) is None else (dim if isinstance(dim, (tuple, list)) else (dim,))
    for d in sorted({d % max(x.dim(), 1) for d in dims}, reverse=True):
        x = rl.prod(x, d, True) if x.dim() else rl.prod(x)
    return x if keepdim else rl.reshape(x, _reduced_shape(input, dim))


def _reduced_shape(input: Tensor, dim: Any) -> tuple[int, ...]:
    if _dims(dim) is None:
        return ()
    gone = {d % max(input.dim(), 1) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    return tuple(n for i, n in enumerate(input.shape) if i not in gone)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None, mask: Any = None) -> Tensor:
    """The running sum of the selected elements."""
    return rl.cumsum(_filled(_cast(input, dtype, int64), mask, 0), dim)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None, mask: Any = None) -> Tensor:
    """The running product of the selected elements."""
    return rl.cumprod(_filled(_cast(input, dtype, int64), mask, 1), dim)


def amax(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The largest of the selected elements."""
    x = _cast(input, dtype)
    filled = _filled(x, mask, _lowest(x.dtype))
    return rl.amax(filled, () if _dims(dim) is None else dim, keepdim)


def amin(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The smallest of the selected elements."""
    x = _cast(input, dtype)
    filled = _filled(x, mask, _highest(x.dtype))
    return rl.amin(filled, () if _dims(dim) is None else dim, keepdim)


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """Where the largest of the selected elements is, in the type of the input, as in PyTorch."""
    x = _cast(input, dtype)
    return rl.argmax(_filled(x, mask, _lowest(x.dtype)), dim, keepdim).to(x.dtype)


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """Where the smallest of the selected elements is, in the type of the input, as in PyTorch."""
    x = _cast(input, dtype)
    return rl.argmin(_filled(x, mask, _highest(x.dtype)), dim, keepdim).to(x.dtype)


def _count(x: Tensor, dim: Any, keepdim: bool, mask: Any) -> Tensor:
    """How many elements are selected."""
    ones = rl.ones_like(x.detach())
    return rl.sum(_filled(ones, mask, 0), _dims(dim), keepdim)


def mean(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The average of the selected elements; integers need a floating point `dtype`."""
    x = _cast(input, dtype)
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        raise ValueError(f"input dtype must be float or complex, not {x.dtype}; give dtype=torch.float32")
    if mask is None:
        return rl.mean(x, _dims(dim), keepdim)
    return rl.sum(_filled(x, mask, 0), _dims(dim), keepdim) / _count(x, dim, keepdim, mask)


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The median of the selected elements."""
    x = _cast(input, dtype)
    if not x.dtype.is_floating_point:
        raise ValueError(f"input dtype must be float, not {x.dtype}; give dtype=torch.float32")
    if x.dim() == 0:
        x, mask, keepdim = x.reshape(1), None if mask is None else mask.reshape(1), False
    if mask is None:
        return rl.nanmedian(x, dim, keepdim).values
    if bool((x != x).any()):
        raise ValueError(
            "masked median expects no values of nan in the input: they would count as masked out"
        )
    return rl.nanmedian(_filled(x, mask, nan), dim, keepdim).values


def norm(
    input: Tensor,
    ord: Any = 2.0,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Tensor:
    """The vector norm of the selected elements."""
    x = _cast(input, dtype)
    without = inf if ord == -inf or (isinstance(ord, (int, float)) and ord < 0) else 0
    return rl.linalg.vector_norm(_filled(x, mask, without), ord, _dims(dim), keepdim)


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Tensor:
    """The variance of the selected elements."""
    x = _cast(input, dtype)
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        x = x.float() if dtype is None else x
    less = correction if correction is not None else (1 if unbiased is None or unbiased else 0)
    count = _count(x, dim, True, mask)
    middle = rl.sum(_filled(x, mask, 0), _dims(dim), True) / count
    spread = _filled(x - middle, mask, 0)
    squares = (spread * spread.conj()).real if x.dtype.is_complex else spread * spread
    total = rl.sum(squares, _dims(dim), keepdim)
    count = count if keepdim else count.reshape(total.shape)
    free = (count.real if x.dtype.is_complex else count) - less
    return total / rl.clamp(free, min=0)


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Tensor:
    """The standard deviation of the selected elements."""
    return rl.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))


def softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Any = None) -> Tensor:
    """Softmax over the selected elements."""
    return F.softmax(_filled(_cast(input, dtype), mask, -inf), dim)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Any = None) -> Tensor:
    """The logarithm of softmax over the selected elements."""
    return F.log_softmax(_filled(_cast(input, dtype), mask, -inf), dim)


def softmin(input: Tensor, dim: int, *, dtype: Any = None, mask: Any = None) -> Tensor:
    """Softmax of the negative, over the selected elements."""
    return F.softmin(_filled(_cast(input, dtype), mask, inf), dim)


def logsumexp(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The logarithm of the sum of exponentials of the selected elements."""
    x = _cast(input, dtype)
    dims = tuple(range(x.dim())) if _dims(dim) is None else dim
    return rl.logsumexp(_filled(x, mask, _lowest(x.dtype)), dims, keepdim).to(x.dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None
) -> Tensor:
    """`log(exp(input) + exp(other))`; an element that is masked out adds nothing."""
    a = _filled(_cast(input, dtype), input_mask, -inf)
    b = _filled(_cast(other, dtype), other_mask, -inf)
    return rl.logaddexp(a, b)


def normalize(
    input: Tensor, ord: Any, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None
) -> Tensor:
    """The input divided by the norm of its selected elements."""
    x = _cast(input, dtype)
    size = norm(x, ord, dim, keepdim=True, mask=mask)
    return _filled(x, mask, 0) / rl.maximum(size, rl.full_like(size, eps))


__all__ = [
    *(
        "amax",
        "amin",
        "argmax",
        "argmin",
        "cumprod",
        "cumsum",
        "log_softmax",
        "logaddexp",
        "logsumexp",
        "mean",
    ),
    *("median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var"),
]
