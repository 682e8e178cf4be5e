"""Backward hooks of modules: nodes around the module's inputs and outputs that see the gradients go by."""

from __future__ import annotations

from typing import Any

from ..autograd.function import Function
from ..autograd.modes import state
from ..tensor.core import Tensor
from .hooks import Hooks


class BackwardHookFunction(Function):
    """Passes tensors on, all through one node."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Any:
        ctx.mark_non_differentiable(*[t for t in tensors if not t._rg])
        return tuple(tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads


def watched(module: Any, args: tuple, kwargs: dict, groups: list[Hooks]) -> Any:
    """Runs forward with the hooks of `groups` waiting for the gradients."""
    if not state.grad:
        return module.forward(*args, **kwargs)
    seen: dict[str, Any] = {"out": None}
    args, entrance, places_in, count_in = _through(args)
    result = module.forward(*args, **kwargs)
    single = isinstance(result, Tensor)
    outputs, exit_node, places_out, count_out = _through((result,) if single else result)
    if exit_node is None:
        return result

    def leaving(grads: Any) -> Any:
        new = _spread(grads, places_out, count_out)
        for group in groups:
            for hook in list(group.backward_pre.values()):
                changed = hook(module, new)
                if changed is not None:
                    new = changed if isinstance(changed, tuple) else (changed,)
        seen["out"] = new
        if entrance is None:  # no input wants a gradient: the hooks see none
            for group in groups:
                for hook in list(group.backward.values()):
                    hook(module, (None,) * count_in, new)
        return tuple(new[p] for p in places_out)

    def entered(grad_inputs: Any, grads: Any) -> Any:
        new = _spread(grad_inputs, places_in, count_in)
        for group in groups:
            for hook in list(group.backward.values()):
                changed = hook(module, new, seen["out"])
                if changed is not None:
                    new = changed if isinstance(changed, tuple) else (changed,)
        return tuple(new[p] for p in places_in)

    exit_node.register_prehook(leaving)
    if entrance is not None:
        entrance.register_hook(entered)
    return outputs[0] if single else outputs


def _through(values: Any) -> tuple[Any, Any, list[int], int]:
    """Sends the tensors among `values` through one node: the values, the node, the tensors' places, how many
    values.
    """
    if not isinstance(values, (tuple, list)):
        return values, None, [], 0
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not any(values[i]._rg for i in places):
        return values, None, places, len(values)
    passed = BackwardHookFunction.apply(*[values[i] for i in places])
    node = next(t._node for t in passed if t._rg)
    new = list(values)
    for i, t in zip(places, passed):
        new[i] = t
    return (
        type(values)(new) if not hasattr(values, "_fields") else type(values)(*new),
        node,
        places,
        len(values),
    )


def _spread(grads: Any, places: list[int], count: int) -> tuple:
    """Gradients at the places of their tensors, None at the others."""
    out: list[Any] = [None] * count
    for place, g in zip(places, grads):
        out[place] = g
    return tuple(out)
