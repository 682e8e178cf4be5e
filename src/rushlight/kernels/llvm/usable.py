"""What generated code asks before it does a call: is this an array that it takes, is anybody recording?"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i8, i32, ptr, void
from . import frame
from .objects import Places, Reader


def has(f: Function, array: Value, flags: int) -> Value:
    return (f.load(i32, array, frame.ARRAY_FLAGS) & flags).equals(flags)


def add_is_usable(module: Module, places: Places) -> None:
    """Is it a plain array, aligned and of the machine's byte order?"""
    with module.function("is_usable", i1, exported=False, array=ptr) as f:
        with f.when(Reader(f, places).is_array(f.array) ^ 1):
            f.ret(f.constant(i1, 0))
        swapped = f.load(i8, f.load(ptr, f.array, frame.ARRAY_DESCR), frame.DESCR_BYTE_ORDER).equals(ord(">"))
        f.ret(has(f, f.array, frame.ALIGNED) & (swapped ^ 1))


def add_is_recording(module: Module, places: Places) -> None:
    """Are operations recorded in this thread?"""
    with module.function("is_recording", i1, exported=False) as f:
        r = Reader(f, places)
        answer = f.call("PyObject_GetAttr", ptr, r.constant("state"), r.constant("name_grad"))
        with f.when(r.is_null(answer)):
            f.call("PyErr_Clear", void)
            f.ret(f.constant(i1, 1))
        r.drop(answer)
        f.ret(r.is_same(answer, r.constant("false")) ^ 1)
