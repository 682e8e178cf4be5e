"""What a tensor tells about itself: size, strides, memory, and the flags that programs ask for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lang.movement import address, offset_of
from .core import Tensor, wrap
from .layout import is_dense, row_major, sparse_coo, strided
from .size import Size
from .storage import storage_of


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dimension."""
    if dim is None:
        return tuple.__new__(Size, self._a.shape)
    return self._a.shape[_checked_dim(self, dim)]


def stride(self: Tensor, dim: int | None = None) -> Any:
    """How many elements apart neighbours along each dimension lie in memory."""
    strides = (
        row_major(self._a.shape)
        if not self._a.size
        else tuple([s // self._a.itemsize for s in self._a.strides])
    )
    return strides if dim is None else strides[_checked_dim(self, dim)]


def _checked_dim(self: Tensor, dim: Any) -> int:
    n = self._a.ndim
    if not hasattr(dim, "__index__"):
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
    if not -n <= dim < n:
        if n == 0:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim}); the "
            f"shape is {list(self._a.shape)}"
        )
    return dim


def dim(self: Tensor) -> int:
    """The number of dimensions."""
    return self._a.ndim


def numel(self: Tensor) -> int:
    """The number of elements."""
    return self._a.size


def element_size(self: Tensor) -> int:
    """The number of bytes of an element."""
    return self.dtype.itemsize


def storage_offset(self: Tensor) -> int:
    """How many elements into its storage this tensor starts."""
    return offset_of(self._a) if self._a.base is not None else 0


def data_ptr(self: Tensor) -> int:
    """The address of the first element. From now on the memory stays there."""
    if self.is_meta:
        return 0
    storage_of(self).pin()
    return address(self._a) if self._a.size else 0


def is_non_overlapping_and_dense(self: Tensor) -> bool:
    """Do the elements fill a piece of memory, in any order of the dimensions?"""
    return is_dense(self._a)


def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost to the innermost in memory."""
    strides = self._a.strides
    return tuple(sorted(range(len(strides)), key=lambda d: -strides[d]))


def is_inference(self: Tensor) -> bool:
    """Was this tensor made in inference mode?"""
    return "_inference" in self.__dict__


def _false(name: str, what: str) -> Any:
    def answer(self: Tensor, *args: Any) -> bool:
        return False

    answer.__name__ = name
    answer.__doc__ = what
    return answer


def untyped_storage(self: Tensor) -> Any:
    """The memory that this tensor looks at, as bytes."""
    from .memory import UntypedStorage

    if self.is_meta:
        raise NotImplementedError("untyped_storage(): a meta tensor has no memory")
    return UntypedStorage.of(self)


def storage(self: Tensor) -> Any:
    """The memory that this tensor looks at, as elements of its type."""
    from .memory import TypedStorage

    return TypedStorage(wrap_storage=untyped_storage(self), dtype=self.dtype)


def is_shared(self: Tensor) -> bool:
    """Do processes forked from this one see the same memory?"""
    return self._s is not None and not self.is_meta and untyped_storage(self).is_shared()


def share_memory_(self: Tensor) -> Tensor:
    """Moves this tensor to memory that processes forked from this one (and only those) share with it."""
    untyped_storage(self).share_memory_()
    return self


def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """Refused: memory is pinned for the sake of an accelerator, and there is none."""
    raise RuntimeError(
        "Cannot access accelerator device when none is available: pin_memory() speeds up copies to one; "
        "leave it away"
    )


def get_device(input: Tensor) -> int:
    """The number of the device: -1 for the CPU."""
    return -1


def apply_(self: Tensor, callable: Any) -> Tensor:
    """Replaces every element by what a Python function makes of it. Slow: for clarity, not for speed."""
    _refuse_grad(self, "apply_")
    values = [callable(x) for x in self.reshape(-1).tolist()]  # type: ignore[attr-defined]
    return self.copy_(wrap(np.array(values, self.dtype.np).reshape(self._a.shape), self.dtype))  # type: ignore[attr-defined]


def map_(self: Tensor, other: Tensor, callable: Any) -> Tensor:
    """Replaces every element by what a Python function makes of it and the element of `other`."""
    _refuse_grad(self, "map_")
    pairs = zip(self.reshape(-1).tolist(), other.expand_as(self).reshape(-1).tolist())  # type: ignore[attr-defined]
    values = np.array([callable(a, b) for a, b in pairs], self.dtype.np)
    return self.copy_(wrap(values.reshape(self._a.shape), self.dtype))  # type: ignore[attr-defined]


def _refuse_grad(t: Tensor, name: str) -> None:
    if t._rg:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
        )


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Do both look at the same memory in the same way?"""
    a, b = self._a, tensor._a
    return address(a) == address(b) and a.shape == b.shape and a.strides == b.strides


