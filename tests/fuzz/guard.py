"""Memory that ends, or begins, where the process may not go: who steps outside of an array dies at once.

Fresh memory is all ones in its bits (floats are NaN), so what is read before it was written shows; what is
left of an array's pages on its other side keeps these bits, and `check` looks whether it has.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

PAGE = mmap.PAGESIZE
FORBIDDEN = 16 * PAGE  # on both sides
UNTOUCHED = 0xFF
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_empty, _zeros, _contiguous, _empty_like = np.empty, np.zeros, np.ascontiguousarray, np.empty_like


class Guard:
    """Hands out memory; `at_end` says which side of it is forbidden."""

    def __init__(self) -> None:
        self.at_end = True
        self.active = False
        self.swap: Callable[[bool], None] = lambda at_end: None  # numpy's own memory, see `heap`
        self.lent: list[np.ndarray] = []  # what lies beside the arrays on their pages

    def empty(self, shape, dtype=float) -> np.ndarray:
        """A C-contiguous array flush against a forbidden page."""
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        inside = max(1, -(-size // PAGE)) * PAGE
        pages = mmap.mmap(-1, inside + 2 * FORBIDDEN, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages)) + FORBIDDEN
        for forbidden in (start - FORBIDDEN, start + inside):
            if _libc.mprotect(forbidden, FORBIDDEN, 0):
                raise OSError(ctypes.get_errno(), "mprotect failed")
        ctypes.memset(start, UNTOUCHED, inside)
        offset = inside - size if self.at_end else 0
        around = slice(0, offset) if self.at_end else slice(size, inside)
        self.lent.append(np.ndarray(inside, np.uint8, pages, FORBIDDEN)[around])
        return np.ndarray(shape, dtype, pages, FORBIDDEN + offset)

    def check(self) -> None:
        """Nothing was written around the arrays that were lent since the last look."""
        lent, self.lent = self.lent, []
        assert all((around == UNTOUCHED).all() for around in lent), "memory beside an array was written"

    @contextmanager
    def allocating(self) -> Iterator[None]:
        """What kernels and their callers ask for meanwhile is guarded too."""
        self.active = True
        self.swap(self.at_end)
        try:
            yield
        finally:
            self.active = False
            self.swap(self.at_end)

    def install(self) -> None:
        """Puts this in the place of numpy's and the runtime's memory, before Rushlight is imported."""
        np.empty, np.zeros = self._numpy_empty, self._numpy_zeros
        np.empty_like, np.ascontiguousarray = self._numpy_empty_like, self._numpy_contiguous
        from rushlight.runtime import memory

        lend = memory.empty
        memory.empty = lambda shape, dtype: (
            self.empty(shape, dtype) if self._takes(dtype) else lend(shape, dtype)
        )
        scratch = memory.scratch
        memory.scratch = lambda size: self.empty((size,), np.uint8) if self.active else scratch(size)
        keep = memory.end_scratch
        memory.end_scratch = lambda held: None if self.active else keep(held)

    def _takes(self, dtype) -> bool:
        return self.active and not np.dtype(dtype).hasobject

    def _numpy_empty(self, shape, dtype=float, *more, **options):
        if more or options or not self._takes(dtype):
            return _empty(shape, dtype, *more, **options)
        return self.empty(shape, dtype)

    def _numpy_zeros(self, shape, dtype=float, *more, **options):
        if more or options or not self._takes(dtype):
            return _zeros(shape, dtype, *more, **options)
        made = self.empty(shape, dtype)
        made[...] = 0
        return made

    def _numpy_empty_like(self, array, dtype=None, *more, **options):
        plain = type(array) is np.ndarray and array.flags.c_contiguous and not (more or options)
        if not plain or not self._takes(dtype or array.dtype):
            return _empty_like(array, dtype, *more, **options)
        return self.empty(array.shape, dtype or array.dtype)

    def _numpy_contiguous(self, array, *more, **options):
        made = _contiguous(array, *more, **options)
        if made is array or not self._takes(made.dtype) or np.may_share_memory(made, array):
            return made
        copy = self.empty(made.shape, made.dtype)
        copy[...] = made
        return copy


guard = Guard()
