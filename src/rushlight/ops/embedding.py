"""Rows of a table by number: embeddings, bags of them, and one-hot vectors."""

from __future__ import annotations

from math import prod

import numpy as np

from .. import lang
from ..autograd.modes import state
from ..lang import bags
from ..lang.labels import first_misfit, labels_fit
from ..tensor.core import Tensor, wrap_any
from ..tensor.dtype import int64
from ..tensor.inplace import writable
from .declare import composite, operator
from .shapes import shape_of


def _check_index(name, what, index):
    kind = getattr(index, "_a", index).dtype
    if kind.kind != "i" or kind.itemsize < 4:
        raise RuntimeError(
            f"{name}: Expected tensor for argument '{what}' to have one of the following scalar types: Long, "
            "Int; but got "
            f"{index.dtype.name}; convert it with {what}.long()"
        )


def _check_range(name, index, rows):
    if not labels_fit(index, rows):
        raise IndexError(
            f"{name}: index out of range in self: {first_misfit(index, rows)}, but the table has {rows} "
            "rows, "
            f"numbered 0 to {rows - 1}"
        )


def _makes_sparse(weight, sparse):
    """Without a gradient, sparse or not is the same."""
    return sparse and weight.requires_grad and state.grad


def _refuse_sparse(weight, sparse):
    if _makes_sparse(weight, sparse):
        raise NotImplementedError(
            "embedding_bag: sparse=True is there for mode='sum' and 'mean' without padding_idx and "
            "scale_grad_by_freq; with sparse=False the gradient is dense and has the same values"
        )


# ---- embedding


@operator(method=False, out=False, name="embedding", exact=True)
def rows_of(weight: Array, indices: Array, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """The rows of `weight` that `indices` names; `padding_idx` gets no gradient."""
    if weight.ndim != 2:
        raise RuntimeError(
            f"embedding: 'weight' must be 2-D, (rows, features), but its shape is {list(weight.shape)}"
        )
    _check_index("embedding", "indices", indices)
    _check_range("embedding", indices, weight.shape[0])
    return weight.take(indices, 0)


@rows_of.gradient
def _(g, weight_shape, indices, padding_idx, scale_grad_by_freq, needs):
    if padding_idx >= 0 or scale_grad_by_freq:
        share = lang.row_shares(indices, weight_shape[0], padding_idx, scale_grad_by_freq, g.dtype)
        g = g * lang.reshape(share, (*indices.shape, 1))
    rows = lang.reshape(g, (prod(indices.shape), weight_shape[1]))
    return lang.spread_rows(rows, weight_shape, 0, lang.reshape(indices, (-1,))), None


@operator(name="_row_shares", method=False, out=False, differentiable=False)
def row_shares(index: Array, rows, padding, by_frequency, dtype):
    """What part of its gradient each place in `index` hands on."""
    return lang.row_shares(index, rows, padding, by_frequency, dtype)


def _limit(name, weight, index, max_norm, norm_type):
    """Scales down in place those named rows of `weight` that are too long."""
    if not prod(shape_of(index)):
        return
    _check_range(name, index._a, weight.shape[0])
    rows, scale = lang.limit_rows(weight._a, index._a, max_norm, norm_type)
    if len(rows):
        table = writable(weight, name)
        table[rows] = table[rows] * scale.reshape(-1, 1)


@composite(namespace="nn.functional", out=False)
def embedding(
    input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False
):
    """The rows of `weight` that `input` names."""
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError(
                f"embedding: Padding_idx must be within num_embeddings: it is {padding_idx}, and weight has "
                f"{rows} rows"
            )
        padding_idx %= rows
    if max_norm is not None:
        _check_index("embedding", "input", input)
        _limit("embedding", weight, input, max_norm, norm_type)
    if _makes_sparse(weight, sparse) and not scale_grad_by_freq:
        from ..sparse.rows import sparse_rows

        _check_index("embedding", "indices", input)
        _check_range("embedding", input._a, weight.shape[0])
        return sparse_rows(weight, input, padding_idx)
    return rows_of(weight, input, padding_idx, scale_grad_by_freq, sparse)


# ---- bags


def _check_offsets(offsets, count, include_last):
    if offsets.ndim != 1:
        raise ValueError(
            f"embedding_bag: offsets has to be a 1D Tensor, but its shape is {list(offsets.shape)}"
        )
    _check_index("embedding_bag", "offsets", offsets)
    if include_last and not len(offsets):
        raise RuntimeError("embedding_bag: with include_last_offset, offsets has at least one element")
    if len(offsets) and offsets._a[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first bag starts at position 0. However, got "
            f"{int(offsets._a[0])}"
        )
    if (offsets._a[1:] < offsets._a[:-1]).any():
        raise RuntimeError(f"embedding_bag: offsets never decrease, but they are {offsets.tolist()}")
    if len(offsets) and offsets._a[-1] > count:
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length {count} but got offsets[-1] "
            "of "
            f"{int(offsets._a[-1])}"
        )


