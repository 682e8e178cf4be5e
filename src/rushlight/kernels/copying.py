"""Copies of large arrays by generated kernels, whatever the order of the axes in memory.

    put(out, x)

fills `out` with the elements of `x`, which has its shape and dtype, and answers whether it did: where the
answer is no, numpy copies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..runtime import pool, session, settings
from . import invoke, moving
from .graph import input_node
from .kernel import elementwise
from .llvm import blocked, copying
from .planning import Plans

FROM = 2  # times the elements of other kernels: below, numpy is done before a kernel has been looked up
FROM_PIECE = 64  # bytes of a run without gaps that copies row by row are good at
RELEASE_BYTES = 1 << 20  # from here on other Python threads may run
STREAM_BYTES = 48 << 20  # and from here on the result is written past the caches
PARALLEL_BYTES = 1 << 18
LINE = 64
DTYPES = {1: "uint8", 2: "int16", 4: "int32", 8: "int64"}
BFLOAT16 = "E"  # the letter that ml_dtypes gave it


def takes(x: np.ndarray) -> bool:
    """Is this large enough, and made of plain numbers?"""
    return (
        x.size >= FROM * settings.kernels_from
        and x.itemsize in DTYPES
        and (x.dtype.kind in "biufc" or x.dtype.char == BFLOAT16)
        and x.flags.aligned
    )


def put(out: np.ndarray, x: np.ndarray) -> bool:
    """Fills `out` with `x`; False where numpy is to do it."""
    if not takes(x) or out.dtype != x.dtype or out.shape != x.shape or np.may_share_memory(out, x):
        return False
    key = (x.shape, out.strides, x.strides, x.itemsize)
    plan = _plans.find(key, *key)
    return plan is not None and plan(out, x)


def filled(out: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`out` with the elements of `x`, whoever copies them."""
    if not put(out, x):
        out[...] = x
    return out


def _plan(shape: tuple, out_strides: tuple, x_strides: tuple, size: int) -> Callable[..., Any] | None:
    if not prod(shape):
        return None
    axes = joined(shape, out_strides, x_strides)
    length, out_step, x_step = axes[-1] if axes else (1, size, size)
    across = next((k for k, (_, _, step) in enumerate(axes[:-1]) if step == size), None)
    turns = across is not None and out_step == size and len(axes) - 2 <= copying.MOST_OUTER
    forward = all(step >= 0 for _, step, _ in axes)
    if forward and out_step == size and x_step in (0, size) and length * size >= FROM_PIECE:
        return _straight(size) if prod(shape) * size >= STREAM_BYTES else _moved
    return _Turning(axes, across, size) if turns and forward else _moved  # type: ignore[arg-type]


_plans = Plans("copies", _plan)


def joined(shape: tuple, out_strides: tuple, x_strides: tuple) -> list[tuple[int, int, int]]:
    """The length and both steps of each axis, the result's largest step first; what can be joined is."""
    axes: list[tuple[int, int, int]] = []
    known = [axis for axis in zip(shape, out_strides, x_strides) if axis[0] != 1]
    for n, out_step, x_step in sorted(known, key=lambda axis: -axis[1]):
        if axes and axes[-1][1] == n * out_step and axes[-1][2] == n * x_step:
            axes[-1] = (axes[-1][0] * n, out_step, x_step)
        else:
            axes.append((n, out_step, x_step))
    return axes


def _moved(out: np.ndarray, x: np.ndarray) -> bool:
    """For copies row by row, with steps of any kind."""
    return moving.load().copy(out, x, x.itemsize) is not None


@lru_cache(maxsize=8)
def _straight(size: int) -> Callable[..., Any]:
    """For large copies row by row, which are written past the caches: the kernel of the identity."""
    dtype = np.dtype(DTYPES[size])
    kernel = elementwise(input_node(0, dtype.name), name=f"copy_{dtype.name}")

    def run(out: np.ndarray, x: np.ndarray) -> bool:
        kernel(out.view(dtype), x.view(dtype))
        return True

    return run


class _Turning:
    """For copies whose two sides run along different axes."""

    __slots__ = ("addresses", "release", "stream", "threads", "words")

    def __init__(self, axes: list[tuple[int, int, int]], across: int, size: int) -> None:
        columns, _, x_step = axes[-1]
        rows, out_step, _ = axes[across]
        outer = [axis for k, axis in enumerate(axes[:-1]) if k != across]
        outer = [(1, 0, 0)] * (copying.MOST_OUTER - len(outer)) + outer
        machine = session.host()
        band = copying.band_columns(size, machine.vector_bytes)
        matrices = prod(n for n, _, _ in outer)
        tasks = -(-columns // band) * -(-rows // copying.BAND_ROWS) * matrices
        moved = rows * columns * matrices * size
        self.words = (tasks, rows, columns, out_step, x_step, *(axis[k] for k in range(3) for axis in outer))
        self.release = moved >= RELEASE_BYTES
        steps = [out_step, *(step for _, step, _ in outer)]
        self.stream = moved >= STREAM_BYTES and not any(step % LINE for step in steps)
        self.threads = tasks if moved >= PARALLEL_BYTES else 1
        self.addresses = [_turning(size, stream) for stream in ((False, True) if self.stream else (False,))]

    def __call__(self, out: np.ndarray, x: np.ndarray) -> bool:
        from ..lang.movement import address

        streams = self.stream and address(out) % LINE == 0
        scratch = np.empty(blocked.HEADER + LINE, np.uint8)
        threads = min(self.threads, pool.get_num_threads())
        kernel = self.addresses[streams]
        invoke.load()(kernel, self.release, out, x, scratch, threads, 0, 0, *self.words)
        return True


@lru_cache(maxsize=16)
def _turning(size: int, stream: bool) -> int:
    machine = session.host()
    return invoke.built(
        f"turn_{8 * size}{'_stream' if stream else ''}",
        (size, stream, machine.level, machine.vector_bytes),
        lambda: copying.turning_ir(size, machine.level, machine.vector_bytes, stream),
    )
