"""Linear layers on small matrices: the products of a layer and of its backward pass, each in one call.

Three loops over registers, with the columns in the lanes: for matrices of a few thousand elements the calls,
checks and temporary arrays of a general product cost more than the arithmetic does.
"""

from __future__ import annotations

from ...runtime.ir import (
    Function,
    Module,
    Type,
    Value,
    Variable,
    f32,
    f64,
    i1,
    i32,
    i64,
    lane_numbers,
    ptr,
    void,
)
from ..linear import MOST_PRODUCTS, MOST_WEIGHTS
from . import frame
from .blocked import transpose
from .lowering import load, store
from .objects import new_array

ROWS = (8, 4, 1)  # sums that are kept in registers at once: as many as there are, then fewer
SCALARS = {"float32": f32, "float64": f64}
TYPE_NUMBERS = {"float32": 11, "float64": 12}


class Machine:
    """The type and width that the code is written for."""

    def __init__(self, dtype: str, vector_bytes: int) -> None:
        self.dtype, self.scalar = dtype, SCALARS[dtype]
        self.size = self.scalar.size
        self.lanes = vector_bytes // self.size
        self.vector: Type = self.scalar.vector(self.lanes)

    def mask(self, f: Function, count: Value) -> Value:
        """The lanes below `count`."""
        numbers = lane_numbers(i32.vector(self.lanes))
        return f.splat(count.convert("trunc", i32), self.lanes).compare("sgt", numbers)

    def load(self, f: Function, place: Value, mask: Value) -> Value:
        return load(f, place, self.dtype, self.lanes, mask)

    def store(self, f: Function, value: Value, place: Value, mask: Value) -> None:
        store(f, value, place, self.dtype, mask)

    def splat(self, f: Function, place: Value) -> Value:
        """One element of memory in all lanes."""
        return f.splat(f.load(self.scalar, place), self.lanes)


def linear_ir(dtype: str, vector_bytes: int) -> str:
    """The module with `forward(x, w, bias)` and `backward(g, x, w, needs)`."""
    machine, module = Machine(dtype, vector_bytes), Module()
    module.variable("ndarray_type", "ptr", "null", exported=True)
    module.variable("none", "ptr", "null", exported=True)
    module.variable("true", "ptr", "null", exported=True)
    add_product(module, machine)
    add_transposed_product(module, machine)
    _column_sums(module, machine)
    add_transpose(module, machine)
    add_is_plain(module, dtype)
    _forward(module, machine)
    _backward(module, machine)
    return module.text()


def add_product(module: Module, machine: Machine) -> None:
    """`out[n, k] = initial[k] + sum over j of a[n, j] * b[j, k]`, where b's rows are `pitch` bytes long."""
    places = {"out": ptr, "initial": ptr, "a": ptr, "b": ptr}
    sizes = {"rows": i64, "inner": i64, "columns": i64, "pitch": i64}
    with module.function("product", exported=False, **places, **sizes) as f:
        size = machine.size
        with f.loop(0, f.columns, machine.lanes) as k:
            mask = machine.mask(f, f.columns - k)
            first = f.variable(machine.vector, 0)
            with f.when(f.initial.convert("ptrtoint", i64).differs(0)):
                first.set(machine.load(f, f.initial.offset(k * size), mask))
            for step, low, high in _parts(f.rows):
                with f.loop(low, high, step) as n:
                    _product_rows(f, machine, n, k, mask, first.get(), step)


def _parts(count: Value) -> list[tuple[int, Value | int, Value]]:
    """Steps of loops over `count` rows, and where each begins and ends."""
    ends = [count & -step for step in ROWS]
    return list(zip(ROWS, [0, *ends], ends))


def _product_rows(
    f: Function, machine: Machine, n: Value, k: Value, mask: Value, first: Value, count: int
) -> None:
    size = machine.size
    sums = [f.variable(machine.vector) for _ in range(count)]
    for s in sums:
        s.set(first)
    with f.loop(0, f.inner) as j:
        row = machine.load(f, f.b.offset(j * f.pitch + k * size), mask)
        for r, s in enumerate(sums):
            s.set(f.fma(machine.splat(f, f.a.offset(((n + r) * f.inner + j) * size)), row, s.get()))
    for r, s in enumerate(sums):
        machine.store(f, s.get(), f.out.offset(((n + r) * f.columns + k) * size), mask)


