"""`x[index]` and `x[index] = value` where tensors inside of transforms take part."""

from __future__ import annotations

from typing import Any

from ..ops.getitem import as_items, consumes
from ..ops.operator import OPERATORS
from ..tensor.core import Tensor
from ..tensor.dtype import bool_, int64
from .batch import Batched, physical
from .hidden import refuse
from .levels import Traced


def take(x: Tensor, index: Any) -> Tensor:
    """`x[index]` by arithmetic on the indices, which transforms can follow."""
    items = [
        i if isinstance(i, Traced) else as_items((i,))[0]
        for i in (index if isinstance(index, tuple) else (index,))
    ]
    if any(isinstance(i, Tensor) and i.dtype is bool_ for i in items):
        refuse("a mask as an index, which selects another number of elements in each sample,")
    items = spelled_out(items, x.ndim)
    basic = tuple(slice(None) if isinstance(i, Tensor) else i for i in items)
    part = Tensor.__getitem__(x, basic)  # type: ignore[index]
    places = _places(items)
    return gathered(part, places, [i for i in items if isinstance(i, Tensor)])


def spelled_out(items: list[Any], ndim: int) -> list[Any]:
    """`...` as so many full slices as it stands for."""
    missing = ndim - sum(consumes(i) for i in items)
    where = items.index(...) if any(i is ... for i in items) else len(items)
    return (
        [i for i in items[:where] if i is not ...]
        + [slice(None)] * missing
        + [i for i in items[where:] if i is not ...]
    )


def _places(items: list[Any]) -> list[int]:
    """Which dimensions of the part the tensors stand for."""
    places, dim = [], 0
    for i in items:
        if isinstance(i, Tensor):
            places.append(dim)
        if not isinstance(i, int):
            dim += 1
    return places


def gathered(part: Tensor, places: list[int], indices: list[Tensor]) -> Tensor:
    """The elements of `part` at `indices` in the dimensions `places`."""
    sizes = [part.shape[p] for p in places]
    flat_index = None
    for i, n in zip(indices, sizes):
        i = i.to(int64)
        i = OPERATORS["where"].call(i < 0, i + n, i)
        flat_index = i if flat_index is None else flat_index * n + i
    rest = [d for d in range(part.ndim) if d not in places]
    table = part.permute((*places, *rest)).reshape((-1, *(part.shape[d] for d in rest)))
    rows = OPERATORS["_take_rows"].call(table, 0, flat_index.reshape((-1,)))
    result = rows.reshape((*flat_index.shape, *(part.shape[d] for d in rest)))
    if places != list(range(places[0], places[-1] + 1)):
        return result
    before, many = places[0], flat_index.ndim
    order = (*range(many, many + before), *range(many), *range(many + before, result.ndim))
    return result.permute(order)


def put(x: Traced, index: Any, value: Any) -> None:
    """`x[index] = value`"""
    value_level = value.level if isinstance(value, Traced) else 0
    if isinstance(x, Batched) and value_level <= x.level and not _has_traced(index):
        items = index if isinstance(index, tuple) else (index,)
        whole = (slice(None), *items)
        if isinstance(value, Batched) and value.level == x.level:
            value = physical(value, x.level, x.value[whole].ndim - 1)
        x.value[whole] = value
        return
    if _has_traced(index):
        raise NotImplementedError(
            "assignment at indices that belong to a function transform is not supported; use torch.where, "
            "scatter or index_put"
        )
    part = Tensor.__getitem__(x, index)  # type: ignore[index]
    raise NotImplementedError(
        f"assignment to a part (shape {list(part.shape)}) of a tensor inside of nested function transforms "
        "is not supported; use torch.where, "
        "torch.stack or torch.cat to make a new tensor"
    )


def _has_traced(index: Any) -> bool:
    return any(isinstance(i, Traced) for i in (index if isinstance(index, (tuple, list)) else (index,)))
