"""What `untyped_storage()` and `storage()` give: the memory behind a tensor as an object of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ..lang.movement import address, root
from .core import CPU, Tensor, share, wrap
from .dtype import DTYPES, dtype, uint8
from .legacy import TYPE_NAMES
from .storage import Storage, storage_of

_known: WeakValueDictionary[int, UntypedStorage] = (
    WeakValueDictionary()
)  # by id of the Storage, which each keeps alive


class UntypedStorage:
    """Memory as bytes. Tensors that share memory have one and the same storage."""

    __slots__ = ("__weakref__", "_bytes")
    is_cuda = is_sparse = False
    device = CPU

    def __init__(self, size: int = 0, *, device: Any = None) -> None:
        self._bytes: Tensor = wrap(np.zeros(int(size), np.uint8), uint8)
        _known[id(storage_of(self._bytes))] = self

    @classmethod
    def of(cls, t: Tensor) -> UntypedStorage:
        """The storage of a tensor: the same object as long as somebody holds it."""
        storage = storage_of(t)
        found = _known.get(id(storage))
        if found is None:
            found = object.__new__(cls)
            found._bytes = share(t, bytes_of(t._a), uint8)
            _known[id(storage)] = found
        return found

    @property
    def _tensor(self) -> Tensor:
        return self._bytes

    @property
    def _storage(self) -> Storage:
        return self._bytes._s  # type: ignore[return-value]

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._bytes._a.size

    size = nbytes

    def data_ptr(self) -> int:
        """Where the memory lies. From now on it stays there."""
        self._storage.pin()
        return address(self._bytes._a) if self.nbytes() else 0

    _cdata = property(data_ptr)

    def element_size(self) -> int:
        return 1

    def __len__(self) -> int:
        return self.nbytes()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        found = self._bytes._a[index]
        return found.tolist() if found.ndim == 0 else UntypedStorage.of(wrap(found.copy(), uint8))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._storage.about_to_change("storage[...] = ")
        self._bytes._a[index] = value

    def tolist(self) -> list[int]:
        return self._bytes._a.tolist()

    def tobytes(self) -> bytes:
        return self._bytes._a.tobytes()

    def fill_(self, value: int) -> UntypedStorage:
        """Sets every byte to `value`."""
        self[:] = value
        return self

    def copy_(self, source: Any, non_blocking: bool = False) -> UntypedStorage:
        """Takes the bytes of another storage of the same size."""
        self[:] = source.untyped()._bytes._a
        return self

    def clone(self) -> UntypedStorage:
        """A copy with memory of its own."""
        new = UntypedStorage(self.nbytes())
        new._bytes._a[...] = self._bytes._a
        return new

    def untyped(self) -> UntypedStorage:
        return self

    def cpu(self) -> UntypedStorage:
        return self

    def resize_(self, size: int) -> UntypedStorage:
        """Another number of bytes; the tensors on this memory keep looking at the same places of it."""
        resize_memory(self, int(size))
        return self

    def is_shared(self) -> bool:
        """Do processes forked from this one see the same memory?"""
        return is_shared(self)

    def share_memory_(self) -> UntypedStorage:
        """Moves to memory that processes forked from this one share with it."""
        share_memory(self)
        return self

    def is_pinned(self, device: Any = None) -> bool:
        return False

    def __deepcopy__(self, memo: dict[int, Any]) -> UntypedStorage:
        return memo.setdefault(id(self), self.clone())

    def __reduce__(self) -> tuple:
        return storage_from_bytes, (self.tobytes(),)

    def __repr__(self) -> str:
        lines = "".join(f" {b}\n" for b in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"


def bytes_of(array: np.ndarray) -> np.ndarray:
    """All the memory behind `array`, as bytes."""
    from ..lang.movement import _memory

    return _memory(array).view(np.uint8)


def storage_from_bytes(data: bytes) -> UntypedStorage:
    """A storage with a copy of `data`: what pickle calls."""
    new = UntypedStorage(len(data))
    new._bytes._a[...] = np.frombuffer(data, np.uint8)
    return new


def resize_memory(memory: UntypedStorage, size: int) -> None:
    """Gives all tensors of a storage a buffer of another size."""
    storage, old = memory._storage, memory._bytes._a
    if storage.pinned and not storage.owner.flags.owndata:
        raise RuntimeError(
            "Trying to resize storage that is not resizable: its memory belongs to somebody else (numpy, a "
            "buffer)"
        )
    others = [t for t in storage.members() if t is not memory._bytes]
    start = address(old)
    needed = max((address(t._a) - start + extent(t._a) for t in others if t._a.size), default=0)
    if size < needed:
        raise RuntimeError(
            f"cannot shrink the storage to {size} bytes: a tensor on it reaches to byte {needed}"
        )
    new = np.zeros(size, np.uint8)
    new[: min(size, old.size)] = old[:size]
    relocate(memory, new)


def extent(array: np.ndarray) -> int:
    """How many bytes of memory an array reaches over."""
    return sum((n - 1) * s for n, s in zip(array.shape, array.strides)) + array.itemsize if array.size else 0


def relocate(memory: UntypedStorage, new: np.ndarray) -> None:
    """Moves all tensors of a storage to other bytes, which have the contents already."""
    storage, start = memory._storage, address(memory._bytes._a)
    for t in storage.members():
        if t is not memory._bytes:
            t._a = np.ndarray(
                t._a.shape, t._a.dtype, new, address(t._a) - start if t._a.size else 0, t._a.strides
            )
    memory._bytes._a, storage.owner = new, root(new)


def is_shared(memory: UntypedStorage) -> bool:
    """Do processes forked from this one see the same memory?"""
    import sys

    mmap = sys.modules.get("mmap")
    base = memory._storage.owner.base
    return mmap is not None and isinstance(getattr(base, "obj", base), mmap.mmap)


def share_memory(memory: UntypedStorage) -> None:
    """Moves a storage to memory that processes forked from this one share with it."""
    import mmap

    if is_shared(memory) or not memory.nbytes():
        return
    if memory._storage.pinned and not memory._storage.owner.flags.owndata:
        raise RuntimeError(
            "share_memory_(): this memory belongs to somebody else (numpy, a buffer); share a copy: "
            "x.clone().share_memory_()"
        )
    new = np.frombuffer(mmap.mmap(-1, memory.nbytes()), np.uint8)
    new[...] = memory._bytes._a
    relocate(memory, new)
    memory._storage.pinned = True


class TypedStorage:
    """Memory as elements of one dtype; `untyped()` has the bytes."""

    __slots__ = ("_dtype", "_untyped_storage")
    is_cuda = is_sparse = False
    device = CPU

    def __init__(
        self,
        *args: Any,
        wrap_storage: UntypedStorage | None = None,
        dtype: Any = None,
        _internal: bool = False,
    ) -> None:
        self._dtype: dtype = dtype or DTYPES["float32"]
        if wrap_storage is None:
            wrap_storage = _new_memory(args, self._dtype)
        self._untyped_storage = wrap_storage

    @property
    def dtype(self) -> Any:
        return self._dtype

    @property
    def _tensor(self) -> Tensor:
        return self._untyped_storage._bytes

    def as_tensor(self) -> Tensor:
        """All elements, as a tensor on this memory."""
        return on_storage(self._untyped_storage, self._dtype, 0, (len(self),), (1,))

    def untyped(self) -> UntypedStorage:
        return self._untyped_storage

    def size(self) -> int:
        """The number of elements."""
        return self._untyped_storage.nbytes() // self._dtype.itemsize

    __len__ = size

    def nbytes(self) -> int:
        return self._untyped_storage.nbytes()

    def data_ptr(self) -> int:
        return self._untyped_storage.data_ptr()

    _cdata = property(data_ptr)

    def element_size(self) -> int:
        return self._dtype.itemsize

    def tolist(self) -> list:
        return self.as_tensor().tolist()  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._untyped_storage._storage.about_to_change("storage[...] = ")
        self.as_tensor()._a[index] = value

    def fill_(self, value: Any) -> TypedStorage:
        self[:] = value
        return self

    def copy_(self, source: TypedStorage, non_blocking: bool | None = None) -> TypedStorage:
        self[:] = source.as_tensor()._a
        return self

    def clone(self) -> TypedStorage:
        return type(self)(wrap_storage=self._untyped_storage.clone(), dtype=self._dtype)

    def resize_(self, size: int) -> TypedStorage:
        self._untyped_storage.resize_(size * self._dtype.itemsize)
        return self

    def cpu(self) -> TypedStorage:
        return self

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of this storage's type, such as 'torch.FloatStorage'."""
        if dtype is not None:
            raise NotImplementedError("storages are not converted; convert a tensor: x.to(dtype).storage()")
        return f"torch.{storage_name(self._dtype)}"

    pickle_storage_type = type

    def is_shared(self) -> bool:
        return is_shared(self._untyped_storage)

    def is_pinned(self, device: Any = None) -> bool:
        return False

    def __deepcopy__(self, memo: dict[int, Any]) -> TypedStorage:
        return type(self)(wrap_storage=self._untyped_storage.__deepcopy__(memo), dtype=self._dtype)

    def __reduce__(self) -> tuple:
        return _typed_storage, (self._untyped_storage, self._dtype)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TypedStorage)
            and self._untyped_storage is other._untyped_storage
            and self._dtype is other._dtype
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = "".join(f" {x}\n" for x in self.tolist())
        kind = f"TypedStorage(dtype={self._dtype}, device={self.device})"
        return f"{lines}[torch.storage.{kind} of size {len(self)}]"


