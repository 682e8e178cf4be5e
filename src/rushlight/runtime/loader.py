"""Load an ELF object into this process with mmap and ctypes: no compiler, no linker, 0.1 ms each.

Only what LLVM emits for our modules is understood; anything else is an error that names it.  Code and
constants end up read-only and executable, data writable, each on its own pages.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Mapping
from typing import NamedTuple

from .session import Unavailable

PAGE = mmap.PAGESIZE
ALLOCATED, NO_BITS, WRITABLE = 0x2, 8, 0x1
SYMBOL_TABLE, RELOCATIONS_WITH_ADDEND = 2, 4
UNDEFINED, ABSOLUTE = 0, 0xFFF1
MACHINES = {62: "x86_64", 183: "aarch64"}


class LoadError(Unavailable):
    """The object code is damaged or uses something this loader does not know."""


class Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


class Symbol(NamedTuple):
    name: str
    section: int
    value: int


class Code:
    """Loaded machine code: `address` maps the names it defines.

    Its memory lives as long as the process: arrays that it made, and has to take back, may be the last to go.
    """

    def __init__(self, memory: mmap.mmap, address: dict[str, int]):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
        self.address = address

    def function(self, name: str, result, *arguments):
        """A ctypes function (it releases the GIL while it runs)."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.address[name])


def load(data: bytes, symbols: Mapping[str, int]) -> Code:
    """Place `data` in memory, with `symbols` as the addresses of what it leaves undefined."""
    try:
        return _Image(data, symbols).finish()
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise LoadError(f"damaged object code: {error}") from error


