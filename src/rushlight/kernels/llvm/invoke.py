"""One builtin for all kernels whose arguments Python has checked: arrays and numbers become words in memory.

    invoke(address, release, out, x, None, 3)

calls the generated `void kernel(i64 *words)` at `address` with the addresses of the arrays, 0 for None, and
the numbers; `release` lets other Python threads run meanwhile.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i32, i64, ptr, void
from . import frame

MOST_WORDS = 96
LEADING = 2  # address and release


def invoke_ir() -> str:
    module = Module()
    module.variable("ndarray_type", "ptr", "null", exported=True)
    module.variable("none", "ptr", "null", exported=True)
    _word_of(module)
    with module.function("invoke", ptr, owner=ptr, arguments=ptr, count=i64) as f:
        with f.when((f.count < LEADING) | (f.count > MOST_WORDS + LEADING)):
            f.call("PyErr_BadArgument", i32)
            f.ret(f.constant(ptr, 0))
        words = f.stack(8 * (MOST_WORDS + LEADING))
        with f.loop(0, f.count) as k:
            f.store(f.call("word_of", i64, f.load(ptr, f.arguments.offset(k * 8))), words.offset(k * 8))
        with f.when(f.call("PyErr_Occurred", ptr).convert("ptrtoint", i64).differs(0)):
            f.ret(f.constant(ptr, 0))
        _run(f, words)
        none = f.load(ptr, Value(f, ptr, "@none"))
        f.call("Py_IncRef", void, none)
        f.ret(none)
    return module.text()


def _word_of(module: Module) -> None:
    """The memory of an array, 0 for None, else the number that it is."""
    with module.function("word_of", i64, exported=False, thing=ptr) as f:
        kind = f.load(ptr, f.thing, frame.OBJECT_TYPE).convert("ptrtoint", i64)
        with f.when(kind.equals(f.load(i64, Value(f, ptr, "@ndarray_type")))):
            f.ret(f.load(i64, f.thing, frame.ARRAY_DATA))
        with f.when(f.thing.convert("ptrtoint", i64).equals(f.load(i64, Value(f, ptr, "@none")))):
            f.ret(f.constant(i64, 0))
        f.ret(f.call("PyLong_AsLongLong", i64, f.thing))


def _run(f: Function, words: Value) -> None:
    kernel, block = f.load(ptr, words), words.offset(8 * LEADING)
    with f.either(f.load(i64, words, 8).differs(0)) as (released, held):
        with released:
            state = f.call("PyEval_SaveThread", ptr)
            f.call_pointer(kernel, void, block)
            f.call("PyEval_RestoreThread", void, state)
        with held:
            f.call_pointer(kernel, void, block)
