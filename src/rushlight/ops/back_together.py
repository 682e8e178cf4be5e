"""Two steps of the way back by one kernel, where nobody sees the gradient between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.node import Node
from ..kernels import pooling
from .activation import relu

RELU = relu.operator.node_class


def rectified(node: Any, g: np.ndarray) -> tuple | None:
    """The gradient of what a max pool has pooled, for a ReLU before it: already that of the ReLU's input.

    None where there is no such ReLU, or somebody looks at the gradient between the two.
    """
    ((input, windows),), (edge,) = node.saved, node.edges
    before = edge[0]
    if type(before) is not RELU or _has_hooks(before) or _has_hooks(node):
        return None
    if not before.saved or before.packed or before.saved[0][0] is not input:
        return None
    made = pooling.back_to_largest(g, input, windows, True)
    if made is None:
        return None
    before.apply = _passing_on(before, made)
    return (made,)


def _has_hooks(node: Node) -> bool:
    return bool(node.hooks or node.prehooks or node.all_prehooks)


def _passing_on(node: Any, done: np.ndarray) -> Callable[..., Any]:
    """The next step of the ReLU, which has nothing to do for the gradient that is `done`."""

    def apply(grads: list[Any], lifted: bool) -> Any:
        del node.apply
        return grads if grads[0] is done else node.apply(grads, lifted)

    return apply
