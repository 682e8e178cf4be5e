"""malloc and free for generated code, with forbidden pages around each block; generated code themselves.

Row kernels take their scratch from inside of their threads, where Python cannot stand between.
"""

from __future__ import annotations

from rushlight.runtime import native
from rushlight.runtime.ir import Module, i8, i32, i64, ptr

PAGE = 4096  # a block: a page with its size, a forbidden page, what is asked for, a forbidden page
READ_WRITE, PRIVATE, ALIGNMENT = 3, 0x22, 16
SOURCES = ("rushlight.runtime.ir",)


def heap_ir() -> str:
    module = Module()
    with module.function("guarded_malloc", ptr, size=i64) as f:
        inside = (f.size + (PAGE - 1)) & -PAGE
        whole = inside + 3 * PAGE
        none = f.constant(ptr, 0)
        fd, start = f.constant(i32, -1), f.constant(i64, 0)
        block = f.call("mmap", ptr, none, whole, f.constant(i32, 0), f.constant(i32, PRIVATE), fd, start)
        access = f.constant(i32, READ_WRITE)
        f.call("mprotect", i32, block, f.constant(i64, PAGE), access)
        f.store(whole, block)
        pages = block.offset(2 * PAGE)
        f.call("mprotect", i32, pages, inside, access)
        with f.loop(0, inside) as k:
            f.store(f.constant(i8, -1), pages.offset(k))
        f.ret(pages.offset((inside - f.size) & -ALIGNMENT))
    with module.function("guarded_free", block=ptr) as f:
        place = (f.block.convert("ptrtoint", i64) & -PAGE) - 2 * PAGE
        first = place.convert("inttoptr", ptr)
        f.call("munmap", i32, first, f.load(i64, first))
    return module.text()


def install() -> None:
    """Kernels that are loaded from now on take their scratch here."""
    code = native.module("guarded heap", (heap_ir(),), heap_ir, sources=SOURCES)
    ours = {name: code.address[f"guarded_{name}"] for name in ("malloc", "free")}
    symbol = native._Symbols.__missing__
    native._Symbols.__missing__ = lambda table, name: ours.get(name) or symbol(table, name)