class _Image:
    def __init__(self, data: bytes, symbols: Mapping[str, int]):
        self.data = data
        self.machine = self._read_header()
        self.sections = self._read_sections()
        self.place: dict[int, int] = {}
        self.stubs: dict[str, int] = {}
        self._lay_out()
        self.memory = mmap.mmap(
            -1, self.total, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE
        )
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self._copy_sections()
        self.symbols = self._read_symbols()
        self.outside = symbols

    def _read_header(self) -> str:
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise LoadError("not a 64-bit little-endian ELF object")
        machine = MACHINES.get(struct.unpack_from("<H", self.data, 18)[0])
        if machine is None:
            raise LoadError("object code for an unknown machine")
        return machine

    def _read_sections(self) -> list[Section]:
        (table,) = struct.unpack_from("<Q", self.data, 0x28)
        size, count = struct.unpack_from("<HH", self.data, 0x3A)
        return [
            Section(*struct.unpack_from("<IIQQQQIIQQ", self.data, table + k * size)) for k in range(count)
        ]

    def _lay_out(self) -> None:
        """Read-only sections first, then the stubs for far calls, then from a new page the writable ones."""
        names = sum(1 for _ in self._undefined_names())
        end = self._place_sections(0, writable=False)
        self.stub_end = -(-end // 16) * 16
        end = self.stub_end + 16 * names
        self.read_only = -(-end // PAGE) * PAGE
        end = self._place_sections(self.read_only, writable=True)
        self.total = max(PAGE, -(-end // PAGE) * PAGE)

    def _place_sections(self, end: int, writable: bool) -> int:
        for number, section in enumerate(self.sections):
            if section.flags & ALLOCATED and bool(section.flags & WRITABLE) == writable:
                align = max(1, section.align)
                self.place[number] = -(-end // align) * align
                end = self.place[number] + section.size
        return end

    def _copy_sections(self) -> None:
        for number, place in self.place.items():
            section = self.sections[number]
            if section.kind != NO_BITS:
                self.memory[place : place + section.size] = self.data[
                    section.offset : section.offset + section.size
                ]

    def _symbol_entries(self):
        table = next((s for s in self.sections if s.kind == SYMBOL_TABLE), None)
        if table is None:
            raise LoadError("object code without a symbol table")
        strings = self.sections[table.link].offset
        for place in range(table.offset, table.offset + table.size, 24):
            name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, place)
            start = strings + name
            yield self.data[start : self.data.index(b"\0", start)].decode(), section, value

    def _undefined_names(self):
        return (name for name, section, _ in self._symbol_entries() if section == UNDEFINED and name)

    def _read_symbols(self) -> list[Symbol]:
        made = []
        for name, section, value in self._symbol_entries():
            if section in self.place:
                value += self.base + self.place[section]
            elif section not in (UNDEFINED, ABSOLUTE):
                value = 0
            made.append(Symbol(name, section, value))
        return made

    def _target(self, symbol: Symbol) -> int:
        if symbol.section != UNDEFINED:
            return symbol.value
        try:
            return self.outside[symbol.name]
        except KeyError:
            raise LoadError(f"object code needs {symbol.name!r}, which nothing here defines") from None

    def stub(self, symbol: Symbol) -> int:
        """The address of a jump to a function too far away for a relative call."""
        if symbol.section != UNDEFINED:
            return symbol.value
        if symbol.name not in self.stubs:
            code = FAR_JUMP[self.machine](self._target(symbol))
            self.memory[self.stub_end : self.stub_end + 16] = code
            self.stubs[symbol.name] = self.base + self.stub_end
            self.stub_end += 16
        return self.stubs[symbol.name]

    def _relocate(self) -> None:
        patchers = PATCHERS[self.machine]
        for section in self.sections:
            if section.kind != RELOCATIONS_WITH_ADDEND or section.info not in self.place:
                continue
            start = self.place[section.info]
            for entry in range(section.offset, section.offset + section.size, 24):
                offset, info, addend = struct.unpack_from("<QQq", self.data, entry)
                kind, symbol = info & 0xFFFFFFFF, self.symbols[info >> 32]
                if kind not in patchers:
                    raise LoadError(f"relocation {kind} of {self.machine} is not known to this loader")
                patchers[kind](self, start + offset, symbol, addend)

    def finish(self) -> Code:
        self._relocate()
        _protect(self.base, self.read_only)
        return Code(
            self.memory, {s.name: s.value for s in self.symbols if s.name and s.section in self.place}
        )


def _protect(address: int, size: int) -> None:
    if not size:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    status = libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC)
    if status != 0:
        raise Unavailable(f"this system forbids generated code (mprotect: errno {ctypes.get_errno()})")


# -- x86-64


def _x86_far_jump(target: int) -> bytes:
    return (
        b"\x49\xbb" + struct.pack("<Q", target) + b"\x41\xff\xe3" + b"\x90" * 3
    )  # movabs r11, target; jmp r11


def _absolute_64(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    struct.pack_into("<Q", image.memory, place, (image._target(symbol) + addend) & 0xFFFFFFFFFFFFFFFF)


def _x86_call(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    distance = image.stub(symbol) + addend - (image.base + place)
    struct.pack_into("<i", image.memory, place, distance)


def _relative_32(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    struct.pack_into("<i", image.memory, place, image._target(symbol) + addend - (image.base + place))


def _relative_64(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    struct.pack_into("<q", image.memory, place, image._target(symbol) + addend - (image.base + place))


# -- aarch64


def _arm_far_jump(target: int) -> bytes:
    return struct.pack("<IIQ", 0x58000050, 0xD61F0200, target)  # ldr x16, .+8; br x16


def _arm_set(image: _Image, place: int, mask: int, bits: int) -> None:
    (word,) = struct.unpack_from("<I", image.memory, place)
    struct.pack_into("<I", image.memory, place, (word & ~mask) | (bits & mask))


def _arm_page(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    pages = ((image._target(symbol) + addend) >> 12) - ((image.base + place) >> 12)
    if not -(1 << 20) <= pages < 1 << 20:
        raise LoadError(f"{symbol.name!r} is out of reach of an adrp")
    _arm_set(image, place, 0x60FFFFE0, (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5)


def _arm_low_bits(scale: int):
    """The offset within a page, in units of the size of the access (2**scale bytes)."""

    def patch(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
        low = (image._target(symbol) + addend) & 0xFFF
        _arm_set(image, place, 0x3FFC00, low >> scale << 10)

    return patch


def _arm_call(image: _Image, place: int, symbol: Symbol, addend: int) -> None:
    words = (image.stub(symbol) + addend - (image.base + place)) >> 2
    _arm_set(image, place, 0x03FFFFFF, words)


FAR_JUMP = {"x86_64": _x86_far_jump, "aarch64": _arm_far_jump}
PATCHERS = {
    "x86_64": {  # R_X86_64_ 64, PC32, PLT32, PC64
        1: _absolute_64,
        2: _relative_32,
        4: _x86_call,
        24: _relative_64,
    },
    "aarch64": {  # R_AARCH64_ ABS64, PREL64, PREL32, ADR_PREL_PG_HI21, ADD_ABS_LO12_NC, LDST, JUMP26, CALL26
        257: _absolute_64,
        260: _relative_64,
        261: _relative_32,
        275: _arm_page,
        277: _arm_low_bits(0),
        278: _arm_low_bits(0),
        284: _arm_low_bits(1),
        285: _arm_low_bits(2),
        286: _arm_low_bits(3),
        299: _arm_low_bits(4),
        282: _arm_call,
        283: _arm_call,
    },
}
