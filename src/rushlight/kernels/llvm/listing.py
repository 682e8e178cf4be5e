"""The arrays of a list of Tensors in generated code: `arrays_of(tensors)`.

None where they are not plain, not of one type, or one of them takes part in gradients.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr
from . import frame
from .objects import Places, Reader, argument, builtin
from .recording import add_is_quick


def add_listing(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    _item_of(module, places)
    _fits(module, places)
    with builtin(module, "arrays_of") as f:
        r, tensors = Reader(f, places), argument(f, 0)
        kind = r.type_of(tensors)
        known = r.is_same(kind, r.constant("list_type")) | r.is_same(kind, r.constant("tuple_type"))
        _refuse_unless(f, r, known)
        length = f.load(i64, tensors, frame.HEADER)
        _refuse_unless(f, r, length > 0)
        first = f.call("item_of", ptr, tensors, f.constant(i64, 0))
        with f.loop(0, length) as k:
            _refuse_unless(f, r, f.call("fits", i1, f.call("item_of", ptr, tensors, k), first))
        made = r.or_fail(f.call("PyList_New", ptr, length))
        with f.loop(0, length) as k:
            array = r.slot(f.call("item_of", ptr, tensors, k), "_a")
            f.call("PyList_SetItem", i32, made, k, r.hold(array))
        f.ret(made)


def _refuse_unless(f: Function, r: Reader, right: Value) -> None:
    with f.when(right ^ 1):
        f.ret(r.hold(r.constant("none")))


def _item_of(module: Module, places: Places) -> None:
    """An item of a list or of a tuple, borrowed."""
    with module.function("item_of", ptr, exported=False, group=ptr, k=i64) as f:
        r = Reader(f, places)
        with f.when(r.is_same(r.type_of(f.group), r.constant("tuple_type"))):
            f.ret(r.item(f.group, f.k))
        f.ret(f.call("PyList_GetItem", ptr, f.group, f.k))


def _fits(module: Module, places: Places) -> None:
    """Is this a plain tensor outside of the graph, with the type of the first one?"""
    with module.function("fits", i1, exported=False, t=ptr, first=ptr) as f:
        r = Reader(f, places)
        with f.when((f.call("is_quick", i1, f.t) & f.call("is_quick", i1, f.first)) ^ 1):
            f.ret(f.constant(i1, 0))
        alike = r.is_same(r.slot(f.t, "dtype"), r.slot(f.first, "dtype"))
        f.ret(alike & r.is_same(r.slot(f.t, "_rg"), r.constant("false")))
