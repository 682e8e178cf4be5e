"""Helpers for modules and their parameters. Most are loaded when they are first asked for."""

from importlib import import_module
from typing import Any

from .spectral_norm import remove_spectral_norm, spectral_norm  # at once, for the files are called the same
from .weight_norm import remove_weight_norm, weight_norm

_HOMES = {
    "clip_grad": "clip_grad_norm clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ get_total_norm",
    "convert_parameters": "parameters_to_vector vector_to_parameters",
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "init": "skip_init",
    "memory_format": "convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
_MODULES = {"parametrizations", "parametrize", "prune", "rnn", "stateless"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"rushlight.nn.utils.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES or name in _HOMES:
        return import_module(f"rushlight.nn.utils.{name}")
    raise AttributeError(f"module 'rushlight.nn.utils' has no attribute '{name}'")


__all__ = [
    "remove_spectral_norm",
    "remove_weight_norm",
    "spectral_norm",
    "weight_norm",
    *sorted(_HOME),
    *sorted(_MODULES),
]
