"""A step of an optimiser over all parameters of a group, in generated code: two builtins round a kernel.

`ready(params, states, names, counter, dtype)` gives the number of the coming step, if all parameters with a
gradient are at that step and can be updated as they lie in memory; else None.
`update(params, states, names, counter, number, kernel, chosen)` calls `kernel(param, *states, param,
gradient, *states, *chosen)` for each of them; it gives how many parameters of the list are done with.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, f32, f64, i1, i32, i64, ptr
from . import frame
from .objects import Places, Reader, argument, builtin, call_vector
from .recording import add_is_quick

MOST_STATES = 8
MOST_ARGUMENTS = 2 + 2 * MOST_STATES + frame.MAX_SCALARS + 1
FLOAT32 = 11  # numpy's number of the type


def add_updating(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    _is_own(module, places)
    _count_of(module, places)
    _has_states(module, places)
    _ready(module, places)
    _writable(module, places)
    _run(module, places)
    _update(module, places)


def _is_own(module: Module, places: Places) -> None:
    """Is this a tensor of `dtype` with memory that nobody shares by views?"""
    with module.function("is_own", i1, exported=False, t=ptr, dtype=ptr) as f:
        r = Reader(f, places)
        with f.when(f.call("is_quick", i1, f.t) ^ 1):
            f.ret(f.constant(i1, 0))
        right = r.is_same(r.slot(f.t, "dtype"), f.dtype) & r.is_none(r.slot(f.t, "_s"))
        f.ret(right & r.is_array(r.slot(f.t, "_a")))


def _count_of(module: Module, places: Places) -> None:
    """Where the float32 of a counter's tensor is; NULL where it is anything else."""
    with module.function("count_of", ptr, exported=False, state=ptr, key=ptr) as f:
        r, null = Reader(f, places), f.constant(ptr, 0)
        t = f.call("PyDict_GetItemWithError", ptr, f.state, f.key)
        with f.when(r.is_null(t)):
            f.ret(null)
        with f.when(f.call("is_quick", i1, t) ^ 1):
            f.ret(null)
        array = r.slot(t, "_a")
        with f.when(r.is_array(array) ^ 1):
            f.ret(null)
        kind = f.load(i32, f.load(ptr, array, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)
        right = kind.equals(FLOAT32) & f.load(i32, array, frame.ARRAY_RANK).equals(0)
        f.ret(f.select(right, f.load(ptr, array, frame.ARRAY_DATA), null))


def _has_states(module: Module, places: Places) -> None:
    """Has a parameter all its states, each in memory of its own that nobody else looks at?"""
    names = dict.fromkeys(("state", "names", "dtype"), ptr)
    with module.function("has_states", i1, exported=False, **names) as f:
        r = Reader(f, places)
        with f.when(r.is_null(f.state)):
            f.ret(f.constant(i1, 0))
        with f.when(r.is_same(r.type_of(f.state), r.constant("dict_type")) ^ 1):
            f.ret(f.constant(i1, 0))
        with r.each(f.names) as (_, name):
            t = f.call("PyDict_GetItemWithError", ptr, f.state, name)
            with f.when(r.is_null(t)):
                f.ret(f.constant(i1, 0))
            with f.when(f.call("is_own", i1, t, f.dtype) ^ 1):
                f.ret(f.constant(i1, 0))
            with f.when(r.count(r.slot(t, "_a")).differs(1)):
                f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


class _Refusing:
    """A builtin that answers None where something is out of the ordinary."""

    def __init__(self, f: Function, r: Reader) -> None:
        self.f, self.r = f, r

    def unless(self, condition: Value) -> None:
        with self.f.when(condition ^ 1):
            self.f.ret(self.r.hold(self.r.constant("none")))


def _ready(module: Module, places: Places) -> None:
    with builtin(module, "ready") as f:
        r = Reader(f, places)
        refuse = _Refusing(f, r)
        params, states, names, counter, dtype = (argument(f, k) for k in range(5))
        stateless = f.load(i64, names, frame.HEADER).equals(0) & r.is_none(counter)
        refuse.unless(f.load(i64, names, frame.HEADER) <= MOST_STATES)
        some, number = f.variable(i1, 0), f.variable(f64, 0)
        with f.loop(0, f.load(i64, params, frame.HEADER)) as k:
            p = f.call("PyList_GetItem", ptr, params, k)
            refuse.unless(f.call("is_quick", i1, p))
            g = r.slot(p, "_grad")
            with f.when(r.is_none(g) ^ 1):
                refuse.unless(f.call("is_own", i1, p, dtype))
                refuse.unless(f.call("is_quick", i1, g))
                refuse.unless(r.is_same(r.slot(g, "dtype"), dtype) & r.is_array(r.slot(g, "_a")))
                with f.when(stateless ^ 1):
                    state = f.call("PyDict_GetItemWithError", ptr, states, p)
                    refuse.unless(f.call("has_states", i1, state, names, dtype))
                    with f.when(r.is_none(counter) ^ 1):
                        _check_count(f, r, refuse, state, counter, some, number)
                some.set(1)
        refuse.unless(some.get())
        f.ret(f.call("PyFloat_FromDouble", ptr, number.get() + 1.0))


def _check_count(f, r, refuse, state, counter, some, number) -> None:
    """All parameters have made the same number of steps."""
    place = f.call("count_of", ptr, state, counter)
    refuse.unless(r.is_null(place) ^ 1)
    count = f.load(f32, place).convert("fpext", f64)
    refuse.unless((some.get() ^ 1) | count.equals(number.get()))
    number.set(count)


def _writable(module: Module, places: Places) -> None:
    """The array of a parameter, to be written to: a copy where a graph holds it; its version goes up."""
    with module.function("writable", ptr, exported=False, p=ptr) as f:
        r = Reader(f, places)
        with f.when(r.count(r.slot(f.p, "_a")).differs(1)):
            copy = r.call_method(r.constant("name_copy"), r.slot(f.p, "_a"), r.constant("order"))
            r.replace(f.p, "_a", r.or_fail(copy))
        own = r.or_fail(f.call("PyObject_GenericGetDict", ptr, f.p, f.constant(ptr, 0)))
        before, name = f.variable(ptr), r.constant("name_edits")
        before.set(f.call("PyDict_GetItemWithError", ptr, own, name))
        with f.when(r.is_null(before.get())):
            before.set(r.constant("zero"))
        after = r.or_fail(f.call("PyNumber_Add", ptr, before.get(), r.constant("one")))
        f.call("PyDict_SetItem", i32, own, name, after)
        r.drop(after)
        r.drop(own)
        f.ret(r.slot(f.p, "_a"))


def _run(module: Module, places: Places) -> None:
    """One parameter: the kernel on its arrays; false with an exception."""
    names = dict.fromkeys(("p", "state", "names", "kernel", "chosen"), ptr)
    with module.function("run_kernel", i1, exported=False, **names) as f:
        r = Reader(f, places)
        a = f.call("writable", ptr, f.p)
        with f.when(r.is_null(a)):
            f.ret(f.constant(i1, 0))
        block, states = f.stack(8 * MOST_ARGUMENTS, 8), f.load(i64, f.names, frame.HEADER)
        second = block.offset((states + 1) * 8)
        f.store(a, block)
        f.store(a, second)
        f.store(r.slot(r.slot(f.p, "_grad"), "_a"), second, 8)
        with r.each(f.names) as (k, name):
            array = r.slot(f.call("PyDict_GetItemWithError", ptr, f.state, name), "_a")
            f.store(array, block.offset(k * 8 + 8))
            f.store(array, second.offset(k * 8 + 16))
        numbers = second.offset((states + 2) * 8)
        with r.each(f.chosen) as (k, number):
            f.store(number, numbers.offset(k * 8))
        total = states * 2 + f.load(i64, f.chosen, frame.HEADER) + 3
        answer = call_vector(f, f.kernel, block, total)
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i1, 0))
        r.drop(answer)
        f.ret(f.constant(i1, 1))


def _update(module: Module, places: Places) -> None:
    with builtin(module, "update") as f:
        r = Reader(f, places)
        params, states, names, counter, number, kernel, chosen = (argument(f, k) for k in range(7))
        coming = f.call("PyFloat_AsDouble", f64, number).convert("fptrunc", f32)
        length = f.load(i64, params, frame.HEADER)
        with f.loop(0, length) as k:
            p = f.call("PyList_GetItem", ptr, params, k)
            with f.when(r.is_none(r.slot(p, "_grad")) ^ 1):
                state = f.call("PyDict_GetItemWithError", ptr, states, p)
                with f.when(r.is_none(counter) ^ 1):
                    place = f.call("count_of", ptr, state, counter)
                    with f.when((f.load(f32, place) + 1.0).differs(coming)):  # it is listed twice
                        f.ret(f.call("PyLong_FromLongLong", ptr, k))
                    f.store(coming, place)
                with f.when(f.call("run_kernel", i1, p, state, names, kernel, chosen) ^ 1):
                    f.ret(f.constant(ptr, 0))
        f.ret(f.call("PyLong_FromLongLong", ptr, length))
