"""Distributions drawn by trial: how many random numbers an element takes depends on their values.

These go element by element, as any implementation of the same stream must; a `Trials` hands out the numbers.
"""

import math
from functools import reduce

import numpy as np

from .precision import float_format

# PyTorch writes these in single precision, inside double arithmetic.
_THIRD = float(np.float32(1) / np.float32(3))
_SQUEEZE = float(np.float32(0.0331))
_LARGEST_RATE = 2.0**62


class Trials:
    """A generator's uniform and normal numbers one at a time; what was fetched ahead goes back at the end."""

    def __init__(self, gen):
        self._gen = gen
        self._ahead = []

    def __enter__(self):
        self._gen.lock.acquire()
        return self

    def __exit__(self, *error):
        self._gen.give_back(len(self._ahead))
        self._gen.lock.release()

    def uniform(self):
        """The next float64 in [0, 1)."""
        if not self._ahead:
            self._ahead = self._gen.doubles_ahead()[::-1].tolist()
        return self._ahead.pop()

    def normal(self):
        """The next standard normal number."""
        gen = self._gen
        if gen.double_normal is not None:
            value, gen.double_normal = gen.double_normal, None
            return value
        angle = 2 * math.pi * self.uniform()
        radius = math.sqrt(-2 * math.log1p(-self.uniform()))
        gen.double_normal = radius * math.sin(angle)
        return radius * math.cos(angle)


def poisson(gen, rates, dtype=None):
    """The number of events in a unit of time, for each rate in an array."""
    rates = np.asarray(rates)
    fmt = float_format(dtype or rates.dtype.name, "poisson_cpu")
    rates = rates.astype(np.float64)
    if not np.all((rates >= 0) & (rates < _LARGEST_RATE)):
        raise RuntimeError(
            "invalid Poisson rate, expected rate to be non-negative and below 2**62, "
            f"got rates from {rates.min()} to {rates.max()}"
        )
    with Trials(gen) as trials:
        return _each(fmt, lambda rate: _poisson(rate, trials.uniform), rates)


def binomial(gen, count, prob, dtype=None):
    """The number of successes in `count` trials of probability `prob`; the two broadcast."""
    count, prob = np.broadcast_arrays(count, prob)
    fmt = _wide_format(dtype or count.dtype.name, "binomial_cpu")
    if not np.all(np.isfinite(count)):
        raise RuntimeError("invalid binomial count, expected finite numbers, got nan or inf")
    with Trials(gen) as trials:
        return _each(fmt, lambda n, p: _binomial(n, p, trials.uniform), count, prob)


def standard_gamma(gen, alpha, dtype=None):
    """Gamma numbers of shape `alpha` and scale one."""
    alpha = np.asarray(alpha)
    fmt = _wide_format(dtype or alpha.dtype.name, "gamma_cpu")
    return np.maximum(_gammas(gen, alpha.astype(fmt.compute, copy=False), fmt), fmt.compute(fmt.smallest))


def dirichlet(gen, alpha, dtype=None):
    """Points of the simplex along the last axis, with concentrations `alpha`."""
    alpha = np.asarray(alpha)
    fmt = _wide_format(dtype or alpha.dtype.name, "dirichlet")
    gammas = np.maximum(
        _gammas(gen, alpha.astype(np.float64), float_format("float64", "dirichlet")), 2.0**-1022
    )
    shares = gammas / _row_sums(gammas)[..., None]
    return np.clip(fmt.store(shares), fmt.compute(fmt.smallest), np.nextafter(fmt.compute(1), fmt.compute(0)))


def _gammas(gen, alpha, fmt):
    if not np.all((alpha >= 0) & (alpha < np.inf)):
        raise RuntimeError(
            "invalid gamma shape parameter, expected finite numbers not below zero, "
            f"got numbers from {alpha.min()} to {alpha.max()}"
        )
    # A shape below one is drawn one higher and scaled down. PyTorch does this much in the precision of alpha.
    one, boosted = alpha.dtype.type(1), alpha < 1
    with np.errstate(divide="ignore", over="ignore"):
        power = np.where(boosted, one / alpha, 0)
    d = np.where(alpha == 0, 0, np.where(boosted, alpha + one, alpha) - alpha.dtype.type(_THIRD))
    with Trials(gen) as trials:
        return _each(fmt, lambda power, d: _gamma(power, d, trials.uniform, trials.normal), power, d)


