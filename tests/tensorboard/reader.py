"""A reader of event files, written from the formats' descriptions and independent of the writer."""

import struct


def crc32c(data):
    """CRC-32C a bit at a time."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    """The records of a TFRecord file; every checksum is checked."""
    data = path.read_bytes()
    while data:
        (length,), (header,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert header == masked(data[:8])
        body, (checksum,) = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])
        assert len(body) == length
        assert checksum == masked(body)
        yield body
        data = data[16 + length :]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """The fields of a message: a list of values for each number."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            size, letter = {1: (8, "<d"), 5: (4, "<f")}[wire]
            (value,), at = struct.unpack(letter, data[at : at + size]), at + size
        found.setdefault(number, []).append(value)
    return found


def event_file(folder):
    """The one event file of a folder."""
    (path,) = folder.glob("events.out.tfevents.*")
    return path


def events(folder):
    """The events of a folder's file as fields."""
    return [fields(record) for record in records(event_file(folder))]


def scalars(folder):
    """(tag, step, value) of each scalar."""
    found = []
    for event in events(folder):
        for summary in event.get(5, []):
            value = fields(fields(summary)[1][0])
            found.append((value[1][0].decode(), event.get(2, [0])[0], value[2][0]))
    return found
