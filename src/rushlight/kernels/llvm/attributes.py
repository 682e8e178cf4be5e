"""What programs ask tensors for most, without Python: `shape`, `size()`, `item()`, `float(x)`.

Each is for plain tensors and plain arguments; for all others it calls the Python function that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

from ...runtime.ir import Function, Module, Value, f32, f64, i1, i8, i32, i64, ptr, void
from . import frame
from .objects import Places, Reader, add_elements, rank_of
from .recording import add_is_quick, add_new_tensor, add_shared_tensor

MOST_ARGUMENTS = 30
FLOAT32, FLOAT64, BOOL = 11, 12, 0  # numpy's numbers of types
INTEGERS = {5: i32, 7: i64}


def add_attributes(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    add_new_tensor(module, places)
    add_shared_tensor(module, places)
    _size_of(module, places)
    _detached(module, places)
    add_elements(module)
    _python_method(module)
    _getter(module, places, "shape", lambda f, array: f.call("size_of", ptr, array))
    _getter(module, places, "ndim", lambda f, array: _whole(f, rank_of(f, array)))
    _getter(module, places, "data", lambda f, array: f.call("detached", ptr, f.tensor))
    _setter(module, places, "data")
    _method(module, places, "detach", lambda f, r, array: f.call("detached", ptr, f.tensor))
    _method(module, places, "dim", lambda f, r, array: _whole(f, rank_of(f, array)))
    _method(module, places, "numel", lambda f, r, array: _whole(f, f.call("elements", i64, array)))
    _method(module, places, "is_contiguous", _is_contiguous)
    _method(module, places, "item", _item)
    _method(module, places, "__float__", _as_lone_float)
    _method(module, places, "__int__", _as_int)
    _method(module, places, "__bool__", _truth)
    _size(module, places)


METHODS = ("detach", "dim", "numel", "is_contiguous", "item", "__float__", "__int__", "__bool__", "size")
GETTERS = ("shape", "ndim", "data")


# ---- parts of arrays


def _whole(f: Function, number: Value) -> Value:
    return f.call("PyLong_FromLongLong", ptr, number)


def _size_of(module: Module, places: Places) -> None:
    """The shape of an array as a new Size."""
    with module.function("size_of", ptr, exported=False, array=ptr) as f:
        r = Reader(f, places)
        rank, dims = rank_of(f, f.array), f.load(ptr, f.array, frame.ARRAY_DIMS)
        made = r.or_fail(f.call("PyType_GenericAlloc", ptr, r.constant("size_type"), rank))
        with f.loop(0, rank) as d:
            r.put(made, d, r.or_fail(_whole(f, f.load(i64, dims.offset(d * 8)))))
        f.ret(made)


def _detached(module: Module, places: Places) -> None:
    """A tensor on the same memory that is no part of the graph."""
    with module.function("detached", ptr, exported=False, tensor=ptr) as f:
        r = Reader(f, places)
        storage = f.variable(ptr, r.slot(f.tensor, "_s"))
        with f.when(r.is_none(storage.get())):
            made = r.or_fail(r.call(r.constant("storage_of"), f.tensor))
            r.drop(made)  # the tensor has it
            storage.set(made)
        array, dtype = r.slot(f.tensor, "_a"), r.slot(f.tensor, "dtype")
        f.ret(f.call("shared_tensor", ptr, array, storage.get(), dtype))


# ---- descriptors


@contextmanager
def _method_of(module: Module, name: str):
    """A function that Python calls with a tensor, further arguments and the names of the last of these."""
    arguments = {"tensor": ptr, "arguments": ptr, "count": i64, "names": ptr}
    with module.function(f"method_{name}", ptr, **arguments) as f:
        yield f


def _call_python(f: Function, r: Reader, name: str) -> Value:
    function = r.constant(f"python_{name}")
    return f.call("python_method", ptr, function, f.tensor, f.arguments, f.count, f.names)


def _python_method(module: Module) -> None:
    """`function(self, *arguments)`, the last of which may have names."""
    arguments = {"function": ptr, "tensor": ptr, "arguments": ptr, "count": i64, "names": ptr}
    with module.function("python_method", ptr, exported=False, **arguments) as f:
        block, named = f.stack(8 * (MOST_ARGUMENTS + 1), 8), f.variable(i64, 0)
        with f.when(f.names.convert("ptrtoint", i64).differs(0)):
            named.set(f.load(i64, f.names, frame.HEADER))
        with f.when(f.count + named.get() > MOST_ARGUMENTS):
            f.call("PyErr_BadArgument", i32)
            f.ret(f.constant(ptr, 0))
        f.store(f.tensor, block)
        with f.loop(0, f.count) as k:
            f.store(f.load(ptr, f.arguments.offset(k * 8)), block.offset((k + 1) * 8))
        options = f.variable(ptr, 0)
        with f.when(named.get() > 0):
            options.set(f.call("PyDict_New", ptr))
            with f.loop(0, named.get()) as k:
                name = f.call("PyTuple_GetItem", ptr, f.names, k)
                value = f.load(ptr, f.arguments.offset((f.count + k) * 8))
                f.call("PyDict_SetItem", i32, options.get(), name, value)
        answer = f.call("PyObject_VectorcallDict", ptr, f.function, block, f.count + 1, options.get())
        with f.when(named.get() > 0):
            f.call("Py_DecRef", void, options.get())
        f.ret(answer)


def _plain(f: Function, r: Reader, thing: Value) -> Value:
    """Is it a plain tensor around a plain array?"""
    answer = f.variable(i1, f.call("is_quick", i1, thing))
    with f.when(answer.get()):
        answer.set(r.is_array(r.slot(thing, "_a")))
    return answer.get()


def _getter(module: Module, places: Places, name: str, get: Callable[[Function, Value], Value]) -> None:
    with module.function(f"get_{name}", ptr, tensor=ptr, closure=ptr) as f:
        r = Reader(f, places)
        with f.when(_plain(f, r, f.tensor)):
            f.ret(get(f, r.slot(f.tensor, "_a")))
        f.ret(r.call(r.constant(f"python_{name}"), f.tensor))


def _setter(module: Module, places: Places, name: str) -> None:
    """Python's own, which is told None where the attribute is to be deleted."""
    with module.function(f"set_{name}", i32, tensor=ptr, given=ptr, closure=ptr) as f:
        r = Reader(f, places)
        value = f.select(r.is_null(f.given), r.constant("none"), f.given)
        answer = r.call(r.constant(f"python_set_{name}"), f.tensor, value)
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i32, -1))
        r.drop(answer)
        f.ret(f.constant(i32, 0))