@operator(name="_bag_sums", method=False, out=False)
def bag_sums(weight: Array, index: Array, ends: Array, share: Array | None, mean, padding):
    """Sums of bags of rows times their shares, or means; bag k has the places from ends[k] to ends[k + 1]."""
    return bags.bag_sums(weight, index, ends, share, mean, padding)


@bag_sums.gradient
def _(g, weight, index, ends, share, mean, padding, needs):
    numbers = index._a if isinstance(index, Tensor) else index
    limits = ends._a if isinstance(ends, Tensor) else ends
    lifted = isinstance(g, Tensor)
    bag, factor = bags.bag_factors(numbers, limits, mean, padding, (g._a if lifted else g).dtype)
    if lifted:
        bag, factor, index = wrap_any(bag), wrap_any(factor), wrap_any(numbers)
    of_places = lang.take_rows(g, 0, bag) * lang.reshape(factor, (-1, 1))
    of_weight = of_share = None
    if needs[0]:
        scaled = of_places if share is None else of_places * lang.reshape(share, (-1, 1))
        of_weight = lang.spread_rows(scaled, weight.shape, 0, index)
    if needs[3]:
        of_share = lang.sum(of_places * lang.take_rows(weight, 0, index), 1)
    return of_weight, None, None, of_share


def _bag_results(weight, index, ends, mode, share, padding, by_frequency):
    """Each bag's sum, mean or maximum."""
    if mode == "max":
        values, largest = bags.bag_maxima(weight._a, index._a, ends, padding)
        if not (state.grad and weight.requires_grad):
            return wrap_any(values)
        chosen = lang.gather_along(weight, 0, wrap_any(largest.clip(0)))
        empty = largest < 0
        return lang.where(wrap_any(empty), 0.0, chosen) if empty.any() else chosen
    if by_frequency:  # the same sums, of rows that hand on less
        numbered = wrap_any(np.arange(len(index._a)))
        rows = rows_of(weight, index, -1, True)
        if padding >= 0:
            rows = lang.where(wrap_any((index._a == padding).reshape(-1, 1)), 0.0, rows)
        result = bag_sums(rows, numbered, wrap_any(ends), share, False, -1)
        if mode == "mean":
            result = result / wrap_any(bags.bag_sizes(index._a, ends, padding).clip(1).reshape(-1, 1))
        return result
    return bag_sums(weight, index, wrap_any(ends), share, mode == "mean", padding)


MODES = ("sum", "mean", "max")


