"""What losses share: how they are reduced, and inputs and targets that must fit each other."""

from __future__ import annotations

from math import prod

from .. import lang
from ..tensor.dtype import of_numpy, promote
from ..warned import warn

REDUCTIONS = ("none", "mean", "sum")


def reduction_of(size_average, reduce, reduction):
    """The reduction that the arguments mean, those of old programs included."""
    if size_average is not None or reduce is not None:
        every, averaged = reduce is None or reduce, size_average is None or size_average
        reduction = ("mean" if averaged else "sum") if every else "none"
        warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
        )
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction; it is one of {REDUCTIONS}")
    return reduction


def quietly(size_average, reduce, reduction):
    """The same for a gradient, when everything has been said already."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is not None and not reduce:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def gathered(values, reduction):
    """The losses of all elements: each by itself, their sum or their mean."""
    if reduction == "none":
        return values
    total = lang.sum(values)
    return total if reduction == "sum" else total / total.dtype.type(values.size)


def share(g, shape, reduction):
    """What each of the elements gets of the gradient of their reduced loss."""
    return g / prod(shape) if reduction == "mean" else g


def reduced(loss, reduction):
    """`gathered` for tensors."""
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def common_type(input, target, name):
    """The type that a loss of two arrays has; integers have none."""
    if input.dtype is target.dtype and input.dtype.kind == "f":
        return input.dtype
    dtype = promote([(of_numpy(x.dtype), len(x.shape)) for x in (input, target)], [])
    if not dtype.is_floating_point:
        raise NotImplementedError(
            f'"{name}" not implemented for {dtype.name}: it has an input of {of_numpy(input.dtype).name} and '
            "a "
            f"target of {of_numpy(target.dtype).name}; convert the input with x.float()"
        )
    return dtype.np


def like(gradient, x):
    """A gradient in the type of that which it is for."""
    return gradient if gradient.dtype is x.dtype else lang.cast(gradient, x.dtype)


def warn_of_broadcast(input, target):
    """A target of another size is mostly a mistake, and an error where the two do not broadcast."""
    warn(
        f"Using a target size ({list(target.shape)}) that is different to the input size "
        f"({list(input.shape)}). This will "
        "likely lead to incorrect results due to broadcasting; reshape one of them, for instance with "
        "target.view_as(input).",
        UserWarning,
    )
    for n, m in zip(reversed(input.shape), reversed(target.shape)):
        if n != m and 1 not in (n, m):
            raise RuntimeError(
                f"The size of tensor a ({n}) must match the size of tensor b ({m}): a loss compares its "
                "input of shape "
                f"{list(input.shape)} with a target of shape {list(target.shape)}, element by element"
            )
