"""Grids and combinations: meshgrid, cartesian_prod, combinations."""

from __future__ import annotations

import itertools

from ..lang.index import index_array
from ..tensor.core import wrap
from ..tensor.dtype import int64
from ..warned import warn
from .declare import composite
from .join import checked_list, stack


@composite(method=False, out=False)
def meshgrid(*tensors, indexing=None):
    """Coordinates of the points of a grid, one tensor for each axis; vectors say where its lines are."""
    tensors = checked_list(
        "meshgrid", tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    )
    if indexing is None:
        warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument: "
            "indexing='ij' for rows first, or 'xy'",
            UserWarning,
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in tensors:
        if t._a.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t._a.ndim}D of shape "
                f"{list(t._a.shape)}"
            )
        if t.dtype is not tensors[0].dtype:
            raise RuntimeError(
                "torch.meshgrid expects all tensors to have the same dtype; convert them with x.to(dtype)"
            )
    order = list(range(len(tensors)))
    if indexing == "xy" and len(tensors) > 1:
        order[:2] = 1, 0
    shape = [tensors[k]._a.size for k in order]
    place = {k: i for i, k in enumerate(order)}
    return tuple(
        t.reshape([-1 if place[k] == i else 1 for i in order_of(shape)]).expand(shape)
        for k, t in enumerate(tensors)
    )


def order_of(shape):
    return range(len(shape))


@composite(method=False, out=False)
def cartesian_prod(*tensors):
    """All ways of taking one element of each vector, as rows."""
    tensors = checked_list(
        "cartesian_prod",
        tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors,
    )
    for t in tensors:
        if t._a.ndim != 1:
            raise RuntimeError(f"cartesian_prod: Expect a 1D vector, but got shape {list(t._a.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.reshape(-1) for g in meshgrid(*tensors, indexing="ij")], 1)


@composite(out=False, node="StackBackward0")
def combinations(input, r=2, with_replacement=False):
    """All ways of taking `r` elements of a vector, as rows."""
    if input._a.ndim != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {list(input._a.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input._a.size), r))
    index = wrap(index_array(rows).reshape(len(rows), r), int64)
    return input[index]
