"""Samples of images and volumes at the places of a grid by generated kernels, and their gradients.

Each function answers None where it does not apply, and numpy does the work.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..runtime import memory, pool, session, settings
from . import invoke, policy
from .llvm import blocked
from .llvm import sampling as generator
from .planning import build

DTYPES = {"f": "float32", "d": "float64"}
PLANES_BYTES = 64 << 10  # planes that a task adds to: about what stays in the first-level cache
TASKS = 16  # parts that the work on all images is cut into, at least


def sample(x: Any, grid: Any, mode: str, padding: str, align_corners: bool) -> np.ndarray | None:
    """The values of `x` (images, channels, *sizes) at the points of `grid` (images, *places, axes)."""
    if not _takes(x, grid):
        return None
    out = (*x.shape[:2], *grid.shape[1:-1])
    return _run("sample", out, x, grid, None, (mode, padding, align_corners))


def input_gradient(
    g: Any, x: Any, grid: Any, mode: str, padding: str, align_corners: bool
) -> np.ndarray | None:
    """The gradient of `x` for that of the samples."""
    if not _takes(x, grid, g):
        return None
    return _run("input", x.shape, x, grid, g, (mode, padding, align_corners))


def grid_gradient(
    g: Any, x: Any, grid: Any, mode: str, padding: str, align_corners: bool
) -> np.ndarray | None:
    """The gradient of the points for that of the samples."""
    if not _takes(x, grid, g) or mode == "nearest":
        return None
    return _run("grid", grid.shape, x, grid, g, (mode, padding, align_corners))


def _takes(x: Any, *others: Any) -> bool:
    if settings.kernel_mode == "off" or type(x) is not np.ndarray or x.dtype.char not in DTYPES:
        return False
    if not all(type(other) is np.ndarray and other.dtype == x.dtype for other in others):
        return False
    points = prod(others[0].shape[1:-1])
    work = len(x) * x.shape[1] * points
    return (
        x.dtype.isnative
        and work > 0
        and work >= policy.pixels_from()
        and prod(x.shape[2:]) < 1 << 31
        and x.ndim in (4, 5)
        and bool(session.available())
    )


def _run(kind: str, shape: tuple, x: np.ndarray, grid: np.ndarray, g: Any, how: tuple) -> np.ndarray | None:
    mode, padding, align_corners = how
    sizes = x.shape[2:]
    try:
        address = _address(DTYPES[x.dtype.char], generator.Shape(kind, mode, padding, len(sizes)))
    except session.Unavailable as reason:
        settings.log(1, f"no kernels for samples: {reason}")
        return None
    x, grid, g = (a if a is None else np.require(a, None, ("C", "A")) for a in (x, grid, g))
    out = memory.empty(shape, x.dtype)
    images, channels, points = len(x), x.shape[1], prod(grid.shape[1:-1])
    lanes = session.host().vector_bytes // x.itemsize
    whole, least = (channels, 1) if kind == "input" else (points, lanes)
    part = max(-(-whole * images // TASKS), least)
    if kind == "input":
        part = min(part, max(2, PLANES_BYTES // (prod(sizes) * x.itemsize)))
    else:
        part = -(-max(part, policy.PIXELS_TASK // max(channels, 1)) // lanes) * lanes
    part = min(part, whole)
    parts = -(-whole // part)
    tasks = parts * images
    spans = [n - 1 if align_corners else n for n in sizes]
    numbers = (
        *(tasks, parts, part, images, channels, points, prod(sizes), int(not align_corners)),
        *(*sizes, *[1] * (3 - len(sizes)), *spans, *[1] * (3 - len(sizes))),
    )
    scratch = np.empty(blocked.HEADER + blocked.LINE, np.uint8)
    release = images * channels * points >= policy.PIXELS_RELEASE_FROM
    threads = min(tasks, pool.get_num_threads())
    invoke.load()(address, release, out, x, grid, g, scratch, threads, 0, 0, *numbers)
    return out


_addresses: dict[tuple, int] = {}


def _address(dtype: str, shape: generator.Shape) -> int:
    key = (dtype, shape)
    if key not in _addresses:
        name = f"{shape.kind}_{shape.mode}_{shape.padding}_{shape.axes}d_{dtype}"
        _addresses[key] = build(
            name, "sampling", key, lambda width: generator.sampling_ir(dtype, width, shape)
        )
    return _addresses[key]


settings.when_changed.append(_addresses.clear)
