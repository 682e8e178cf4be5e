"""Normalisation under torch itself, where arguments have another order, and across channels."""

from __future__ import annotations

from math import prod

from .. import lang
from .alias import alias
from .declare import OPERATORS, composite
from .normalisation import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from .shapes import shape_of

alias(rms_norm, "rms_norm", method=False)


@composite(name="batch_norm", method=False, out=False)
def root_batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=False
):
    """`nn.functional.batch_norm` with its arguments in another order."""
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite(name="instance_norm", method=False, out=False)
def root_instance_norm(
    input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled=False
):
    """`nn.functional.instance_norm` with its arguments in another order."""
    return instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


@composite(name="layer_norm", method=False, out=False)
def root_layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05, cudnn_enable=True):
    """`nn.functional.layer_norm`."""
    return layer_norm(input, normalized_shape, weight, bias, eps)


@composite(name="group_norm", method=False, out=False)
def root_group_norm(input, num_groups, weight=None, bias=None, eps=1e-05, cudnn_enabled=True):
    """`nn.functional.group_norm`."""
    return group_norm(input, num_groups, weight, bias, eps)


@composite(namespace="nn.functional", out=False)
def local_response_norm(input, size, alpha=0.0001, beta=0.75, k=1.0):
    """Each element over a power of the mean of the squares in `size` channels around it."""
    shape = shape_of(input)
    if len(shape) < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {len(shape)} dimensions)"
        )
    if not prod(shape):
        return input
    squares = lang.reshape(input * input, (shape[0], 1, shape[1], prod(shape[2:])))
    pad, pool = OPERATORS["nn.functional.pad"].call, OPERATORS["nn.functional.avg_pool2d"].call
    means = pool(pad(squares, (0, 0, size // 2, (size - 1) // 2)), (size, 1), stride=1)
    return input / lang.reshape(means, shape).mul(alpha).add(k).pow(beta)
