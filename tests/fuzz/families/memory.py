"""Memory that is kept for the next array: random requests, returns, views, limits and threads."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import numpy as np

from rushlight.kernels import lending

from .. import heap
from ..draw import Draw
from . import family

CLASSES_OF_OCTAVE = 8
ROOMY_FROM = 32 << 20  # from here on a block may have up to twice the size
DTYPES = ("uint8", "float32", "float64", "int64", "complex128", "bool", "float16")
UNUSUAL = (">f4", "U3", "i4,f8", "datetime64[s]")
STEPS = 40
LINE = 64


def block_size(size: int) -> int:
    """Eight sizes between powers of two."""
    step = 1 << (size - 1).bit_length() - CLASSES_OF_OCTAVE.bit_length()
    return -(-size // step) * step


class Model:
    """What blocks are free, by size: those of the size that was given back longest ago go first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free: dict[int, int] = {}  # how many, by size; in the order of the last return

    @property
    def held(self) -> int:
        return sum(size * count for size, count in self.free.items())

    def lend(self, size: int) -> int:
        """The size of the block for so many bytes."""
        wanted = block_size(size)
        largest = 2 * wanted if wanted >= ROOMY_FROM else wanted
        fitting = [n for n in self.free if wanted <= n <= largest]
        return self._taken(min(fitting)) if fitting else wanted

    def _taken(self, size: int) -> int:
        self.free[size] -= 1
        if not self.free[size]:
            del self.free[size]
        return size

    def give_back(self, size: int) -> None:
        if size > self.limit:
            return
        self.trim(self.limit - size)
        self.free[size] = self.free.pop(size, 0) + 1

    def trim(self, keep: int) -> None:
        while self.held > keep:
            self._taken(next(iter(self.free)))


class Lent:
    """An array that was lent, and what it is to contain."""

    def __init__(self, array: np.ndarray, block: int, seed: int) -> None:
        self.array, self.block = array, block
        self.place, self.bytes = array.ctypes.data, array.nbytes
        self.seen = array.view(np.uint8).reshape(-1) if array.dtype != bool else array.reshape(-1).view("u1")
        self.every = 1 if self.bytes < 1 << 20 else 1021
        self.pattern = np.random.default_rng(seed).integers(0, 2, -(-self.bytes // self.every), np.uint8)
        self.seen[:: self.every] = self.pattern
        self.last = self.seen[-1:].copy()

    def look(self) -> None:
        assert (self.seen[:: self.every] == self.pattern).all(), "somebody else has written"
        assert (self.seen[-1:] == self.last).all()

    def only_a_view(self) -> None:
        """The whole array is gone, and its memory is not."""
        self.array = self.array[1:] if self.array.ndim and len(self.array) > 1 else self.array.T


def _request(draw: Draw) -> tuple[tuple[int, ...], np.dtype]:
    dtype = np.dtype(draw.one(*DTYPES))
    kind = draw.random.random()
    size = 1 << draw.number(10, draw.one(17, 18, 20)) if kind < 0.995 else draw.number(30 << 20, 40 << 20)
    size += draw.one(0, 0, 1, -1, draw.number(0, size // 2), size >> 3, (size >> 3) + 1)
    count = max(1, size // dtype.itemsize)
    rows = draw.one(1, 1, 2, 3, 7)
    return ((rows, -(-count // rows)) if draw.chance(0.3) else (count,)), dtype


def _apart(living: list[Lent]) -> None:
    places = sorted((lent.place, lent.bytes) for lent in living)
    assert all(place + size <= after for (place, size), (after, _) in pairwise(places))


def _lend(draw: Draw, model: Model | None) -> Lent:
    shape, dtype = _request(draw)
    made = lending.load().empty(shape, dtype, dtype.itemsize)
    assert (made.shape, made.dtype) == (shape, dtype)
    assert made.flags.c_contiguous
    assert made.flags.writeable
    lent = made.nbytes >= lending.LENT_FROM
    assert not lent or made.ctypes.data % LINE == 0
    return Lent(made, model.lend(made.nbytes) if lent and model else 0, draw.number(0, 1 << 30))


def _unusual(draw: Draw) -> None:
    empty = lending.load().empty
    dtype = np.dtype(draw.one(*UNUSUAL))
    assert empty((5000, 3), dtype, dtype.itemsize).dtype == dtype
    assert empty((draw.number(0, 9), 0, 3), np.dtype("f4"), 4).size == 0
    for shape in [(3, -1), (1 << 40, 1 << 40), (1 << 62,)]:
        try:
            empty(shape, np.dtype("f8"), 8)
        except (ValueError, MemoryError, OverflowError, OSError):  # numpy's, or those of the guard
            continue
        raise AssertionError(f"an array of shape {shape}")


def _at_once(draw: Draw) -> None:
    """Three threads that ask for memory and give it back."""
    wrong: list[Any] = []

    def work(own: Draw) -> None:
        living: list[Lent] = []
        try:
            for _ in range(15):
                living.append(_lend(own, None))
                if own.chance(0.5):
                    living.pop(own.number(0, len(living) - 1)).look()
            for lent in living:
                lent.look()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(Draw(*draw.seed, k),)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong


def _steps(draw: Draw, lender: lending.Lender) -> None:
    model, living = Model(lender.limit.value), []
    for _ in range(STEPS):
        kind = draw.random.random()
        if kind < 0.5 or not living:
            living.append(_lend(draw, model))
            _apart(living)
        elif kind < 0.85:
            lent = living.pop(draw.number(0, len(living) - 1))
            lent.look()
            block = lent.block
            del lent
            if block:
                model.give_back(block)
        elif kind < 0.92:
            draw.one(*living).only_a_view()
        elif kind < 0.96:
            keep = draw.number(0, max(1, model.held))
            lender.trim(keep)
            model.trim(keep)
        else:
            _unusual(draw)
        assert lender.held.value == model.held <= model.limit, (lender.held.value, model.held, model.limit)
    for lent in living:
        lent.look()


@family("memory that is lent")
def lent_memory(draw: Draw) -> bool:
    lender, counted = lending.load(), heap.heap
    limit = lender.limit.value
    lender.trim(0)
    before = counted.asked_for.value if counted else 0
    heap.lend_from(lending.LENT_FROM)
    try:
        lender.limit.value = draw.one(0, 1 << 16, 1 << 20, 1 << 23, limit)
        draw.run(_steps, draw, lender)
        if draw.chance(0.2):
            draw.run(_at_once, draw)
        assert lender.held.value <= lender.limit.value
        if counted:  # what was asked for is held or given back
            assert counted.asked_for.value - before == lender.held.value
        lender.trim(0)
        assert lender.held.value == 0
        assert not counted or counted.asked_for.value == before
    finally:
        lender.limit.value = limit
        heap.lend_from(1 << 62)
    return True
