"""`save` and `load`."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from . import legacy
from .atomic import replacing, reserve
from .errors import EmptyFileError, LoadError, Passed
from .locations import restorer, wants_meta
from .machine import Machine
from .pickler import DEFAULT_PROTOCOL, Pickler
from .settings import STORAGE_ALIGNMENT
from .storages import ZipStorages
from .world import Loading
from .zip_reader import ZipReader
from .zip_writer import ZipWriter

# what damaged contents lead to inside of the unpickler
DAMAGE = (
    *(TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError),
    *(struct.error, RecursionError, MemoryError, NotImplementedError, AssertionError),
)
FileLike = Any


# ---- saving


def save(
    obj: object,
    f: FileLike,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Saves an object to a file that PyTorch and Rushlight load.

    `f` is a path or a file opened for writing. At a path, the file is replaced as a whole when everything is
    written: whatever happens before leaves the old one. Tensors that share memory do so again when loaded.
    """
    if pickle_module is not pickle and pickle_module is not None:
        raise ValueError(
            "pickle_module is not used: files are written by Rushlight's own pickler; leave it out"
        )
    if not 1 <= pickle_protocol <= pickle.HIGHEST_PROTOCOL:
        raise ValueError(
            f"pickle_protocol must be from 1 to {pickle.HIGHEST_PROTOCOL}, got {pickle_protocol}: protocol 0 "
            "has no place for storages"
        )
    if _is_path(f):
        stem = PurePath(os.fspath(f)).stem
        options = stem, pickle_protocol, _use_new_zipfile_serialization, _disable_byteorder_record
        with replacing(f) as file:
            _write(obj, file, *options, room=lambda size: reserve(file, size))
    elif hasattr(f, "write"):
        _write(obj, f, "archive", pickle_protocol, _use_new_zipfile_serialization, _disable_byteorder_record)
    else:
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute, got "
            f"{type(f).__name__}"
        )


def _is_path(f: Any) -> bool:
    return isinstance(f, (str, os.PathLike))


def _write(
    obj: Any,
    file: Any,
    root: str,
    protocol: int,
    as_zip: bool,
    no_byte_order: bool,
    room: Callable[[int], None] = lambda size: None,
) -> None:
    if not as_zip:
        legacy.write(file, obj, protocol)
        return
    pickler = Pickler(protocol)
    pickled = pickler.pickled(obj)
    room(len(pickled) + sum(record.data.nbytes for record in pickler.records.values()))
    archive = ZipWriter(file, root if root.isascii() and root.strip(".") else "archive")
    archive.add("data.pkl", pickled)
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", str(STORAGE_ALIGNMENT).encode())
    if not no_byte_order:
        archive.add("byteorder", _native().encode())
    for record in pickler.records.values():
        archive.add(f"data/{record.key}", record.data)
    archive.add("version", b"3\n")
    archive.add(".data/serialization_id", archive.identity().encode())
    archive.close()


def _native() -> str:
    import sys

    return sys.byteorder


# ---- loading


def load(
    f: FileLike,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads what `save` of PyTorch or Rushlight has written: tensors, containers and whole modules.

    Nothing of the file is run. What is neither a tensor, a plain container, a module of the library nor a
    module whose class the program has already defined is refused, whatever `weights_only` says;
    `add_safe_globals` allows more. `weights_only=True` leaves out modules too. `map_location` says where
    storages go (a device, its name, a dict of names, a function); with `mmap=True` the data stay in the file
    until they are used.
    """
    if pickle_module is not None and pickle_module is not pickle:
        raise ValueError("pickle_module is not used: loading never runs what a pickle says; leave it out")
    if mmap and not _is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    options = {"encoding": "utf-8", "errors": "strict", **pickle_load_args}
    unknown = set(options) - {"encoding", "errors", "fix_imports"}
    if unknown:
        raise TypeError(f"load() got an unexpected keyword argument {min(unknown)!r}")
    options.pop("fix_imports", None)
    job = _Job(restorer(map_location), wants_meta(map_location), bool(weights_only), bool(mmap), options)
    if _is_path(f):
        with open(f, "rb") as file:
            return job.load(file, repr(os.fspath(f)))
    for name in ("read", "readline", "seek", "tell"):
        if not hasattr(f, name):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{name}'. You can only torch.load from a file "
                "that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load "
                "from it instead."
            )
    return job.load(f, getattr(f, "name", None) or f"a {type(f).__name__}")


class _Job:
    """One load."""

    def __init__(
        self, restore: Any, no_data: bool, weights_only: bool, mapped: bool, options: dict[str, Any]
    ) -> None:
        self.no_data, self.weights_only, self.mapped, self.options = no_data, weights_only, mapped, options
        self.restore = restore

    def load(self, file: Any, name: str) -> Any:
        try:
            return self._load(file)
        except Passed as passed:
            raise passed.error from None
        except LoadError as error:
            error.args = (f"torch.load({name}): {error}",)
            raise
        except EOFError as error:
            raise EmptyFileError(f"torch.load({name}): {error}") from error
        except DAMAGE as error:
            told = str(error) or "without a message"
            raise LoadError(
                f"torch.load({name}): the file is damaged: {type(error).__name__}: {told}"
            ) from error

    def _load(self, file: Any) -> Any:
        start = file.tell()
        beginning = file.read(4)
        file.seek(start)
        if beginning == b"PK\3\4":
            return self._from_zip(file)
        if self.mapped:
            raise LoadError("mmap can only be used with files saved in the zip format, and this one is older")
        if not beginning:
            raise EmptyFileError("Ran out of input: the file is empty")
        if _looks_like_tar(file, start):
            raise LoadError(
                "the file is a tar archive, the format of PyTorch before 0.1.12: load it there, save it anew"
            )
        return legacy.read(file, self._run, self._plain, self.restore, self.no_data)

    def _from_zip(self, file: Any) -> Any:
        archive = ZipReader(file)
        if "constants.pkl" in archive:
            raise LoadError(
                "the file is a TorchScript archive, a compiled program; save the module's state_dict instead"
            )
        storages = ZipStorages(archive, self.restore, mapped=self.mapped, no_data=self.no_data)
        from io import BytesIO

        return self._run(BytesIO(archive.read("data.pkl")), storages)

    def _run(self, file: Any, storages: Any) -> Any:
        return Machine(file, Loading(storages, self.weights_only), **self.options).run()

    def _plain(self, file: Any) -> Any:
        return Machine(file, Loading(None, True), **self.options).run()


def _looks_like_tar(file: Any, start: int) -> bool:
    file.seek(start + 257)
    found = file.read(5)
    file.seek(start)
    return found == b"ustar"
