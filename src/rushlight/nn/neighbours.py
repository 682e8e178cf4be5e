"""Layers with a batch norm or an activation or both behind them, for `Sequential`: by one kernel.

That is where nobody can tell: all of them are plain modules that nobody listens to. Where gradients are
wanted it is large convolutions with an activation alone, and the graph is that of two calls. The numbers are
those of calls one by one, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ..autograd.modes import state
from ..ops.activated import convolution_activated, convolution_normalised, linear_activated
from ..tensor.core import QUICK
from . import functional as F
from .module import Module
from .modules import activation, batchnorm, conv, linear

CALL, BATCH_NORM = Module.__call__, F.batch_norm
LARGE = 1 << 17  # elements

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


NORMS: dict[type, tuple[type, Callable[..., Any]]] = {  # the layer that comes before, and the forward
    getattr(batchnorm, f"BatchNorm{n}d"): (getattr(conv, f"Conv{n}d"), batchnorm._BatchNorm.forward)
    for n in (1, 2, 3)
}


def together(layer: Any, following: Sequence[Any], input: Any) -> tuple[Any, int]:
    """What the layer and some of the modules behind it give at once, and how many these are; 0 for none."""
    if state.grad and layer.weight._rg and not _is_large(layer, input):
        return None, 0
    forward, called, function = LAYERS[type(layer)]
    if getattr(F, called) is not function or not _is_plain(layer, forward):
        return None, 0
    norm = _known_moments(layer, following[0]) if following else None
    rest = following[0 if norm is None else 1 :]
    found = ACTIVATIONS.get(type(rest[0])) if rest else None
    if found is not None and not _is_plain(rest[0], found[0]):
        found = None
    if norm is None and found is None:
        return None, 0
    options = {} if found is None else {name: getattr(rest[0], name) for name in found[2]}
    made = _call(layer, input, norm, None if found is None else getattr(F, found[1]), options)
    return made, 0 if made is None else (norm is not None) + (found is not None)


def _is_large(layer: Any, input: Any) -> bool:
    """Does a convolution make so much that passing over it once more takes longer than recording a pair?"""
    if type(layer) is linear.Linear or type(input) not in QUICK or type(layer.stride) is not tuple:
        return False
    places = input._a.size // (layer.in_channels * prod(layer.stride))
    return places * layer.out_channels >= LARGE


def _known_moments(layer: Any, norm: Any) -> tuple[Any, ...] | None:
    """The numbers of a batch norm that knows its moments, if it is one and fits the layer."""
    before, forward = NORMS.get(type(norm), (None, None))
    if type(layer) is not before or norm.training or not _is_plain(norm, forward):
        return None
    if F.batch_norm is not BATCH_NORM or norm.running_mean is None or norm.running_var is None:
        return None
    return norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps


def _is_plain(module: Any, forward: Callable[..., Any]) -> bool:
    """Does a call of this module do what its class was written to do, and nothing else?"""
    kind = type(module)
    same = kind.forward is forward and kind.__call__ is CALL
    return same and not module._call_hooks and "forward" not in module.__dict__


def _call(layer: Any, input: Any, norm: tuple | None, function: Any, options: dict[str, Any]) -> Any:
    if type(layer) is linear.Linear:
        return linear_activated(input, layer.weight, layer.bias, function, **options)
    how = layer.stride, layer.padding, layer.dilation
    if any(type(n) is not tuple for n in how) or layer.padding_mode != "zeros":
        return None
    given = input, layer.weight, layer.bias, (*how, layer.groups)
    if norm is None:
        return convolution_activated(*given, function, **options)
    return convolution_normalised(*given, norm, function, **options)
