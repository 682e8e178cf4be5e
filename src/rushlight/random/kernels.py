"""Compiled forms of the loops that numpy has no quick way to write; they give the same numbers.

`get(count)` returns the kernels, or None where they are switched off, cannot be had, or would not pay for
`count` numbers. The first large draw loads them, from the disk cache once they were compiled on this machine.
"""

import ctypes
import sys
from functools import cache

import numpy as np

from ..runtime import memory, settings
from ..runtime.pool import get_num_threads
from .state import BLOCKS_AHEAD, WORDS

# Below this many numbers a first use would cost more than it saves; a call counts as some numbers too.
_WORTH_LOADING = 1 << 15
_NUMBERS_A_CALL = 1 << 10
_PARALLEL_FROM = 1 << 13
_LANES = 8

LIBRARY_FUNCTIONS = ("log", "log1p", "exp", "tan")


def get(count):
    """The kernels to use for `count` numbers, or None to stay with numpy."""
    global _asked_for
    mode = settings.kernel_mode
    if mode == "off":
        return None
    if _asked_for < _WORTH_LOADING and mode == "auto":
        _asked_for += count + _NUMBERS_A_CALL
        if _asked_for < _WORTH_LOADING:
            return None
    return _load()


_asked_for = 0  # how many numbers, until the kernels were worth loading


def _address(array):
    """Where an array's numbers begin; `ndarray.ctypes` takes longer to say than a small kernel runs."""
    return _pointer_at(id(array) + _POINTER_PLACE).value if _POINTER_PLACE else array.ctypes.data


def _place_of_pointer():
    """Where an ndarray object keeps the address of its data, or 0 if that is not where CPython's does."""
    place, sample = object.__basicsize__, np.zeros(3)
    here = (
        sys.implementation.name == "cpython" and _pointer_at(id(sample) + place).value == sample.ctypes.data
    )
    return place if here else 0


_pointer_at = ctypes.c_void_p.from_address
_POINTER_PLACE = _place_of_pointer()


