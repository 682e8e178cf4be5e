"""Whole numbers: evenly spread ones, and permutations."""

import math

import numpy as np

from ..runtime import memory
from . import kernels
from .continuous import filled
from .engine import COMPILED_FROM
from .precision import FLOATS, SIGNED, UNSIGNED

# From this many values on, PyTorch spends two words of the twister on each number.
_TWO_WORDS_FROM = 1 << 28
_FULL_RANGE_DTYPES = ("int64", "float64", "float32", "bfloat16")
# From this size on, PyTorch shuffles from the inside out with two words for each place.
_LARGE_PERMUTATION = (2**32 - 1) // 20


def randint(gen, shape, dtype="int64", low=0, high=None):
    """Whole numbers from `low` to `high - 1`; without `high`, to the last the dtype counts to exactly."""
    if high is None:
        return _upwards(gen, shape, dtype, low)
    if not low < high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype in FLOATS:
        low, high = _from_representable(low, dtype), _to_representable(high, dtype)
        if not low < high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to' after rounding to {dtype}, got {low} >= {high}"
            )
    _check_range(dtype, from_=low, to_=high - 1)
    return _spread(gen, shape, dtype, low, high - low)


def random_full(gen, shape, dtype="int64"):
    """Whole numbers from 0 to the largest that the dtype counts up to exactly: `random_()` without bounds."""
    if dtype in ("uint16", "uint32", "uint64"):
        raise NotImplementedError(f'"random_kernel_cpu" not implemented for {dtype!r}; give bounds instead')
    count = _largest_counted(dtype) + 1
    words = gen.raw64 if dtype in ("int64", "float64") else gen.raw32
    return filled(shape, storage_of(dtype), lambda n: _as_dtype(_modulo(words(n), count), dtype))


def randperm(gen, n, dtype="int64"):
    """The numbers 0 to n - 1 in random order."""
    _check_permutation(n, dtype)
    if n < _LARGE_PERMUTATION:
        partners, at_once = _partners_ahead(gen, n), _exchange_ahead
    else:
        partners, at_once = _partners_behind(gen, n), _exchange_behind
    return _as_dtype(_exchange(n, partners, at_once), dtype)


def _partners_ahead(gen, n):
    """For each place but the last, one that is not before it."""
    words = gen.raw32(max(n - 1, 0))
    partners = (words % np.arange(n, n - words.size, -1).astype(np.uint32)).astype(np.int64)
    partners += np.arange(partners.size)
    return partners


def _partners_behind(gen, n):
    """For each place, one that is not after it."""
    return (gen.raw64(n) % np.arange(1, n + 1, dtype=np.uint64)).view(np.int64)


def _exchange(n, partners, at_once):
    """0, 1, ..., n - 1 after exchanging element i with element partners[i], for each i in turn."""
    compiled = kernels.get(n)
    if compiled is not None:
        return compiled.shuffle(n, partners)
    return _exchange_in_turn(n, partners) if n < 150 else at_once(n, partners)


def _exchange_in_turn(n, partners):
    values = list(range(n))
    for i, partner in enumerate(partners.tolist()):
        values[i], values[partner] = values[partner], values[i]
    return np.array(values, np.int64)


def _exchange_ahead(n, partners):
    """The same without a loop, for partners that are not before their element.

    Step i leaves at place i what place p = partners[i] held: p itself, or, if an earlier step j also had
    partner p, what step j put there, which is what place j held when its turn came. So two questions remain,
    and sorting the steps by their partner answers both: which step had the same partner before, and which
    step wrote last to place j before step j. The second makes chains, which are followed by doubling.
    """
    steps = partners.size
    order = np.sort((partners << 32) | np.arange(steps))
    places, order = order >> 32, order & 0xFFFFFFFF
    repeated = np.flatnonzero(places[1:] == places[:-1]) + 1
    writer = np.full(steps, -1)
    writer[order[repeated]] = order[repeated - 1]
    held = np.arange(n)
    outside = places > order  # a step that is its own partner writes nothing new
    held[places[outside]] = order[outside]
    origin = _chain_ends(held)
    result = np.arange(n)
    result[:steps] = np.where(writer >= 0, origin[writer], partners)
    result[steps:] = origin[steps:]
    return result


def _exchange_behind(n, partners):
    """The same for partners that are not after their element: undone, seen from the end, they are ahead."""
    undone = n - 1 - _exchange_ahead(n, n - 1 - partners[::-1])[::-1]
    result = memory.empty(undone.shape, undone.dtype)
    result[undone] = np.arange(n)
    return result


