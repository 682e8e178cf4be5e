"""Arrays on memory that is kept for the next one, made and given back without Python.

A fresh page costs more than most arithmetic on it. Blocks have one of eight sizes between powers of two and
begin on a cache line. An array's base is a capsule that gives its block back when it goes: no code of Python
runs then, which a signal could interrupt. Free blocks are chained through their first words; beyond `limit`
bytes of them, those of the size that was given back longest ago go first.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, f64, i1, i8, i32, i64, ptr, void
from . import frame
from .objects import Places, Reader, argument, builtin

SMALLEST_BITS, LARGEST_BITS = 14, 47  # smaller arrays are numpy's, larger ones cannot be
STEPS_BITS = 3
CLASSES = ((LARGEST_BITS - SMALLEST_BITS) << STEPS_BITS) + 1
PAGES_FROM, HUGE_PAGES_FROM = 1 << 17, 4 << 20  # bytes that are mapped by themselves, and with large pages
ROOMY_FROM = 32 << 20  # bytes from which on a block may be larger than it need be: better than one more
LINE = 64
READ_WRITE = 3
PLAIN = frame.C_CONTIGUOUS | frame.ALIGNED | frame.WRITEABLE
LAST_NUMBER, HALF, FIRST_ADDED = 16, 23, 256  # numpy's types of numbers: up to complex, float16, added ones
NATIVE, NO_ORDER = "=", "|"


def add_lending(module: Module, places: Places) -> None:
    """`new_array(rank, dims, number, size)`, its builtin `empty(shape, dtype, item)`, and `trim(keep)`."""
    for table, kind in (("first_free", "ptr"), ("given_at", "i64")):
        module.variable(table, f"[{CLASSES} x {kind}]")
    for number in ("gifts", "held"):
        module.variable(number, "i64", "0", exported=True)
    _size_class(module)
    _new_block(module)
    _drop_block(module)
    _trim(module)
    _lend(module)
    _give_back(module)
    _new_array(module, places)
    _is_plain(module)
    _empty(module, places)


def _global(f: Function, name: str) -> Value:
    return Value(f, ptr, f"@{name}")


def _number(f: Function, name: str) -> Value:
    return f.load(i64, _global(f, name))


def _entry(f: Function, table: str, kind: Value) -> Value:
    return _global(f, table).offset(kind * 8)


def _step_bits(f: Function, size: Value) -> Value:
    """The logarithm of the steps between block sizes near `size`."""
    zeros = f.call("llvm.ctlz.i64", i64, size - 1, f.constant(i1, 0))
    return 64 - zeros - (STEPS_BITS + 1)


def _rounded(f: Function, size: Value) -> Value:
    step = f.constant(i64, 1) << _step_bits(f, size)
    return (size + step - 1) & (0 - step)


def _size_class(module: Module) -> None:
    with module.function("size_class", i64, exported=False, size=i64) as f:
        bits = _step_bits(f, f.size)
        above = bits - (SMALLEST_BITS - STEPS_BITS)
        f.ret((above << STEPS_BITS) + _rounded(f, f.size).lshr(bits) - (1 << STEPS_BITS))


# ---- blocks


def _new_block(module: Module) -> None:
    """Memory from the system, or null."""
    with module.function("new_block", ptr, exported=False, size=i64) as f:
        null = f.constant(ptr, 0)
        with f.when(f.size < PAGES_FROM):
            found = f.stack(8, 8)
            failed = f.call("posix_memalign", i32, found, f.constant(i64, LINE), f.size).differs(0)
            with f.when(failed):
                f.ret(null)
            f.ret(f.load(ptr, found))
        flags, access = _number(f, "page_flags").convert("trunc", i32), f.constant(i32, READ_WRITE)
        pages = f.call("mmap", ptr, null, f.size, access, flags, f.constant(i32, -1), f.constant(i64, 0))
        with f.when(pages.convert("ptrtoint", i64).equals(-1)):
            f.ret(null)
        advice = _number(f, "huge_pages")
        with f.when((f.size >= HUGE_PAGES_FROM) & advice.differs(0)):
            f.call("madvise", i32, pages, f.size, advice.convert("trunc", i32))  # may be refused
        f.ret(pages)


def _drop_block(module: Module) -> None:
    with module.function("drop_block", exported=False, block=ptr, size=i64) as f:
        with f.when(f.size < PAGES_FROM):
            f.call("free", void, f.block)
            f.ret()
        f.call("munmap", i32, f.block, f.size)


def _pop(f: Function, kind: Value) -> Value:
    """The first free block of a size, or null; the table forgets it."""
    block = f.load(ptr, _entry(f, "first_free", kind))
    with f.when(block.convert("ptrtoint", i64).differs(0)):
        f.store(f.load(ptr, block), _entry(f, "first_free", kind))
        f.store(_number(f, "held") - f.load(i64, block, 8), _global(f, "held"))
    return block


def _trim(module: Module) -> None:
    """Gives free blocks back to the system until at most `keep` bytes are held."""
    with module.function("trim", keep=i64) as f, f.forever() as search:
        search.leave_if(_number(f, "held") <= f.keep)
        oldest, kind = f.variable(i64, (1 << 63) - 1), f.variable(i64, 0)
        with f.loop(0, CLASSES) as k:
            some = f.load(ptr, _entry(f, "first_free", k)).convert("ptrtoint", i64).differs(0)
            at = f.load(i64, _entry(f, "given_at", k))
            with f.when(some & (at < oldest.get())):
                oldest.set(at)
                kind.set(k)
        block = _pop(f, kind.get())
        f.call("drop_block", void, block, f.load(i64, block, 8))


def _lend(module: Module) -> None:
    """A block of a size of blocks or, for very large ones, up to double; null, if there is none. `got` is
    its size.
    """
    with module.function("lend", ptr, exported=False, size=i64, got=ptr) as f:
        kind = f.call("size_class", i64, f.size)
        tried = f.select(f.size >= ROOMY_FROM, f.constant(i64, (1 << STEPS_BITS) + 1), f.constant(i64, 1))
        with f.loop(kind, f.minimum(kind + tried, CLASSES)) as k:
            free = f.load(ptr, _entry(f, "first_free", k))
            with f.when(free.convert("ptrtoint", i64).differs(0)):
                f.store(f.load(i64, free, 8), f.got)
                f.ret(_pop(f, k))
        f.store(f.size, f.got)
        made = f.call("new_block", ptr, f.size)
        with f.when(made.convert("ptrtoint", i64).differs(0)):
            f.ret(made)
        f.call("trim", void, f.constant(i64, 0))
        f.ret(f.call("new_block", ptr, f.size))


def _give_back(module: Module) -> None:
    """What a capsule does at its end."""
    with module.function("give_back", exported=False, capsule=ptr) as f:
        block = f.call("PyCapsule_GetPointer", ptr, f.capsule, f.constant(ptr, 0))
        size = f.call("PyCapsule_GetContext", ptr, f.capsule).convert("ptrtoint", i64)
        kind, limit = f.call("size_class", i64, size), _number(f, "limit")
        with f.when(size > limit):
            f.call("drop_block", void, block, size)
            f.ret()
        with f.when(_number(f, "held") + size > limit):
            f.call("trim", void, limit - size)
        f.store(f.load(ptr, _entry(f, "first_free", kind)), block)
        f.store(size, block, 8)
        f.store(block, _entry(f, "first_free", kind))
        gifts = _number(f, "gifts") + 1
        f.store(gifts, _global(f, "gifts"))
        f.store(gifts, _entry(f, "given_at", kind))
        f.store(_number(f, "held") + size, _global(f, "held"))


# ---- arrays


def _new_array(module: Module, places: Places) -> None:
    """An array in C order of `size` bytes, not filled; on numpy's memory where it is small, or as a last
    resort.
    """
    arguments = {"rank": i32, "dims": ptr, "number": i32, "size": i64}
    with module.function("new_array", ptr, **arguments) as f:
        r, null, nothing = Reader(f, places), f.constant(ptr, 0), f.constant(i32, 0)
        kind = r.constant("ndarray_type")

        def array(data: Value, flags: Value) -> Value:
            return f.call(
                "PyArray_New", ptr, kind, f.rank, f.dims, f.number, null, data, nothing, flags, null
            )

        with f.when((f.size < _number(f, "lent_from")) | (f.size >= 1 << LARGEST_BITS)):
            f.ret(array(null, nothing))
        got = f.stack(8, 8)
        block = f.call("lend", ptr, _rounded(f, f.size), got)
        size = f.load(i64, got)
        with f.when(r.is_null(block)):
            f.ret(array(null, nothing))  # which says what was asked for
        capsule = f.call("PyCapsule_New", ptr, block, null, _global(f, "give_back"))
        with f.when(r.is_null(capsule)):
            f.call("drop_block", void, block, size)
            f.ret(null)
        f.call("PyCapsule_SetContext", i32, capsule, size.convert("inttoptr", ptr))
        made = array(block, f.constant(i32, PLAIN))
        with f.when(r.is_null(made)):
            r.drop(capsule)
            f.ret(null)
        f.store(capsule, made, frame.ARRAY_BASE)
        f.ret(made)


def _is_plain(module: Module) -> None:
    """Are a dtype's elements numbers in the machine's order, so that its number says all?"""
    with module.function("is_plain", i1, exported=False, dtype=ptr) as f:
        number = f.load(i32, f.dtype, frame.DESCR_TYPE_NUMBER)
        order = f.load(i8, f.dtype, frame.DESCR_BYTE_ORDER)
        known = (number <= LAST_NUMBER) | number.equals(HALF) | (number >= FIRST_ADDED)
        f.ret(known & (order.equals(ord(NATIVE)) | order.equals(ord(NO_ORDER))))


def _empty(module: Module, places: Places) -> None:
    """`empty(shape, dtype, item)`: a tuple, a dtype and the bytes of its elements; what is unusual is
    numpy's.
    """
    with builtin(module, "empty") as f:
        r, shape, dtype = Reader(f, places), argument(f, 0), argument(f, 1)
        rank = f.load(i64, shape, frame.HEADER)
        dims = f.stack(8 * frame.MAX_DIMENSIONS, 8)
        usual, bytes_ = f.variable(i1, 0), f.variable(f64, 0.0)
        with f.when((rank <= frame.MAX_DIMENSIONS) & f.call("is_plain", i1, dtype)):
            item = f.call("PyLong_AsLongLong", i64, argument(f, 2))
            bytes_.set(item.convert("sitofp", f64))  # which does not wrap around
            usual.set(f.constant(i1, 1))
            with f.loop(0, rank) as d:
                length = f.call("PyLong_AsLongLong", i64, r.item(shape, d))
                f.store(length, dims.offset(d * 8))
                bytes_.set(bytes_.get() * length.convert("sitofp", f64))
                usual.set(usual.get() & (length >= 0))
            with f.when(r.is_null(f.call("PyErr_Occurred", ptr)) ^ 1):
                f.call("PyErr_Clear", void)
                usual.set(f.constant(i1, 0))
        with f.when(usual.get() & (bytes_.get() < float(1 << LARGEST_BITS))):
            number = f.load(i32, dtype, frame.DESCR_TYPE_NUMBER)
            size = bytes_.get().convert("fptosi", i64)
            f.ret(f.call("new_array", ptr, rank.convert("trunc", i32), dims, number, size))
        f.ret(r.call(r.constant("numpy_empty"), shape, dtype))
