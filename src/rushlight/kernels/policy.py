"""When a kernel is worth it: the measured numbers, all in one place.

A kernel that is loaded needs 50 to 70 ns a call, a numpy ufunc 180 and more: it wins at any size (but for
tanh, which numpy has as fast on one thread).  What matters is the cost of getting it: 5 to 10 ms to compile
one (the first of a process 150, with the compiler and the pool), 0.15 ms to load it from the disk cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..runtime import settings
from .graph import Node

PARALLEL_FROM_PICOSECONDS = 5_000_000  # work that is worth waking another thread for
CHUNK_PICOSECONDS = 8_000_000  # work a thread takes at a time
RELEASE_FROM_PICOSECONDS = 30_000_000  # work that is worth letting other Python threads run
CHUNK_LIMITS = (1024, 65536)

BYTES_PICOSECONDS = 8  # reading or writing one byte, from the second-level cache
DEFAULT_PICOSECONDS = 15  # one cheap instruction on one float32
_GROUPS = {  # picoseconds for one float32 element, one thread, AVX-512
    60: "div sqrt rsqrt reciprocal",
    110: "exp exp2 normal_below",
    220: "expm1 sigmoid tanh log",
    320: "sin cos erf log1p",
    500: "atanh cosh asin acos atan atan2",
    800: "log2 log10 tan sinh",
    1200: "asinh acosh erfc",
    2000: "pow",
    8000: "fmod remainder floor_divide",
}
COSTS = {name: cost for cost, names in _GROUPS.items() for name in names.split()}
LEAVES = ("input", "scalar")

PRODUCT_FROM = 1 << 18  # multiplications from which on a generated matrix product beats a call of BLAS
LOW_PRODUCT_FROM = 1 << 14  # the same for one of so few rows that it reads each weight once
ATTENTION_FROM = 1 << 17
PRODUCT_LEAST = 4  # rows and columns below which a product is a matter of memory alone
PRODUCT_TASK = 1 << 18  # multiplications that are worth waking another thread for
PRODUCT_RELEASE = 1 << 20  # and letting other Python threads run

FEW_MULTIPLICATIONS = 1 << 17  # of a convolution, up to which patches side by side are the quickest way
FEW_ROWS = 512  # rows of patches up to which more of them are, since putting them there takes little
FEW_ROWS_GAIN = 4
FEW_OF_GROUP = 4  # channels or outputs of a group below which what goes back is numpy's otherwise
FEW_OF_GROUP_GAIN = 256

INDEXED_FROM = 1  # times the elements of other kernels: what indices have to name
INDEXED_PARALLEL_FROM = 1 << 15
INDEXED_RELEASE_FROM = 1 << 17
INDEXED_TASKS = 16
SORT_PARALLEL_FROM = 1 << 13  # elements of rows that are put in order
SORT_ROWS = 4  # rows for each thread from which on threads share the rows, not each row
SCAN_PARALLEL_FROM = 1 << 14  # elements of a running sum
SCAN_TASKS = 64
SCAN_RELEASE_FROM = 1 << 16
BAGS_FROM = 64  # elements of rows in bags, for which numpy needs many calls
PIXELS_FROM = 128
PIXELS_TASK = 1 << 14  # elements of a task: some microseconds
PIXELS_RELEASE_FROM = 1 << 17


def worthwhile(elements: int) -> bool:
    """Whether to use a kernel for that many elements, as the kernel mode says."""
    return elements >= settings.kernels_from


def element_cost(nodes: Iterable[Node], bytes_moved: int, vector_bytes: int) -> int:
    """A rough number of picoseconds for one element of a kernel on one thread."""
    arithmetic = sum(_node_cost(node) for node in nodes if node.op not in LEAVES)
    return bytes_moved * BYTES_PICOSECONDS + arithmetic * 64 // vector_bytes


def _node_cost(node: Node) -> int:
    cost = COSTS.get(node.op, DEFAULT_PICOSECONDS)
    return cost * (3 if node.dtype == "float64" else 1)


def chunk_elements(cost: int) -> int:
    low, high = CHUNK_LIMITS
    return max(low, min(high, CHUNK_PICOSECONDS // cost // low * low))


def parallel_from(cost: int) -> int:
    """Elements from which on threads share the work."""
    return PARALLEL_FROM_PICOSECONDS // cost + 1


def release_from(cost: int) -> int:
    """Elements from which on the GIL is released."""
    return RELEASE_FROM_PICOSECONDS // cost + 1


def product_worthwhile(multiplications: int, rows: int) -> bool:
    """Whether to use a kernel for a matrix product."""
    enough = LOW_PRODUCT_FROM if rows < PRODUCT_LEAST else PRODUCT_FROM
    return settings.kernel_mode == "force" or multiplications >= enough


def product_has_tiles(rows: int, columns: int) -> bool:
    """Whether a product's result is worth being parted into tiles."""
    return settings.kernel_mode == "force" or min(rows, columns) >= PRODUCT_LEAST


def product_threads(multiplications: int) -> int:
    """How many threads a matrix product is worth."""
    return max(1, multiplications // PRODUCT_TASK)


def attention_worthwhile(multiplications: int) -> bool:
    """Whether attention is done in tiles."""
    return settings.kernel_mode == "force" or multiplications >= ATTENTION_FROM


def pixels_from() -> int:
    """Elements from which on pictures are resized, pooled and sampled by kernels: numpy needs many calls."""
    return PIXELS_FROM if settings.kernel_mode == "auto" else settings.kernels_from


def bags_from() -> int:
    """Elements from which on rows in bags are added up by kernels."""
    return BAGS_FROM if settings.kernel_mode == "auto" else settings.kernels_from


def channels_last(x: Any) -> bool:
    """Do channels lie together in memory in these images or volumes? Numpy keeps them so."""
    if x.ndim not in (4, 5) or x.flags.c_contiguous:
        return False
    return bool(x.transpose(0, *range(2, x.ndim), 1).flags.c_contiguous)