def _chain_ends(link):
    while True:
        further = link[link]
        if np.array_equal(further, link):
            return link
        link = further


def _check_permutation(n, dtype):
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype not in SIGNED and dtype != "uint8" and dtype not in FLOATS:
        raise NotImplementedError(f'"randperm" not implemented for {dtype!r}')
    limit = (
        2**31 if dtype == "bfloat16" else min(_largest_counted(dtype) + 1, 2**31)
    )  # bfloat16 may repeat numbers
    if n > limit:
        raise RuntimeError(f"n cannot be greater than {limit} for {dtype}, got {n}")


def _upwards(gen, shape, dtype, low):
    if low == -(2**63):
        if dtype not in _FULL_RANGE_DTYPES:
            raise NotImplementedError(
                f"the full 64-bit range is only for {', '.join(_FULL_RANGE_DTYPES)}, got {dtype}"
            )
        return filled(shape, storage_of(dtype), lambda n: _as_dtype(gen.raw64(n).view(np.int64), dtype))
    if dtype == "uint64":
        raise RuntimeError("to - 1 is out of bounds for uint64: give an upper bound below 2**63")
    if dtype in FLOATS:
        low = _from_representable(low, dtype)
    largest = _largest_counted(dtype)
    if low > largest:
        raise RuntimeError(f"random_ expects 'from' to be at most {largest} for {dtype}, but got from={low}")
    _check_range(dtype, from_=low)
    return _spread(gen, shape, dtype, low, largest - low + 1)


def _spread(gen, shape, dtype, low, count):
    """`low` plus a random word modulo `count`."""
    words = gen.raw64 if count >= _TWO_WORDS_FROM else gen.raw32

    def sample(n):
        drawn = words(n)
        compiled = kernels.get(n) if n >= COMPILED_FROM and words == gen.raw32 else None
        if compiled is not None:
            return _as_dtype(compiled.integers(drawn, low, count), dtype)
        values = _modulo(drawn, count).astype(np.int64)
        values += low
        return _as_dtype(values, dtype)

    return filled(shape, storage_of(dtype), sample)


def _modulo(words, count):
    if count & (count - 1) == 0:
        return words & words.dtype.type(count - 1)
    return words % words.dtype.type(count)


def _largest_counted(dtype):
    """The end of the run 0, 1, 2, ... that the dtype represents without a gap."""
    if dtype in FLOATS:
        return 1 << FLOATS[dtype].digits
    if dtype == "bool":
        return 1
    try:
        return (1 << (SIGNED.get(dtype) or UNSIGNED[dtype])) - 1
    except KeyError:
        raise NotImplementedError(f"random integers are not implemented for dtype {dtype!r}") from None


def _check_range(dtype, **bounds):
    """Bounds within what the dtype holds; `from_` and `to_` are its inclusive ends."""
    if dtype in FLOATS:
        lowest, largest = -FLOATS[dtype].largest, FLOATS[dtype].largest
    else:
        largest = _largest_counted(dtype)
        lowest = -largest - 1 if dtype in SIGNED else 0
    for name, bound in bounds.items():
        if not lowest <= bound <= largest:
            said = "from" if name == "from_" else "to - 1"
            raise RuntimeError(
                f"{said} is out of bounds for {dtype}: {bound} is not in [{lowest}, {largest}]"
            )


def _from_representable(low, dtype):
    """The first bound not below `low` that a float dtype holds."""
    above = int(FLOATS[dtype].round(low + 1)) if _finite(low + 1, dtype) else low + 1
    return above + _spacing(low + 1, dtype) if above < low else low


def _to_representable(high, dtype):
    """The last exclusive bound not above `high` whose predecessor a float dtype holds."""
    below = int(FLOATS[dtype].round(high - 1)) if _finite(high - 1, dtype) else high - 1
    return below - _spacing(high - 1, dtype) if below >= high else high


def _finite(number, dtype):
    return math.isfinite(FLOATS[dtype].round(number))


def _spacing(number, dtype):
    """The distance between neighbouring numbers of a float dtype around a large whole number."""
    return 1 << (abs(number).bit_length() - FLOATS[dtype].digits)


def storage_of(dtype):
    """The numpy dtype that holds samples of the dtype called `dtype`."""
    return FLOATS[dtype].storage() if dtype in FLOATS else np.dtype(dtype)


def _as_dtype(values, dtype):
    if dtype == "float64":
        return values.astype(np.float64)
    return FLOATS[dtype].store(values) if dtype in FLOATS else values.astype(dtype, copy=False)
