"""The format that PyTorch wrote before version 1.6: several pickles in a row, then the storages.

Versions before 0.1.12 packed the same into a tar archive; those files are told to be too old.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor.core import share
from ..tensor.dtype import DTYPES
from ..tensor.memory import UntypedStorage
from .errors import LoadError, told
from .locations import MetaStorage, Restore
from .pickler import Pickler
from .storages import OTHER_ORDER, Reference, storage_on, swap
from .zip_reader import fill

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
SIZES = {"short": 2, "int": 4, "long": 4}
COUNT = struct.Struct("<q")


# ---- writing


def write(file: Any, obj: Any, protocol: int) -> None:
    """Saves in the old format."""
    pickler = Pickler(protocol, view_metadata=True)
    pickled = pickler.pickled(obj)
    about = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": SIZES,
    }
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, about):
        file.write(pickle.dumps(part, protocol))
    file.write(pickled)
    records = sorted(pickler.records.values(), key=lambda record: record.key)
    file.write(pickle.dumps([record.key for record in records], protocol))
    for record in records:
        size = 1 if record.dtype is None else record.dtype.itemsize
        file.write(COUNT.pack(record.data.size // size))
        file.write(memoryview(record.data))


# ---- reading


class LegacyStorages:
    """The storages of an old file: made when the pickle asks for them, filled when their data come."""

    def __init__(self, restore: Restore, bytes_left: int, no_data: bool = False) -> None:
        self.restore, self.bytes_left, self.no_data = restore, bytes_left, no_data
        self.memories: dict[str, Any] = {}
        self.raw: dict[str, tuple[UntypedStorage, Reference]] = {}
        self.views: dict[tuple[str, str], Any] = {}

    def persistent(self, parts: Any) -> Any:
        if type(parts) is tuple and parts and parts[0] == "module":
            return (
                parts[1] if len(parts) > 1 else None
            )  # the source of the class comes along; nobody compiles it
        asked = Reference(parts, 5)
        if asked.key not in self.memories:
            self.memories[asked.key] = self.restore(self._reserve(asked), asked.location)
        memory = self.memories[asked.key]
        view = parts[5] if len(parts) > 5 else None
        return asked.typed(memory if view is None else self._view(asked, memory, view))

    def _reserve(self, asked: Reference) -> UntypedStorage:
        if asked.nbytes > self.bytes_left:
            raise LoadError(
                f"a storage is said to have {asked.nbytes} bytes, but the file has {self.bytes_left} more"
            )
        self.bytes_left -= asked.nbytes
        memory = storage_on(np.zeros(asked.nbytes, np.uint8))
        self.raw[asked.key] = memory, asked
        return MetaStorage(0) if self.no_data else memory

    def _view(self, asked: Reference, memory: UntypedStorage, view: Any) -> UntypedStorage:
        """A part of a storage, as versions before 0.2 have it."""
        if type(view) is not tuple or len(view) != 3 or not all(type(n) is int for n in view[1:]):
            raise LoadError("a view of a storage is described in an unknown way")
        key, offset, count = view
        size = 1 if asked.dtype is None else asked.dtype.itemsize
        if offset < 0 or count < 0 or (offset + count) * size > memory.nbytes():
            raise LoadError("a view of a storage reaches outside of it")
        if (asked.key, key) not in self.views:
            part = object.__new__(UntypedStorage)
            whole = memory._bytes
            part._bytes = share(whole, whole._a[offset * size : (offset + count) * size], DTYPES["uint8"])
            self.views[asked.key, key] = part
        return self.views[asked.key, key]

    def fill(self, file: Any, keys: Any, little_endian: bool) -> None:
        """Reads the data of all storages, which follow in the order of `keys`."""
        if type(keys) is not list or not all(type(k) is str for k in keys) or len({*keys}) != len(keys):
            raise LoadError("the list of storages is damaged")
        foreign = ("little" if little_endian else "big") == OTHER_ORDER
        for key in keys:
            if key not in self.raw:
                raise LoadError(f"there are data for a storage {told(key)}, which the pickle does not have")
            memory, asked = self.raw.pop(key)
            count = bytearray(COUNT.size)
            fill(file, memoryview(count))
            (n,) = COUNT.unpack(count) if little_endian else struct.unpack(">q", count)
            if n != asked.count:
                raise LoadError(
                    f"storage {told(key)} has {n} elements in one place and {asked.count} in another"
                )
            fill(file, memoryview(memory._bytes._a))
            if foreign:
                swap(memory._bytes._a, asked.dtype)
        if self.raw:
            raise LoadError("the data of a storage are missing")


def read(
    file: Any, run: Callable[[Any, Any], Any], plain: Callable[[Any], Any], restore: Restore, no_data: bool
) -> Any:
    """Loads the old format. `run(file, storages)` unpickles by the rules, `plain(file)` only containers."""
    start = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(start)
    if plain(file) != MAGIC_NUMBER:
        raise LoadError("Invalid magic number; corrupt file? It is none that torch.save has written")
    version = plain(file)
    if version != PROTOCOL_VERSION:
        raise LoadError(f"Invalid protocol version: {told(version)}")
    about = plain(file)
    if type(about) is not dict:
        raise LoadError("the description of the machine that saved the file is damaged")
    storages = LegacyStorages(restore, length - file.tell(), no_data)
    result = run(file, storages)
    storages.fill(file, plain(file), about.get("little_endian", True) is not False)
    return result