def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
    """This tensor: all are dense."""
    return self if dtype is None else self.to(dtype)  # type: ignore[attr-defined]


def to_sparse(self: Tensor, sparse_dim: Any = None, *, layout: Any = None, **options: Any) -> Tensor:
    """The elements that are not zero, with their indices: a sparse tensor."""
    from ..sparse.coo import of_dense

    if layout not in (None, sparse_coo) or any(v is not None for v in options.values()):
        _no_sparse(self)
    return of_dense(self, sparse_dim)


def to_sparse_coo(self: Tensor) -> Tensor:
    """The elements that are not zero, with their indices: a sparse tensor."""
    return to_sparse(self)


def _no_sparse(self: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Refused: of the sparse layouts, that in coordinates is there."""
    raise NotImplementedError(
        "this sparse layout is not there, torch.sparse_coo is: x.to_sparse() has indices() and values()"
    )


def _no_parts(self: Tensor) -> Any:
    """Refused: this tensor is dense."""
    raise RuntimeError(
        "this tensor is dense (torch.strided) and has no indices, values or order of its own: x.to_sparse() "
        "has them"
    )


def _reversed(self: Tensor) -> Tensor:
    return self.flip(0) if self._a.ndim else self  # type: ignore[attr-defined]


def _delitem(self: Tensor, index: Any) -> None:
    raise TypeError(
        "Tensor does not support deleting items: its size is fixed; use torch.cat of the parts to keep"
    )


def _is_view(self: Tensor) -> bool:
    return self._base is not None


def _layout(self: Tensor) -> Any:
    return strided


def typename(obj: Any) -> str:
    """The name of the type of `obj`, with its module; for a tensor that of its legacy type."""
    if isinstance(obj, Tensor):
        return obj.type()  # type: ignore[attr-defined]
    found = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(found, "__module__", "") or ""
    return found.__qualname__ if module in ("", "builtins") else f"{module}.{found.__qualname__}"


def _names(self: Tensor) -> Any:
    raise AttributeError(
        "'Tensor' object has no attribute 'names': named dimensions are not there; keep track of them in "
        "your program"
    )


SPARSE_METHODS = [f"to_sparse_{kind}" for kind in ("csr", "csc", "bsr", "bsc")]


def attach() -> None:
    """Gives Tensor these methods."""
    for method in (
        *(size, stride, dim, numel, element_size, storage_offset, data_ptr, dim_order, is_inference),
        *(pin_memory, get_device, apply_, map_, is_set_to, to_dense, _is_view),
        *(to_sparse, to_sparse_coo),
        *(untyped_storage, storage, is_shared, share_memory_),
    ):
        setattr(Tensor, method.__name__, method)
    Tensor.ndimension, Tensor.nelement = dim, numel  # type: ignore[attr-defined]
    for name, what in (
        ("is_pinned", "Is the memory pinned for an accelerator?"),
        ("is_coalesced", "Is this a coalesced sparse tensor?"),
        ("is_distributed", "Is this tensor spread over processes?"),
    ):
        setattr(Tensor, name, _false(name, what))
    for name in SPARSE_METHODS:
        setattr(Tensor, name, _no_sparse)
    for name in ("coalesce", "indices", "values", "_indices", "_values", "_nnz"):
        setattr(Tensor, name, _no_parts)
    Tensor.__reversed__, Tensor.__delitem__ = _reversed, _delitem  # type: ignore[attr-defined]
    for name in ("is_ipu", "is_maia", "is_mtia", "is_xla"):
        setattr(Tensor, name, False)
    Tensor.layout, Tensor.names = property(_layout), property(_names)  # type: ignore[attr-defined]


attach()
__all__ = ["get_device", "is_non_overlapping_and_dense", "numel", "typename"]
