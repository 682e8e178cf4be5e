"""CPython's objects in generated code: references, slots, tuples and calls.

A `Reader` knows where the slots of some classes lie (`place`, found by `autograd.native`) and the objects
that the module names (`constants`, filled in when it is loaded). Nothing here depends on CPython's version
but what Python itself tells: the places of slots, and of a tuple's items.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import NamedTuple

from ...runtime.ir import Function, Module, Value, i32, i64, ptr, void
from . import frame

MOST_ARGUMENTS = 4  # of a call that generated code makes


class Places(NamedTuple):
    """Byte offsets of slots by name, and of the items of a tuple."""

    slots: tuple[tuple[str, int], ...]
    items: int


class Reader:
    """Instructions on objects, for the function `f`."""

    def __init__(self, f: Function, places: Places) -> None:
        self.f, self.items, self.offsets = f, places.items, dict(places.slots)

    def constant(self, name: str) -> Value:
        """An object that was put into the module when it was loaded."""
        return self.f.load(ptr, Value(self.f, ptr, f"@{name}"))

    def is_same(self, a: Value, b: Value) -> Value:
        return a.convert("ptrtoint", i64).equals(b.convert("ptrtoint", i64))

    def is_null(self, a: Value) -> Value:
        return a.convert("ptrtoint", i64).equals(0)

    def is_none(self, a: Value) -> Value:
        return self.is_same(a, self.constant("none"))

    def type_of(self, thing: Value) -> Value:
        return self.f.load(ptr, thing, frame.OBJECT_TYPE)

    def is_array(self, thing: Value) -> Value:
        return self.is_same(self.type_of(thing), self.constant("ndarray_type"))

    def count(self, thing: Value) -> Value:
        """How many references an object has."""
        return self.f.load(i32, thing)

    # ---- references

    def hold(self, thing: Value) -> Value:
        self.f.call("Py_IncRef", void, thing)
        return thing

    def drop(self, thing: Value) -> None:
        self.f.call("Py_DecRef", void, thing)

    # ---- slots

    def slot(self, thing: Value, name: str) -> Value:
        """What a slot holds, borrowed."""
        return self.f.load(ptr, thing, self.offsets[name])

    def give(self, thing: Value, name: str, value: Value) -> None:
        """Fills a slot of a new object with a reference that is ours."""
        self.f.store(value, thing, self.offsets[name])

    def replace(self, thing: Value, name: str, value: Value) -> None:
        """Puts a reference that is ours into a slot and drops what was there."""
        before = self.slot(thing, name)
        self.give(thing, name, value)
        with self.f.when(self.is_null(before) ^ 1):
            self.drop(before)

    # ---- new objects: the function ends with NULL where there is no memory

    def or_fail(self, made: Value) -> Value:
        with self.f.when(self.is_null(made)):
            self.f.ret(self.f.constant(ptr, 0))
        return made

    def new(self, kind: Value) -> Value:
        """`object.__new__(kind)`"""
        make, empty = self.constant("object_new"), self.constant("no_arguments")
        return self.or_fail(self.f.call_pointer(make, ptr, kind, empty, self.f.constant(ptr, 0)))

    def new_tuple(self, size: Value | int) -> Value:
        size = size if isinstance(size, Value) else self.f.constant(i64, size)
        return self.or_fail(self.f.call("PyTuple_New", ptr, size))

    def item(self, group: Value, index: Value | int) -> Value:
        """An item of a tuple, borrowed."""
        return self.f.load(ptr, self._place(group, index))

    def put(self, group: Value, index: Value | int, value: Value) -> None:
        """Fills a place of a new tuple with a reference that is ours."""
        self.f.store(value, self._place(group, index))

    def _place(self, group: Value, index: Value | int) -> Value:
        start = group.offset(self.items)
        return start.offset(index * 8)

    # ---- calls

    def call(self, function: Value, *arguments: Value) -> Value:
        """A new reference to the result, or NULL and an exception."""
        return call_vector(self.f, function, *self._passed(arguments))

    def call_method(self, name: Value, *arguments: Value) -> Value:
        """The same for the method of that name of the first argument."""
        return self.f.call(
            "PyObject_VectorcallMethod", ptr, name, *self._passed(arguments), self.f.constant(ptr, 0)
        )

    def _passed(self, arguments: tuple[Value, ...]) -> tuple[Value, Value]:
        block = self.f.stack(8 * MOST_ARGUMENTS, 8)
        for k, argument in enumerate(arguments):
            self.f.store(argument, block, 8 * k)
        return block, self.f.constant(i64, len(arguments))

    @contextmanager
    def each(self, group: Value):
        """The places of a tuple: yields the index and the item, borrowed."""
        length = self.f.load(i64, group, frame.HEADER)
        with self.f.loop(0, length) as k:
            yield k, self.item(group, k)


def builtin(module: Module, name: str):
    """A function that Python calls with positional arguments."""
    return module.function(name, ptr, owner=ptr, arguments=ptr, count=i64)


def call_vector(f: Function, function: Value, arguments: Value, count: Value) -> Value:
    """`function(*arguments)`: a new reference, or NULL and an exception."""
    # not PyObject_Vectorcall, which Python 3.10 has in its headers only
    return f.call("PyObject_VectorcallDict", ptr, function, arguments, count, f.constant(ptr, 0))


def argument(f: Function, k: int) -> Value:
    return f.load(ptr, f.arguments, 8 * k)


def rank_of(f: Function, array: Value) -> Value:
    return f.load(i32, array, frame.ARRAY_RANK).convert("sext", i64)


def add_elements(module: Module) -> None:
    """`elements(array)`: how many there are."""
    with module.function("elements", i64, exported=False, array=ptr) as f:
        total, dims = f.variable(i64, 1), f.load(ptr, f.array, frame.ARRAY_DIMS)
        with f.loop(0, rank_of(f, f.array)) as d:
            total.set(total.get() * f.load(i64, dims.offset(d * 8)))
        f.ret(total.get())


def new_array(f: Function, type_number: int, *shape: Value) -> Value:
    """A new array in C order, not filled; the function ends with NULL where there is no memory.

    The module has `ndarray_type`, and `PyArray_New` is among its symbols (`array_symbols`).
    """
    dims = f.stack(8 * max(1, len(shape)), 8)
    for k, length in enumerate(shape):
        f.store(length, dims, 8 * k)
    return new_of_lengths(f, f.constant(i32, type_number), f.constant(i32, len(shape)), dims)


def new_like(f: Function, array: Value) -> Value:
    """The same with the type and shape of another array."""
    number = f.load(i32, f.load(ptr, array, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)
    return new_of_lengths(
        f, number, f.load(i32, array, frame.ARRAY_RANK), f.load(ptr, array, frame.ARRAY_DIMS)
    )


def new_of_lengths(f: Function, number: Value, rank: Value, dims: Value) -> Value:
    kind, null, nothing = f.load(ptr, Value(f, ptr, "@ndarray_type")), f.constant(ptr, 0), f.constant(i32, 0)
    made = f.call("PyArray_New", ptr, kind, rank, dims, number, null, null, nothing, nothing, null)
    with f.when(made.convert("ptrtoint", i64).equals(0)):
        f.ret(null)
    return made
