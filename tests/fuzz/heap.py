"""malloc and free with forbidden pages around each block, for generated code and for numpy.

Row kernels take their scratch from inside of their threads, the lender of memory has its blocks from the
system, and small layers make their results by numpy's C interface: Python cannot stand between. A block ends
at a forbidden page, or begins behind one.
"""

from __future__ import annotations

import ctypes

import numpy as np

from rushlight.runtime import native
from rushlight.runtime.ir import Function, Module, Value, i8, i32, i64, ptr

from .guard import guard

PAGE = 4096  # a block: a page with its sizes, a forbidden page, what is asked for, a forbidden page
COUNTED = 8  # the place of the size that is counted: behind that of the block
OURS = ("malloc", "free", "posix_memalign", "mmap", "munmap")  # in the place of the system's
READ_WRITE, PRIVATE, ALIGNMENT = 3, 0x22, 16
SET_HANDLER = 304  # in numpy's C interface
SET_HANDLER_CAPSULE = b"mem_handler"


def heap_ir() -> str:
    module = Module()
    module.variable("at_end", "i64", "1", exported=True)
    module.variable("asked_for", "i64", "0", exported=True)
    _block(module)
    with module.function("guarded_malloc", ptr, size=i64) as f:
        f.ret(f.call("block", ptr, f.size, f.constant(i64, ALIGNMENT)))
    with module.function("guarded_free", block=ptr) as f:
        _free(f, f.block)
    _of_lender(module)
    _of_numpy(module)
    return module.text()


def _of_lender(module: Module) -> None:
    """Blocks as the system gives them; how many bytes of them are out is counted."""
    with module.function("counted", ptr, exported=False, size=i64, alignment=i64) as f:
        made = f.call("block", ptr, f.size, f.alignment)
        f.store(f.size, _first(made), COUNTED)
        _count(f, f.size)
        f.ret(made)
    with module.function("guarded_posix_memalign", i32, place=ptr, alignment=i64, size=i64) as f:
        f.store(f.call("counted", ptr, f.size, f.alignment), f.place)
        f.ret(f.constant(i32, 0))
    pages = {"address": ptr, "size": i64, "access": i32, "flags": i32, "file": i32, "offset": i64}
    with module.function("guarded_mmap", ptr, **pages) as f:
        f.ret(f.call("counted", ptr, f.size, f.constant(i64, PAGE)))
    with module.function("guarded_munmap", i32, block=ptr, size=i64) as f:
        _free(f, f.block)
        f.ret(f.constant(i32, 0))


def _count(f: Function, size: Value) -> None:
    place = Value(f, ptr, "@asked_for")
    f.store(f.load(i64, place) + size, place)


def _first(block: Value) -> Value:
    """The page with the sizes of a block."""
    return ((block.convert("ptrtoint", i64) & -PAGE) - 2 * PAGE).convert("inttoptr", ptr)


def _block(module: Module) -> None:
    """Memory for `size` bytes, all bits set, at a multiple of `alignment`."""
    with module.function("block", ptr, exported=False, size=i64, alignment=i64) as f:
        inside = (f.size + (PAGE - 1)) & -PAGE
        whole = inside + 3 * PAGE
        none, start, fd = f.constant(ptr, 0), f.constant(i64, 0), f.constant(i32, -1)
        block = f.call("mmap", ptr, none, whole, f.constant(i32, 0), f.constant(i32, PRIVATE), fd, start)
        access = f.constant(i32, READ_WRITE)
        f.call("mprotect", i32, block, f.constant(i64, PAGE), access)
        f.store(whole, block)
        pages = block.offset(2 * PAGE)
        f.call("mprotect", i32, pages, inside, access)
        with f.loop(0, inside) as k:
            f.store(f.constant(i8, -1), pages.offset(k))
        at_end = f.load(i64, Value(f, ptr, "@at_end")).differs(0)
        free = (inside - f.size) & (0 - f.alignment)
        f.ret(pages.offset(f.select(at_end, free, 0)))


def _free(f: Function, block: Value) -> None:
    with f.when(block.convert("ptrtoint", i64).differs(0)):
        first = _first(block)
        _count(f, -f.load(i64, first, COUNTED))
        f.call("munmap", i32, first, f.load(i64, first))


def _of_numpy(module: Module) -> None:
    """What a handler of numpy's memory has: blocks as aligned as their size allows: they end flush."""

    def made(f: Function, size: Value) -> Value:
        size = f.maximum(size, 1)
        return f.call("block", ptr, size, f.minimum(size & (0 - size), ALIGNMENT))

    with module.function("numpy_malloc", ptr, context=ptr, size=i64) as f:
        f.ret(made(f, f.size))
    with module.function("numpy_calloc", ptr, context=ptr, count=i64, size=i64) as f:
        block = made(f, f.count * f.size)
        with f.loop(0, f.count * f.size) as k:
            f.store(f.constant(i8, 0), block.offset(k))
        f.ret(block)
    with module.function("numpy_realloc", ptr, context=ptr, block=ptr, size=i64) as f:
        f.call("abort", i32)  # nothing that is fuzzed makes an array longer
        f.ret(f.constant(ptr, 0))
    with module.function("numpy_free", context=ptr, block=ptr, size=i64) as f:
        _free(f, f.block)


class _Handler(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        *((name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")),
    ]


def install() -> None:
    """Guards what is loaded from now on; what generated code makes is numpy's memory, whatever its size."""
    global heap
    heap = Heap()
    guard.swap = heap.swap
    lend_from(1 << 62)


def lend_from(size: int) -> None:
    """Results of fewer bytes, that generated code makes, come from numpy's memory."""
    from rushlight.kernels import lending

    smallest = lending.load().code.address["lent_from"]
    ctypes.c_int64.from_address(smallest).value = size


class Heap:
    """Kernels that are loaded from now on take their scratch here; `swap` lets numpy do so too."""

    def __init__(self) -> None:
        code = native.module("guarded heap", (heap_ir(),), heap_ir)
        self._at_end = ctypes.c_int64.from_address(code.address["at_end"])
        self.asked_for = ctypes.c_int64.from_address(code.address["asked_for"])  # by the lender of memory
        ours = {name: code.address[f"guarded_{name}"] for name in OURS}
        symbol = native._Symbols.__missing__
        native._Symbols.__missing__ = lambda table, name: ours.get(name) or symbol(table, name)
        names = ("malloc", "calloc", "realloc", "free")
        addresses = [code.address[f"numpy_{name}"] for name in names]
        self._handler = _Handler(b"guarded", 1, None, *addresses)
        python = ctypes.pythonapi
        python.PyCapsule_New.restype = ctypes.py_object
        python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        python.PyCapsule_GetPointer.restype = ctypes.c_void_p
        python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        self.other = python.PyCapsule_New(ctypes.addressof(self._handler), SET_HANDLER_CAPSULE, None)
        umath = (getattr(np, "_core", None) or np.core)._multiarray_umath
        table = python.PyCapsule_GetPointer(umath._ARRAY_API, None)
        address = ctypes.c_void_p.from_address(table + 8 * SET_HANDLER).value
        self._set = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(address)

    def swap(self, at_end: bool) -> None:
        """Numpy's memory comes from here from now on, or as before again."""
        self._at_end.value = at_end
        self.other = self._set(self.other)


heap: Heap | None = None
