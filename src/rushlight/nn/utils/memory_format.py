"""The order in memory of the weights of convolutions."""

from __future__ import annotations

from typing import Any

from ..modules.conv import _ConvNd


def _convert(module: Any, memory_format: Any, dims: int) -> Any:
    for m in module.modules():
        if isinstance(m, _ConvNd) and m._dims == dims:
            m.weight.data = m.weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Puts the weights of all Conv2d and ConvTranspose2d into a memory format."""
    return _convert(module, memory_format, 2)


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Puts the weights of all Conv3d and ConvTranspose3d into a memory format."""
    return _convert(module, memory_format, 3)


__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]