def add_transposed_product(module: Module, machine: Machine) -> None:
    """`out[j, k] = sum over n of a[n, j] * b[n, k]`."""
    places, sizes = {"out": ptr, "a": ptr, "b": ptr}, {"rows": i64, "inner": i64, "columns": i64}
    function = module.function("transposed_product", exported=False, **places, **sizes)
    with function as f, f.loop(0, f.columns, machine.lanes) as k:
        mask = machine.mask(f, f.columns - k)
        for step, low, high in _parts(f.inner):
            with f.loop(low, high, step) as j:
                _transposed_rows(f, machine, j, k, mask, step)


def _transposed_rows(f: Function, machine: Machine, j: Value, k: Value, mask: Value, count: int) -> None:
    size = machine.size
    sums = [f.variable(machine.vector, 0) for _ in range(count)]
    with f.loop(0, f.rows) as n:
        row = machine.load(f, f.b.offset((n * f.columns + k) * size), mask)
        for r, s in enumerate(sums):
            s.set(f.fma(machine.splat(f, f.a.offset((n * f.inner + j + r) * size)), row, s.get()))
    for r, s in enumerate(sums):
        machine.store(f, s.get(), f.out.offset(((j + r) * f.columns + k) * size), mask)


def _column_sums(module: Module, machine: Machine) -> None:
    """`out[k] = sum over n of a[n, k]`."""
    function = module.function("column_sums", exported=False, out=ptr, a=ptr, rows=i64, columns=i64)
    with function as f, f.loop(0, f.columns, machine.lanes) as k:
        mask = machine.mask(f, f.columns - k)
        total = f.variable(machine.vector, 0)
        with f.loop(0, f.rows) as n:
            place = f.a.offset((n * f.columns + k) * machine.size)
            total.set(total.get() + machine.load(f, place, mask))
        machine.store(f, total.get(), f.out.offset(k * machine.size), mask)


def add_transpose(module: Module, machine: Machine) -> None:
    """`out[j, o] = w[o, j]`: squares are turned in registers."""
    with module.function("transpose", exported=False, out=ptr, w=ptr, rows=i64, columns=i64) as f:
        size, lanes = machine.size, machine.lanes
        with f.loop(0, f.rows, lanes) as o, f.loop(0, f.columns, lanes) as j:
            lines = []
            for k in range(lanes):
                mask = machine.mask(f, f.select(o + k < f.rows, f.columns - j, 0))
                lines.append(machine.load(f, f.w.offset(((o + k) * f.columns + j) * size), mask))
            for k, column in enumerate(transpose(f, lines)):
                mask = machine.mask(f, f.select(j + k < f.columns, f.rows - o, 0))
                machine.store(f, column, f.out.offset(((j + k) * f.rows + o) * size), mask)


# ---- what Python calls


def add_is_plain(module: Module, dtype: str) -> None:
    """Is this an ndarray of `dtype`, contiguous and of that rank (any, if that is negative)?"""
    with module.function("is_plain", i1, exported=False, array=ptr, rank=i32) as f:
        expected = f.load(i64, Value(f, ptr, "@ndarray_type"))
        with f.when(f.load(i64, f.array, frame.OBJECT_TYPE).differs(expected)):
            f.ret(f.constant(i1, 0))
        descr = f.load(ptr, f.array, frame.ARRAY_DESCR)
        needed = frame.C_CONTIGUOUS | frame.ALIGNED
        right = f.load(i32, descr, frame.DESCR_TYPE_NUMBER).equals(TYPE_NUMBERS[dtype])
        right = right & (f.load(i32, f.array, frame.ARRAY_FLAGS) & needed).equals(needed)
        f.ret(right & ((f.rank < 0) | f.load(i32, f.array, frame.ARRAY_RANK).equals(f.rank)))


