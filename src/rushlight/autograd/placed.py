"""Gradients that are zero but for a part: no zeros are made where the next node would only skip them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import lang
from .node import Node

FROM_BYTES = 192 << 10  # fewer zeros are made sooner than a part is handed on


class Placed:
    """Zeros of `shape` with `part` where `index`, of numbers and slices, would look.

    It goes to nodes that take parts (`Node.takes_parts`); for everybody else, hooks among them, it is the
    array that it stands for.
    """

    __slots__ = ("index", "part", "shape")

    def __init__(self, part: np.ndarray, shape: tuple[int, ...], index: tuple) -> None:
        self.part, self.shape, self.index = part, shape, index

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        whole = lang.place.on_arrays(self.part, self.shape, self.index)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def add_to(self, whole: np.ndarray) -> None:
        """Adds the part where it belongs."""
        there = lang.pick.on_arrays(whole, self.index)
        np.add(there, self.part, out=there)

    def along(self, axis: int) -> tuple[int, np.ndarray] | None:
        """Where on an axis the part begins, and the part with that axis; None where there are gaps in it or
        in other axes.
        """
        index, shape = self.index, self.shape
        if Ellipsis in index or not axis < len(index) <= len(shape):
            return None
        for k, i in enumerate(index):
            if k != axis and (type(i) is not slice or i.indices(shape[k]) != (0, shape[k], 1)):
                return None
        at, size = index[axis], shape[axis]
        if type(at) is int:
            return at % size, np.expand_dims(self.part, axis)
        low, _, step = at.indices(size) if type(at) is slice else (0, 0, 0)
        return (low, self.part) if step == 1 else None


def placed(node: Any, g: np.ndarray) -> tuple[Placed] | None:
    """The step back of the node of a pick, to one that takes parts; None where it is to be done as usual."""
    edge = node.edges[0]
    if edge is None or not isinstance(edge[0], Node) or not edge[0].takes_parts:
        return None
    ((shape, index),) = node.saved
    if prod(shape) * g.itemsize < FROM_BYTES:
        return None
    return (Placed(g, shape, index),)
