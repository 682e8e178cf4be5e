"""The gradients of convolutions on their own: for the input, from the weight, and for the weight, from the
input.
"""

from __future__ import annotations

from typing import Any

from ..autograd import grad
from ..autograd.modes import enable_grad
from . import functional as F


def _gradient(convolve: Any, wanted: Any, other: Any, grad_output: Any, options: tuple) -> Any:
    """The gradient for `wanted` of a convolution that is linear in it, so that its own values do not
    matter.
    """
    with enable_grad():
        leaf = wanted.requires_grad_()
        return grad(convolve(leaf, other, *options), leaf, grad_output)[0]


def _input(convolve: Any) -> Any:
    def gradient(
        input_size: Any,
        weight: Any,
        grad_output: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        blank = grad_output.new_zeros(tuple(input_size))
        return _gradient(convolve, blank, weight, grad_output, (None, stride, padding, dilation, groups))

    gradient.__name__ = f"{convolve.__name__}_input"
    gradient.__doc__ = f"The gradient of `{convolve.__name__}` for an input of `input_size`."
    return gradient


def _weight(convolve: Any) -> Any:
    def turned(weight: Any, input: Any, *options: Any) -> Any:
        return convolve(input, weight, *options)

    def gradient(
        input: Any,
        weight_size: Any,
        grad_output: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        blank = grad_output.new_zeros(tuple(weight_size))
        return _gradient(turned, blank, input, grad_output, (None, stride, padding, dilation, groups))

    gradient.__name__ = f"{convolve.__name__}_weight"
    gradient.__doc__ = f"The gradient of `{convolve.__name__}` for a weight of `weight_size`."
    return gradient


conv1d_input, conv1d_weight = _input(F.conv1d), _weight(F.conv1d)
conv2d_input, conv2d_weight = _input(F.conv2d), _weight(F.conv2d)
conv3d_input, conv3d_weight = _input(F.conv3d), _weight(F.conv3d)
__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]
