"""The options that all factories of tensors share: dtype, device, layout, requires_grad, pin_memory."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from .core import CPU, META, Tensor, wrap
from .device import device, get_default_device
from .dtype import DTYPES, bool_, dtype, get_default_dtype, int64
from .layout import layout as Layout
from .layout import memory_format as MemoryFormat
from .layout import strided

PYTHON_TYPES = {bool: bool_, int: int64, float: DTYPES["float64"], complex: DTYPES["complex128"]}


def checked_dtype(name: str, given: Any) -> dtype:
    """The dtype given as `dtype=`; Python's own number types are accepted."""
    if type(given) is dtype:
        return given
    found = PYTHON_TYPES.get(given) if isinstance(given, type) else None
    if found is None:
        raise TypeError(
            f"{name}(): argument 'dtype' must be torch.dtype, not {type(given).__name__} ({given!r}); "
            "write torch.float32, say"
        )
    return found


def checked_device(given: Any = None) -> device:
    """The device for a new tensor; an error that says so when this machine's build has none of that kind."""
    if given is None:
        given = get_default_device()
        if given is CPU:
            return CPU
    elif isinstance(given, Tensor) or not isinstance(given, (str, int, device)):
        raise TypeError(f"argument 'device' must be torch.device, str or int, not {type(given).__name__}")
    d = device(given)
    if d.type == "cpu":
        return CPU
    if d.type == "meta":
        return META
    raise no_such_device(d)


def no_such_device(d: device) -> Exception:
    """The error for a device that is not there, of the class PyTorch raises without it."""
    hint = "Rushlight computes on the CPU; leave device= away or use device='cpu'"
    if d.type in ("cuda", "xpu"):
        return AssertionError(
            f"Torch not compiled with {d.type.upper()} enabled: there is no device '{d}'. {hint}"
        )
    return NotImplementedError(f"there is no device '{d}' here. {hint}")


def checked_layout(name: str, given: Any) -> None:
    if given is None or given is strided:
        return
    if not isinstance(given, Layout):
        raise TypeError(f"{name}(): argument 'layout' must be torch.layout, not {type(given).__name__}")
    raise NotImplementedError(
        f"{name}(): tensors of layout {given} are not there; all tensors are torch.strided"
    )


def checked_format(name: str, given: Any) -> Any:
    if given is not None and not isinstance(given, MemoryFormat):
        raise TypeError(
            f"{name}(): argument 'memory_format' must be torch.memory_format, not {type(given).__name__}"
        )
    return given


def checked_pinning(pin_memory: Any) -> None:
    if pin_memory:
        raise RuntimeError("pin_memory=True needs an accelerator, and there is none here; leave it away")


def sizes(name: str, size: tuple, argument: str = "size") -> tuple[int, ...]:
    """A shape given as separate numbers or as one sequence."""
    if len(size) == 1 and type(size[0]) is int and size[0] >= 0:
        return size
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    elif len(size) > 1 and isinstance(size[0], (tuple, list)):
        raise TypeError(
            f"{name}() takes 1 positional argument but {len(size)} were given; give all sizes in one tuple"
        )
    try:
        shape = tuple(n if type(n) is int else _length(n) for n in size)
    except TypeError:
        bad = next(x for x in size if not _is_length(x))
        raise TypeError(
            f"{name}(): argument '{argument}' (position 1) must be tuple of ints, not {type(bad).__name__} "
            f"({bad!r}); convert it with int()"
        ) from None
    if shape and min(shape) < 0:
        raise RuntimeError(
            f"{name}: Dimension size must be non-negative. Trying to create tensor with negative dimension "
            f"in {list(shape)}"
        )
    return shape


def _length(n: Any) -> int:
    if type(n) is bool:
        raise TypeError
    return index(n)


def _is_length(n: Any) -> bool:
    try:
        _length(n)
    except TypeError:
        return False
    return True


def make(
    name: str,
    fill: Callable[[dtype], np.ndarray],
    *,
    default: dtype | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor of what `fill(dtype)` computes, with the options that every factory takes."""
    if out is not None:
        return _into(name, fill, out, dtype)
    dt = (default or get_default_dtype()) if dtype is None else checked_dtype(name, dtype)
    if layout is not None:
        checked_layout(name, layout)
    if pin_memory:
        checked_pinning(pin_memory)
    t = wrap(fill(dt), dt)
    if checked_device(device) is META:
        from .meta import as_meta

        t = as_meta(t)
    if requires_grad:
        t.requires_grad = True
    return t


def _into(name: str, fill: Callable[[dtype], np.ndarray], out: Any, dtype: Any) -> Tensor:
    """A factory's result written to the tensor given as `out=`, in that tensor's type."""
    from .inplace import write_out

    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if dtype is not None and checked_dtype(name, dtype) is not out.dtype:
        raise RuntimeError(
            f"{name}(): dtype {dtype} does not match dtype of out parameter ({out.dtype}); leave dtype= away"
        )
    return write_out(out, wrap(fill(out.dtype), out.dtype), name)
