"""One primitive of large arrays, or a fill, as a generated kernel shared by the threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..runtime import memory, settings

_kernels: dict[tuple, Callable[..., Any] | None] = {}
settings.when_changed.append(_kernels.clear)
FROM = 2  # times the elements of other kernels: numpy needs one pass too


def by_kernel(name: str, dtype: np.dtype, *arrays: np.ndarray) -> np.ndarray | None:
    """The primitive `name` of arrays as an array of `dtype`, or None where numpy is to do the work."""
    if max([a.size for a in arrays]) < FROM * settings.kernels_from and not _converts_half(dtype, arrays):
        return None
    key = (name, dtype.char, *[a.dtype.char for a in arrays])
    if key not in _kernels:
        _kernels[key] = _compiled(name, dtype, arrays)
    kernel = _kernels[key]
    out = None if kernel is None else destination(arrays, dtype)
    return None if out is None or not out.size else kernel(out, *arrays)  # type: ignore[misc]


def set_all(out: np.ndarray, value: float) -> np.ndarray:
    """`out` with the number everywhere, which its type can hold."""
    if out.size >= FROM * settings.kernels_from:
        key = ("fill", out.dtype.char)
        if key not in _kernels:
            _kernels[key] = _filling(out.dtype)
        kernel = _kernels[key]
        if kernel is not None:
            kernel(_each_once(out) if 0 in out.strides else out, value)
            return out
    out.fill(value)
    return out


def _each_once(out: np.ndarray) -> np.ndarray:
    """The same memory without the repetitions of an expanded array."""
    return out[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in out.strides)]


def _filling(dtype: np.dtype) -> Callable[..., Any] | None:
    from .. import kernels

    return _built(kernels.scalar_node(0, dtype.name), f"fill_{dtype.name}") if dtype.isnative else None


def _converts_half(dtype: np.dtype, arrays: tuple[np.ndarray, ...]) -> bool:
    """Is half precision made or read, which numpy does by a call for each element?"""
    return dtype.char in "eE" or arrays[0].dtype.char in "eE"


def _compiled(name: str, dtype: np.dtype, arrays: tuple[np.ndarray, ...]) -> Callable[..., Any] | None:
    if not all(a.dtype.isnative for a in arrays):
        return None
    from .. import kernels

    inputs = tuple(kernels.input_node(k, a.dtype.name) for k, a in enumerate(arrays))
    return _built(kernels.Node(name, inputs, dtype.name), f"{name}_{dtype.name}")


def _built(node: Any, name: str) -> Callable[..., Any] | None:
    from .. import kernels

    if settings.kernel_mode == "off" or not kernels.available() or not kernels.supports(node):
        return None
    try:
        return kernels.elementwise(node, name=name)
    except kernels.Unavailable:  # the compiler did not start
        return None


def destination(arrays: Any, dtype: np.dtype) -> np.ndarray | None:
    """Memory for a result, laid out as numpy would: like the first array of the broadcast shape."""
    shape = arrays[0].shape
    for a in arrays:
        if a.shape != shape:
            try:
                shape = np.broadcast(*arrays).shape  # four times as quick as `broadcast_shapes`
            except ValueError:
                return None
            break
    for a in arrays:
        if a.shape == shape:
            return memory.empty(shape, dtype) if a.flags.c_contiguous else np.empty_like(a, dtype)
    return memory.empty(shape, dtype)
