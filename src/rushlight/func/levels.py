"""Levels of function transforms: what lets `grad`, `jvp` and `vmap` be nested in any order.

Each transform that is running has a level, and wraps the tensors it follows. An operator is first offered
to the innermost transform among its arguments, which computes with operators on what lies below its own
wrapping.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensor.core import Tensor


class _Depth(threading.local):
    depth = 0


_running = _Depth()


@contextmanager
def new_level() -> Iterator[int]:
    """The number of a level that lasts for the block."""
    _running.depth += 1
    try:
        yield _running.depth
    finally:
        _running.depth -= 1


def push_level() -> int:
    """Opens a level that `pop_level` closes."""
    _running.depth += 1
    return _running.depth


def pop_level() -> None:
    _running.depth -= 1


def depth() -> int:
    """How many levels are running in this thread."""
    return _running.depth


class Traced(Tensor):
    """A tensor as a transform sees it: a level, and the tensor below."""

    __slots__ = ("level", "value", "viewed")
    own_graph = False  # has it a place in a graph of its own level?

    @staticmethod
    def _intercept(op: Any, call: Any, values: Any) -> tuple[bool, Any]:
        top = None
        for t in tensors_in(values):
            if isinstance(t, Traced) and (top is None or t.level > top.level):
                top = t
        return True, top.process(op, values, top.level)  # type: ignore[union-attr]

    @staticmethod
    def process(op: Any, values: Any, level: int) -> Any:
        """What an operator does at this level."""
        raise NotImplementedError

    _a = property(lambda self: self.value._a)
    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    dtype = property(lambda self: self.value.dtype)

    # ---- outside of the graph that users see

    @property
    def requires_grad(self) -> bool:
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        raise RuntimeError(
            "Tensor.requires_grad_() was called inside of a function that is being transformed (vmap, "
            "grad, jvp, ...). Use "
            "torch.func.grad and its relatives there, or call requires_grad_() outside"
        )

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "backward() was called inside of a function that is being transformed; use torch.func.grad there"
        )

    def detach(self) -> Tensor:
        return self.value.detach()

    data = property(detach)

    # ---- values

    def item(self) -> Any:
        return self.value.item()

    def tolist(self) -> Any:
        return self.value.tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        return self.value.numpy(*args, **kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value.__array__(*args, **kwargs)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __repr__(self, **_: Any) -> str:
        return f"{type(self).__name__}(level={self.level}, value={self.value!r})"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self.clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError("a tensor inside of a function transform cannot be pickled")

    # ---- indexing with tensors that are themselves transformed

    @staticmethod
    def taken_from(x: Tensor, index: Any) -> Tensor:
        """`x[index]` where tensors inside of transforms are in the index."""
        from .indexing import take

        return take(x, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        from .indexing import put

        put(self, index, value)

    def copy_(self, src: Any, non_blocking: bool = False) -> Tensor:
        if not isinstance(src, Tensor):
            return self.fill_(src)
        return self._assign(self, src.to(self.dtype).expand(self.shape), "copy_")

    @staticmethod
    def _assign(target: Tensor, result: Tensor, operation: str) -> Tensor:
        """An edit in place in which transformed tensors take part."""
        level = max(t.level for t in (target, result) if isinstance(t, Traced))
        if not isinstance(target, Traced) or target.level < level:
            raise RuntimeError(
                f"{operation}: this would write values of a function transform (vmap, grad, jvp, ...) into "
                "a tensor that the transform does "
                "not follow, such as one from outside or one made by torch.zeros(). Use an operation that "
                "makes a new tensor (torch.stack, "
                "torch.where, x.index_put), or start from a copy of a transformed tensor"
            )
        if tuple(result.shape) != tuple(target.shape):
            raise RuntimeError(
                f"{operation}: the result has shape {list(result.shape)}, the tensor to be edited "
                f"{list(target.shape)}"
            )
        target.replace(result.to(target.dtype), operation)
        return target

    def again(self, value: Tensor, leases: list[Any]) -> Any:
        """The same around another value."""
        return make(type(self), self.level, value)

    def replace(self, result: Tensor, operation: str) -> None:
        """Takes the values of `result`, and its place in what is followed."""
        raise NotImplementedError


def make(cls: type, level: int, value: Tensor) -> Any:
    """A new wrapping of `value`."""
    t = object.__new__(cls)
    t.level, t.value, t.viewed = level, value, False
    if cls.own_graph:
        t._rg = False
    t._node = t._grad = t._s = t._base = t._hooks = None
    t._out = 0
    return t


def tensors_in(values: Any) -> Iterator[Any]:
    """The tensors among the values of an operator's parameters."""
    for v in values:
        if isinstance(v, Tensor):
            yield v
        elif type(v) in (list, tuple):
            for t in v:
                if isinstance(t, Tensor):
                    yield t


def sample(t: Any, number: int, level: int) -> Any:
    """One sample of what is a batch at `level`; anything else as it is."""
    return t.value[number] if at(t, level) else t


def at(t: Any, level: int) -> bool:
    """Is this a tensor wrapped at `level`?"""
    return isinstance(t, Traced) and t.level == level


def below(values: Any, level: int) -> list[Any]:
    """The values with what is wrapped at `level` unwrapped."""

    def lower(v: Any) -> Any:
        return v.value if isinstance(v, Traced) and v.level == level else v

    return [
        type(v)(map(lower, v))
        if type(v) in (list, tuple) and any(isinstance(t, Traced) for t in v)
        else lower(v)
        for v in values
    ]


def call(op: Any, values: Any) -> Any:
    """An operator on a value for each parameter, as rules call it: numbers may stand for tensors."""
    s = op.signature
    return op.lenient(*values[: s.positional], **dict(zip(s.names[s.positional :], values[s.positional :])))
