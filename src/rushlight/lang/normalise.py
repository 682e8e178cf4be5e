"""Values brought to mean zero and variance one within groups, and the gradients of that, in few passes."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .labels import ones
from .summation import SMALL, total


class Groups(NamedTuple):
    """How an array is normalised: seen in `shape`, over `axes`, with weights that fit as `affine`."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    affine: tuple[int, ...]
    centred: bool = True  # is the mean taken away?

    @property
    def count(self) -> int:
        """How many elements share a mean."""
        return prod([self.shape[a] for a in self.axes])

    @property
    def even(self) -> bool:
        """Have all elements of a group the same weight?"""
        return all(self.affine[a] == 1 for a in self.axes)


groups = lru_cache(maxsize=256)(Groups)


class Moments(NamedTuple):
    """Of each group; the mean is None where it is not taken away."""

    mean: Any
    variance: Any
    scale: Any  # one over the standard deviation


def normalised(
    x: np.ndarray, by: Groups, weight: Any, bias: Any, eps: float, known: Any
) -> tuple[Any, Moments]:
    """The normalised values, and the moments: those `known`, a pair, or the groups' own."""
    v = x.reshape(by.shape)
    if known is not None:
        mean, variance = known[0].reshape(by.affine), known[1].reshape(by.affine)
        y = v - mean
    elif by.centred:
        mean = sums(v, by.axes) / x.dtype.type(by.count)
        y = v - mean
        variance = sum_of_products(y, y, by.axes) / x.dtype.type(by.count)
    else:
        mean, y = None, v.copy()
        variance = sum_of_products(v, v, by.axes) / x.dtype.type(by.count)
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    if weight is None:
        y *= scale
    elif by.even:
        y *= scale * weight.reshape(by.affine)
    else:
        y *= scale
        y *= weight.reshape(by.affine)
    if bias is not None:
        y += bias.reshape(by.affine)
    return y.reshape(x.shape), Moments(mean, variance, scale)


def sums(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum along axes, which stay as ones; of small matrices by a product with ones, which is quick."""
    if x.ndim == 2 and x.size <= SMALL and x.flags.c_contiguous:
        rows, columns = x.shape
        if axes == (1,):
            return np.dot(x, ones(columns, x.dtype)).reshape(rows, 1)
        if axes == (0,):
            return np.dot(ones(rows, x.dtype), x).reshape(1, columns)
    return total(x, axes, True)


def sum_of_products(a: np.ndarray, b: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum of a * b along axes, which stay as ones; for large arrays without the product in memory."""
    if a.size > SMALL and a.flags.c_contiguous and b.flags.c_contiguous:
        if axes == (0, 2) and a.shape[2] >= 16:
            return np.add.reduce(np.einsum("ncl,ncl->nc", a, b), 0).reshape(1, -1, 1)
        kept = a.ndim - len(axes)
        if axes == tuple(range(kept, a.ndim)) and prod(a.shape[kept:]) >= 16:
            rows = prod(a.shape[:kept])
            flat = np.einsum("ij,ij->i", a.reshape(rows, -1), b.reshape(rows, -1))
            return flat.reshape(*a.shape[:kept], *(1,) * len(axes))
    return sums(a * b, axes)


def normalised_gradients(
    g: np.ndarray,
    x: np.ndarray,
    by: Groups,
    weight: Any,
    bias: Any,
    moments: Moments,
    known: bool,
    needs: Any,
) -> tuple[Any, Any, Any]:
    """The gradients of the input, the weight and the bias; `known` moments do not depend on the input."""
    shape, dtype = x.shape, x.dtype
    g, v = g.reshape(by.shape), x.reshape(by.shape)
    y = (v if moments.mean is None else v - moments.mean) * moments.scale
    along = tuple(i for i, n in enumerate(by.affine) if n == 1 and by.shape[i] != 1)
    w = None if weight is None else weight.reshape(by.affine)
    if by.even:
        added, products = sums(g, by.axes), sum_of_products(g, y, by.axes)
        of_bias = added if added.shape == by.affine else total(added, 0, True)
        of_weight = products if products.shape == by.affine else total(products, 0, True)
    else:
        of_bias = sums(g, along) if needs[2] else None
        of_weight = sum_of_products(g, y, along) if needs[1] else None
    of_input = None
    if needs[0]:
        if w is not None and not by.even:
            g = g * w
            added, products = sums(g, by.axes) if by.centred else None, sum_of_products(g, y, by.axes)
        elif not by.even:
            added, products = sums(g, by.axes), sum_of_products(g, y, by.axes)
        scale = moments.scale * w if by.even and w is not None else moments.scale
        if known:
            of_input = g * scale
        else:
            y *= products / dtype.type(-by.count)
            y += g
            if by.centred:
                y -= added / dtype.type(by.count)
            y *= scale
            of_input = y
        of_input = of_input.reshape(shape)
    return (
        of_input,
        of_weight.reshape(weight.shape) if needs[1] else None,
        of_bias.reshape(bias.shape) if needs[2] else None,
    )
