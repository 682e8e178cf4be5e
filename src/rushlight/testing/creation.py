"""`make_tensor`: random tensors of any dtype and layout, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random as draws
from ..tensor.core import Tensor, wrap
from ..tensor.generator import default_generator
from ..tensor.options import checked_device, checked_dtype, sizes


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of numbers drawn evenly from [low, high), by default from -9 to 9 where the type allows it."""
    dt = checked_dtype("make_tensor", dtype)
    size = sizes("make_tensor", shape)
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"the parameters noncontiguous and memory_format are mutually exclusive, got {noncontiguous} "
            f"and {memory_format}"
        )
    drawn = _drawn((*size[:-1], 2 * size[-1]) if noncontiguous and size else size, dt, low, high)
    if exclude_zero:
        drawn[drawn == 0] = np.array(1 if dt.category < 2 else np.finfo(np.float32).tiny).astype(drawn.dtype)
    t = wrap(drawn, dt)
    if noncontiguous and size and t._a.size > 1:
        t = t[..., ::2]  # type: ignore[index]
    elif noncontiguous and size:
        t = wrap(np.ascontiguousarray(drawn[..., ::2]), dt)
    t = t.to(device=checked_device(device), memory_format=memory_format)  # type: ignore[attr-defined]
    return t.detach().requires_grad_() if requires_grad else t


def _drawn(size: tuple[int, ...], dt: Any, low: float | None, high: float | None) -> np.ndarray:
    if dt.category == 0:
        return draws.randint(default_generator, size, "bool", 0, 2)
    if dt.category == 1:
        first, last = (0, 10) if not dt.is_signed else (-9, 10)
        first, last = first if low is None else int(low), last if high is None else int(high)
        _check(first, last)
        return draws.randint(default_generator, size, dt.name, first, last)
    least, most = -9.0 if low is None else low, 9.0 if high is None else high
    _check(least, most)
    return draws.uniform(default_generator, size, dt.name, least, most).astype(dt.np, copy=False)


def _check(low: float, high: float) -> None:
    if low >= high:
        raise ValueError(f"make_tensor: `low` must be less than `high`, but got {low} >= {high}")