class Arrays:
    """The arguments of a call as memory and sizes; anything out of the ordinary answers with None."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.none = f.load(ptr, Value(f, ptr, "@none"))

    def refuse_unless(self, condition: Value) -> None:
        with self.f.when(condition ^ 1):
            self.answer(self.none)

    def answer(self, result: Value) -> None:
        self.f.call("Py_IncRef", void, result)
        self.f.ret(result)

    def refuse_unless_small(self, rows: Value, inner: Value, columns: Value) -> None:
        self.refuse_unless(inner * columns <= MOST_WEIGHTS)
        self.refuse_unless(inner * columns * rows <= MOST_PRODUCTS)

    def wants(self, needs: Value, k: int) -> Value:
        """Is that item of the tuple true?"""
        item = self.f.call("PyTuple_GetItem", ptr, needs, self.f.constant(i64, k))
        return item.convert("ptrtoint", i64).equals(self.f.load(i64, Value(self.f, ptr, "@true")))

    def tuple_of(self, items: list[Variable]) -> Value:
        """A new tuple of arrays that are ours, or of None."""
        made = self.f.call("PyTuple_New", ptr, self.f.constant(i64, len(items)))
        with self.f.when(made.convert("ptrtoint", i64).equals(0)):
            self.f.ret(made)
        for k, item in enumerate(items):
            with self.f.when(self.is_none(item.get())):
                self.f.call("Py_IncRef", void, self.none)
            self.f.call("PyTuple_SetItem", i32, made, self.f.constant(i64, k), item.get())
        return made

    def argument(self, k: int) -> Value:
        return self.f.load(ptr, self.f.arguments, 8 * k)

    def is_none(self, array: Value) -> Value:
        return array.convert("ptrtoint", i64).equals(self.none.convert("ptrtoint", i64))

    def check(self, array: Value, rank: int, optional: bool = False) -> None:
        plain = self.f.variable(i1, 1)
        if optional:
            with self.f.when(self.is_none(array) ^ 1):
                plain.set(self.f.call("is_plain", i1, array, self.f.constant(i32, rank)))
        else:
            plain.set(self.f.call("is_plain", i1, array, self.f.constant(i32, rank)))
        self.refuse_unless(plain.get())

    def length(self, array: Value, axis: int) -> Value:
        return self.f.load(i64, self.f.load(ptr, array, frame.ARRAY_DIMS), 8 * axis)

    def memory(self, array: Value, optional: bool = False) -> Value:
        """Where the elements are; null for None."""
        if not optional:
            return self.f.load(ptr, array, frame.ARRAY_DATA)
        place = self.f.variable(ptr, 0)
        with self.f.when(self.is_none(array) ^ 1):
            place.set(self.f.load(ptr, array, frame.ARRAY_DATA))
        return place.get()


def builtin(module: Module, name: str):
    return module.function(name, ptr, owner=ptr, arguments=ptr, count=i64)


def _forward(module: Module, machine: Machine) -> None:
    with builtin(module, "forward") as f:
        arrays = Arrays(f)
        x, w, bias = (arrays.argument(k) for k in range(3))
        arrays.check(x, 2)
        arrays.check(w, 2)
        arrays.check(bias, 1, optional=True)
        rows, inner, columns = arrays.length(x, 0), arrays.length(x, 1), arrays.length(w, 0)
        arrays.refuse_unless(inner.equals(arrays.length(w, 1)))
        arrays.refuse_unless_small(rows, inner, columns)
        with f.when(arrays.is_none(bias) ^ 1):
            arrays.refuse_unless(arrays.length(bias, 0).equals(columns))
        out = new_array(f, TYPE_NUMBERS[machine.dtype], rows, columns)
        scratch = f.stack(MOST_WEIGHTS * machine.size)
        f.call("transpose", void, scratch, arrays.memory(w), columns, inner)
        start = arrays.memory(bias, optional=True)
        pitch = columns * machine.size
        f.call(
            "product", void, arrays.memory(out), start, arrays.memory(x), scratch, rows, inner, columns, pitch
        )
        f.ret(out)


def _backward(module: Module, machine: Machine) -> None:
    with builtin(module, "backward") as f:
        arrays = Arrays(f)
        g, x, w, needs = (arrays.argument(k) for k in range(4))
        for array in (g, x, w):
            arrays.check(array, 2)
        rows, columns, inner = arrays.length(g, 0), arrays.length(g, 1), arrays.length(x, 1)
        arrays.refuse_unless(arrays.length(x, 0).equals(rows) & arrays.length(w, 0).equals(columns))
        arrays.refuse_unless(arrays.length(w, 1).equals(inner))
        arrays.refuse_unless_small(rows, inner, columns)
        number = TYPE_NUMBERS[machine.dtype]
        results = [f.variable(ptr, arrays.none) for _ in range(3)]
        with f.when(arrays.wants(needs, 0)):
            results[0].set(gx := new_array(f, number, rows, inner))
            places = (arrays.memory(gx), f.constant(ptr, 0), arrays.memory(g), arrays.memory(w))
            f.call("product", void, *places, rows, columns, inner, inner * machine.size)
        with f.when(arrays.wants(needs, 1)):
            results[1].set(gw := new_array(f, number, columns, inner))
            places = (arrays.memory(gw), arrays.memory(g), arrays.memory(x))
            f.call("transposed_product", void, *places, rows, columns, inner)
        with f.when(arrays.wants(needs, 2)):
            results[2].set(gb := new_array(f, number, columns))
            f.call("column_sums", void, arrays.memory(gb), arrays.memory(g), rows, columns)
        f.ret(arrays.tuple_of(results))
