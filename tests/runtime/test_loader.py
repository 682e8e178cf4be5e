"""The loader runs what LLVM emits and refuses, with a name, what it does not understand."""

import ctypes
import struct

import pytest

from rushlight import runtime
from rushlight.runtime import ir, loader, session

pytestmark = pytest.mark.skipif(not runtime.available(), reason=runtime.available().reason)


def sample_ir():
    """A constant table, a writable counter, an own function and a C function: each kind of reference."""
    module = ir.Module()
    counter = module.variable("counter", "i64", "0")
    table = module.variable("table", "[4 x i64]", "[i64 10, i64 20, i64 30, i64 40]")
    with module.function("next", ir.i64, exported=False, inline=False) as f:
        f.ret(f.atomic("add", f.at(counter), 1))
    with module.function("pick", ir.i64) as f:
        f.ret(f.load(ir.i64, f.at(table).offset(f.call("next", ir.i64) * 8)))
    with module.function("length", ir.i64, string=ir.ptr) as f:
        f.ret(f.call("strlen", ir.i64, f.string))
    with module.function("half", ir.f64, x=ir.f64) as f:
        f.ret(f.x * 0.37)
    return module.text()


@pytest.fixture(scope="module")
def sample():
    return session.compile_object("sample", sample_ir())


def strlen():
    return {"strlen": ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value}


def test_loaded_code_runs(sample):
    code = loader.load(sample, strlen())
    pick = code.function("pick", ctypes.c_int64)
    assert [pick() for _ in range(4)] == [10, 20, 30, 40]
    assert code.function("length", ctypes.c_int64, ctypes.c_char_p)(b"seven!!") == 7
    assert code.function("half", ctypes.c_double, ctypes.c_double)(2.0) == 0.74
    other = loader.load(sample, strlen())
    assert other.function("pick", ctypes.c_int64)() == 10  # its own counter


def test_code_is_not_writable_and_data_not_executable(sample):
    code = loader.load(sample, strlen())
    with open("/proc/self/maps") as maps:
        regions = [line.split() for line in maps]

    def rights(name):
        place = code.address[name]
        for span, flags, *_ in regions:
            low, high = (int(part, 16) for part in span.split("-"))
            if low <= place < high:
                return flags[:3]
        return None

    assert rights("pick") == "r-x"
    assert rights("counter") == "rw-"


def test_missing_symbols_are_named(sample):
    with pytest.raises(loader.LoadError, match="'strlen', which nothing here defines"):
        loader.load(sample, {})


@pytest.mark.parametrize("size", [0, 3, 20, 64, 200])
def test_cut_objects_are_refused(sample, size):
    with pytest.raises(loader.LoadError):
        loader.load(sample[:size], strlen())


def test_unknown_relocations_are_named(sample):
    data = bytearray(sample)
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    for k in range(count):
        section = loader.Section(*struct.unpack_from("<IIQQQQIIQQ", data, table + k * size))
        if section.kind == loader.RELOCATIONS_WITH_ADDEND:
            data[section.offset + 8] = 99
    with pytest.raises(loader.LoadError, match="relocation 99"):
        loader.load(bytes(data), strlen())


def decode_page(word, place):
    """The page an `adrp` at `place` gives."""
    pages = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
    return (place & ~0xFFF) + ((pages - (1 << 21 if pages >> 20 else 0)) << 12)


def test_aarch64_objects_are_relocated():
    """Not run here, but every address the instructions encode must be the one that was meant."""
    binding = pytest.importorskip("llvmlite.binding")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    target = binding.Target.from_triple("aarch64-unknown-linux-gnu")
    machine = target.create_target_machine(reloc="static", codemodel="small", opt=2)
    module = binding.parse_assembly(sample_ir())
    module.triple = "aarch64-unknown-linux-gnu"
    image = loader._Image(machine.emit_object(module), {"strlen": 0x123456789ABC})
    image._relocate()
    words = struct.unpack(f"<{image.total // 4}I", image.memory[:])
    places = {s.name: s.value for s in image.symbols}
    adrp = [(k, w) for k, w in enumerate(words) if w & 0x9F000000 == 0x90000000]
    assert places["counter"] & ~0xFFF in [decode_page(w, image.base + 4 * k) for k, w in adrp]
    stub = words.index(0x58000050)
    assert words[stub + 1 : stub + 4] == (0xD61F0200, 0x56789ABC, 0x1234)
    jumps = [k + (w & 0x3FFFFFF) for k, w in enumerate(words) if w & 0x7C000000 == 0x14000000]
    assert stub in jumps
