"""A layer and the activation behind it by one kernel, which activates each result where it is made."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..autograd import native
from ..autograd.modes import state
from ..autograd.recording import saved_hooks, watchers
from ..kernels import convolution, matmul
from ..kernels import linear as small
from ..kernels.epilogues import Epilogue, with_vectors
from ..lang.convolution import output_sizes
from ..runtime import settings
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import float32, float64
from .affine import linear
from .convolution import convolution_of
from .fused import compiled, exact, nodes_of, traced
from .intercept import casts, interceptors
from .normalisation_kernels import moved, scale_of
from .operator import Operator, record, recorded, saved_for

_kernels: dict[Any, tuple[Any, bool] | None] = {}
settings.when_changed.append(_kernels.clear)


def linear_activated(
    input: Tensor, weight: Tensor, bias: Tensor | None, activation: Callable[..., Any], **options: Any
) -> Tensor | None:
    """`activation(linear(input, weight, bias), **options)` by one kernel, or None where there is none for it.

    `activation` is an element-wise function, such as `torch.relu` or `nn.functional.gelu`. The graph is that
    of the two calls; where its gradient asks for what the layer gave, they are to be made one by one.
    """
    given = input, weight, bias
    if not _are_ordinary(*given) or weight._a.ndim != 2 or input._a.ndim < 2:
        return None
    if input._a.shape[-1] != weight._a.shape[1]:
        return None
    return _activated(linear.operator, given, (), _product, activation, options)


def convolution_activated(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    how: tuple[Any, ...],
    activation: Callable[..., Any],
    **options: Any,
) -> Tensor | None:
    """The same for a convolution of a batch; `how` is stride, padding, dilation and groups, in numbers."""
    given = input, weight, bias
    if not _are_ordinary(*given) or not _is_convolution(input, weight, how):
        return None
    return _activated(convolution_of.operator, given, how, _convolution, activation, options)


def convolution_normalised(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    how: tuple[Any, ...],
    norm: tuple[Any, ...],
    activation: Callable[..., Any] | None,
    **options: Any,
) -> Tensor | None:
    """The same with known moments and no gradients: `norm` is mean, variance, weight, bias and eps."""
    op = getattr(activation, "elementwise", None) or getattr(activation, "operator", None)
    if activation is not None and (
        getattr(op, "family", "") != "elementwise" or len(op.signature.arrays) != 1
    ):
        return None
    *vectors, eps = norm
    tensors = [t for t in (input, weight, bias, *vectors) if t is not None]
    if interceptors or casts or watchers or (state.grad and any(t._rg for t in tensors)):
        return None
    if not _are_ordinary(input, weight, bias) or not _is_convolution(input, weight, how) or eps < 0:
        return None
    if any(not _are_ordinary(input, weight, t) for t in vectors if t is not None):
        return None
    x, w, b, mean, variance, factor, shift = (
        None if t is None else t._a for t in (input, weight, bias, *vectors)
    )
    places = output_sizes(x.shape[2:], w.shape[2:], *how[:3])
    if min(places) < 1 or len(x) * len(w) * prod(places) < settings.kernels_from:
        return None
    numbers = [mean, scale_of(variance, factor, eps)[1], *([] if shift is None else [shift])]
    kernel = _moving_kernel(op, x, len(numbers), options)
    if kernel is None:
        return None
    epilogue = with_vectors(kernel, *numbers)
    r = convolution.forward(x, w, b, places, *how, epilogue=epilogue)
    return None if r is None else wrap(r, input.dtype)


def _moving_kernel(op: Any, like: np.ndarray, count: int, options: dict[str, Any]) -> Any:
    """The kernel that applies known moments, and an activation if there is one."""
    try:
        key = "moved", None if op is None else op.path, like.dtype.char, count, tuple(options.items())
        if key not in _kernels:

            def body(*operands: Any, **options: Any) -> Any:
                made = moved(*operands)
                return made if op is None else op.body(made, **options)

            node = traced(body, "normalise_by", (like,) * (count + 1), None, options)
            one_type = node is not None and {n.dtype for n in nodes_of(node)} <= {like.dtype.name, "bool"}
            _kernels[key] = compiled(node, "normalise_by") if one_type else None
        return _kernels[key]
    except TypeError:  # an option that cannot be a key
        return None


def _is_convolution(input: Tensor, weight: Tensor, how: tuple[Any, ...]) -> bool:
    """Do the sizes fit? What does not is explained elsewhere."""
    x, w = input._a, weight._a
    if x.ndim != w.ndim or x.ndim < 3 or x.shape[1] != w.shape[1] * how[-1] or w.shape[0] % how[-1]:
        return False
    return all(len(n) == x.ndim - 2 and min(n) >= least for n, least in zip(how, (1, 0, 1)))


def _activated(
    layer: Operator, given: tuple, rest: tuple, run: Callable[..., Any], activation: Any, options: dict
) -> Tensor | None:
    """What `run` makes of a layer's tensors and the kernel of an activation, with the graph of both."""
    op = _elementwise(activation)
    if op is None:
        return None
    if interceptors or casts or watchers or saved_hooks:
        return None
    tracked = state.grad and any(t is not None and t._rg for t in given)
    if tracked and not _needs_result_only(op):
        return None
    arrays = [None if t is None else t._a for t in given]
    kernel = _kernel_for(op, arrays[0], options)
    r = None if kernel is None else run(*kernel, *arrays, *rest)
    if r is None:
        return None
    if not tracked:
        return wrap(r, given[0].dtype)
    before = _recorded(layer, given, [*arrays, *rest], r)  # nobody looks at its values
    return _recorded(op, (before,), [r, *op.signature.complete[1:]], r)


