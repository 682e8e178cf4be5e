"""`x.add_(y)`, `x.mul_(2)`, `x.relu_()` of large tensors: the kernel writes straight over the old values.

The form that follows from an operator's declaration computes a new tensor and puts it where the old one was:
twice the memory, and results that have left the cache. Here that is left out where nobody needs the old
values: no gradient is wanted, no graph holds the array, and the operands are of one type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.modes import state
from ..tensor.core import QUICK, Tensor
from ..tensor.inplace import check_overlap, writable
from ..tensor.storage import is_held
from .intercept import interceptors
from .rules import broadcasts

NUMBERS = (int, float)


def overwritten(op: Any, target: Tensor, others: tuple) -> bool:
    """Has the kernel of `op` written its result over `target`? If not, nothing has happened."""
    if type(target) not in QUICK or interceptors or (target._s is None and is_held(target)):
        return False
    if target.dtype not in op.direct or op.result is not None or len(others) != op.count - 1:
        return False
    arguments = [_argument(other, target) for other in others]
    if any(a is None for a in arguments) or (state.grad and target._rg):
        return False
    kernel = op.fusible.for_large(target._a, *arguments)
    if kernel is None:
        return False
    check_overlap(target._a, op.name + "_")
    out = writable(target, op.name + "_")
    arrays = [a for a in arguments if type(a) is np.ndarray]
    kernel(out, out, *arrays, *[a for a in arguments if type(a) is not np.ndarray])
    return True


def _argument(other: Any, target: Tensor) -> Any:
    """What the kernel gets for an operand; None for one that it does not take beside `target`."""
    if type(other) in NUMBERS:
        return other if target.dtype.is_floating_point else None
    if type(other) not in QUICK or other.dtype is not target.dtype or (state.grad and other._rg):
        return None
    return other._a if broadcasts(other._a.shape, target._a.shape) else None
