"""Writes archives as PyTorch lays them out: records stored as they are, their data at multiples of 64 bytes.

Only `write` is asked of the file, so it may be a pipe.
"""

from __future__ import annotations

import struct
import zlib
from hashlib import sha256
from typing import Any

from .settings import STORAGE_ALIGNMENT, get_crc32_options

LOCAL = struct.Struct("<IHHHHHIIIHH")
CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
END64 = struct.Struct("<IQHHIIQQQQ")
LOCATOR = struct.Struct("<IIQI")
END = struct.Struct("<IHHHHIIH")
FLAGS = 0x0808  # names in UTF-8; sizes and checksum follow the data as well
LIMIT = 0xFFFFFFFF  # from here on numbers are in an extra field of 64 bits
PIECE = 64 << 20
SMALL = 1 << 14  # up to here a record is written at once


class ZipWriter:
    """An archive in which every name begins with `root`."""

    def __init__(self, file: Any, root: str) -> None:
        self.file, self.root = file, root
        self.place = 0
        self.entries: list[tuple[bytes, int, int, int]] = []  # name, checksum, size, place

    def write(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            while len(piece):
                done = self.file.write(piece)
                piece = piece[len(piece) if done is None else done :]
        self.place += len(view)

    def add(self, name: str, data: Any) -> None:
        """A record."""
        encoded, size = f"{self.root}/{name}".encode(), memoryview(data).nbytes
        checksum = zlib.crc32(data) if get_crc32_options() else 0
        start = self.place
        header = self._header(encoded, size, start)
        sizes = struct.pack("<QQ" if size >= LIMIT else "<II", size, size)
        footer = struct.pack("<II", 0x08074B50, checksum) + sizes
        if size < SMALL:
            self.write(b"".join((header, data, footer)))
        else:
            for part in (header, data, footer):
                self.write(part)
        self.entries.append((encoded, checksum, size, start))

    def _header(self, name: bytes, size: int, start: int) -> bytes:
        wide = [*([size, size] if size >= LIMIT else []), *([start] if start >= LIMIT else [])]
        extra = _wide_field(wide)
        used = start + LOCAL.size + len(name) + len(extra) + 4
        padding = -used % STORAGE_ALIGNMENT
        extra += struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        return LOCAL.pack(0x04034B50, 0, FLAGS, 0, 0, 0, 0, 0, 0, len(name), len(extra)) + name + extra

    def close(self) -> None:
        """Writes the directory."""
        start = self.place
        for name, checksum, size, place in self.entries:
            wide = [*([size, size] if size >= LIMIT else []), *([place] if place >= LIMIT else [])]
            extra = _wide_field(wide)
            shown, at = min(size, LIMIT), min(place, LIMIT)
            fields = (0, 0, FLAGS, 0, 0, 0, checksum, shown, shown, len(name), len(extra), 0, 0, 0, 0, at)
            self.write(CENTRAL.pack(0x02014B50, *fields) + name + extra)
        length, end, n = self.place - start, self.place, len(self.entries)
        self.write(END64.pack(0x06064B50, END64.size - 12, 0x031E, 45, 0, 0, n, n, length, start))
        self.write(LOCATOR.pack(0x07064B50, 0, end, 1))
        few = min(n, 0xFFFF)
        self.write(END.pack(0x06054B50, 0, 0, few, few, min(length, LIMIT), min(start, LIMIT), 0))

    def identity(self) -> str:
        """40 digits that tell this content from others."""
        told = sha256(repr([(name, checksum, size) for name, checksum, size, _ in self.entries]).encode())
        return f"{int(told.hexdigest(), 16) % 10**40:040d}"


def _wide_field(numbers: list[int]) -> bytes:
    return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
