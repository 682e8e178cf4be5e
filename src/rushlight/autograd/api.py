"""`backward` and `grad`: what users call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor.core import Tensor, wrap
from . import engine, hooks


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Computes the gradients of `tensors` and adds them to the `grad` of the leaves (or of `inputs` only)."""
    roots = _roots(_tuple(tensors), grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    engine.backward(roots, keep=keep, recorded=create_graph, inputs=None if inputs is None else list(_tuple(inputs)))


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of `outputs` with respect to `inputs`; `grad` of no tensor is touched."""
    inputs = _tuple(inputs)
    for t in inputs:
        if not t._rg:
            raise RuntimeError("One of the differentiated Tensors does not require grad; call x.requires_grad_() before it is used")
    keep = create_graph if retain_graph is None else retain_graph
    roots = _roots(_tuple(outputs), grad_outputs)
    found = engine.gradients(roots, list(inputs), keep=keep, recorded=create_graph)
    if materialize_grads:
        return tuple(wrap(np.zeros_like(t._a), t.dtype) if g is None else g for g, t in zip(found, inputs))
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired "
            f"behavior (its gradient is then None); it is number {[g is None for g in found].index(True)} of the inputs"
        )
    return tuple(found)


def _tuple(x: Any) -> tuple:
    return (x,) if isinstance(x, Tensor) else tuple(x)


def _roots(tensors: tuple, grads: Any) -> list[tuple[Tensor, Tensor]]:
    grads = [None] * len(tensors) if grads is None else list(_tuple(grads))
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients: there must be one for each")
    return [(t, _root_gradient(t, g)) for t, g in zip(tensors, grads) if t._rg or _refuse(t)]


def _refuse(t: Tensor) -> bool:
    raise RuntimeError(
        "element 0 of tensors does not require grad and does not have a grad_fn: nothing that it was computed from requires a gradient. "
        "Set requires_grad=True on the inputs, and check that it was not computed under no_grad() or from detached tensors."
    )


def _root_gradient(t: Tensor, g: Any) -> Tensor:
    if g is None:
        if t._a.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, but this one has shape {list(t._a.shape)}. Reduce it first, for "
                "instance with .mean() or .sum(), or give its gradient: y.backward(torch.ones_like(y))"
            )
        if t.dtype.is_complex:
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {t.dtype}; reduce it to a real number first, for "
                "instance with .abs() or .real, or give its gradient"
            )
        return wrap(np.ones(t._a.shape, t._a.dtype), t.dtype)
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g._a.shape != t._a.shape:
        raise RuntimeError(f"Mismatch in shape: the gradient has shape {list(g._a.shape)} and the output has shape {list(t._a.shape)}")
    return g if g.dtype is t.dtype else g.to(t.dtype)


def tensor_backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Computes the gradients of this tensor with respect to the leaves, and adds them to their `grad`."""
    if gradient is None and inputs is None and not create_graph and self._rg and self._a.size == 1 and self.dtype.is_floating_point:
        engine.backward_scalar(self, bool(retain_graph))
        return
    backward(self, gradient, retain_graph, create_graph, inputs)


__all__ = ["backward", "grad", "hooks"]
Tensor.backward = tensor_backward  # type: ignore[attr-defined]
