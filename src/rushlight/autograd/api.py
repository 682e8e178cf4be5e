"""`backward` and `grad`: what users call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor.core import QUICK, Tensor, wrap
from . import engine, hooks
from .node import AccumulateGrad, GradientEdge


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Computes the gradients of `tensors` and adds them to the `grad` of the leaves (or of `inputs` only)."""
    roots = _roots(_tuple(tensors), grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    into = None if inputs is None else list(_tuple(inputs))
    if into is not None and not into:
        raise RuntimeError(
            "'inputs' argument to backward() cannot be empty; leave it away to fill the grad of all leaves"
        )
    for t in into or ():
        _check_input(t)
    for t, g in roots:
        if (type(t) not in QUICK and hasattr(t, "level")) or (type(g) not in QUICK and hasattr(g, "level")):
            raise RuntimeError(
                "backward() cannot be called inside a function transform (vmap, grad, jvp, ...); use "
                "torch.func.grad there"
            )
    engine.backward(roots, keep=keep, recorded=create_graph, inputs=into)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of `outputs` with respect to `inputs`; `grad` of no tensor is touched.

    `is_grads_batched`: the first dimension of each of `grad_outputs` counts through several gradients, and
    so does that of each result.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False"
        )
    inputs = _tuple(inputs)
    for t in inputs:
        _check_input(t)
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        found = _batched(_tuple(outputs), grad_outputs, inputs, keep, create_graph)
    else:
        roots = _roots(_tuple(outputs), grad_outputs)
        found = engine.gradients(roots, [_place(t) for t in inputs], keep=keep, recorded=create_graph)
    if materialize_grads:
        return tuple(
            _zeros(t, grad_outputs if is_grads_batched else None) if g is None else g
            for g, t in zip(found, inputs)
        )
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired "
            f"behavior (its gradient is then None); it is number {[g is None for g in found].index(True)} "
            "of the inputs"
        )
    return tuple(found)


def _check_input(t: Any) -> None:
    if isinstance(t, GradientEdge):
        return
    if not isinstance(t, Tensor):
        raise TypeError(f"the inputs of grad must be Tensors or GradientEdges, but got {type(t).__name__}")
    if not t._rg:
        raise RuntimeError(
            "One of the differentiated Tensors does not require grad; call x.requires_grad_() before it is "
            "used"
        )


def _batched(outputs: tuple, grad_outputs: Any, inputs: tuple, keep: bool, create_graph: bool) -> list[Any]:
    """A gradient for each slice of `grad_outputs`, in one pass over the graph."""
    from ..func import vmap

    if grad_outputs is None:
        raise RuntimeError(
            "is_grads_batched=True needs grad_outputs, whose first dimension counts the gradients"
        )
    used: list[int] = []

    def one(*grads: Tensor) -> tuple:
        found = engine.gradients(
            _roots(outputs, grads), [_place(t) for t in inputs], keep=keep, recorded=create_graph
        )
        used[:] = [k for k, g in enumerate(found) if g is not None]
        return tuple(g for g in found if g is not None)

    dense = iter(vmap(one)(*_tuple(grad_outputs)))
    return [next(dense) if k in used else None for k in range(len(inputs))]


def _zeros(t: Tensor, batch: Any) -> Tensor:
    if isinstance(t, GradientEdge):
        raise RuntimeError(
            "materialize_grads=True needs Tensors as inputs: the shape of a GradientEdge is not known"
        )
    shape = t._a.shape if batch is None else (_tuple(batch)[0]._a.shape[0], *t._a.shape)
    return wrap(np.zeros(shape, t.dtype.np), t.dtype)


def _tuple(x: Any) -> tuple:
    return (x,) if isinstance(x, (Tensor, GradientEdge)) else tuple(x)


class _Place:
    """A place in the graph that no tensor need be at any more."""

    _rg = True

    def __init__(self, edge: GradientEdge) -> None:
        self._node, self._out = edge.node, edge.output_nr


def _place(t: Any) -> Any:
    if not isinstance(t, GradientEdge):
        return t
    return t.node.variable if isinstance(t.node, AccumulateGrad) else _Place(t)


def _roots(tensors: tuple, grads: Any) -> list[tuple[Tensor, Tensor]]:
    grads = [None] * len(tensors) if grads is None else list(_tuple(grads))
    if len(grads) != len(tensors):
        raise RuntimeError(
            f"got {len(tensors)} tensors and {len(grads)} gradients: there must be one for each"
        )
    return [_root(t, g) for t, g in zip(tensors, grads)]


def _root(t: Any, g: Any) -> tuple[Any, Tensor]:
    if isinstance(t, GradientEdge):
        if g is None:
            raise RuntimeError("the gradient of a GradientEdge must be given: its shape is not known")
        return _place(t), g
    if not t._rg:
        _refuse(t)
    return t, _root_gradient(t, g)


def _refuse(t: Tensor) -> bool:
    raise RuntimeError(
        "element 0 of tensors does not require grad and does not have a grad_fn: nothing that it was "
        "computed from requires a gradient. "
        "Set requires_grad=True on the inputs, and check that it was not computed under no_grad() or from "
        "detached tensors."
    )


def _root_gradient(t: Tensor, g: Any) -> Tensor:
    if g is None:
        if t._a.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, but this one has shape "
                f"{list(t._a.shape)}. Reduce it first, for "
                "instance with .mean() or .sum(), or give its gradient: y.backward(torch.ones_like(y))"
            )
        if t.dtype.is_complex:
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {t.dtype}; reduce it "
                "to a real number first, for "
                "instance with .abs() or .real, or give its gradient"
            )
        return wrap(np.ones(t._a.shape, t._a.dtype), t.dtype)
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g._a.shape != t._a.shape:
        raise RuntimeError(
            f"Mismatch in shape: the gradient has shape {list(g._a.shape)} and the output has shape "
            f"{list(t._a.shape)}"
        )
    return g if g.dtype is t.dtype else g.to(t.dtype)


def tensor_backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Computes the gradients of this tensor with respect to the leaves, and adds them to their `grad`."""
    if (
        gradient is None
        and inputs is None
        and not create_graph
        and self._rg
        and self._a.size == 1
        and self.dtype.is_floating_point
    ):
        engine.backward_scalar(self, bool(retain_graph))
        return
    backward(self, gradient, retain_graph, create_graph, inputs)


__all__ = ["backward", "grad", "hooks"]
Tensor.backward = tensor_backward  # type: ignore[attr-defined]
