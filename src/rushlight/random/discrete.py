"""Choices: coin flips, the number of flips until one succeeds, and draws from a list of weights."""

import math

import numpy as np

from ..quiet import quiet
from . import kernels
from .continuous import CHUNK, exponential, filled
from .engine import COMPILED_FROM
from .integers import storage_of
from .precision import FLOATS, SIGNED, float_format


def bernoulli(gen, p, shape, dtype="float32", one=1.0):
    """`one` with probability p, else zero. `p` is a number, or an array that broadcasts to `shape`.

    A probability array of float64 takes 53 random bits for each element, one of a narrower dtype 24.
    """
    if np.ndim(p) == 0 and not isinstance(p, np.ndarray):
        return _bernoulli_scalar(gen, float(p), shape, storage_of(dtype), one)
    p = np.asarray(p)
    if not np.issubdtype(p.dtype, np.floating) and p.dtype.name != "bfloat16":
        raise NotImplementedError(
            f'"bernoulli_tensor_cpu_p_" not implemented for {p.dtype}: probabilities must be floating point'
        )
    double = p.dtype == np.float64
    p = p.astype(np.float64 if double else np.float32, copy=False)
    if not np.all((p >= 0) & (p <= 1)):
        raise RuntimeError(
            f"Expected p_in >= 0 && p_in <= 1: probabilities lie between {p.min()} and {p.max()}"
        )
    numbers = filled(shape, p.dtype, gen.doubles if double else gen.floats)
    return _times((numbers < p).astype(storage_of(dtype)), one)


def _times(drawn, one):
    if one != 1:
        drawn *= drawn.dtype.type(one)
    return drawn


def _bernoulli_scalar(gen, p, shape, storage, one):
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")

    def sample(n):
        compiled = kernels.get(n) if n >= COMPILED_FROM and storage == np.float32 else None
        if compiled is not None:
            # u < p for u = k / 2**53 is k < ceil(p * 2**53), and that product is exact: compare the integers
            return compiled.below(gen.raw32(2 * n), math.ceil(p * 2.0**53), one)
        return _times((gen.doubles(n) < p).astype(storage), one)

    return filled(shape, storage, sample)


def geometric(gen, shape, dtype="float32", p=0.5):
    """The number of trials until the first success, each of probability p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    if dtype not in FLOATS and dtype not in SIGNED and dtype != "uint8":
        raise NotImplementedError(f'"geometric_cpu" not implemented for {dtype!r}')
    scale = np.log1p(-p)

    def sample(n):
        with quiet:
            trials = np.ceil(np.log(gen.doubles(n)) / scale)
        return FLOATS[dtype].store(trials) if dtype in FLOATS else trials.astype(np.int64).astype(dtype)

    return filled(shape, storage_of(dtype), sample)


def multinomial(gen, weights, count, replacement=False, dtype=None):
    """Indices drawn in proportion to weights: int64 of shape (rows, count), or (count,) for one row.

    `weights` has one or two axes; `dtype` names their format where the array does not (bfloat16 in float32).
    """
    weights = np.asarray(weights)
    dtype = dtype or weights.dtype.name
    fmt = float_format(dtype, "multinomial")
    _check_multinomial(weights, count, replacement)
    rows = weights.astype(fmt.compute, copy=False).reshape(-1, weights.shape[-1])
    with quiet:
        sums = np.add.reduce(rows, 1).tolist()
    if rows.size and not (np.minimum.reduce(rows, None) >= 0 and _are_finite(rows, sums)):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not min(sums, default=1) > 0:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if replacement and count > 1:
        chosen = _with_replacement(gen, rows, count)
    else:
        chosen = _without_replacement(gen, rows, count, fmt)
    return chosen.reshape(*weights.shape[:-1], count)


def _are_finite(rows, sums):
    """Are all weights, of which none is negative, below infinity? Their sums say so, unless too large."""
    return max(sums) < math.inf or np.maximum.reduce(rows, None) < math.inf


def _with_replacement(gen, rows, count):
    heights = np.add.accumulate(rows, 1)
    heights /= heights[:, -1:]
    heights[:, -1] = 1
    at_once = max(1, CHUNK // count)
    if len(rows) <= at_once:
        return _found(gen, heights, count)
    parts = range(0, len(rows), at_once)
    return np.concatenate([_found(gen, heights[start : start + at_once], count) for start in parts])


def _found(gen, heights, count):
    """The first height of each row that reaches each of some random numbers."""
    from ..lang.sorting import searchsorted

    drawn = gen.doubles(len(heights) * count).reshape(len(heights), count)
    return searchsorted.on_arrays(heights.astype(np.float64, copy=False), drawn)


def _without_replacement(gen, rows, count, fmt):
    """A race: each index finishes after an exponential time of its weight's rate, and the first ones win."""
    from ..lang.sorting import topk

    times = exponential(gen, rows.shape, fmt.name).astype(fmt.compute, copy=False)
    with quiet:
        speeds = fmt.store(rows / times).astype(fmt.compute, copy=False)
    if count == 1:
        return speeds.argmax(1)[:, None]
    return topk.on_arrays(-speeds, count, 1, False)[1]  # the first of equals wins, as in the other case


def _check_multinomial(weights, count, replacement):
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {weights.shape}")
    if count <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {count}")
    if not replacement and count > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"asked for {count} of {weights.shape[-1]}"
        )
    if weights.shape[-1] > 2**24:
        raise RuntimeError(f"number of categories cannot exceed 2^24, got {weights.shape[-1]}")
