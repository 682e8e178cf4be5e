"""Arrays that end (or start) where the process may not read: a kernel that steps outside dies at once."""

import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE


def empty(shape, dtype, at_end=True):
    """A C-contiguous array between two forbidden pages, flush against one of them."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    pages = max(1, -(-size // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for forbidden in (base, base + (pages + 1) * PAGE):
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(forbidden), ctypes.c_size_t(PAGE), 0) != 0:
            raise OSError("mprotect failed")
    start = PAGE + (pages * PAGE - size if at_end else 0)
    return np.ndarray(shape, dtype, memory, start)


def copy(array, at_end=True):
    """The same values between forbidden pages."""
    made = empty(array.shape, array.dtype, at_end)
    made[...] = array
    return made
