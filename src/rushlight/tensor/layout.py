"""How elements lie in memory: layouts, memory formats, and the strides that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class layout:
    """How the elements of a tensor are stored. Tensors here are `strided`; the sparse ones exist as names."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format:
    """The order of the dimensions in memory."""

    __slots__ = ("name", "order")

    def __init__(self, name: str, order: tuple[int, ...] | None = None) -> None:
        self.name, self.order = name, order

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")
sparse_coo, sparse_csr, sparse_csc = layout("sparse_coo"), layout("sparse_csr"), layout("sparse_csc")
sparse_bsr, sparse_bsc, jagged = layout("sparse_bsr"), layout("sparse_bsc"), layout("jagged")
_mkldnn = layout("_mkldnn")

contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))

LAYOUTS = {
    x.name: x for x in (strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc, jagged, _mkldnn)
}
FORMATS = {x.name: x for x in (contiguous_format, preserve_format, channels_last, channels_last_3d)}


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of dense memory, in elements, the last dimension innermost."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def order_of(fmt: memory_format | None, ndim: int) -> tuple[int, ...] | None:
    """The dimensions from the outermost to the innermost in memory; None for row-major."""
    if fmt is None or fmt.order is None:
        return None
    if len(fmt.order) != ndim:
        raise RuntimeError(
            f"required rank {len(fmt.order)} tensor to use {fmt.name} format, but this one has {ndim} "
            "dimensions"
        )
    return fmt.order


def permuted(shape: Sequence[int], order: Sequence[int], dtype: Any, maker: Any = np.empty) -> np.ndarray:
    """A dense array of `shape` whose dimensions lie in memory in `order`."""
    return maker(tuple([shape[d] for d in order]), dtype).transpose(np.argsort(order))


def memory_order(array: np.ndarray) -> tuple[int, ...]:
    """The dimensions of `array` from the outermost to the innermost in memory; ties stay as they are."""
    order = list(range(array.ndim))
    for i in range(1, array.ndim):
        moving = i
        for left in range(i - 1, -1, -1):
            side = _inner(array, order[left], order[moving])
            if side > 0:
                order[left], order[moving] = order[moving], order[left]
                moving = left
            elif side < 0:
                break
    return tuple(order)


def _inner(array: np.ndarray, a: int, b: int) -> int:
    """Positive when dimension `a` lies inside `b`, negative when outside, zero when strides do not tell."""
    if array.strides[a] == array.strides[b]:
        return 1 if array.shape[a] < array.shape[b] and array.strides[a] else 0
    if not array.strides[a] or not array.strides[b]:
        return 0
    return 1 if array.strides[a] < array.strides[b] else -1


def is_dense(array: np.ndarray) -> bool:
    """Does `array` fill a piece of memory without gaps or overlaps, in any order of its dimensions?"""
    if array.flags.forc:
        return True
    expected = array.itemsize
    for stride, n in sorted((s, n) for s, n in zip(array.strides, array.shape) if n != 1):
        if stride != expected:
            return False
        expected *= n
    return True


def empty_like(
    array: np.ndarray, dtype: Any, fmt: memory_format | None = None, shape: Any = None, maker: Any = np.empty
) -> np.ndarray:
    """Memory for a tensor like `array`: its dimensions in the same order unless `fmt` says otherwise."""
    if shape is not None and len(shape) != array.ndim:
        return maker(shape, dtype)
    shape = array.shape if shape is None else shape
    if fmt is None or fmt is preserve_format:
        if array.flags.c_contiguous:
            return maker(shape, dtype)
        if is_dense(array) and shape == array.shape:
            return permuted(shape, sorted(range(array.ndim), key=lambda d: -array.strides[d]), dtype, maker)
        return permuted(shape, memory_order(array), dtype, maker)
    order = order_of(fmt, array.ndim)
    return maker(shape, dtype) if order is None else permuted(shape, order, dtype, maker)


def has_format(array: np.ndarray, fmt: memory_format | None) -> bool:
    """Does `array` already lie in memory as `fmt` says?"""
    if fmt is None or fmt is preserve_format:
        return True
    order = None if fmt.order is None or len(fmt.order) != array.ndim else fmt.order
    if order is None:
        return fmt is contiguous_format and array.flags.c_contiguous
    return array.transpose(order).flags.c_contiguous
