"""Generated code of the Mersenne twister, many words at a time, and of the numbers that words become.

The twister is a sequence in which each word follows from three of the 624 before it, the nearest of them 227
places away: so a whole vector of words can be made at once, as long as it is not wider than that.
"""

from ..runtime.ir import f32, f64, i32, i64, ptr
from .state import BLOCKS_AHEAD, WORDS

LANES = 16

NEAR = 397
UPPER, LOWER, TWIST = -(1 << 31), (1 << 31) - 1, 0x9908B0DF - (1 << 32)


def write_words(module):
    """`random_words(state, out, blocks)`: the next blocks of words; `state` begins with the key."""
    head = module.function("random_words", state=ptr, out=ptr, blocks=i64)
    with head as f, f.loop(0, f.blocks, BLOCKS_AHEAD) as block:
        words = f.minimum(f.blocks - block, BLOCKS_AHEAD) * WORDS
        _write_round(f, words, f.out.offset(block * (WORDS * 4)))


def _write_round(f, words, target):
    """So many words to `target`; then the last block of them becomes the key."""
    with f.loop(0, words, LANES) as k:
        place = f.state.offset(k * 4)
        fresh = _twisted(f, place)
        f.store(fresh, place, WORDS * 4, align=4)
        f.store(_tempered(fresh), target.offset(k * 4), align=4)
    last = f.state.offset(words * 4)
    with f.loop(0, WORDS, LANES) as k:
        f.store(_vector(f, last.offset(k * 4), 0), f.state.offset(k * 4), align=4)


def _vector(f, place, number):
    return f.load(i32.vector(LANES), place, number * 4, align=4)


def _twisted(f, place):
    """The words 624 places on."""
    mixed = (_vector(f, place, 0) & UPPER) | (_vector(f, place, 1) & LOWER)
    odd = -(mixed & 1)
    return _vector(f, place, NEAR) ^ mixed.lshr(1) ^ (odd & TWIST)


def _tempered(words):
    words = words ^ words.lshr(11)
    words = words ^ ((words << 7) & (0x9D2C5680 - (1 << 32)))
    words = words ^ ((words << 15) & (0xEFC60000 - (1 << 32)))
    return words ^ words.lshr(18)


def write_numbers(module):
    """`random_floats` and `random_doubles(words, out, n)`: numbers in [0, 1). The others likewise."""
    with module.function("random_floats", words=ptr, out=ptr, n=i64) as f:
        _each(f, lambda f, k, lanes: _float(f, k, lanes), 4)
    with module.function("random_doubles", words=ptr, out=ptr, n=i64) as f:
        _each(f, lambda f, k, lanes: _double(f, k, lanes), 8)
    with module.function("random_below", words=ptr, out=ptr, n=i64, limit=i64, one=f32) as f:
        _each(f, lambda f, k, lanes: _below(f, k, lanes), 4)
    with module.function("random_integers", words=ptr, out=ptr, n=i64, low=i64, count=i64) as f:
        _each(f, lambda f, k, lanes: _integer(f, k, lanes), 8)


def _each(f, number, size):
    """Vectors of numbers, and the last few one by one."""
    whole = f.n & -LANES
    with f.loop(0, whole, LANES) as k:
        f.store(number(f, k, LANES), f.out.offset(k * size), align=size)
    with f.loop(whole, f.n) as k:
        f.store(number(f, k, 1), f.out.offset(k * size))


def _float(f, k, lanes):
    type = i32.vector(lanes) if lanes > 1 else i32
    bits = f.load(type, f.words.offset(k * 4), align=4) & 0xFFFFFF
    return bits.convert("sitofp", f32) * 2.0**-24


def _double(f, k, lanes):
    return _low_bits(f, k, lanes).convert("sitofp", f64) * 2.0**-53


def _low_bits(f, k, lanes):
    """53 bits of a pair of words. The first of a pair is the upper one, the last in memory the lower one."""
    type = i64.vector(lanes) if lanes > 1 else i64
    pairs = f.load(type, f.words.offset(k * 8), align=4)
    return ((pairs << 32) | pairs.lshr(32)) & ((1 << 53) - 1)


def _below(f, k, lanes):
    limit, one = f.limit, f.one
    if lanes > 1:
        limit, one = f.splat(limit, lanes), f.splat(one, lanes)
    return f.select(_low_bits(f, k, lanes) < limit, one, one * 0.0)


def _integer(f, k, lanes):
    """`low` plus a word modulo `count`, by a quotient that is at most one off."""
    type = i32.vector(lanes) if lanes > 1 else i32
    word = f.load(type, f.words.offset(k * 4), align=4).convert("zext", i64).convert("sitofp", f64)
    count, low = f.count.convert("sitofp", f64), f.low
    inverse = f.constant(f64, 1.0) / count
    if lanes > 1:
        count, low, inverse = (f.splat(value, lanes) for value in (count, low, inverse))
    rest = f.fma(-f.intrinsic("trunc", word * inverse), count, word)
    rest = f.select(rest < 0.0, rest + count, f.select(rest >= count, rest - count, rest))
    return rest.convert("fptosi", i64) + low