def _method(
    module: Module, places: Places, name: str, get: Callable[[Function, Reader, Value], Value | None]
) -> None:
    """A method without arguments; `get` gives its result, or has returned it where it has one."""
    with _method_of(module, name) as f:
        r = Reader(f, places)
        alone = f.count.equals(0) & f.names.convert("ptrtoint", i64).equals(0)
        plain = f.variable(i1, alone)
        with f.when(alone):
            plain.set(_plain(f, r, f.tensor))
        with f.when(plain.get()):
            result = get(f, r, r.slot(f.tensor, "_a"))
            if result is not None:
                f.ret(result)
        f.ret(_call_python(f, r, name))


def _size(module: Module, places: Places) -> None:
    """`x.size()` and `x.size(0)`"""
    with _method_of(module, "size") as f:
        r = Reader(f, places)
        plain = f.variable(i1, f.names.convert("ptrtoint", i64).equals(0) & (f.count <= 1))
        with f.when(plain.get()):
            plain.set(_plain(f, r, f.tensor))
        with f.when(plain.get()):
            array = r.slot(f.tensor, "_a")
            with f.when(f.count.equals(0)):
                f.ret(f.call("size_of", ptr, array))
            given = f.load(ptr, f.arguments)
            with f.when(r.is_same(r.type_of(given), r.constant("int_type"))):
                d, rank = f.call("PyLong_AsLongLong", i64, given), rank_of(f, array)
                failed = r.is_null(f.call("PyErr_Occurred", ptr)) ^ 1
                with f.when(failed):
                    f.call("PyErr_Clear", void)
                wrapped = f.select(d < 0, d + rank, d)
                with f.when((wrapped >= 0) & (wrapped < rank) & (failed ^ 1)):
                    f.ret(_whole(f, f.load(i64, f.load(ptr, array, frame.ARRAY_DIMS).offset(wrapped * 8))))
        f.ret(_call_python(f, r, "size"))


# ---- values


def _is_contiguous(f: Function, r: Reader, array: Value) -> Value:
    flag = (f.load(i32, array, frame.ARRAY_FLAGS) & frame.C_CONTIGUOUS).differs(0)
    return r.hold(f.select(flag, r.constant("true"), r.constant("false")))


@contextmanager
def _of_type(f: Function, array: Value, number: int):
    """For the only element of an array of that type, in the machine's byte order: yields its place."""
    descr = f.load(ptr, array, frame.ARRAY_DESCR)
    fits = f.load(i32, descr, frame.DESCR_TYPE_NUMBER).equals(number)
    fits = fits & f.load(i8, descr, frame.DESCR_BYTE_ORDER).differs(ord(">"))
    with f.when(fits & f.call("elements", i64, array).equals(1)):
        yield f.load(ptr, array, frame.ARRAY_DATA)


def _as_float(f: Function, r: Reader, array: Value) -> None:
    with _of_type(f, array, FLOAT32) as place:
        f.ret(f.call("PyFloat_FromDouble", ptr, f.load(f32, place, align=1).convert("fpext", f64)))
    with _of_type(f, array, FLOAT64) as place:
        f.ret(f.call("PyFloat_FromDouble", ptr, f.load(f64, place, align=1)))


def _as_lone_float(f: Function, r: Reader, array: Value) -> None:
    """Python warns of a gradient that the number would lose."""
    with f.when(r.is_same(r.slot(f.tensor, "_rg"), r.constant("false"))):
        _as_float(f, r, array)


def _as_int(f: Function, r: Reader, array: Value) -> None:
    for number, type in INTEGERS.items():
        with _of_type(f, array, number) as place:
            f.ret(_whole(f, f.load(type, place, align=1).convert("sext", i64)))


def _item(f: Function, r: Reader, array: Value) -> None:
    _as_float(f, r, array)
    _as_int(f, r, array)
    _as_bool(f, r, array)


def _truth(f: Function, r: Reader, array: Value) -> None:
    for number, type in ((FLOAT32, f32), (FLOAT64, f64), *INTEGERS.items()):
        with _of_type(f, array, number) as place:
            true = f.load(type, place, align=1).differs(0)  # as NaN does
            f.ret(r.hold(f.select(true, r.constant("true"), r.constant("false"))))
    _as_bool(f, r, array)


def _as_bool(f: Function, r: Reader, array: Value) -> None:
    with _of_type(f, array, BOOL) as place:
        true = f.load(i8, place).differs(0)
        f.ret(r.hold(f.select(true, r.constant("true"), r.constant("false"))))
