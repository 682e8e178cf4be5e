"""Arrays whose memory is kept for the next one of its size.

A fresh 40 MB array costs more in page faults than most arithmetic on it.  `empty` takes arrays of 16 KB and
more from blocks that earlier arrays gave back (`kernels.llvm.lending`): a block returns when the array and
every view of it are gone.  Small arrays are numpy's own, as all are where no code can be generated.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from . import settings

SCRATCH_STEP = 1 << 21  # bytes that scratch memory is rounded up to: a huge page
MOST_SCRATCH = 1 << 26  # bytes of it that are kept
FROM_BYTES = 1 << 17  # from here on arrays begin on pages of their own, and numpy's would have new ones
_dtype, _numpy_empty, _zeros = np.dtype, np.empty, np.zeros  # looked up once: this is a hot path


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array with arbitrary contents, 64-byte aligned from 16 KB on."""
    if not isinstance(dtype, _dtype):
        dtype = _dtype(dtype)
    if type(shape) is not tuple:  # generated code reads it as one
        shape = tuple(shape)
    return _lend(shape, dtype, dtype.itemsize)


def _lend_first(shape: tuple[int, ...], dtype: np.dtype, item: int) -> np.ndarray:
    """Finds out how arrays are made here, and makes one."""
    global _lend, _lender
    if settings.kernel_mode == "off":
        return _numpy_empty(shape, dtype)
    from ..kernels import lending
    from .session import Unavailable

    try:
        _lender = lending.load()
        _lend = _lender.empty
    except Unavailable as reason:
        settings.log(1, f"arrays are made by numpy: {reason}")
        _lend = _of_numpy
    return _lend(shape, dtype, item)


def _of_numpy(shape: tuple[int, ...], dtype: np.dtype, item: int) -> np.ndarray:
    return _numpy_empty(shape, dtype)


_lend: Any = _lend_first
_lender: Any = None  # what keeps blocks, where there is generated code


def shaped(made: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array that nobody else has, in another shape: itself where it can be, since a view is an array's
    second owner.
    """
    if made.shape == shape:
        return made
    if not made.flags.c_contiguous:
        return made.reshape(shape)
    made.resize(shape, refcheck=False)  # no element more or less: only the shape is another
    return made


def zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of zeros; a large one is written, which takes less time than fresh pages from the system
    do.
    """
    if dtype.itemsize * prod(shape) < FROM_BYTES:
        return _zeros(shape, dtype)
    made = empty(shape, dtype)
    made.fill(0)
    return made


_no_scratch = np.empty(0, np.uint8)
_scratch: list[np.ndarray] = []  # what calls have given back; a list's pop and append need no lock


def scratch(size: int) -> np.ndarray:
    """At least so many bytes for the time of a call; to be given back with `end_scratch`.

    Calls that follow each other work in the same memory, whatever their sizes: what one has written to is in
    the processor's caches for the next, and does not push out arrays.
    """
    try:
        held = _scratch.pop()
    except IndexError:
        held = _no_scratch
    if len(held) < size:
        held = empty((-(-size // SCRATCH_STEP) * SCRATCH_STEP,), np.uint8)
    return held


def end_scratch(held: np.ndarray) -> None:
    if not _scratch and len(held) <= MOST_SCRATCH:
        _scratch.append(held)


def trim(keep: int = 0) -> int:
    """Return cached memory to the system until at most `keep` bytes are held; the number of bytes freed."""
    _scratch.clear()
    before = cached_bytes()
    if _lender:
        _lender.trim(keep)
    return before - cached_bytes()


def cached_bytes() -> int:
    """Bytes held for reuse now."""
    return _lender.held.value if _lender else 0
