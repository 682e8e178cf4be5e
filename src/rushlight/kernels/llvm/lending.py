"""Arrays of middle size on memory that is kept for the next one, made and given back without Python.

Blocks are on cache lines, of one of eight sizes between powers of two. An array's base is a capsule that
gives its block back when it goes; a few of each size are kept.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr, void
from . import frame
from .objects import Places, Reader

SMALLEST_BITS, LARGEST_BITS = 14, 22  # smaller arrays are numpy's, larger ones those of `runtime.memory`
STEPS_BITS = 3
CLASSES = ((LARGEST_BITS - SMALLEST_BITS) << STEPS_BITS) + 1
MOST_FREE = 8  # blocks of one size
MOST_BYTES = 32 << 20
LINE = 64
PLAIN = frame.C_CONTIGUOUS | frame.ALIGNED | frame.WRITEABLE


def add_lending(module: Module, places: Places) -> None:
    """`lent_array(rank, dims, number, size)`: a new array on such a block; and `trim()`."""
    module.variable("free_counts", f"[{CLASSES} x i64]")
    module.variable("free_blocks", f"[{CLASSES * MOST_FREE} x ptr]")
    module.variable("free_bytes", "i64", "0")
    _size_class(module)
    _lend(module)
    _give_back(module)
    _trim(module)
    _lent_array(module, places)


def _global(f: Function, name: str) -> Value:
    return Value(f, ptr, f"@{name}")


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


def _places(f: Function, kind: Value) -> tuple[Value, Value]:
    """Where the number of free blocks of a size is, and the first of them."""
    return (
        _global(f, "free_counts").offset(kind * 8),
        _global(f, "free_blocks").offset(kind * (8 * MOST_FREE)),
    )


def _lend(module: Module) -> None:
    """A block for `size` bytes, a size of blocks, or null."""
    with module.function("lend", ptr, exported=False, size=i64) as f:
        counts, blocks = _places(f, f.call("size_class", i64, f.size))
        count = f.load(i64, counts)
        with f.when(count > 0):
            f.store(count - 1, counts)
            held = _global(f, "free_bytes")
            f.store(f.load(i64, held) - f.size, held)
            f.ret(f.load(ptr, blocks.offset((count - 1) * 8)))
        found = f.stack(8, 8)
        failed = f.call("posix_memalign", i32, found, f.constant(i64, LINE), f.size).differs(0)
        with f.when(failed):
            f.ret(f.constant(ptr, 0))
        f.ret(f.load(ptr, found))


def _give_back(module: Module) -> None:
    """What a capsule does at its end."""
    with module.function("give_back", exported=False, capsule=ptr) as f:
        block = f.call("PyCapsule_GetPointer", ptr, f.capsule, f.constant(ptr, 0))
        size = f.call("PyCapsule_GetContext", ptr, f.capsule).convert("ptrtoint", i64)
        counts, blocks = _places(f, f.call("size_class", i64, size))
        count, held = f.load(i64, counts), _global(f, "free_bytes")
        bytes_held = f.load(i64, held) + size
        with f.either((count < MOST_FREE) & (bytes_held <= MOST_BYTES)) as (keep, drop):
            with keep:
                f.store(block, blocks.offset(count * 8))
                f.store(count + 1, counts)
                f.store(bytes_held, held)
            with drop:
                f.call("free", void, block)


def _trim(module: Module) -> None:
    """Gives all free blocks back to the system."""
    with module.function("trim") as f:
        with f.loop(0, CLASSES) as kind:
            counts, blocks = _places(f, kind)
            with f.loop(0, f.load(i64, counts)) as k:
                f.call("free", void, f.load(ptr, blocks.offset(k * 8)))
            f.store(f.constant(i64, 0), counts)
        f.store(f.constant(i64, 0), _global(f, "free_bytes"))


def _lent_array(module: Module, places: Places) -> None:
    arguments = {"rank": i32, "dims": ptr, "number": i32, "size": i64}
    with module.function("lent_array", ptr, exported=False, **arguments) as f:
        r, null = Reader(f, places), f.constant(ptr, 0)
        size = _rounded(f, f.size)
        block = f.call("lend", ptr, size)
        with f.when(r.is_null(block)):
            f.ret(f.call("PyErr_NoMemory", ptr))
        capsule = f.call("PyCapsule_New", ptr, block, null, _global(f, "give_back"))
        with f.when(r.is_null(capsule)):
            f.call("free", void, block)
            f.ret(null)
        f.call("PyCapsule_SetContext", i32, capsule, size.convert("inttoptr", ptr))
        kind, nothing = r.constant("ndarray_type"), f.constant(i32, 0)
        flags = f.constant(i32, PLAIN)
        made = f.call("PyArray_New", ptr, kind, f.rank, f.dims, f.number, null, block, nothing, flags, null)
        with f.when(r.is_null(made)):
            r.drop(capsule)
            f.ret(null)
        f.store(capsule, made, frame.ARRAY_BASE)
        f.ret(made)


def in_reach(size: Value) -> Value:
    """Are so many bytes for these blocks?"""
    return (size >= 1 << SMALLEST_BITS) & (size <= 1 << LARGEST_BITS)
