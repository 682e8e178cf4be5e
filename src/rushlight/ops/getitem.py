"""What stands between the brackets of `x[...]`, taken apart.

An index has a basic part, which only makes a view (numbers, slices, None, Ellipsis), and perhaps tensors,
which select elements one by one. PyTorch applies the basic part first; `parse` gives both.
"""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

from ..lang.index import count_index, index_array
from ..tensor.core import QUICK, Tensor, wrap_any
from ..tensor.dtype import bool_, int32, int64, uint8
from ..warned import warn

BASIC = frozenset((int, slice, type(None), type(Ellipsis)))
INDEX_TYPES = (int64, int32, uint8, bool_)
DIRECT = frozenset((int64, bool_))  # the index types that mean the same to numpy
EVERYTHING = slice(None)


def is_basic(index: Any) -> bool:
    """Does this index need no more than a view, as it stands?"""
    return type(index) in BASIC or (type(index) is tuple and all(type(i) in BASIC for i in index))


def parse(index: Any, x: Tensor) -> tuple[tuple, list[Any] | None]:
    """The basic part, and a Tensor or None for each dimension that it leaves (or None in all)."""
    items = as_items(index)
    ndim = x._a.ndim
    consumed = sum(consumes(i) for i in items)
    if consumed > ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {ndim}: {len(items)} were given for shape "
            f"{list(x._a.shape)}"
        )
    basic: list[Any] = []
    tensors: list[Any] = []
    open_ended = False
    for i in items:
        if i is Ellipsis:
            left = 0 if open_ended else ndim - consumed
            open_ended = True
            basic += [slice(None)] * left
            tensors += [None] * left
        elif isinstance(i, Tensor):
            many = i._a.ndim if i.dtype is bool_ else 1
            basic += [slice(None)] * many if many else [None]
            tensors += [i if many else wrap_any(count_index(i._a))] + [None] * (many - 1)
        else:
            basic.append(i)
            if type(i) is not int:
                tensors.append(None)
    left = ndim - consumed if not open_ended else 0
    tensors += [None] * left
    return tuple(basic), spread_masks(tensors) if any(t is not None for t in tensors) else None


def plain_parts(index: Any) -> tuple[tuple, tuple] | None:
    """The same at once, for numpy: a basic part, empty if it sees everything, and arrays and whole slices for
    what that leaves, empty if there are no arrays. None unless the index is of plain numbers, slices, tensors
    and lists of numbers.
    """
    if type(index) is not tuple:
        array = _plain_array(index)
        if array is not None:
            return (), (array,)
        index = (index,)
    basic: list[Any] = []
    arrays: list[Any] = []
    narrows, last = False, 0
    for i in index:
        kind = type(i)
        if kind is slice:
            if i != EVERYTHING:
                if not (i.step is None and type(i.start) in WHOLE and type(i.stop) in WHOLE):
                    return None
                narrows = True
            basic.append(i)
            arrays.append(EVERYTHING)
        elif kind is int or i is None:
            basic.append(i)
            narrows = True
            if i is None:
                arrays.append(EVERYTHING)
        elif kind in QUICK and i.dtype is int64 and not i._a.ndim:
            basic.append(int(i._a))
            narrows = True
        else:
            array = _plain_array(i)
            if array is None:
                return None
            if array.dtype.kind == "b":
                basic += [EVERYTHING] * array.ndim
            else:
                basic.append(EVERYTHING)
            arrays.append(array)
            last = len(arrays)
    return tuple(basic) if narrows or not last else (), tuple(arrays[:last])


def _plain_array(i: Any) -> Any:
    """An index tensor, list of whole numbers or range as an array with dimensions; None for others."""
    kind = type(i)
    if kind in QUICK:
        return i._a if i.dtype in DIRECT and i._a.ndim else None
    if kind is list and i and all(type(k) is int for k in i):
        return index_array(i)
    return np.arange(i.start, i.stop, i.step) if kind is range and i else None


def consumes(item: Any) -> int:
    """How many dimensions of the tensor an item stands for."""
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, Tensor) and item.dtype is bool_:
        return item._a.ndim
    return 1


def spread_masks(tensors: list[Any]) -> list[Any]:
    """Drops the further places of a mask of several dimensions: numpy counts them with the mask."""
    result: list[Any] = []
    skip = 0
    for t in tensors:
        if skip:
            skip -= 1
            continue
        result.append(t)
        if t is not None and t.dtype is bool_:
            skip = max(t._a.ndim - 1, 0)
    return result


def as_items(index: Any) -> list[Any]:
    """The items of an index, each an int, a slice, None, Ellipsis or an index Tensor."""
    if (
        type(index) is list
        and len(index) < 32
        and any(isinstance(i, (Tensor, list, tuple, slice, type(None), type(Ellipsis))) for i in index)
    ):
        index = legacy_list(index)
    return [as_item(i) for i in (index if isinstance(index, tuple) else (index,))]


def legacy_list(index: list) -> Any:
    """A list with slices or lists in it is an index of several dimensions, as it was in old numpy."""
    warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] instead "
        "of x[seq]",
        UserWarning,
    )
    return tuple(index)


def as_item(i: Any) -> Any:
    kind = type(i)
    if kind is int or i is None or i is Ellipsis:
        return i
    if kind is slice:
        return i if i.step is None and type(i.start) in WHOLE and type(i.stop) in WHOLE else plain_slice(i)
    if isinstance(i, Tensor):
        return tensor_item(i)
    if kind is bool:
        return as_index(i, "bool")
    if hasattr(i, "__index__") and not hasattr(i, "__len__"):
        return as_int(i)
    if isinstance(i, (list, tuple, range)) or hasattr(i, "__array_interface__"):
        return tensor_item(as_index(i, None))
    error = TypeError if isinstance(i, (str, bytes)) else IndexError
    raise error(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {kind.__name__}); "
        "an index computed with / is a float: use // or int()"
    )


WHOLE = frozenset((int, type(None)))


def plain_slice(s: slice) -> slice:
    """A slice of ints; tensors and numpy's numbers are converted."""
    bounds = [v if v is None else slice_bound(v) for v in (s.start, s.stop, s.step)]
    if bounds[2] is not None and bounds[2] <= 0:
        raise ValueError(
            f"step must be greater than zero, but got {bounds[2]}; use x.flip(dim) to walk backwards"
        )
    return slice(*bounds)


def slice_bound(v: Any) -> int:
    if isinstance(v, Tensor):
        if v._a.size != 1 or v.dtype.category > 1:
            raise TypeError(
                f"only integer tensors of a single element can be converted to an index, not {v.dtype} of "
                f"shape {list(v._a.shape)}"
            )
        return int(v._a.item())
    try:
        return as_int(v)
    except TypeError:
        raise TypeError(
            f"slice indices must be integers or None or have an __index__ method, not {type(v).__name__}"
        ) from None


def tensor_item(t: Tensor) -> Any:
    """A tensor as an index: a number if that is all it is, a mask, or integers."""
    if t.dtype not in INDEX_TYPES:
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, but this one is {t.dtype}; "
            "convert it with .long()"
        )
    if t.dtype is uint8:
        warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
            UserWarning,
        )
        return as_index(t._a != 0, "bool")
    if t._a.ndim == 0 and t.dtype is not bool_:
        return int(t._a)
    return t


def as_index(data: Any, dtype: str | None) -> Tensor:
    """An index given as a list, an array or a bool, as a Tensor."""
    return wrap_any(index_array(data, dtype))
