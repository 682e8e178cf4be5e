"""Layers with their activations behind them, for `Sequential`: by one kernel where nobody can tell.

Nobody can if both modules are plain ones that nobody listens to, and no gradient is wanted. The numbers are
those of two calls, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import state
from ..ops.activated import convolution_activated, linear_activated
from . import functional as F
from .module import Module
from .modules import activation, conv, linear

CALL = Module.__call__

# for each layer: its forward, and the name and function that this calls
LAYERS: dict[type, tuple[Callable[..., Any], str, Callable[..., Any]]] = {
    kind: (kind.forward, name, getattr(F, name))
    for kind, name in (
        (linear.Linear, "linear"),
        (conv.Conv1d, "conv1d"),
        (conv.Conv2d, "conv2d"),
        (conv.Conv3d, "conv3d"),
    )
}

# for each activation: its forward, its function's name, and the options that the module has for it
ACTIVATIONS: dict[type, tuple[Callable[..., Any], str, tuple[str, ...]]] = {
    getattr(activation, kind): (getattr(activation, kind).forward, name, options)
    for kind, name, options in (
        ("ReLU", "relu", ()),
        ("ReLU6", "hardtanh", ("min_val", "max_val")),
        ("Hardtanh", "hardtanh", ("min_val", "max_val")),
        ("LeakyReLU", "leaky_relu", ("negative_slope",)),
        ("SiLU", "silu", ()),
        ("Mish", "mish", ()),
        ("Hardswish", "hardswish", ()),
        ("Hardsigmoid", "hardsigmoid", ()),
        ("Sigmoid", "sigmoid", ()),
        ("Tanh", "tanh", ()),
        ("ELU", "elu", ("alpha",)),
        ("GELU", "gelu", ("approximate",)),
    )
}


def together(layer: Any, after: Any, input: Any) -> Any:
    """`after(layer(input))` for a layer and an activation, or None if they are to be called one by one."""
    found = ACTIVATIONS.get(type(after))
    if found is None:
        return None
    forward, called, function = LAYERS[type(layer)]
    if getattr(F, called) is not function or not (_is_plain(layer, forward) and _is_plain(after, found[0])):
        return None
    return _call(layer, input, getattr(F, found[1]), {name: getattr(after, name) for name in found[2]})


def _is_plain(module: Any, forward: Callable[..., Any]) -> bool:
    """Does a call of this module do what its class was written to do, and nothing else?"""
    kind = type(module)
    same = kind.forward is forward and kind.__call__ is CALL
    return same and not module._call_hooks and "forward" not in module.__dict__


def _call(layer: Any, input: Any, function: Any, options: dict[str, Any]) -> Any:
    if state.grad and layer.weight._rg:  # recording a pair takes longer than recording two calls
        return None
    if type(layer) is linear.Linear:
        return linear_activated(input, layer.weight, layer.bias, function, **options)
    how = layer.stride, layer.padding, layer.dilation
    if any(type(n) is not tuple for n in how) or layer.padding_mode != "zeros":
        return None
    return convolution_activated(input, layer.weight, layer.bias, (*how, layer.groups), function, **options)
