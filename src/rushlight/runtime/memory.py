"""Arrays whose memory is kept for the next one of its size.

A fresh 40 MB array costs more in page faults than most arithmetic on it.  `empty` takes large arrays from
blocks that earlier arrays gave back: a block returns when the array and every view of it are gone.  Small
arrays are numpy's own. Blocks start on a page, so on 64 bytes too.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from math import prod

import numpy as np

from . import settings
from .locks import fork_safe_lock

SCRATCH_STEP = 1 << 21  # bytes that scratch memory is rounded up to: a huge page
MOST_SCRATCH = 1 << 26  # bytes of it that are kept
FROM_BYTES = 1 << 17  # below this np.empty is cheaper (0.2 us against 0.8); from here on its pages are new
PAGE = mmap.PAGESIZE
HUGE_PAGES_FROM = 4 << 20
# Python maps memory shared by default: a forked child would write into its parent's arrays
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
MOST_REQUESTS = 4096
_array, _dtype, _empty, _zeros = (
    np.ndarray,
    np.dtype,
    np.empty,
    np.zeros,
)  # looked up once: this is a hot path


class _Block:
    """Pages of memory; unmapped when the last reference goes."""

    __slots__ = ("address", "pages", "size")

    def __init__(self, size: int):
        self.size = size
        self.pages = mmap.mmap(-1, size, **PRIVATE)
        if size >= HUGE_PAGES_FROM and hasattr(mmap, "MADV_HUGEPAGE"):
            self._ask_for_huge_pages()
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.pages))

    def _ask_for_huge_pages(self) -> None:
        try:
            self.pages.madvise(mmap.MADV_HUGEPAGE)
        except OSError:  # not configured in this kernel
            pass


class _Bin:
    """The free blocks of one size, and the type of the buffers that lend them."""

    __slots__ = ("free", "lease", "size")

    def __init__(self, size: int, cache: Cache):
        self.size = size
        self.free: list[_Block] = []
        self.lease = _lease_type(self, cache)


def _lease_type(bin: _Bin, cache: Cache) -> type:
    """A ctypes buffer of the bin's size that gives its block back when nothing refers to it any more."""

    def give_back(self, give=cache.give, bin=bin):
        give(bin, self.block)

    body = {"__slots__": ("block",), "__del__": give_back}
    return type("Lease", (ctypes.c_ubyte * bin.size,), body)


class Cache:
    """Free blocks by size, at most `limit` bytes of them; the size used longest ago goes first."""

    def __init__(self, limit: int):
        self.limit = limit
        self.held = 0
        self.bins: dict[int, _Bin] = {}  # by block size, the one used last at the end
        self.bin_of_request: dict[int, _Bin] = {}
        self.lock = fork_safe_lock()  # a garbage collection inside may give a block back

    def lend(self, size: int):
        """A buffer of at least `size` bytes."""
        bin = self.bin_of_request.get(size) or self._find_bin(size)
        with self.lock:
            block = bin.free.pop() if bin.free else None
            if block is not None:
                self.held -= bin.size
        if block is None:
            block = self._new_block(bin.size)
        lease = bin.lease.from_address(block.address)
        lease.block = block
        return lease

    def _find_bin(self, request: int) -> _Bin:
        size = block_size(request)
        with self.lock:
            bin = self.bins.get(size)
            if bin is None:
                bin = self.bins[size] = _Bin(size, self)
            if len(self.bin_of_request) > MOST_REQUESTS:
                self.bin_of_request.clear()
            self.bin_of_request[request] = bin
        return bin

    def _new_block(self, size: int) -> _Block:
        try:
            return _Block(size)
        except (OSError, ValueError):
            self.trim()
        try:
            return _Block(size)
        except (OSError, ValueError) as error:
            raise MemoryError(f"cannot allocate {size} bytes: {error}") from None

    def give(self, bin: _Bin, block: _Block) -> None:
        with self.lock:
            bin.free.append(block)
            self.held += bin.size
            if self.held > self.limit:
                self.bins[bin.size] = self.bins.pop(bin.size)
                self._shrink(self.limit)

    def trim(self, keep: int = 0) -> int:
        """Give free blocks back to the system until at most `keep` bytes are held; the bytes freed."""
        with self.lock:
            before = self.held
            self._shrink(keep)
            return before - self.held

    def _shrink(self, limit: int) -> None:
        """Drop blocks of the sizes that were given back longest ago while the cache was full."""
        for bin in list(self.bins.values()):
            while bin.free and self.held > limit:
                bin.free.pop(0)
                self.held -= bin.size


def _default_limit() -> int:
    """RUSHLIGHT_MEMORY_CACHE in MB, else an eighth of the machine's memory, at most 1 GB."""
    megabytes = settings.integer("RUSHLIGHT_MEMORY_CACHE", -1)
    if megabytes >= 0:
        return megabytes << 20
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = 4 << 30
    return min(1 << 30, memory // 8)


cache = Cache(_default_limit())


def block_size(size: int) -> int:
    """`size` rounded up to one of eight steps between powers of two, in whole pages."""
    step = max(PAGE, 1 << max(0, (size - 1).bit_length() - 4))
    return -(-size // step) * step


def empty(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An array with arbitrary contents, 64-byte aligned from 256 KB on."""
    if not isinstance(dtype, _dtype):
        dtype = _dtype(dtype)
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size < FROM_BYTES or dtype.hasobject:
        return _empty(shape, dtype)
    return _array(shape, dtype, cache.lend(size))


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
    """Return cached memory to the system; the number of bytes that were freed."""
    _scratch.clear()
    if not keep:
        for also in when_trimmed:
            also()
    return cache.trim(keep)


when_trimmed: list = []  # called when all that is kept is to be given back


def cached_bytes() -> int:
    """Bytes held for reuse now."""
    return cache.held
