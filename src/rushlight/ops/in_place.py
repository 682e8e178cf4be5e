"""`index_add_`, `scatter_`, `masked_fill_` and their like on the spot, where no gradient is wanted.

The form that follows from an operator's declaration computes a whole new tensor. These touch only the named
elements, so that adding to ten rows of a large table costs ten rows. They use the same checks, and decline
(by giving None) whatever is not plain; then the declared form runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import lang
from ..lang import index as arrays
from ..tensor.core import QUICK, Tensor
from ..tensor.dtype import bool_
from ..tensor.inplace import check_overlap, writable
from . import index_rows, scatter
from .brackets import number_for, tracked
from .gather import check_index, check_smaller, explained
from .quick import quick
from .rules import broadcasts, wrap_dim

Write = Callable[[Any], None]


def masked_fill_(x: Tensor, mask: Tensor, value: Any) -> Write | None:
    if mask.dtype is not bool_ or isinstance(value, Tensor) or not broadcasts(mask._a.shape, x._a.shape):
        return None
    number = number_for(value, x)._a
    return lambda out: arrays.write_where(out, mask._a, number)


def index_add_(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Write | None:
    if not plain(x, source) or alpha != 1:
        return None
    _, d, index, source = index_rows.prepared("index_add", x, dim, index, source)
    return explaining(
        "index_add", x, d, index, lambda out: arrays.add_named_rows(out, d, index._a, source._a)
    )


def index_copy_(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Write | None:
    if not plain(x, source) or x._a.ndim != source._a.ndim:
        return None
    _, d, index, source = index_rows.prepared("index_copy", x, dim, index, source)
    return explaining("index_copy", x, d, index, lambda out: arrays.write_rows(out, d, index._a, source._a))


def index_fill_(x: Tensor, dim: int, index: Tensor, value: Any) -> Write | None:
    if isinstance(value, Tensor) or not x._a.ndim or (index._a.size and int(index._a.min()) < 0):
        return None
    _, d, index = index_rows.prepared("index_fill", x, dim, index, None)
    number = number_for(value, x)._a
    return lambda out: arrays.write_rows(out, d, index._a, number)


def scatter_(
    x: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Write | None:
    src = value if src is None else src
    if reduce is not None or src is None:
        return None
    if not isinstance(src, Tensor):
        return scatter_number(x, dim, index, number_for(src, x)._a)
    return along("scatter", x, dim, index, src, arrays.write_along)


def scatter_number(x: Tensor, dim: int, index: Tensor, number: Any) -> Write | None:
    if not x._a.ndim or index._a.ndim != x._a.ndim or not index._a.size:
        return None
    check_index("scatter", index)
    d = wrap_dim(dim, x._a.ndim)
    check_smaller("scatter", "self", x, index, d)
    return explaining("scatter", x, d, index, lambda out: arrays.write_along(out, number, d, index._a))


def explaining(name: str, x: Tensor, dim: int, index: Tensor, write: Write) -> Write:
    """`write`, which says of an index out of range which one it is."""
    size, error = x._a.shape[dim] if x._a.ndim else 1, IndexError if name == "index_copy" else RuntimeError
    return lambda out: explained(name, lambda: write(out), index, size, dim, error)


def scatter_add_(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Write | None:
    return along("scatter_add", x, dim, index, src, arrays.add_along)


def along(
    name: str, x: Tensor, dim: int, index: Tensor, src: Tensor, write: Callable[..., None]
) -> Write | None:
    if not plain(x, src) or not x._a.ndim:
        return None
    ready = scatter.prepared(name, x, dim, index, src)
    if ready is None:
        return lambda out: None
    _, d, index, src, _ = ready
    return explaining(name, x, d, index, lambda out: write(out, src._a, d, index._a))


def plain(x: Tensor, source: Any) -> bool:
    """Are both of a type to compute in, with nothing in common?"""
    return (
        type(source) in QUICK
        and source.dtype is x.dtype
        and not x.dtype.reduced
        and x._a.ndim > 0
        and x._a.flags.c_contiguous
        and not lang.share_memory(x._a, source._a)
    )


def method(name: str, prepare: Callable[..., Write | None]) -> Callable[..., Tensor]:
    """The method: on the spot where `prepare` says how, else as declared."""
    declared = getattr(Tensor, name)

    def edit(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        tensors = [v for v in ((*args, *kwargs.values()) if kwargs else args) if isinstance(v, Tensor)]
        if (
            quick(self, *tensors)
            and not tracked(self, *tensors)
            and not (kwargs and "axis" in kwargs)
            and (write := prepare(self, *args, **kwargs)) is not None
        ):
            check_overlap(self._a, name)
            write(writable(self, name))
            return self
        return declared(self, *args, **kwargs)

    edit.__name__, edit.__qualname__, edit.__doc__ = name, declared.__qualname__, declared.__doc__
    return edit


for _prepare in (masked_fill_, index_add_, index_copy_, index_fill_, scatter_, scatter_add_):
    setattr(Tensor, _prepare.__name__, method(_prepare.__name__, _prepare))
