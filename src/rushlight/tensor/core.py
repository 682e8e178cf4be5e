"""The Tensor itself: a numpy array, its dtype, and its place in the graph. Operators attach themselves as
methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.modes import state
from ..autograd.node import Node
from ..lang.dispatch import HANDLERS
from .device import device
from .dtype import dtype, of_numpy
from .size import Size
from .storage import storage_of

if TYPE_CHECKING:
    from .typed import Operators
else:
    Operators = object

CPU, META = device("cpu"), device("meta")


class TensorType(type):
    """The class of Tensor: it knows the methods of operators that wait to be used."""

    def __getattr__(cls, name: str) -> Any:
        from ..ops import load_all

        if not name.startswith("_") and load_all() and hasattr(cls, name):
            return getattr(cls, name)
        raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")


class Tensor(Operators, metaclass=TensorType):
    """An array of numbers of one type that remembers how it was computed.

    Make one with `tensor`, `zeros`, `rand`, `from_numpy` and their like.
    """

    # _a     the numpy array: shape, strides and memory
    # _rg    does it take part in gradients; _node, _out: the operation it came from and which of its outputs
    # _s     the Storage when memory is shared; _base: the tensor that this one is a view of
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_a",
        "_base",
        "_grad",
        "_hooks",
        "_node",
        "_out",
        "_rg",
        "_s",
        "dtype",
    )

    __module__ = "rushlight"  # where users find it
    _intercept: Any = None  # subclasses that change what operators do set this: f(operator, args, kwargs)
    _assign: Any = None  # the same for edits in place: f(target, result, operation)
    is_cuda = is_sparse = is_quantized = is_mkldnn = is_nested = is_mps = is_xpu = is_vulkan = (
        is_sparse_csr
    ) = False
    __hash__ = object.__hash__
    __array_priority__ = 1000

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        from .legacy import legacy_tensor

        return legacy_tensor(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        HANDLERS[cls] = HANDLERS[Tensor]  # the array language takes it as a tensor
        if next(c for c in cls.__mro__ if "_intercept" in c.__dict__) is Tensor:
            from .subclass import intercept

            cls._intercept = staticmethod(intercept)

    def __getattr__(self, name: str) -> Any:
        from ..ops import load_all

        if not name.startswith("__") and load_all() and hasattr(type(self), name):
            return getattr(self, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    # ---- what it is

    @property
    def shape(self) -> Size:
        return tuple.__new__(Size, self._a.shape)

    @property
    def ndim(self) -> int:
        return self._a.ndim

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._a.size * self.dtype.itemsize

    @property
    def device(self) -> device:
        return CPU

    @property
    def is_meta(self) -> bool:
        return self.device is META

    @property
    def is_cpu(self) -> bool:
        return self.device is CPU

    # ---- its place in the graph

    @property
    def grad_fn(self) -> Node | None:
        return self._node

    @property
    def is_leaf(self) -> bool:
        return self._node is None

    @property
    def output_nr(self) -> int:
        return self._out

    @property
    def requires_grad(self) -> bool:
        return self._rg

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients, but this one is "
                f"{self.dtype}; "
                "convert it first, for instance with x.float()"
            )
        if not value and self._node is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph "
                "that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._rg = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Starts (or stops) recording of what is done with this tensor; returns it."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """What backward() has accumulated here."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            _check_new_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def _version(self) -> int:
        return self.__dict__.get("_edits", 0) if self._s is None else self._s.version

    @property
    def data(self) -> Tensor:
        """The same memory, outside of the graph."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if value.device is not self.device:
            raise RuntimeError(
                f"x.data = value: x is on device {self.device} and value on {value.device}, which must be "
                "the same; "
                "make a new tensor or Parameter of the value"
            )
        storage = storage_of(value)
        if self._s is not storage:
            if self._s is not None:
                self._s.remove(self)
            storage.add(self)
        self._a, self.dtype, self._s = value._a, value.dtype, storage

    def detach(self) -> Tensor:
        """A tensor on the same memory that is no part of the graph."""
        storage = self._s
        if storage is None:
            storage = storage_of(self)  # made before this call itself holds the array
        t = wrap(self._a, self.dtype)
        t._s = storage
        storage.add(t)
        if type(self) not in QUICK:
            t.__class__ = type(self)
        return t

    def detach_(self) -> Tensor:
        """Takes this tensor out of the graph that made it; it becomes a leaf."""
        self._node, self._rg, self._base = None, False, None
        return self


def _check_new_grad(t: Tensor, grad: Any) -> None:
    if not isinstance(grad, Tensor):
        raise TypeError(
            f"assigned grad expected to be a Tensor or None but got grad of type {type(grad).__name__}"
        )
    if grad._a.shape != t._a.shape or grad.dtype is not t.dtype:
        raise RuntimeError(
            f"assigned grad has shape {tuple(grad._a.shape)} and dtype {grad.dtype}, but the tensor has "
            "shape "
            f"{tuple(t._a.shape)} and dtype {t.dtype}; they must agree"
        )


_new = object.__new__


def wrap(array: np.ndarray, dt: dtype) -> Tensor:
    """A new tensor around an array that nobody else uses. The quickest way there is."""
    t = _new(Tensor)
    t._a = array
    t.dtype = dt
    t._rg = False
    t._node = t._grad = t._s = t._base = t._hooks = None
    t._out = 0
    return t


def wrap_any(array: Any) -> Tensor:
    """Like `wrap` for what numpy may have made a scalar of, finding the dtype."""
    if type(array) is not np.ndarray:
        array = np.asarray(array)
    return wrap(array, of_numpy(array.dtype))


def share(source: Tensor, array: np.ndarray, dt: dtype | None = None) -> Tensor:
    """A tensor, outside of the graph, on an array that looks at the memory of `source`."""
    storage = storage_of(source)
    t = wrap(array, dt or source.dtype)
    t._s = storage
    storage.add(t)
    return t


QUICK: set = {Tensor}  # the classes whose instances operators may take apart without asking


def edge_of(t: Tensor) -> Any:
    """Where a gradient for `t` goes: (node or leaf, output number), or None."""
    if not t._rg:
        return None
    return (t if t._node is None else t._node, t._out)


def can_record(*tensors: Tensor) -> bool:
    """Is an operation on these to be recorded?"""
    return state.grad and any(t._rg for t in tensors)
