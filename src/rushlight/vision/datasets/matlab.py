"""Arrays of numbers in MATLAB files of version 5."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
MATRIX, COMPRESSED = 14, 15


def read_mat(path: Any) -> dict[str, np.ndarray]:
    """The arrays of a file by name; what is no plain array of numbers is left out."""
    data = memoryview(Path(path).read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None:
        raise ValueError(f"{path} is no MATLAB file of version 5")
    arrays = {}
    for kind, body in _elements(data[128:], order):
        if kind == COMPRESSED:
            ((kind, body),) = _elements(memoryview(zlib.decompress(body)), order)
        found = _array(body, order) if kind == MATRIX else None
        if found is not None:
            arrays[found[0]] = found[1]
    return arrays


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """(type, bytes) of each element; small ones keep their bytes in the head itself."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        else:
            start, step = at + 8, 8 + size + (-size % 8 if kind != COMPRESSED else 0)
        if start + size > len(data):
            raise ValueError(f"the file ends within an element of {size} bytes")
        yield kind, data[start : start + size]
        at += step


def _array(body: memoryview, order: str) -> tuple[str, np.ndarray] | None:
    parts = list(_elements(body, order))
    flags = np.frombuffer(parts[0][1], order + "u4")[0]
    kind, is_complex = int(flags & 0xFF), bool(flags & 0x800)
    if kind not in CLASSES or is_complex:
        return None
    shape = np.frombuffer(parts[1][1], order + "i4").tolist()
    stored, values = parts[3]
    numbers = np.frombuffer(values, order + NUMBERS[stored]).astype(CLASSES[kind])
    return bytes(parts[2][1]).decode(), numbers.reshape(shape, order="F")