class Kernels:
    """The compiled functions, taking numpy arrays."""

    def __init__(self, code):
        pointer, size, single = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
        self._normal = code.function("random_normal", None, pointer, pointer, size, size, single, single)
        self._words = code.function("random_words", None, pointer, pointer, size)
        self._floats = code.function("random_floats", None, pointer, pointer, size)
        self._doubles = code.function("random_doubles", None, pointer, pointer, size)
        self._integers = code.function("random_integers", None, pointer, pointer, size, size, size)
        self._below = code.function("random_below", None, pointer, pointer, size, size, single)
        self._shuffle = code.function("random_shuffle", None, pointer, pointer, size)
        self._maps = {
            name: code.function(f"random_{name}", None, pointer, pointer, size) for name in LIBRARY_FUNCTIONS
        }

    def twister(self, key):
        """What `words` draws from: the key of a Mersenne twister, and room for what comes after it."""
        state = np.zeros((1 + BLOCKS_AHEAD) * WORDS, np.uint32)
        state[:WORDS] = key
        return state

    def words(self, twister, blocks):
        """The next words, by whole blocks."""
        result = memory.empty((blocks * WORDS,), np.dtype(np.uint32))
        self._words(_address(twister), _address(result), blocks)
        return result

    def floats(self, words):
        """float32 numbers in [0, 1), from the low 24 bits of each word."""
        result = memory.empty(words.shape, np.dtype(np.float32))
        self._floats(_address(words), _address(result), words.size)
        return result

    def doubles(self, words):
        """float64 numbers in [0, 1), from the low 53 bits of each pair of words."""
        result = memory.empty((words.size // 2,), np.dtype(np.float64))
        self._doubles(_address(words), _address(result), result.size)
        return result

    def integers(self, words, low, count):
        """`low` plus each word modulo `count`, as int64."""
        result = memory.empty(words.shape, np.dtype(np.int64))
        self._integers(_address(words), _address(result), words.size, low, count)
        return result

    def below(self, words, limit, one):
        """float32 `one` where the low 53 bits of a pair of words are below the limit, else zero."""
        result = memory.empty((words.size // 2,), np.dtype(np.float32))
        self._below(_address(words), _address(result), result.size, limit, one)
        return result

    def normal(self, words, mean, std):
        """float32 normal numbers from uint32 words, in blocks of 16."""
        words = np.ascontiguousarray(words)
        result = memory.empty((words.size,), np.dtype(np.float32))
        slots = get_num_threads() if words.size >= _PARALLEL_FROM else 1
        self._normal(_address(words), _address(result), words.size // 16, slots, std, mean)
        return result

    def shuffle(self, n, partners):
        """0, 1, ..., n - 1 after exchanging element i with element partners[i] for each i in turn."""
        result = np.arange(n)
        partners = np.ascontiguousarray(partners, np.int64)
        self._shuffle(_address(result), _address(partners), partners.size)
        return result

    def apply(self, name, values):
        """The C library's function of each number of a float64 array."""
        values = np.ascontiguousarray(values)
        result = memory.empty(values.shape, values.dtype)
        self._maps[name](_address(values), _address(result), values.size)
        return result


@cache
def _load():
    from ..runtime import native, pool, session

    try:
        shared = {pool.PARALLEL_FOR: pool.parallel_for_address()}
        return Kernels(native.module("random", (), _generate, symbols=shared))
    except session.Unavailable as reason:
        settings.log(2, f"random numbers stay with numpy: {reason}")
        return None


def _generate():
    from ..runtime.ir import Module
    from .twisting import write_numbers, write_words

    module = Module()
    write_words(module)
    write_numbers(module)
    _write_normal(module)
    _write_shuffle(module)
    for name in LIBRARY_FUNCTIONS:
        _write_map(module, name)
    return module.text()


def _write_normal(module):
    from ..runtime.ir import Value, f32, i64, ptr, void
    from ..runtime.pool import PARALLEL_FOR
    from .box_muller import normal_pair

    with module.function("normal_part", exported=False, work=ptr, slot=i64, thread=i64) as f:
        words, out = f.load(ptr, f.work), f.load(ptr, f.work, 8)
        blocks, slots = f.load(i64, f.work, 16), f.load(i64, f.work, 24)
        arithmetic = _Arithmetic(f)
        std, mean = (f.splat(f.load(f32, f.work, place), _LANES) for place in (32, 36))
        with f.loop(blocks * f.slot // slots, blocks * (f.slot + 1) // slots) as block:
            source, target = words.offset(block * 64), out.offset(block * 64)
            pair = normal_pair(arithmetic, _uniform(f, source, 0), _uniform(f, source, 32))
            for half, numbers in enumerate(pair):
                f.store(f.fma(numbers, std, mean), target, 32 * half)
    with module.function("random_normal", words=ptr, out=ptr, blocks=i64, parts=i64, std=f32, mean=f32) as f:
        work = f.stack(40)
        for place, value in zip((0, 8, 16, 24, 32, 36), (f.words, f.out, f.blocks, f.parts, f.std, f.mean)):
            f.store(value, work, place)
        f.call(PARALLEL_FOR, void, Value(f, ptr, "@normal_part"), work, f.parts)


def _uniform(f, words, offset):
    from ..runtime.ir import f32, i32

    bits = f.load(i32.vector(_LANES), words, offset) & 0xFFFFFF
    return bits.convert("sitofp", f32) * 2.0**-24


def _write_shuffle(module):
    from ..runtime.ir import i64, ptr

    with module.function("random_shuffle", values=ptr, partners=ptr, steps=i64) as f, f.loop(0, f.steps) as i:
        here = f.values.offset(i * 8)
        there = f.values.offset(f.load(i64, f.partners.offset(i * 8)) * 8)
        value, other = f.load(i64, here), f.load(i64, there)
        f.store(other, here)
        f.store(value, there)


def _write_map(module, name):
    from ..runtime.ir import f64, i64, ptr

    with module.function(f"random_{name}", values=ptr, out=ptr, n=i64) as f, f.loop(0, f.n) as i:
        f.store(f.call(name, f64, f.load(f64, f.values.offset(i * 8))), f.out.offset(i * 8))


class _Arithmetic:
    """float32 arithmetic on the values of a kernel."""

    def __init__(self, function):
        self.fma, self.select = function.fma, function.select
        self._function = function

    def sqrt(self, x):
        return self._function.intrinsic("sqrt", x)

    def bits(self, x):
        from ..runtime.ir import i32

        return x.bitcast(i32)

    def number(self, bits):
        from ..runtime.ir import f32

        return bits.bitcast(f32)

    def truncate(self, x):
        from ..runtime.ir import i32

        return x.convert("fptosi", i32)

    def to_float(self, x):
        from ..runtime.ir import f32

        return x.convert("sitofp", f32)
