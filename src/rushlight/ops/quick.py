"""The quick way of functions made of operators: plain tensors, and a kernel that does it at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.modes import state
from ..tensor.core import QUICK, Tensor, wrap
from .intercept import interceptors
from .operator import record


def quick(first: Any, *others: Any) -> bool:
    """Are these plain tensors, and does nobody step in?"""
    if interceptors or type(first) not in QUICK:
        return False
    for t in others:  # noqa: SIM110 this is a hot path
        if type(t) not in QUICK:
            return False
    return True


def recorded_as(call: Any, result: np.ndarray, first: Tensor, *values: Any) -> Tensor:
    """A tensor of what an operator would have made of its arguments, with its node if one is due."""
    t = wrap(result, first.dtype)
    if state.grad and (first._rg or True in [type(v) in QUICK and v._rg for v in values]):
        arguments = (first, *values)
        arrays = [v._a if type(v) in QUICK else v for v in arguments]
        record(call.operator, arguments, arrays, result, t)
    return t
