"""A batch seen as one sample: what `vmap` hands to the function that it maps."""

from __future__ import annotations

from typing import Any

from ..tensor.core import Tensor
from .hidden import Hidden, hidden, refuse
from .levels import Traced, at, below, call, make, tensors_in

RULES: dict[str, Any] = {}  # how operators run on whole batches: see `batching`


def _rule_of(op: Any) -> Any:
    from .batching import rule_of

    return rule_of(op)


class Batched(Traced):
    """A tensor with a dimension, the first of `value`, that the function does not see."""

    __slots__ = ()
    _rg = property(lambda self: self.value._rg)
    shape = property(lambda self: self.value.shape[1:])
    ndim = property(lambda self: self.value.ndim - 1)

    @staticmethod
    def process(op: Any, values: Any, level: int) -> Any:
        size = next(t.value.shape[0] for t in tensors_in(values) if at(t, level))
        rule = RULES.get(op.path) or _rule_of(op)
        return wrapped(rule(op, values, level, size), level)

    @property
    def _a(self) -> Any:  # type: ignore[override]
        array = self.value._a
        return hidden(array.shape[1:], array.full if isinstance(array, Hidden) else array)

    def detach(self) -> Tensor:
        return batched(self.level, self.value.detach())

    data = property(detach)

    def stride(self, dim: int | None = None) -> Any:
        strides = self.value.stride()[1:]
        return strides if dim is None else strides[dim]

    def is_contiguous(self, *_: Any, **__: Any) -> bool:
        return True

    def replace(self, result: Tensor, operation: str) -> None:
        self.value.copy_(physical(result, self.level, self.ndim))

    def item(self) -> Any:
        return refuse(".item()")

    def tolist(self) -> Any:
        return refuse(".tolist()")

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        return refuse(".numpy()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return refuse("numpy")

    def __bool__(self) -> bool:
        return refuse("`if`, `while`, `and`, `or` or bool()")

    def __int__(self) -> int:
        return refuse("int()")

    def __float__(self) -> float:
        return refuse("float()")

    def __complex__(self) -> complex:
        return refuse("complex()")

    def __index__(self) -> int:
        return refuse("an index, a size or range()")

    def __contains__(self, element: Any) -> bool:
        return refuse("`in`")

    def __repr__(self, **_: Any) -> str:
        size, shape = self.value.shape[0], list(self.shape)
        return f"Batched(level={self.level}, size={size}, shape={shape}, value={self.value!r})"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def tensor_split(self, *args: Any, **kwargs: Any) -> Any:
        return Tensor.tensor_split(self, *args, **kwargs)  # type: ignore[attr-defined]


def batched(level: int, value: Tensor) -> Batched:
    """`value` without its first dimension."""
    return make(Batched, level, value)


def wrapped(result: Any, level: int) -> Any:
    """Every tensor of a result as a batch."""
    if isinstance(result, Tensor):
        return batched(level, result)
    if isinstance(result, (tuple, list)):
        parts = [wrapped(r, level) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def physical(t: Any, level: int, ndim: int | None = None) -> Any:
    """The whole batch, with dimensions of one put in until a sample has `ndim`; other tensors as they are."""
    if not at(t, level):
        return t
    x = t.value
    missing = 0 if ndim is None else ndim - (x.ndim - 1)
    return x if missing <= 0 else x.reshape((x.shape[0], *(1,) * missing, *x.shape[1:]))


def full(t: Any, level: int, size: int) -> Any:
    """The whole batch; a tensor that is the same for all samples is repeated."""
    if at(t, level):
        return t.value
    return t.expand((size, *t.shape)) if isinstance(t, Tensor) else t


__all__ = ["Batched", "batched", "below", "call", "full", "physical", "wrapped"]
