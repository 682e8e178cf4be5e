"""Counts: histograms in one and more dimensions, occurrences of integers."""

from __future__ import annotations

from math import inf

from .. import lang, return_types
from ..tensor.core import Tensor
from .declare import composite, operator
from .extremes import check_ordered


@operator(differentiable=False, out=False)
def bincount(input: Array, weights: Array | None = None, minlength=0):
    """How often each of 0, 1, 2, ... occurs in `input`; with `weights`, the sum of those."""
    if input.ndim != 1 or input.dtype.kind not in "iu":
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, but got shape "
            f"{list(input.shape)} of {input.dtype}"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, but it is {minlength}")
    if weights is None:
        return lang.cast(_counted(input, None, minlength), "int64")
    if weights.shape != input.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input: {list(weights.shape)} and "
            f"{list(input.shape)}"
        )
    counts = _counted(input, weights, minlength)
    return lang.cast(counts, "float32" if weights.dtype == "float32" else "float64")


def _counted(input, weights, minlength):
    try:
        return lang.bincount(input, weights, minlength)
    except ValueError:  # a negative number, which numpy looks for anyway
        if not input.size or input.min() >= 0:
            raise
    raise RuntimeError(
        f"bincount only supports 1-d non-negative integral inputs, but the smallest is {input.min()}"
    )


def _limits(name, low, high, margin):
    """The range of a histogram, checked; with a margin on both sides where it would be empty."""
    for edge in (low, high):
        if edge != edge or edge in (inf, -inf):
            raise RuntimeError(
                f"{name}: range of [{low}, {high}] is not finite; give a range, or remove NaN and inf "
                "from the input"
            )
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min, but they are {high} and {low}")
    return (low - margin, high + margin) if low == high else (low, high)


def _check_bins(name, bins):
    if bins <= 0:
        raise RuntimeError(f"{name}(): bins must be > 0, but got {bins}")


@operator(differentiable=False)
def histc(input: Array, bins=100, min=0, max=0):
    """How many elements lie in each of `bins` equal bins from `min` to `max` (where equal: all there are)."""
    check_ordered("histogram_cpu", input)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f'"histogram_cpu" not implemented for {input.dtype}; convert it with x.float()'
        )
    _check_bins("histc", bins)
    if min == max and input.size:
        min, max = input.min(), input.max()
    low, high = _limits("histc", float(min), float(max), 1)
    x = lang.reshape(input, (-1, 1))
    return lang.cast(lang.histogram(x, [lang.even_edges(low, high, bins, input.dtype)]), input.dtype)


def _density(counts, edges):
    """Counts as the values of a density whose integral is one."""
    total = lang.sum(counts)
    for k, e in enumerate(edges):
        widths = e[1:] - e[:-1]
        counts = counts / lang.reshape(widths, (-1,) + (1,) * (len(edges) - 1 - k))
    return counts / total


@operator(name="_histogram", differentiable=False, method=False)
def counted(points: Array, edges: Arrays, weight: Array | None, density):
    """The counts of points in a grid of bins."""
    weights = None if weight is None else lang.reshape(weight, (-1,))
    counts = lang.cast(lang.histogram(points, edges, weights), points.dtype)
    return _density(counts, edges) if density else counts


@operator(name="_bin_edges", differentiable=False, method=False)
def bin_edges(points: Array, column, bins, low, high):
    """The edges of equal bins for one coordinate of the points."""
    x = points[:, column]
    if low is None:
        low, high = (float(x.min()), float(x.max())) if x.size else (0, 1)
    low, high = _limits("histogram", float(low), float(high), 0.5)
    return lang.even_edges(low, high, bins, points.dtype)


def _edges(name, points, bins, range):
    """The edges along each coordinate, for `bins` as numbers or as tensors of edges."""
    if range is not None and len(range) != 2 * len(bins):
        raise RuntimeError(
            f"{name}(): for a {len(bins)}-dimensional histogram range should have {2 * len(bins)} "
            f"elements, but got {len(range)}"
        )
    edges = []
    for k, b in enumerate(bins):
        if isinstance(b, Tensor):
            if b.ndim != 1 or b.dtype is not points.dtype:
                raise RuntimeError(
                    f"{name}(): bins tensors should have one dimension and the type of the input, "
                    f"{points.dtype}; got shape "
                    f"{list(b.shape)} of {b.dtype}"
                )
            edges.append(b)
            continue
        _check_bins(name, b)
        low, high = (None, None) if range is None else range[2 * k : 2 * k + 2]
        edges.append(bin_edges(points, k, b, low, high))
    return edges


def _check_points(name, input, weight, shape):
    if input.dtype.name not in ("float32", "float64"):
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}; convert it with x.float()')
    if weight is None:
        return
    if weight.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): if weight tensor is provided, it should have the same dtype as input: "
            f"{weight.dtype}, {input.dtype}"
        )
    if tuple(weight.shape) != shape:
        raise RuntimeError(
            f"{name}(): if weight tensor is provided it should have shape {list(shape)}, but it has "
            f"{list(weight.shape)}"
        )


@composite
def histogram(input, bins=100, *, range=None, weight=None, density=False):
    """How many elements lie in each bin (hist), and the edges of the bins (bin_edges).

    `bins` is the number of equal bins in `range`, or a tensor of ascending edges.
    """
    _check_points("histogram", input, weight, tuple(input.shape))
    points = input.reshape(-1, 1)
    edges = _edges("histogram", points, [bins], range)
    return return_types.histogram(counted(points, edges, weight, density), edges[0])


@composite(method=False, out=False)
def histogramdd(input, bins, range=None, weight=None, density=False):
    """How many points (the last dimension of `input`) lie in each cell of a grid (hist); its bin_edges."""
    if input.ndim < 2:
        raise RuntimeError(
            f"histogramdd(): input tensor should have at least 2 dimensions, but got {input.ndim}"
        )
    _check_points("histogramdd", input, weight, tuple(input.shape[:-1]))
    points = input.reshape(-1, input.shape[-1])
    bins = [bins] * points.shape[1] if isinstance(bins, int) else list(bins)
    if len(bins) != points.shape[1]:
        raise RuntimeError(
            f"histogramdd(): expected {points.shape[1]} sequences of bins for a "
            f"{points.shape[1]}-dimensional histogram but got {len(bins)}"
        )
    edges = _edges("histogramdd", points, bins, range)
    return return_types.histogramdd(counted(points, edges, weight, density), tuple(edges))
