"""The arrays of a list of tensors: quickly, where they are plain and of one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.modes import state
from ..runtime import settings
from ..tensor.core import QUICK, Tensor

SEEN_BEFORE = 1000  # tensors in lists until generated code looks at them
_quick: Callable[..., Any] | None = None
_seen = 0


def arrays_of(tensors: Any) -> tuple[list[np.ndarray], bool] | None:
    """Their arrays, and whether a gradient is wanted; None for anything but plain tensors of one type."""
    if _quick is not None:
        arrays = _quick(tensors)
        if arrays is not None:
            return arrays, False
    return _by_hand(tensors)


def _by_hand(tensors: Any) -> tuple[list[np.ndarray], bool] | None:
    if type(tensors) not in (list, tuple) or not tensors or not QUICK.issuperset(map(type, tensors)):
        return None
    dtypes = [t.dtype for t in tensors]
    if dtypes.count(dtypes[0]) != len(dtypes):
        return None
    _count(len(dtypes))
    return [t._a for t in tensors], state.grad and True in [t._rg for t in tensors]


def _count(tensors: int) -> None:
    global _seen
    before, _seen = _seen, _seen + tensors
    if before < SEEN_BEFORE <= _seen and settings.kernel_mode != "off":
        _start()


def _start() -> None:
    """Has generated code look at lists from now on, if it can be had."""
    global _quick
    from ..runtime.session import Unavailable

    try:
        _quick = _load()
    except Unavailable as reason:
        settings.log(1, f"lists of tensors stay with Python: {reason}")


def _load() -> Callable[..., Any]:
    from ..kernels import objects
    from ..kernels.llvm.listing import add_listing
    from ..nn.parameter import Parameter

    constants = {
        "tensor_type": Tensor,
        "parameter_type": Parameter,
        "list_type": list,
        "tuple_type": tuple,
    }
    (made,) = objects.load(
        "lists",
        ("arrays_of",),
        add_listing,
        slots={Tensor: ("_a", "_rg", "dtype")},
        constants=constants,
    )
    return made


def forget() -> None:
    """Starts over: the kernel mode has changed."""
    global _quick, _seen
    _quick, _seen = None, 0


settings.when_changed.append(forget)
