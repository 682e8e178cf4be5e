"""A linear layer and the activation behind it as one product, whose result is activated where it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.modes import state
from ..autograd.recording import saved_hooks, watchers
from ..kernels import linear as small
from ..kernels import matmul
from ..runtime import settings
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import float32, float64
from .affine import linear
from .fused import Fusible, compiled, exact
from .intercept import casts, interceptors
from .operator import record

_kernels: dict[Any, tuple[Any, bool] | None] = {}
settings.when_changed.append(_kernels.clear)


def linear_activated(
    input: Tensor, weight: Tensor, bias: Tensor | None, activation: Callable[..., Any], **options: Any
) -> Tensor | None:
    """`activation(linear(input, weight, bias), **options)` by one kernel, or None where there is none for it.

    `activation` is an element-wise function, such as `torch.relu` or `nn.functional.gelu`. The graph is that
    of the two calls; where its gradient asks for what the layer gave, they are to be made one by one.
    """
    op = getattr(activation, "elementwise", None) or getattr(activation, "operator", None)
    if getattr(op, "family", "") != "elementwise" or len(op.signature.arrays) != 1:
        return None
    if interceptors or casts or watchers or saved_hooks or not _fit(input, weight, bias):
        return None
    given = input, weight, bias
    tracked = state.grad and any(t is not None and t._rg for t in given)
    if tracked and not _needs_result_only(op):
        return None
    arrays = [None if t is None else t._a for t in given]
    kernel = _kernel_for(op, arrays[0], options)
    r = None if kernel is None else _run(*kernel, *arrays)
    if r is None:
        return None
    t = wrap(r, input.dtype)
    if tracked:
        before = wrap(r, input.dtype)  # nobody looks at its values
        record(linear.operator, given, arrays, r, before)
        values = [before, *op.signature.complete[1:]]
        record(op, values, [r, *values[1:]], r, t)
    return t


def _fit(input: Any, weight: Any, bias: Any) -> bool:
    """Are these the ordinary tensors of a layer?"""
    if not all(type(t) in QUICK for t in (input, weight)) or input.dtype not in (float32, float64):
        return False
    a, w = input._a, weight._a
    if weight.dtype is not input.dtype or w.ndim != 2 or a.ndim < 2 or a.shape[-1] != w.shape[1]:
        return False
    if bias is None:
        return True
    return type(bias) in QUICK and bias.dtype is input.dtype and bias._a.shape == w.shape[:1]


def _needs_result_only(op: Any) -> bool:
    return op.joint is None and 0 in op.rules and set(op.rules[0][1]) == {-1} and not op.naming


def _kernel_for(op: Any, like: np.ndarray, options: dict[str, Any]) -> tuple[Any, bool] | None:
    """The kernel of an activation, and whether it gives the very bits that numpy does."""
    try:
        key = op.path, like.dtype.char, tuple(options.items())
        if key not in _kernels:
            node = Fusible(op.body, op.name).trace((like,), None, options)
            kernel = None if node is None else compiled(node, op.name)
            _kernels[key] = None if kernel is None else (kernel, exact(node))
        return _kernels[key]
    except TypeError:  # an option that cannot be a key
        return None


def _run(kernel: Any, same_bits: bool, a: np.ndarray, w: np.ndarray, b: Any) -> np.ndarray | None:
    work = a.size * w.shape[0]
    if a.size // a.shape[-1] * w.shape[0] < settings.kernels_from and not same_bits:
        return None  # few elements are numpy's
    r = small.forward(a, w, b) if work <= small.MOST_PRODUCTS else None
    if r is not None:
        return kernel(r, r)
    return matmul.product(a, w.T, b, matmul.Epilogue(kernel))
