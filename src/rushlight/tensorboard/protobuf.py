"""Protocol-buffer messages, written without the protobuf package.

    Point = message(x=(1, DOUBLE), y=(2, DOUBLE), name=(3, STRING))
    Point(x=1.0, y=2.0, name="here")        # bytes on the wire

A message is declared by the number and the kind of each field, and is then a function from keywords to bytes.
A list is a repeated field, None leaves a field out, and a message inside another one is passed as its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Encoder = Callable[[Any], bytes]
Kind = tuple[int, Encoder]  # how the wire frames the value, and the value's bytes


def varint(value: int) -> bytes:
    """An integer in groups of seven bits, the lowest first; a negative one as its 64-bit complement."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def sized(data: bytes) -> bytes:
    """Bytes behind their length."""
    return varint(len(data)) + data


def packed(letter: str) -> Encoder:
    """Numbers of one kind, one behind the other."""
    return lambda values: sized(struct.pack(f"<{len(values)}{letter}", *values))


INT: Kind = (0, lambda value: varint(int(value)))
DOUBLE: Kind = (1, struct.Struct("<d").pack)
FLOAT: Kind = (5, struct.Struct("<f").pack)
BYTES: Kind = (2, sized)
STRING: Kind = (2, lambda text: sized(text.encode("utf8")))
MESSAGE = BYTES
DOUBLES: Kind = (2, packed("d"))  # these take the whole list as one value
FLOATS: Kind = (2, packed("f"))
INTS: Kind = (2, lambda values: sized(b"".join(map(varint, values))))
WHOLE = (DOUBLES, FLOATS, INTS)


def message(**fields: tuple[int, Kind]) -> Callable[..., bytes]:
    """Declares a message: a function that encodes the fields it is given."""
    plans = {
        name: (varint(number << 3 | wire), encode, (wire, encode) in WHOLE)
        for name, (number, (wire, encode)) in fields.items()
    }

    def encoded(**values: Any) -> bytes:
        parts = []
        for name, value in values.items():
            if value is None:
                continue
            key, encode, whole = plans[name]
            repeated = isinstance(value, (list, tuple)) and not whole
            parts += [key + encode(each) for each in (value if repeated else (value,))]
        return b"".join(parts)

    return encoded


_Entry = message(key=(1, STRING), value=(2, MESSAGE))


def entries(items: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The entries of a map field whose values are messages."""
    return [_Entry(key=key, value=value) for key, value in dict(items).items()]
