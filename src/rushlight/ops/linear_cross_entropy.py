"""Cross entropy of the scores that a linear layer makes."""

from __future__ import annotations

from .. import lang
from .class_losses import cross_entropy
from .declare import composite


@composite(namespace="nn.functional", out=False)
def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
):
    """The cross entropy of `linear(input, linear_weight, linear_bias)`."""
    _check_linear(input, linear_weight, linear_bias)
    classes, *others = linear_weight.shape[:-1]
    shape = (*input.shape[:-1], classes, *others)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError(
            "linear_cross_entropy: ignore_index cannot be specified when target contains probabilities"
        )
    if others:
        linear_weight = linear_weight.reshape(-1, linear_weight.shape[-1])
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = lang.matmul(input, lang.transpose(linear_weight, 0, 1))
    if linear_bias is not None:
        logits = logits + linear_bias
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits.reshape(shape), target, weight, None, ignored, None, reduction, label_smoothing
    )


def _check_linear(input, weight, bias):
    name = "linear_cross_entropy"
    if input.ndim not in (1, 2):
        raise RuntimeError(
            f"{name}: expected input with dimensionality 1 or 2, got {input.ndim} ({list(input.shape)})"
        )
    if weight.ndim < 2:
        raise RuntimeError(
            f"{name}: expected linear_weight with dimensionality at least 2, got {weight.ndim}"
        )
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"{name}: expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and "
            f"{weight.shape[-1]}; input is {list(input.shape)}, linear_weight {list(weight.shape)}"
        )
    if bias is not None and tuple(bias.shape) != tuple(weight.shape[:-1]):
        raise RuntimeError(
            f"{name}: expected linear_bias shape {list(weight.shape[:-1])}, got {list(bias.shape)}"
        )
    if weight.ndim > 2 and input.ndim == 1:
        raise RuntimeError(
            f"{name}: K-dimensional loss defined by linear_weight shape {list(weight.shape)} requires "
            "batched input "
            f"(rows, {weight.shape[-1]}), got unbatched input with shape {list(input.shape)}"
        )
