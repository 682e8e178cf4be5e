"""Sorting, the largest few, different values, and places in sorted sequences."""

from __future__ import annotations

from .. import lang, return_types
from ..tensor.core import Tensor, wrap_any
from .declare import composite, operator
from .extremes import check_ordered, placed_along
from .rules import wrap_dim


def _check_sortable(name, input):
    if input.dtype.kind == "c":
        raise RuntimeError(
            f"{name}(): Sort does not support complex dtypes on CPU; sort x.abs(), or by it with "
            "x.abs().argsort()"
        )


@operator(returns=return_types.sort)
def sort(input: Array, dim=-1, descending=False, *, stable=False):
    """The elements in order along `dim` (values), and where each was (indices). Equals keep their order."""
    _check_sortable("sort", input)
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return lang.copy(input), lang.cast(lang.zeros_like(input), "int64")
    return lang.sort(input, dim, bool(descending))


@sort.gradient
def _(g, input_shape, dim, results, needs):
    return (placed_along(g, input_shape, dim, True, results),)


@operator(differentiable=False, out=False)
def argsort(input: Array, dim=-1, descending=False, stable=False):
    """Where the elements would come from if they were sorted along `dim`."""
    _check_sortable("argsort", input)
    dim = wrap_dim(dim, input.ndim)
    return (
        lang.sort(input, dim, bool(descending))[1]
        if input.ndim
        else lang.cast(lang.zeros_like(input), "int64")
    )


@composite
def msort(input):
    """The elements in order along the first dimension."""
    return sort(input, 0).values


@operator(returns=return_types.topk)
def topk(input: Array, k, dim=-1, largest=True, sorted=True):
    """The `k` largest (or smallest) elements along `dim`, and where they are."""
    check_ordered("topk", input)
    dim = wrap_dim(dim, input.ndim)
    length = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= length:
        raise RuntimeError(
            f"selected index k out of range: topk with k={k} along dim {dim} of a tensor of shape "
            f"{list(input.shape)}, "
            f"which has {length} elements there; k must be from 0 to {length}"
        )
    if input.ndim == 0:
        return lang.copy(input), lang.cast(lang.zeros_like(input), "int64")
    return lang.topk(input, k, dim, bool(largest), bool(sorted))


@topk.gradient
def _(g, input_shape, dim, results, needs):
    return (placed_along(g, input_shape, dim, True, results),)


def _slices_of(result, return_inverse, return_counts):
    values, inverse, counts = result
    wanted = (values, *([inverse] if return_inverse else ()), *([counts] if return_counts else ()))
    return wanted if len(wanted) > 1 else values


def _check_unique(name, input, dim):
    check_ordered(name, input)
    if dim is None:
        return None
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return None
    if input.size == 0 and input.shape[dim] != 0:
        raise RuntimeError(
            f"There are 0 sized dimensions, and they aren't selected, so {name} cannot be applied: the "
            "input has shape "
            f"{list(input.shape)}, dim is {dim}"
        )
    return dim


@operator(differentiable=False, out=False)
def unique(input: Array, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements (or slices along `dim`) in order; which each is; how often each occurs."""
    dim = _check_unique("unique", input, dim)
    found = lang.unique(input, True, dim, return_inverse, return_counts)
    return _slices_of(found, return_inverse, return_counts)


@operator(differentiable=False, out=False)
def unique_consecutive(input: Array, return_inverse=False, return_counts=False, dim=None):
    """Like `unique`, but only neighbours that are equal become one."""
    dim = _check_unique("unique_consecutive", input, dim)
    found = lang.unique(input, False, dim, return_inverse, return_counts)
    return _slices_of(found, return_inverse, return_counts)


def _as_tensor(x, like=None):
    """A number as a tensor, of the type of `like` where that fits."""
    if isinstance(x, Tensor):
        return x
    t = wrap_any(x)
    return t.to(like.dtype) if like is not None and like.dtype.category >= t.dtype.category else t


@operator(differentiable=False, method=False, name="_searchsorted")
def find_places(sequence: Array, values: Array, right=False, out_int32=False, sorter: Array | None = None):
    """Where values belong in sorted sequences."""
    if sorter is not None:
        sequence = lang.gather_along(sequence, sequence.ndim - 1, sorter)
    places = lang.searchsorted(sequence, values, right)
    return lang.cast(places, "int32" if out_int32 else "int64")


def _check_sequence(sequence, values, sorter):
    if sequence.ndim == 0:
        raise RuntimeError(
            "searchsorted(): sorted_sequence must have at least one dimension, but it is a single number"
        )
    if sequence.dtype is not values.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype, but "
            f"they are {sequence.dtype} "
            f"and {values.dtype}; convert one of them"
        )
    if sequence.ndim > 1 and tuple(sequence.shape[:-1]) != tuple(values.shape[:-1]):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and "
            f"input value tensor must match, but we got boundaries tensor {list(sequence.shape)} and "
            "input value tensor "
            f"{list(values.shape)}"
        )
    if sorter is None:
        return
    if tuple(sorter.shape) != tuple(sequence.shape):
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got "
            f"{list(sequence.shape)} and {list(sorter.shape)}"
        )
    if sorter.dtype.name != "int64":
        raise RuntimeError(
            f"torch.searchsorted(): sorter must be a tensor of long dtype, but it is {sorter.dtype}"
        )
    if sorter._a.size and not 0 <= sorter._a.min() <= sorter._a.max() < sequence.shape[-1]:
        raise RuntimeError("torch.searchsorted(): sorter index out of range")


@composite(method=False)
def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where each element of `input` belongs in the ascending last dimension of `sorted_sequence`.

    Before its equals, or after them with `right=True` (or `side="right"`). `sorter` gives the order of a
    sequence that is not sorted.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while "
            "right was True"
        )
    if not isinstance(input, Tensor) and sorted_sequence.ndim != 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when sorted_sequence has one "
            "dimension, but it has shape "
            f"{list(sorted_sequence.shape)}"
        )
    values = _as_tensor(input, sorted_sequence)
    _check_sequence(sorted_sequence, values, sorter)
    return find_places(sorted_sequence, values, bool(right or side == "right"), out_int32, sorter)


@composite(method=False)
def bucketize(input, boundaries, *, out_int32=False, right=False):
    """Which bucket between the ascending `boundaries` each element falls into."""
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    values = _as_tensor(input, boundaries)
    if boundaries.dtype is not values.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype, but "
            f"they are {boundaries.dtype} "
            f"and {values.dtype}; convert one of them"
        )
    return find_places(boundaries, values, bool(right), out_int32)


@operator(differentiable=False, method=False, name="_isin")
def among(elements: Array, test_elements: Array, invert=False):
    """Is each element one of the others?"""
    check_ordered("isin", elements)
    found = lang.isin(elements, test_elements)
    return lang.logical_not(found) if invert else found


@composite(method=False)
def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Is each of `elements` among `test_elements`?"""
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): at least one of elements and test_elements must be a Tensor")
    return among(_as_tensor(elements), _as_tensor(test_elements), invert)