def _new_memory(args: tuple, dt: dtype) -> UntypedStorage:
    """Memory for a number of elements, or with the elements of a sequence."""
    if not args:
        return UntypedStorage(0)
    if isinstance(args[0], int):
        return UntypedStorage(args[0] * dt.itemsize)
    from .create import tensor

    return UntypedStorage.of(tensor(list(args[0]), dtype=dt))


def _typed_storage(memory: UntypedStorage, dt: dtype) -> TypedStorage:
    return TypedStorage(wrap_storage=memory, dtype=dt)


def on_storage(memory: UntypedStorage, dt: dtype, offset: int, shape: Any, strides: Any) -> Tensor:
    """A tensor on a storage; offset and strides count elements."""
    size = dt.itemsize
    try:
        array = np.ndarray(
            tuple(shape), dt.np, memory._bytes._a, offset * size, tuple(s * size for s in strides)
        )
    except (TypeError, ValueError) as error:
        raise RuntimeError(
            f"sizes {list(shape)}, strides {list(strides)} and storage offset {offset} of {dt} reach "
            "outside of a storage of "
            f"{memory.nbytes()} bytes"
        ) from error
    return share(memory._bytes, array, dt)


def storage_name(dt: dtype) -> str:
    """'FloatStorage' for float32."""
    return TYPE_NAMES.get(dt.name, dt.name).replace("Tensor", "Storage")


class storagetype(type):
    """The class of `torch.FloatStorage` and its like: storages that are told by dtype."""

    dtype: dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype is cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> TypedStorage:
        return TypedStorage(*args, **{**kwargs, "dtype": cls.dtype})


def _storage_type(dt: dtype) -> Any:
    return storagetype(
        storage_name(dt), (), {"dtype": dt, "__module__": "rushlight", "__doc__": f"Memory of {dt} elements."}
    )


STORAGE_TYPES = {storage_name(DTYPES[d]): _storage_type(DTYPES[d]) for d in TYPE_NAMES}


def is_storage(obj: Any) -> bool:
    """Is `obj` a storage?"""
    return isinstance(obj, (UntypedStorage, TypedStorage))
