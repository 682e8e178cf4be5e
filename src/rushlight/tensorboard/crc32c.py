"""The checksum of TFRecord files: CRC-32C (Castagnoli), masked.

A checksum without start and end values is linear, so long data is cut into lanes that numpy advances side
by side, a byte at a time; then neighbouring lanes are joined, the left one moved past as many zero bytes as
the right one has.
"""

from __future__ import annotations

import numpy as np

POLYNOMIAL = 0x82F63B78
SHORT = 512  # bytes up to which a plain loop is quicker
ALL = 0xFFFF_FFFF


def _table() -> np.ndarray:
    """What each value of the lowest byte does to the register as it is shifted out."""
    register = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        register = (register >> 1) ^ np.where(register & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return register


_TABLE = _table()
_PLAIN_TABLE: list[int] = _TABLE.tolist()
_BITS = np.arange(32, dtype=np.uint32)


def crc32c(data: bytes) -> int:
    """The checksum of some bytes."""
    register = _of_short(data) if len(data) <= SHORT else _of_long(data)
    return register ^ ALL


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord stores it: rotated and moved, so that checksums of checksums stay good."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & ALL


def _of_short(data: bytes) -> int:
    register, table = ALL, _PLAIN_TABLE
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    return register


def _of_long(data: bytes) -> int:
    length = 1 << (len(data).bit_length() // 2)  # of a lane: about as many bytes as there are lanes
    lanes = -(-len(data) // length)
    grid = np.zeros(lanes * length, np.uint8)  # zeros in front change nothing
    start = grid.size - len(data)
    grid[start:] = np.frombuffer(data, np.uint8)
    grid[start : start + 4] ^= 0xFF  # the start value
    registers = np.zeros(lanes, np.uint32)
    for column in np.ascontiguousarray(grid.reshape(lanes, length).T):
        registers = _TABLE[(registers ^ column) & 0xFF] ^ (registers >> np.uint32(8))
    return _joined(registers, length)


def _joined(registers: np.ndarray, length: int) -> int:
    """The register after all lanes, each `length` bytes (a power of two) long."""
    past_zeros = _TABLE[(1 << _BITS) & 0xFF] ^ (np.uint32(1) << _BITS) >> np.uint32(8)  # one zero byte
    for _ in range(length.bit_length() - 1):
        past_zeros = _apply(past_zeros, past_zeros)
    while registers.size > 1:
        if registers.size % 2:
            registers = np.concatenate([np.zeros(1, np.uint32), registers])
        registers = _apply(past_zeros, registers[0::2]) ^ registers[1::2]
        past_zeros = _apply(past_zeros, past_zeros)
    return int(registers[0])


def _apply(matrix: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """Each register times a matrix over the bits: row i of the matrix is what bit i becomes."""
    set_bits = (registers[:, None] >> _BITS) & 1
    return np.bitwise_xor.reduce(np.where(set_bits, matrix, np.uint32(0)), axis=1)
