"""The storages of a file, each read once, however many tensors lie on it."""

from __future__ import annotations

import mmap
import sys
from typing import Any

import numpy as np

from ..runtime.memory import empty
from ..tensor.core import wrap
from ..tensor.dtype import DTYPES, dtype
from ..tensor.memory import TypedStorage, UntypedStorage, storagetype
from ..tensor.memory import _known as known_storages
from ..tensor.storage import Storage, storage_of
from .errors import LoadError, told
from .locations import MetaStorage, Restore
from .settings import LoadEndianness, get_default_load_endianness, get_default_mmap_options
from .zip_reader import ZipReader

UINT8 = DTYPES["uint8"]
ALIGNMENT = 16  # memory of a mapped file that begins elsewhere is copied
OTHER_ORDER = {"little": "big", "big": "little"}[sys.byteorder]


class Reference:
    """What a pickle says of a storage."""

    __slots__ = ("count", "dtype", "key", "location")

    def __init__(self, parts: Any, length: int) -> None:
        if type(parts) is not tuple or len(parts) < length or parts[0] != "storage":
            raise LoadError(f"the pickle refers to something outside of it in an unknown way: {told(parts)}")
        _, kind, key, location, count = parts[:5]
        self.dtype: dtype | None = None
        if isinstance(kind, storagetype):
            self.dtype = kind.dtype
        elif kind is not UntypedStorage:
            raise LoadError(f"a storage is to be of the class {told(kind)}, which is no class of storages")
        if type(key) is not str or type(location) is not str or type(count) is not int or count < 0:
            raise LoadError(f"a storage is described in an unknown way: {told(parts)}")
        self.key, self.location, self.count = key, location, count

    @property
    def nbytes(self) -> int:
        return self.count * (1 if self.dtype is None else self.dtype.itemsize)

    def typed(self, memory: Any) -> Any:
        """The object for a storage that has been read."""
        if self.dtype is None or not isinstance(memory, UntypedStorage):
            return memory
        return TypedStorage(wrap_storage=memory, dtype=self.dtype)


def storage_on(array: np.ndarray, pinned: bool = False) -> UntypedStorage:
    """A storage on an array of bytes; `pinned` if somebody outside is to see what happens to them."""
    memory = object.__new__(UntypedStorage)
    memory._bytes = wrap(array, UINT8)
    if pinned:
        memory._bytes._s = Storage(memory._bytes, pinned=True)
    known_storages[id(storage_of(memory._bytes))] = memory
    return memory


class ZipStorages:
    """The storages among the records of an archive."""

    def __init__(
        self, archive: ZipReader, restore: Restore, *, mapped: bool = False, no_data: bool = False
    ) -> None:
        self.archive, self.restore, self.no_data = archive, restore, no_data
        self.swapped = byte_order(archive) == OTHER_ORDER
        self.map = _mapping(archive) if mapped else None
        self.shared = get_default_mmap_options() == getattr(mmap, "MAP_SHARED", -1)
        self.memories: dict[str, Any] = {}

    def persistent(self, parts: Any) -> Any:
        """The storage that a pickle refers to."""
        asked = Reference(parts, 5)
        if asked.key not in self.memories:
            self.memories[asked.key] = self.restore(self._read(asked), asked.location)
        return asked.typed(self.memories[asked.key])

    def _read(self, asked: Reference) -> UntypedStorage:
        entry = self.archive[f"data/{asked.key}"]
        if asked.nbytes > entry.size:
            raise LoadError(
                f"a storage is said to have {asked.nbytes} bytes, but record {entry.name!r:.200} has "
                f"{entry.size}"
            )
        if self.no_data:
            return MetaStorage(0)
        start = self.archive.start(entry)
        if self.map is not None and entry.size and not self.swapped and start % ALIGNMENT == 0:
            return storage_on(np.frombuffer(self.map, np.uint8, entry.size, start), self.shared)
        array = empty((entry.size,), np.dtype(np.uint8))
        self.archive.read_into(entry, memoryview(array))
        if self.swapped:
            swap(array, asked.dtype)
        return storage_on(array)


def byte_order(archive: ZipReader) -> str:
    """'little' or 'big', as the archive or the setting says."""
    if "byteorder" in archive:
        said = archive.read("byteorder")
        if said not in (b"little", b"big"):
            raise LoadError(f"the archive's byte order is {told(said)}, neither little nor big")
        return said.decode()
    default = get_default_load_endianness() or LoadEndianness.LITTLE
    return sys.byteorder if default is LoadEndianness.NATIVE else default.name.lower()


def swap(array: np.ndarray, dt: dtype | None) -> None:
    """Turns the bytes of each number round."""
    if dt is None:
        raise LoadError(
            "the file comes from a machine of the other byte order, and has a storage without a type"
        )
    size = dt.itemsize // 2 if dt.is_complex else dt.itemsize
    numbers = array[: array.size // size * size].view(f"u{size}")
    numbers.byteswap(inplace=True)


def _mapping(archive: ZipReader) -> Any:
    if archive.base:
        raise LoadError("mmap=True needs an archive that begins where its file does")
    flags = get_default_mmap_options()
    if flags is None:
        return mmap.mmap(archive.file.fileno(), 0, access=mmap.ACCESS_COPY)
    if flags == mmap.MAP_SHARED:
        with open(archive.file.name, "r+b") as file:
            return mmap.mmap(file.fileno(), 0, flags=flags)
    return mmap.mmap(archive.file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
