"""Settings of saving and loading, under PyTorch's names."""

from __future__ import annotations

import mmap
from enum import Enum
from typing import Any

DEFAULT_PROTOCOL = 2
STORAGE_ALIGNMENT = 64


class LoadEndianness(Enum):
    """The byte order of files that do not say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _State:
    endianness: LoadEndianness | None = None
    crc32 = True
    mmap_flags: int | None = getattr(mmap, "MAP_PRIVATE", None)


def get_default_load_endianness() -> LoadEndianness | None:
    """The byte order assumed of files that do not say theirs; None is this machine's."""
    return _State.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Sets the byte order assumed of files that do not say theirs."""
    if not isinstance(endianness, LoadEndianness) and endianness is not None:
        raise TypeError(f"a LoadEndianness or None is expected, got {endianness!r}")
    _State.endianness = endianness


def get_crc32_options() -> bool:
    """Are checksums of the records written by `save`?"""
    return _State.crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether `save` writes checksums of the records; `load` notices damage only with them."""
    _State.crc32 = bool(compute_crc32)


def get_default_mmap_options() -> int | None:
    """How `load(..., mmap=True)` maps files: mmap.MAP_PRIVATE or mmap.MAP_SHARED."""
    return _State.mmap_flags


class set_default_mmap_options:
    """Sets how `load(..., mmap=True)` maps files, from now on or inside of a `with` block.

    With mmap.MAP_SHARED, changes of the tensors are changes of the file.
    """

    def __init__(self, flags: int) -> None:
        if not hasattr(mmap, "MAP_PRIVATE"):
            raise RuntimeError("the ways of mapping files cannot be chosen on this system")
        if flags not in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            raise ValueError(f"flags must be mmap.MAP_PRIVATE or mmap.MAP_SHARED, got {flags!r}")
        self._before, _State.mmap_flags = _State.mmap_flags, flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> None:
        _State.mmap_flags = self._before