def _recorded(op: Operator, given: tuple, values: list[Any], result: np.ndarray) -> Tensor:
    """The Tensor of a call on `given` tensors and other values, with its node."""
    dt, arrays = given[0].dtype, op.signature.arrays
    if op.joint is not None or op.naming is not None:
        t = wrap(result, dt)
        record(op, (*given, *values[len(given) :]), values, result, t)
        return t
    wanted = [x is not None and x._rg for x in given]
    groups = tuple([saved_for(op, i, values, result) if yes else None for i, yes in zip(arrays, wanted)])
    asked = {k for i, group in zip(arrays, groups) if group is not None for k in op.rules[i][1]}
    held = sum(1 << k for k, i in enumerate(arrays) if i in asked)
    functions = native.functions
    make = recorded if functions is None else functions.record
    return make(op.node_class, result, groups, held, dt, *given)


def _elementwise(activation: Any) -> Any:
    """The operator of an element-wise function of one tensor; None for others."""
    op = getattr(activation, "elementwise", None) or getattr(activation, "operator", None)
    return op if getattr(op, "family", "") == "elementwise" and len(op.signature.arrays) == 1 else None


def _are_ordinary(input: Any, weight: Any, bias: Any) -> bool:
    """Are these plain tensors of one floating-point type, the bias one number for each output?"""
    if not all(type(t) in QUICK for t in (input, weight)) or input.dtype not in (float32, float64):
        return False
    if weight.dtype is not input.dtype:
        return False
    if bias is None:
        return True
    return type(bias) in QUICK and bias.dtype is input.dtype and bias._a.shape == weight._a.shape[:1]


def _needs_result_only(op: Any) -> bool:
    return op.joint is None and 0 in op.rules and set(op.rules[0][1]) == {-1} and not op.naming


def _kernel_for(op: Any, like: np.ndarray, options: dict[str, Any]) -> tuple[Any, bool] | None:
    """The kernel of an activation, and whether it gives the very bits that numpy does."""
    try:
        key = op.path, like.dtype.char, tuple(options.items())
        if key not in _kernels:
            node = traced(op.body, op.name, (like,), None, options)
            kernel = None if node is None else compiled(node, op.name)
            _kernels[key] = None if kernel is None else (kernel, exact(node))
        return _kernels[key]
    except TypeError:  # an option that cannot be a key
        return None


def _product(kernel: Any, same_bits: bool, a: np.ndarray, w: np.ndarray, b: Any) -> np.ndarray | None:
    work = a.size * w.shape[0]
    if a.size // a.shape[-1] * w.shape[0] < settings.kernels_from and not same_bits:
        return None  # few elements are numpy's
    r = small.forward(a, w, b) if work <= small.MOST_PRODUCTS else None
    if r is not None:
        return kernel(r, r)
    return matmul.product(a, w.T, b, matmul.Epilogue(kernel))


def _convolution(
    kernel: Any, same_bits: bool, x: np.ndarray, weight: np.ndarray, bias: Any, *how: Any
) -> np.ndarray | None:
    places = output_sizes(x.shape[2:], weight.shape[2:], *how[:3])
    few = len(x) * len(weight) * prod(places) < settings.kernels_from
    if min(places) < 1 or (few and not same_bits):
        return None
    return convolution.forward(x, weight, bias, places, *how, epilogue=Epilogue(kernel))
