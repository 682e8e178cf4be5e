"""Reads archives that PyTorch lays out, and trusts nothing that they say about themselves.

Records are never unpacked to a folder, so their names are only keys. A record that is compressed is refused
(PyTorch stores them as they are), so nothing can take more memory than the file has bytes; two records may
not overlap.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from .errors import LoadError
from .zip_writer import CENTRAL, END, END64, LIMIT, LOCAL, LOCATOR

LONGEST_COMMENT = 0xFFFF
PIECE = 16 << 20


class Entry:
    """A record of an archive."""

    __slots__ = ("checksum", "name", "place", "size", "start")

    def __init__(self, name: str, checksum: int, size: int, place: int) -> None:
        self.name, self.checksum, self.size, self.place = name, checksum, size, place
        self.start: int | None = None  # where the data begin


class ZipReader:
    """The records of an archive that begins where `file` stands."""

    def __init__(self, file: Any) -> None:
        self.file, self.base = file, file.tell()
        self.length = file.seek(0, 2) - self.base
        self.directory = 0  # where the directory starts: no data reach beyond
        self.entries = self._entries()
        self.root = self._root()
        self._separate()

    def names(self) -> list[str]:
        """The names of the records, below the folder that all are in."""
        return list(self.entries)

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> Entry:
        found = self.entries.get(name)
        if found is None:
            raise LoadError(f"the archive has no record {name!r:.200}")
        return found

    # ---- the directory

    def _at(self, place: int, n: int) -> bytes:
        if place < 0 or place + n > self.length:
            raise LoadError("the archive is cut off or damaged: its directory points outside of the file")
        self.file.seek(self.base + place)
        data = self.file.read(n)
        if len(data) != n:
            raise LoadError("the archive is cut off")
        return data

    def _entries(self) -> dict[str, Entry]:
        count, length, self.directory = self._end()
        data = self._at(self.directory, length)
        found: dict[str, Entry] = {}
        place = 0
        for _ in range(count):
            entry, place = self._entry(data, place)
            if entry.name in found:
                raise LoadError(f"the archive has two records {entry.name!r:.200}")
            found[entry.name] = entry
        return found

    def _end(self) -> tuple[int, int, int]:
        """How many records there are, how long the directory is, and where it starts."""
        tail = min(self.length, END.size + LONGEST_COMMENT)
        data = self._at(self.length - tail, tail)
        at = data.rfind(b"PK\5\6")
        if at < 0 or at + END.size > len(data):
            raise LoadError("the archive is cut off: it has no directory")
        _, _, _, count, total, length, start, _ = END.unpack_from(data, at)
        end = self.length - tail + at
        wide = self._wide_end(end - LOCATOR.size) if end >= LOCATOR.size else None
        if wide is not None:
            count, total, length, start = wide
        if count != total or length > self.length or count * CENTRAL.size > length:
            raise LoadError("the archive's directory says something impossible of itself")
        return count, length, start

    def _wide_end(self, place: int) -> tuple[int, int, int, int] | None:
        magic, _, at, _ = LOCATOR.unpack(self._at(place, LOCATOR.size))
        if magic != 0x07064B50:
            return None
        magic, *_, count, total, length, start = END64.unpack(self._at(at, END64.size))
        if magic != 0x06064B50:
            raise LoadError("the archive's directory is damaged")
        return count, total, length, start

    def _entry(self, data: bytes, place: int) -> tuple[Entry, int]:
        if place + CENTRAL.size > len(data):
            raise LoadError("the archive's directory is cut off")
        magic, _, _, flags, method, _, _, checksum, packed, size, n, more, comment, *_, at = (
            CENTRAL.unpack_from(data, place)
        )
        after = place + CENTRAL.size + n + more + comment
        if magic != 0x02014B50 or after > len(data):
            raise LoadError("the archive's directory is damaged")
        name = data[place + CENTRAL.size :][:n]
        extra = data[place + CENTRAL.size + n :][:more]
        size, packed, at = _widened(extra, size, packed, at)
        shown = name.decode("utf-8", "replace")
        if flags & 1:
            raise LoadError(f"record {shown!r:.200} of the archive is encrypted")
        if method != 0 or packed != size:
            raise LoadError(
                f"record {shown!r:.200} of the archive is compressed; PyTorch stores records as they are. "
                "Save the file anew with torch.save, or unpack it and pack it with `zip -0`"
            )
        return Entry(_checked_name(shown), checksum, size, at), after

    def _root(self) -> str:
        """The folder that all records are in, which is then taken off their names."""
        roots = {name.partition("/")[0] for name in self.entries if "/" in name}
        if len(roots) != 1 or not all("/" in name for name in self.entries):
            raise LoadError("the archive is none of PyTorch's: its records are not in one folder")
        root = roots.pop()
        self.entries = {name[len(root) + 1 :]: entry for name, entry in self.entries.items()}
        return root

    def _separate(self) -> None:
        """Checks that no two records share bytes."""
        end = 0
        for entry in sorted(self.entries.values(), key=lambda e: e.place):
            start = self.start(entry)
            if entry.place < end or start + entry.size > self.directory:
                raise LoadError(f"record {entry.name!r:.200} of the archive overlaps with something else")
            end = start + entry.size

    # ---- the records

    def start(self, entry: Entry) -> int:
        """Where the data of a record begin."""
        if entry.start is None:
            magic, *_, n, more = LOCAL.unpack(self._at(entry.place, LOCAL.size))
            if magic != 0x04034B50 or self._at(entry.place + LOCAL.size, n) != entry.name.encode():
                raise LoadError(f"record {entry.name!r:.200} of the archive is not where the directory says")
            entry.start = entry.place + LOCAL.size + n + more
        return entry.start

    def read(self, name: str) -> bytes:
        """A small record."""
        entry = self[name]
        data = self._at(self.start(entry), entry.size)
        _check(entry, zlib.crc32(data))
        return data

    def read_into(self, entry: Entry, memory: memoryview) -> None:
        """A record, straight into memory."""
        self.file.seek(self.base + self.start(entry))
        checksum = 0
        for start in range(0, entry.size, PIECE):
            piece = memory[start : min(start + PIECE, entry.size)]
            fill(self.file, piece)
            checksum = zlib.crc32(piece, checksum)
        _check(entry, checksum)


def fill(file: Any, memory: memoryview) -> None:
    """Reads as many bytes as `memory` has."""
    readinto = getattr(file, "readinto", None)
    while len(memory):
        if readinto is not None:
            n = readinto(memory)
        else:
            data = file.read(min(len(memory), PIECE))
            n = len(data)
            memory[:n] = data
        if not n:
            raise LoadError("the file is cut off inside of a tensor's data")
        memory = memory[n:]


def _check(entry: Entry, checksum: int) -> None:
    if entry.checksum and checksum != entry.checksum:
        raise LoadError(f"record {entry.name!r:.200} is damaged: its checksum does not fit")


def _checked_name(name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or ":" in parts[0]:
        raise LoadError(f"the archive has a record with the name {name!r:.200}, which leads out of it")
    return name


def _widened(extra: bytes, size: int, packed: int, at: int) -> tuple[int, int, int]:
    """The numbers of a record, from its 64-bit field where they do not fit in 32."""
    numbers = [size, packed, at]
    place = 0
    while LIMIT in numbers and place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - place - 4) // 8}Q", extra, place + 4))
            numbers = [next(wide, LIMIT) if n == LIMIT else n for n in numbers]
            break
        place += 4 + length
    return numbers[0], numbers[1], numbers[2]
