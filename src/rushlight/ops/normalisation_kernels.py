"""Normalisation of large arrays as formulas along axes: read once forwards, and once backwards."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .. import lang
from ..lang.along import Along
from ..lang.halves import HALVES, computed_in, widened
from ..lang.normalise import Groups, Moments
from ..runtime import settings
from ..runtime.memory import shaped
from .fused import Fusible


def takes(x: Any) -> bool:
    """Is this large enough for kernels, and of a type that they have?"""
    return x.dtype.char in HALVES or (x.size >= settings.formulas_from and x.dtype.char in "fd")


# ---- forwards


@lru_cache(maxsize=8)
def _forward(centred: bool, weighted: bool, shifted: bool) -> Along:
    """Of x, the weight, the bias and eps: the normalised values, the mean, the variance and the scale."""

    def normalise(axes, x, *others):
        *vectors, eps = others
        count = lang.count(x, axes)
        mean = lang.sum(x, axes, True) / count if centred else None
        gap = x - mean if centred else x
        variance = lang.sum(gap * gap, axes, True) / count
        scale = lang.rsqrt(variance + eps)
        if centred:  # the mean is rounded: what is left of it goes too
            gap = gap - lang.sum(gap, axes, True) / count
        result = gap * scale
        if weighted:
            result = result * vectors[0]
        if shifted:
            result = result + vectors[-1]
        return (result, mean, variance, scale) if centred else (result, variance, scale)

    return Along(normalise, wide=(1, 2, 3))


def normalised_at_once(x: Any, by: Groups, weight: Any, bias: Any, eps: float) -> tuple[Any, Moments] | None:
    """What `lang.normalise.normalised` gives, or None where there is no kernel for it."""
    if not takes(x):
        return None
    vectors = [v.reshape(by.affine) for v in (weight, bias) if v is not None]
    along = _forward(by.centred, weight is not None, bias is not None)
    made = along.by_kernel(by.axes, x.reshape(by.shape), *vectors, float(eps))
    if made is None:
        return None
    result, *moments = made
    return shaped(result, x.shape), Moments(*moments) if by.centred else Moments(None, *moments)


def moved(x, mean, scale, *bias):
    """Each element with known moments, and the bias if there is one."""
    made = (x - mean) * scale
    return made + bias[0] if bias else made


_moved = Fusible(lambda x, mean, scale: moved(x, mean, scale), "normalise_by")
_moved_and_shifted = Fusible(lambda x, mean, scale, bias: moved(x, mean, scale, bias), "normalise_by")


def scale_of(variance: Any, weight: Any, eps: float) -> tuple[Any, Any]:
    """What known variances make of each channel: its scale, and that with its weight."""
    scale = 1 / np.sqrt(variance + variance.dtype.type(eps))
    return scale, scale if weight is None else scale * weight


def normalised_by(
    x: Any, by: Groups, weight: Any, bias: Any, mean: Any, variance: Any, eps: float
) -> tuple[Any, Moments] | None:
    """The same with moments that are known."""
    mean, variance, weight, bias = (widened(v) for v in (mean, variance, weight, bias))
    if not takes(x) or not mean.dtype == variance.dtype == computed_in(x):
        return None
    mean, variance = mean.reshape(by.affine), variance.reshape(by.affine)
    scale, weighted = scale_of(variance, None if weight is None else weight.reshape(by.affine), eps)
    v = x.reshape(by.shape)
    if bias is None:
        result = _moved.large_result(v, mean, weighted)
    else:
        result = _moved_and_shifted.large_result(v, mean, weighted, bias.reshape(by.affine))
    return None if result is None else (result.reshape(x.shape), Moments(mean, variance, scale))


def _between(running, moments, kept, part):
    return running * kept + moments * part


_average = Fusible(_between, "running_average")


def follow(running: np.ndarray, moments: np.ndarray, kept: float, part: float) -> None:
    """Moves running averages, in their memory, towards the moments of a batch."""
    kernel = _average.for_large(running, moments, kept, part) if running.dtype == moments.dtype else None
    if kernel is None:
        running[...] = _between(running, moments, kept, part)
    else:
        kernel(running, running, moments, kept, part)


# ---- backwards


@lru_cache(maxsize=16)
def _even(centred: bool, known: bool, weighted: bool) -> Along:
    """Where all of a group has one weight: the gradient of the input, and the sums of g y and of g."""

    def normalise_grad(axes, g, x, scale, *others):
        y = (x - others[0]) * scale if centred else x * scale
        products, added, count = lang.sum(g * y, axes, True), lang.sum(g, axes, True), lang.count(x, axes)
        slope = g
        if not known:
            slope = slope - y * (products / count)
            slope = slope - added / count if centred else slope
        slope = slope * scale
        return slope * others[-1] if weighted else slope, products, added

    return Along(normalise_grad, wide=(1, 2))


@lru_cache(maxsize=16)
def _uneven(centred: bool, weighted: bool) -> Along:
    """Where it has not: the gradient of the input."""

    def normalise_grad(axes, g, x, scale, *others):
        y = (x - others[0]) * scale if centred else x * scale
        h = g * others[-1] if weighted else g
        count = lang.count(x, axes)
        slope = h - y * (lang.sum(h * y, axes, True) / count)
        if centred:
            slope = slope - lang.sum(h, axes, True) / count
        return slope * scale

    return Along(normalise_grad)


def _sums_of_scaled(axes, g, x, scale):
    return lang.sum(g * (x * scale), axes, True), lang.sum(g, axes, True)


def _sums_of_centred(axes, g, x, scale, mean):
    return lang.sum(g * ((x - mean) * scale), axes, True), lang.sum(g, axes, True)


_sums = {
    True: Along(_sums_of_centred, "normalise_weights_grad", wide=(0, 1)),
    False: Along(_sums_of_scaled, "normalise_weights_grad", wide=(0, 1)),
}


def gradients_at_once(
    g: Any, x: Any, by: Groups, weight: Any, bias: Any, moments: Moments, known: bool, needs: Any
) -> tuple[Any, Any, Any] | None:
    """What `lang.normalise.normalised_gradients` gives, or None where there is no kernel for it."""
    if not takes(x) or g.dtype != x.dtype:
        return None
    arrays = [g.reshape(by.shape), x.reshape(by.shape), moments.scale]
    if moments.mean is not None:
        arrays.append(moments.mean)
    vectors = [] if weight is None else [weight.reshape(by.affine)]
    made = (_of_even if by.even else _of_uneven)(arrays, vectors, by, moments.mean is not None, known, needs)
    if made is None:
        return None
    slope, products, added = made
    return (
        shaped(slope, x.shape) if needs[0] else None,
        shaped(products, weight.shape) if needs[1] else None,
        shaped(added, bias.shape) if needs[2] else None,
    )


def _of_even(arrays: list, vectors: list, by: Groups, centred: bool, known: bool, needs: Any) -> Any:
    made = _even(centred, known, bool(vectors)).by_kernel(by.axes, *arrays, *vectors)
    if made is None:
        return None
    slope, products, added = made
    if products.shape != by.affine:  # groups of single images share their weights
        products, added = lang.sum(products, 0, True), lang.sum(added, 0, True)
    return slope, products, added


def _of_uneven(arrays: list, vectors: list, by: Groups, centred: bool, known: bool, needs: Any) -> Any:
    if known:
        return None
    slope = _uneven(centred, bool(vectors)).by_kernel(by.axes, *arrays, *vectors)
    if slope is None or not (needs[1] or needs[2]):
        return None if slope is None else (slope, None, None)
    across = tuple(i for i, n in enumerate(by.affine) if n == 1 and by.shape[i] != 1)
    return slope, *_sums[centred](across, *arrays)