@composite(name="embedding_bag", method=False, out=False)
def bags_of_rows(
    weight,
    indices,
    offsets,
    scale_grad_by_freq=False,
    mode=0,
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """Sums, means or maxima (mode 0, 1, 2) of bags; the places' bags, the bags' sizes, the maxima's rows."""
    _refuse_sparse(weight, sparse)
    _check_index("embedding_bag", "indices", indices)
    _check_offsets(offsets, len(indices), include_last_offset)
    if include_last_offset:
        offsets = offsets[:-1]
    _check_places(indices._a, weight.shape[0])
    index, ends = _wide(indices), np.append(offsets._a, len(indices))
    padding = -1 if padding_idx is None else padding_idx % weight.shape[0]
    share = per_sample_weights
    result = _bag_results(weight, index, ends, MODES[mode], share, padding, scale_grad_by_freq)
    others = [bags.bags_of(ends[:-1], len(index)), bags.bag_sizes(index._a, ends, padding)]
    others.append(
        bags.bag_maxima(weight._a, index._a, ends, padding)[1] if MODES[mode] == "max" else others[1]
    )
    return (result, *(wrap_any(x) for x in others))


def _wide(index):
    """Indices of 64 bits, side by side."""
    a = index._a
    if a.dtype == np.int64 and a.flags.carray:
        return index
    return wrap_any(np.ascontiguousarray(a, np.int64))


def _check_places(index, rows):
    """Raises unless all indices name rows."""
    if not labels_fit(index, rows):
        k = int(np.flatnonzero((index < 0) | (index >= rows))[0])
        raise RuntimeError(
            f"embedding_bag: Index {k} of input takes value {int(index[k])} which is not in the valid range "
            f"[0, {rows})"
        )


@composite(namespace="nn.functional", out=False, node="EmbeddingBagBackward0")
def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """The mean, sum or maximum of rows in bags: a row of `input`, or what lies between two offsets."""
    _check_bag(input, weight, offsets, mode, scale_grad_by_freq, per_sample_weights)
    rows, share = weight.shape[0], per_sample_weights
    if input.ndim == 2:
        ends = bags.ends_of(*input.shape)
        input, share = input.reshape(-1), None if share is None else share.reshape(-1)
    else:
        _check_offsets(offsets, len(input), include_last_offset)
        ends = np.append(offsets._a[: -1 if include_last_offset else None], len(input))
    if max_norm is not None:
        _limit("embedding_bag", weight, input, max_norm, norm_type)
    _check_index("embedding_bag", "indices", input)
    _check_places(input._a, rows)
    if _makes_sparse(weight, sparse) and mode != "max" and padding_idx is None and not scale_grad_by_freq:
        from ..sparse.rows import sparse_rows

        weight, sparse = sparse_rows(weight, input, -1), False
        input = wrap_any(np.arange(len(input)))
    _refuse_sparse(weight, sparse)
    padding = -1 if padding_idx is None else padding_idx % rows
    return _bag_results(weight, _wide(input), ends, mode, share, padding, scale_grad_by_freq)


def _check_bag(input, weight, offsets, mode, by_frequency, weights):
    name = "embedding_bag"
    if weights is not None and weights.shape != input.shape:
        raise ValueError(
            f"{name}: If per_sample_weights ({list(weights.shape)}) is not None, then it must have the same "
            "shape as the "
            f"input ({list(input.shape)})"
        )
    if weight.ndim != 2:
        raise ValueError(f"{name}: weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2 and offsets is not None:
        raise ValueError(f"{name}: if input is 2D, then offsets has to be None: each row is a bag")
    if input.ndim == 1 and not isinstance(offsets, Tensor):
        raise ValueError(f"{name}: offsets has to be a 1D Tensor but got {type(offsets).__name__}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{name}: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode not in MODES:
        raise ValueError(f"{name}: mode has to be one of sum, mean or max, but is {mode!r}")
    if mode == "max" and by_frequency:
        raise ValueError(f"{name}: max mode does not support scaling the gradient by the frequency")
    if weights is not None and mode != "sum":
        raise NotImplementedError(
            f"{name}: per_sample_weights is only supported for mode='sum' (got mode='{mode}'); divide the "
            "weights "
            "yourself for a mean"
        )


# ---- one-hot vectors


@operator(namespace="nn.functional", out=False, differentiable=False)
def one_hot(tensor: Array, num_classes=-1):
    """For each label a vector of zeros with a one at its place."""
    if tensor.dtype != int64.np:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, not {tensor.dtype.name}; use "
            "x.long()"
        )
    if not tensor.size:
        if num_classes <= 0:
            raise RuntimeError(
                "one_hot: Can not infer total number of classes from empty tensor; give num_classes"
            )
        return lang.zeros_of(tensor, (*tensor.shape, num_classes))
    least, most = int(lang.amin(tensor)), int(lang.amax(tensor))
    if least < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative, but one is {least}")
    if num_classes == -1:
        num_classes = most + 1
    if num_classes < 1:
        raise RuntimeError(f"one_hot: num_classes should be positive, but is {num_classes}")
    if most >= num_classes:
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes ({num_classes}), but one is {most}"
        )
    return lang.marked(tensor, num_classes)
