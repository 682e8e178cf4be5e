"""One primitive of large arrays as a generated kernel, shared by the threads."""

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
    if max([a.size for a in arrays]) < FROM * settings.kernels_from:
        return None
    key = (name, dtype.char, *[a.dtype.char for a in arrays])
    if key not in _kernels:
        _kernels[key] = _compiled(name, dtype, arrays)
    kernel = _kernels[key]
    out = None if kernel is None else destination(arrays, dtype)
    return None if out is None or not out.size else kernel(out, *arrays)  # type: ignore[misc]


def _compiled(name: str, dtype: np.dtype, arrays: tuple[np.ndarray, ...]) -> Callable[..., Any] | None:
    if settings.kernel_mode == "off" or not all(a.dtype.isnative for a in arrays):
        return None
    from .. import kernels

    node = kernels.Node(
        name, tuple(kernels.input_node(k, a.dtype.name) for k, a in enumerate(arrays)), dtype.name
    )
    if not kernels.available() or not kernels.supports(node):
        return None
    try:
        return kernels.elementwise(node, name=f"{name}_{dtype.name}")
    except kernels.Unavailable:  # the compiler did not start
        return None


def destination(arrays: Any, dtype: np.dtype) -> np.ndarray | None:
    """Memory for a result, laid out as numpy would: like the first array of the broadcast shape."""
    shape = arrays[0].shape
    for a in arrays:
        if a.shape != shape:
            try:
                shape = np.broadcast_shapes(*[a.shape for a in arrays])
            except ValueError:
                return None
            break
    for a in arrays:
        if a.shape == shape:
            return memory.empty(shape, dtype) if a.flags.c_contiguous else np.empty_like(a, dtype)
    return memory.empty(shape, dtype)
