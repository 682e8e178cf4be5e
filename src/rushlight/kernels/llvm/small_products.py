"""Products of small matrices, of batches and of vectors, each in one call: `times`, `mm`, `bmm`, `mv`, `dot`.

For some thousands of multiplications the checks around a general product cost more than they do. A matrix may
lie in memory by rows or by columns.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr, void
from ..linear import MOST_PRODUCTS, MOST_WEIGHTS
from . import frame
from .linear import (
    TYPE_NUMBERS,
    Arrays,
    Machine,
    add_product,
    add_transpose,
    add_transposed_product,
    builtin,
)
from .objects import new_of_lengths

RANKS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}
ADDED = {"addmm": "mm", "baddbmm": "bmm", "addmv": "mv"}  # the same, with what it is added to before it
AT_ONCE = ((4, 2), (1, 4))  # rows and vectors of each that are summed in registers
COLUMNS = 4  # vectors of columns of a row


def small_products_ir(dtype: str, vector_bytes: int) -> str:
    """The module with the builtins; they answer None to all that is not small and plain."""
    machine, module = Machine(dtype, vector_bytes), Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_product(module, machine)
    add_transposed_product(module, machine)
    add_transpose(module, machine)
    _layout(module, machine)
    _rows_by_vector(module, machine)
    _vector_by_columns(module, machine)
    _matrix(module, machine)
    _product_of(module, machine)
    for name, ranks in RANKS.items():
        with builtin(module, name) as f:
            a, b = (f.load(ptr, f.arguments, 8 * k) for k in range(2))
            f.ret(f.call("product_of", ptr, a, b, *(f.constant(i32, rank) for rank in ranks)))
    _add_to(module, machine)
    for name, product in ADDED.items():
        with builtin(module, name) as f:
            _added(f, RANKS[product])
    with builtin(module, "times") as f:
        arrays = Arrays(f)
        sides = [arrays.argument(k) for k in range(2)]
        for side in sides:
            arrays.refuse_unless(f.call("is_array", i1, side))
        ranks = [f.load(i32, side, frame.ARRAY_RANK) for side in sides]
        batches = ranks[0].equals(3) & ranks[1].equals(3)
        arrays.refuse_unless(((ranks[0] <= 2) & (ranks[1] <= 2)) | batches)
        f.ret(f.call("product_of", ptr, *sides, *ranks))
    return module.text()


def _layout(module: Module, machine: Machine) -> None:
    """Is it an array of the type with that rank? 0: by rows, 1: each matrix by columns, -1: neither."""
    with module.function("is_array", i1, exported=False, array=ptr) as f:
        expected = f.load(i64, Value(f, ptr, "@ndarray_type"))
        f.ret(f.load(i64, f.array, frame.OBJECT_TYPE).equals(expected))
    with module.function("layout", i64, exported=False, array=ptr, rank=i32) as f:
        no = f.constant(i64, -1)
        with f.when(f.call("is_array", i1, f.array) ^ 1):
            f.ret(no)
        descr = f.load(ptr, f.array, frame.ARRAY_DESCR)
        flags = f.load(i32, f.array, frame.ARRAY_FLAGS)
        right = f.load(i32, descr, frame.DESCR_TYPE_NUMBER).equals(TYPE_NUMBERS[machine.dtype])
        right = right & (flags & frame.ALIGNED).differs(0)
        right = right & f.load(i32, f.array, frame.ARRAY_RANK).equals(f.rank) & (f.rank > 0)
        with f.when(right ^ 1):
            f.ret(no)
        with f.when((flags & frame.C_CONTIGUOUS).differs(0)):
            f.ret(f.constant(i64, 0))
        with f.when(f.rank < 2):
            f.ret(no)
        rank = f.rank.convert("sext", i64)
        dims, strides = f.load(ptr, f.array, frame.ARRAY_DIMS), f.load(ptr, f.array, frame.ARRAY_STRIDES)
        last = dims.offset(rank * 8), strides.offset(rank * 8)
        rows, columns = (f.load(i64, last[0], -8 * k) for k in (2, 1))
        turned = f.load(i64, last[1], -16).equals(machine.size)
        turned = turned & f.load(i64, last[1], -8).equals(rows * machine.size)
        turned = turned & ((rank < 3) | f.load(i64, strides).equals(rows * columns * machine.size))
        f.ret(f.select(turned, f.constant(i64, 1), no))


def _rows_by_vector(module: Module, machine: Machine) -> None:
    """`out[r] = sum over k of a[r, k] * x[k]`"""
    places = {"out": ptr, "a": ptr, "x": ptr}
    with module.function("rows_by_vector", exported=False, **places, rows=i64, inner=i64) as f:
        low: Value | int = 0
        for rows, vectors in AT_ONCE:
            high = f.rows & -rows
            with f.loop(low, high, rows) as r:
                _sums_of_rows(f, machine, r, rows, vectors)
            low = high


def _sums_of_rows(f: Function, machine: Machine, r: Value, rows: int, vectors: int) -> None:
    size, lanes = machine.size, machine.lanes
    sums = [[f.variable(machine.vector, 0) for _ in range(vectors)] for _ in range(rows)]
    places = [f.a.offset((r + k) * f.inner * size) for k in range(rows)]
    whole = f.inner & -(lanes * vectors)
    everything = machine.mask(f, f.constant(i64, lanes))
    with f.loop(0, whole, lanes * vectors) as k:
        for v in range(vectors):
            x = machine.load(f, f.x.offset((k + v * lanes) * size), everything)
            for place, row in zip(places, sums):
                element = machine.load(f, place.offset((k + v * lanes) * size), everything)
                row[v].set(f.fma(element, x, row[v].get()))
    with f.loop(whole, f.inner, lanes) as k:
        mask = machine.mask(f, f.inner - k)
        x = machine.load(f, f.x.offset(k * size), mask)
        for place, row in zip(places, sums):
            row[0].set(f.fma(machine.load(f, place.offset(k * size), mask), x, row[0].get()))
    for k, row in enumerate(sums):
        total = row[0].get()
        for more in row[1:]:
            total = total + more.get()
        f.store(_across(f, total), f.out.offset((r + k) * size))


def _across(f: Function, vector: Value) -> Value:
    """The sum of the lanes."""
    while vector.type.lanes > 1:
        half = vector.type.lanes // 2
        low, high = (f.shuffle(vector, None, list(range(start, start + half))) for start in (0, half))
        if half == 1:
            return f.extract(vector, 0) + f.extract(vector, 1)
        vector = low + high
    return vector


def _vector_by_columns(module: Module, machine: Machine) -> None:
    """`out[k] = sum over j of x[j] * b[j, k]`"""
    places, sizes = {"out": ptr, "x": ptr, "b": ptr}, {"inner": i64, "columns": i64}
    with module.function("vector_by_columns", exported=False, **places, **sizes) as f:
        size, lanes = machine.size, machine.lanes
        with f.loop(0, f.columns, lanes * COLUMNS) as k:
            masks = [machine.mask(f, f.columns - k - v * lanes) for v in range(COLUMNS)]
            sums = [f.variable(machine.vector, 0) for _ in masks]
            with f.loop(0, f.inner) as j:
                element = machine.splat(f, f.x.offset(j * size))
                row = f.b.offset((j * f.columns + k) * size)
                for v, (total, mask) in enumerate(zip(sums, masks)):
                    part = machine.load(f, row.offset(v * lanes * size), mask)
                    total.set(f.fma(element, part, total.get()))
            for v, (total, mask) in enumerate(zip(sums, masks)):
                machine.store(f, total.get(), f.out.offset((k + v * lanes) * size), mask)


_MATRIX = {
    "out": ptr,
    "a": ptr,
    "b": ptr,
    "scratch": ptr,
    "rows": i64,
    "inner": i64,
    "columns": i64,
    "a_turned": i64,
    "b_turned": i64,
}


def _matrix(module: Module, machine: Machine) -> None:
    """One product, by the loop that suits how its sides lie."""
    with module.function("matrix", exported=False, **_MATRIX) as f:
        by_rows = f.a_turned.equals(0)
        column, row = f.columns.equals(1), f.rows.equals(1)
        with f.when(column & by_rows):
            f.call("rows_by_vector", void, f.out, f.a, f.b, f.rows, f.inner)
            f.ret()
        with f.when(row & f.b_turned.equals(0)):
            f.call("vector_by_columns", void, f.out, f.a, f.b, f.inner, f.columns)
            f.ret()
        with f.when(column):
            f.call("vector_by_columns", void, f.out, f.b, f.a, f.inner, f.rows)
            f.ret()
        with f.when(row):
            f.call("rows_by_vector", void, f.out, f.b, f.a, f.columns, f.inner)
            f.ret()
        b = f.variable(ptr, f.b)
        with f.when(f.b_turned.differs(0)):
            f.call("transpose", void, f.scratch, f.b, f.columns, f.inner)
            b.set(f.scratch)
        with f.either(by_rows) as (straight, turned):
            with straight:
                pitch, null = f.columns * machine.size, f.constant(ptr, 0)
                sizes = f.rows, f.inner, f.columns, pitch
                f.call("product", void, f.out, null, f.a, b.get(), *sizes)
            with turned:
                f.call("transposed_product", void, f.out, f.a, b.get(), f.inner, f.rows, f.columns)


def _product_of(module: Module, machine: Machine) -> None:
    """A new array, or None for what is not plain, does not fit or is not small."""
    arguments = {"a": ptr, "b": ptr, "rank_a": i32, "rank_b": i32}
    with module.function("product_of", ptr, exported=False, **arguments) as f:
        arrays = Arrays(f)
        turned = [f.call("layout", i64, f.a, f.rank_a), f.call("layout", i64, f.b, f.rank_b)]
        arrays.refuse_unless((turned[0] >= 0) & (turned[1] >= 0))
        dims = [f.load(ptr, side, frame.ARRAY_DIMS) for side in (f.a, f.b)]
        ranks = [rank.convert("sext", i64) for rank in (f.rank_a, f.rank_b)]
        batch, other = (_length(f, d, rank, 3) for d, rank in zip(dims, ranks))
        rows = _length(f, dims[0], ranks[0], 2)
        inner = f.load(i64, dims[0].offset(ranks[0] * 8), -8)
        is_vector = ranks[1].equals(1)
        columns = f.select(is_vector, f.constant(i64, 1), f.load(i64, dims[1].offset(ranks[1] * 8), -8))
        below = f.select(is_vector, f.load(i64, dims[1]), _length(f, dims[1], ranks[1], 2))
        arrays.refuse_unless(inner.equals(below) & batch.equals(other))
        arrays.refuse_unless(batch * rows * inner * columns <= MOST_PRODUCTS)
        needs_scratch = turned[1].differs(0) & rows.differs(1) & columns.differs(1)
        arrays.refuse_unless((needs_scratch ^ 1) | (inner * columns <= MOST_WEIGHTS))
        out = _result(f, machine, ranks, batch, rows, columns)
        scratch = f.stack(MOST_WEIGHTS * machine.size)
        memory = [arrays.memory(side) for side in (out, f.a, f.b)]
        with f.loop(0, batch) as k:
            steps = rows * columns, rows * inner, inner * columns
            places = [place.offset(k * step * machine.size) for place, step in zip(memory, steps)]
            f.call("matrix", void, *places, scratch, rows, inner, columns, *turned)
        f.ret(out)


def _length(f: Function, dims: Value, rank: Value, place: int) -> Value:
    """The length `place` dimensions from the end; 1 where there are not so many."""
    length = f.variable(i64, 1)
    with f.when(rank >= place):
        length.set(f.load(i64, dims.offset(rank * 8), -8 * place))
    return length.get()


def _result(
    f: Function, machine: Machine, ranks: list[Value], batch: Value, rows: Value, columns: Value
) -> Value:
    """Memory for the result: without the dimensions that vectors do not have."""
    lengths, count = f.stack(24, 8), f.variable(i64, 0)
    wanted = ((ranks[0].equals(3), batch), (ranks[0] > 1, rows), (ranks[1] > 1, columns))
    for condition, length in wanted:
        with f.when(condition):
            f.store(length, lengths.offset(count.get() * 8))
            count.set(count.get() + 1)
    return new_of_lengths(
        f, f.constant(i32, TYPE_NUMBERS[machine.dtype]), count.get().convert("trunc", i32), lengths
    )


# ---- what is added to a product


def _added(f: Function, ranks: tuple[int, int]) -> None:
    """`start + a @ b`, where `start` has the last dimensions of the product."""
    arrays = Arrays(f)
    start, a, b = (arrays.argument(k) for k in range(3))
    rank = f.variable(i32, 1)
    with f.when(f.call("is_array", i1, start)):
        rank.set(f.load(i32, start, frame.ARRAY_RANK))
    arrays.refuse_unless(f.call("layout", i64, start, rank.get()).equals(0))
    made = f.call("product_of", ptr, a, b, *(f.constant(i32, each) for each in ranks))
    failed = made.convert("ptrtoint", i64).equals(0) | arrays.is_none(made)
    with f.when(failed):
        f.ret(made)
    with f.when(f.call("add_to", i1, made, start) ^ 1):
        f.call("Py_DecRef", void, made)
        arrays.answer(arrays.none)
    f.ret(made)


def _add_to(module: Module, machine: Machine) -> None:
    """Adds to a product what has its last dimensions; 0 where it has others."""
    with module.function("add_to", i1, exported=False, product=ptr, added=ptr) as f:
        ranks = [f.load(i32, x, frame.ARRAY_RANK).convert("sext", i64) for x in (f.product, f.added)]
        dims = [f.load(ptr, x, frame.ARRAY_DIMS) for x in (f.product, f.added)]
        lead = ranks[0] - ranks[1]
        with f.when(lead < 0):
            f.ret(f.constant(i1, 0))
        times, count = f.variable(i64, 1), f.variable(i64, 1)
        with f.loop(0, lead) as d:
            times.set(times.get() * f.load(i64, dims[0].offset(d * 8)))
        with f.loop(0, ranks[1]) as d:
            length = f.load(i64, dims[1].offset(d * 8))
            with f.when(length.differs(f.load(i64, dims[0].offset((d + lead) * 8)))):
                f.ret(f.constant(i1, 0))
            count.set(count.get() * length)
        out, start = (f.load(ptr, x, frame.ARRAY_DATA) for x in (f.product, f.added))
        with f.loop(0, times.get()) as k, f.loop(0, count.get(), machine.lanes) as i:
            mask = machine.mask(f, count.get() - i)
            place = out.offset((k * count.get() + i) * machine.size)
            total = machine.load(f, place, mask) + machine.load(f, start.offset(i * machine.size), mask)
            machine.store(f, total, place, mask)
        f.ret(f.constant(i1, 1))
