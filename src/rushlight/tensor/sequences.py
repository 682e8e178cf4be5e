"""Evenly spaced numbers: arange, range, linspace, logspace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .core import CPU, Tensor, wrap
from .device import get_default_device
from .dtype import dtype, get_default_dtype, int64, promote_types
from .learnt import constant
from .options import make


def _bound(name: str, value: Any) -> Any:
    """A bound as a Python number; 0-d tensors are taken as numbers."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got one with "
                f"{value._a.ndim} dimension(s)"
            )
        return value.detach().item()
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError(f"{name}(): its bounds must be Numbers, not {type(value).__name__} ({value!r})")
    return value


@constant
def arange(*bounds: Any, out: Tensor | None = None, dtype: Any = None, **options: Any) -> Tensor:
    """The numbers from `start` (0) up to, and without, `end`, in steps of `step` (1)."""
    plain = len(bounds) == 1 and not options and out is None and dtype is None
    if plain and type(bounds[0]) is int and bounds[0] >= 0 and get_default_device() is CPU:
        return wrap(np.arange(bounds[0], dtype=np.int64), int64)
    start, end, step = _arange_bounds(bounds, options)
    given = (start, end, step)
    kinds = [b.dtype for b in given if isinstance(b, Tensor)]
    start, end, step = (_bound("arange", b) for b in given)
    numbers = (start, end, step)
    if all(isinstance(b, int) for b in numbers):
        default = int64
    else:
        default = get_default_dtype()
        for d in kinds:
            default = promote_types(default, d) if d.is_floating_point else default

    def fill(dt: Any) -> np.ndarray:
        return _arange(start, end, step, dt)

    return make("arange", fill, default=default, out=out, dtype=dtype, **options)


def _arange_bounds(bounds: tuple, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    names = ("end",) if len(bounds) == 1 and "end" not in options else ("start", "end", "step")
    if len(bounds) > 3:
        raise TypeError(f"arange() takes at most 3 bounds (start, end, step), got {len(bounds)}")
    found = dict(zip(names, bounds))
    for name in ("start", "end", "step"):
        if name in options:
            if name in found:
                raise TypeError(f"arange() got multiple values for argument '{name}'")
            found[name] = options.pop(name)
    if "end" not in found:
        raise TypeError('arange() missing 1 required positional arguments: "end"')
    return found.get("start", 0), found["end"], found.get("step", 1)


def _check_steps(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}; both ends must be finite")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: from {start} to {end} in steps of "
            f"{step}; change the sign of step"
        )


def _arange(start: Any, end: Any, step: Any, dt: dtype) -> np.ndarray:
    if dt is int64:  # the bounds are cut to integers first; for the other types they are not
        if step and int(step) == 0:
            raise ValueError(f"step must be nonzero, but {step} is zero as {dt}")
        start, end, step = (int(b) for b in (start, end, step))
        _check_steps(start, end, step)
        return np.arange(start, start + max(0, -((start - end) // step)) * step, step, np.int64)
    _check_steps(start, end, step)
    count = math.ceil((end - start) / step)
    if dt.category == 1:
        return (int(start) + int(step) * np.arange(count, dtype=np.int64)).astype(dt.np)
    values = np.arange(count, dtype=np.float64)
    values *= step
    values += start
    return _rounded(values, dt)


def _rounded(values: np.ndarray, dt: dtype) -> np.ndarray:
    if dt.category == 0:
        raise NotImplementedError(f'"arange_cpu" not implemented for {dt}; use an integer type and compare')
    return values.astype(np.float32).astype(dt.np) if dt.reduced else values.astype(dt.np, copy=False)


def range_(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """The numbers from `start` to `end`, both included. `arange` is what Python's range() does."""
    import warnings

    if end is None:
        start, end = 0, start
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range "
        "builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    start, end, step = (_bound("range", b) for b in (start, end, step))

    def fill(dt: Any) -> np.ndarray:
        low, high, by = (int(b) for b in (start, end, step)) if dt.category == 1 else (start, end, step)
        _check_steps(low, high, by)
        count = math.floor((high - low) / by) + 1
        values = np.arange(count, dtype=np.int64 if dt.category == 1 else np.float64) * by + low
        return values.astype(dt.np) if dt.category == 1 else _rounded(values, dt)

    return make("range", fill, out=out, dtype=dtype, **options)


range_.__name__ = range_.__qualname__ = "range"


@constant
def linspace(
    start: Any, end: Any, steps: int, *, out: Tensor | None = None, dtype: Any = None, **options: Any
) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""
    start, end = (_bound("linspace", b) for b in (start, end))
    steps = _checked_steps("linspace", steps)
    return make(
        "linspace",
        lambda dt: _linspace(start, end, steps, dt),
        default=_spaced_type(start, end),
        out=out,
        dtype=dtype,
        **options,
    )


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: Any = 10.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """`base` to the powers of `steps` evenly spaced numbers from `start` to `end`."""
    start, end = (_bound("logspace", b) for b in (start, end))
    steps, base = _checked_steps("logspace", steps), _bound("logspace", base)

    def fill(dt: Any) -> np.ndarray:
        wide = np.complex128 if dt.is_complex else np.float64
        powers = _symmetric(start, end, steps, wide, whole=dt.category == 1)
        with np.errstate(all="ignore"):
            values = np.power(wide(base), powers)
        return _integers(values, dt) if dt.category == 1 else _rounded(values, dt)

    return make("logspace", fill, default=_spaced_type(start, end), out=out, dtype=dtype, **options)


def _spaced_type(start: Any, end: Any) -> dtype:
    default = get_default_dtype()
    return default.to_complex() if isinstance(start, complex) or isinstance(end, complex) else default


def _checked_steps(name: str, steps: Any) -> int:
    if isinstance(steps, Tensor):
        steps = steps.item()
    if not hasattr(steps, "__index__") or isinstance(steps, bool):
        raise TypeError(f"{name}(): argument 'steps' must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return int(steps)


def _linspace(start: Any, end: Any, steps: int, dt: dtype) -> np.ndarray:
    if dt.category == 1:
        return _integers(_symmetric(start, end, steps, np.float64, whole=True), dt)
    if dt.category == 0:
        raise NotImplementedError(
            f'"linspace_cpu" not implemented for {dt}; use an integer or floating point type'
        )
    wide = np.complex128 if dt.is_complex else np.float64
    narrow = np.float32 if dt.np == np.float32 and wide is np.float64 else None
    with np.errstate(all="ignore"):
        return _rounded(_symmetric(start, end, steps, wide, narrow=narrow), dt)


def _symmetric(
    start: Any, end: Any, steps: int, wide: Any, whole: bool = False, narrow: Any = None
) -> np.ndarray:
    """Steps counted from the nearer end, so that both ends are exact."""
    if whole:
        start, end = int(start), int(end)
    start, end = wide(start), wide(end)
    if steps == 1:
        return np.array([start])
    step = (end - start) / wide(max(steps - 1, 1))
    if narrow is not None:  # ends and step are of that type, and what they make is rounded once
        start, end = narrow(start), narrow(end)
        start, end, step = wide(start), wide(end), wide((end - start) / narrow(steps - 1))
    middle = steps // 2
    values = np.arange(steps - middle) * step
    near = start + values[:middle]
    return np.concatenate([near, np.subtract(end, values, out=values)[::-1]])


def _integers(values: np.ndarray, dt: dtype) -> np.ndarray:
    return np.trunc(values.real).astype(np.int64).astype(dt.np)