def _row_sums(rows):
    """Sums along the last axis in PyTorch's order for rows below 512: four vectors of four numbers."""
    vectors = rows.shape[-1] // 4
    whole, taken_in_turn = 4 * vectors, vectors // 4 * 4
    lanes = rows[..., :whole].reshape(*rows.shape[:-1], vectors, 4)
    sums = [_add_up([lanes[..., k, :] for k in range(turn, taken_in_turn, 4)]) for turn in range(4)]
    sums[0] = _add_up([sums[0], *(lanes[..., k, :] for k in range(taken_in_turn, vectors))])
    by_lane = np.broadcast_to(_add_up(sums), (*rows.shape[:-1], 4))
    rest = _add_up([rows[..., k] for k in range(whole, rows.shape[-1])])
    return _add_up([rest, *(by_lane[..., lane] for lane in range(4))])


def _add_up(terms):
    return reduce(np.add, terms, 0.0)


def _each(fmt, sample, *parameters):
    first = parameters[0]
    lists = [parameter.astype(np.float64).ravel().tolist() for parameter in parameters]
    return fmt.store(np.fromiter(map(sample, *lists), np.float64, first.size)).reshape(first.shape)


def _wide_format(dtype, operation):
    if dtype in ("float16", "bfloat16"):
        raise NotImplementedError(f'"{operation}" not implemented for {dtype!r}: use float32 or float64')
    return float_format(dtype, operation)


def _poisson(rate, uniform):
    if rate == 0:
        return 0
    if rate >= 10:
        return _poisson_by_ratio(rate, uniform)
    # Events come while the product of uniform numbers is above exp(-rate).
    threshold, events, product = math.exp(-rate), 0, uniform()
    while product > threshold:
        events += 1
        product *= uniform()
    return events


def _poisson_by_ratio(rate, uniform):
    """Hormann's transformed rejection (PTRS)."""
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    inside = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= inside:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        if _log(v) + log_inverse_alpha - math.log(a / (us * us) + b) <= -rate + k * log_rate - math.lgamma(
            k + 1
        ):
            return k


def _binomial(count, prob, uniform):
    if count <= 0 or prob <= 0:
        return 0
    if prob >= 1:
        return count
    if prob <= 0.5:
        return _rarer_outcome(count, prob, uniform)
    if prob > 0.5:
        return count - _rarer_outcome(count, 1 - prob, uniform)
    return math.nan


def _rarer_outcome(count, prob, uniform):
    if count * prob >= 10:
        return _binomial_by_ratio(count, prob, uniform)
    # The gaps between successes are geometric; count how many fit.
    log_failure, successes, spent = math.log1p(-prob), 0, 0
    while True:
        gap = _log(uniform()) / log_failure
        spent += math.ceil(gap) if gap < math.inf else gap
        if spent > count:
            return successes
        successes += 1


def _binomial_by_ratio(count, prob, uniform):
    """Hormann's transformed rejection for the binomial distribution (BTRS)."""
    deviation = math.sqrt(count * prob * (1 - prob))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    centre = count * prob + 0.5
    inside = 0.92 - 4.2 / b
    odds = prob / (1 - prob)
    alpha = (2.83 + 5.1 / b) * deviation
    mode = math.floor((count + 1) * prob)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + centre) if us else -1
        if us >= 0.07 and v <= inside:
            return k
        if k < 0 or k > count:
            continue
        if _log(v * alpha / (a / (us * us) + b)) <= _log_ratio_to_mode(k, mode, count, odds):
            return k


def _log_ratio_to_mode(k, mode, count, odds):
    return (
        (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
        + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
        + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
        + _stirling_tail(mode)
        + _stirling_tail(count - mode)
        - _stirling_tail(k)
        - _stirling_tail(count - k)
    )


def _stirling_tail(k):
    """What Stirling's formula lacks to log(k!)."""
    if k <= 9:
        return _STIRLING_TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


_STIRLING_TAILS = [
    math.lgamma(k + 1) - (0.5 * math.log(2 * math.pi) + (k + 0.5) * math.log(k + 1) - (k + 1))
    for k in range(10)
]


def _gamma(power, d, uniform, normal):
    """Marsaglia and Tsang's method, for a shape of d + 1/3; d = 0 stands for a shape of zero."""
    if d == 0:
        return 0.0
    scale = math.pow(1 - uniform(), power) if power else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal()
        y = 1 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1 - uniform()
        square = x * x
        if u < 1 - _SQUEEZE * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def _log(x):
    return math.log(x) if x > 0 else -math.inf
