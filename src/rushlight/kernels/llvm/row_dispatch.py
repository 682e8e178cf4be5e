"""The machine code between a Python call and a row kernel: `rl_call_rows`, the sibling of `rl_call`.

The last axis is the row; the axes before it are merged as far as the strides allow, and threads share the
rows. When there are few but long rows, threads share the segments of each row's first pass instead.
"""

from __future__ import annotations

from ...runtime import pool
from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr, void
from . import frame
from .dispatch import explain, pointer, put, stride_place, word
from .streaming import STREAM_FROM, finish_stream

FEW_ROWS = 8
LONG_ROW = 8 * frame.SEGMENT
MOST_CHUNKS = 1 << 14
GROUP = 4096  # elements of the short rows that are worked on together
LEAST_STREAMED = STREAM_FROM // (8 * frame.MAX_OPERANDS)


def add_row_functions(module: Module) -> None:
    """Needs the functions of the element-wise dispatcher in the same module."""
    _read_array_without(module, "read_row_array", 1)
    _read_array_without(module, "read_column_array", 2)
    put_axes_last(module, "put_row_last", 1, repeats=True)
    _run_rows(module)
    _run_groups(module)
    _run_segments(module)
    _run_long_row(module)
    _run_all_rows(module)
    _call_rows(module)


def _read_array_without(module: Module, name: str, axis: int) -> None:
    """As `read_array`, for an output whose axis `axis` from the end (1: the last) has length one."""
    with module.function(name, i1, exported=False, site=ptr, array=ptr, k=i64, rank=i64) as f:
        length_place = f.site.offset(frame.FRAME_DIMS).offset((f.rank - axis) * 8)
        length = f.load(i64, length_place)
        f.store(f.constant(i64, 1), length_place)
        fits = f.call("read_array", i1, f.site, f.array, f.k, f.rank)
        f.store(length, length_place)
        f.store(f.constant(i64, 0), stride_place(f.site, f.k, f.rank - axis))
        f.ret(fits)


def put_axes_last(module: Module, name: str, count: int, repeats: bool = False) -> None:
    """Merge the leading axes and put the last `count` behind them; 0 when the last one is not contiguous.

    Where it `repeats`, the last one may also be one number.
    """
    with module.function(name, i1, exported=False, site=ptr, rank=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        operands = word(f, description, frame.DESC_OPERANDS)
        leading = f.rank - count
        lengths = [word(f, f.site, frame.FRAME_DIMS, leading + axis) for axis in range(count)]
        strides = [f.stack(8 * frame.MAX_OPERANDS) for _ in range(count)]
        with f.loop(0, operands) as k:
            for axis in range(count):
                put(f, f.load(i64, stride_place(f.site, k, leading + axis)), strides[axis], 0, k)
            stride, size = word(f, strides[-1], 0, k), word(f, description, frame.DESC_SIZES, k)
            single = (lengths[-1] <= 1) if repeats else (lengths[-1] <= 1) | lengths[0].equals(0)
            stride = f.select(single & stride.differs(0) if repeats else single, size, stride)
            repeated = stride.equals(0) if repeats else f.constant(i1, 0)
            with f.when((repeated | stride.equals(size)) ^ 1):
                f.ret(f.constant(i1, 0))
            put(f, stride, strides[-1], 0, k)
        f.call("merge_dimensions", void, f.site, leading)
        kept = word(f, f.site, frame.FRAME_RANK)
        for axis in range(count):
            put(f, lengths[axis], f.site, frame.FRAME_DIMS, kept + axis)
            with f.loop(0, operands) as k:
                f.store(word(f, strides[axis], 0, k), stride_place(f.site, k, kept + axis))
        put(f, kept + count, f.site, frame.FRAME_RANK)
        f.ret(f.constant(i1, 1))


class RowState:
    """The tables for one row's operands."""

    def __init__(self, f: Function):
        self.places = f.stack(8 * frame.MAX_OPERANDS)
        self.masks = f.stack(8 * frame.MAX_OPERANDS)
        self.sources = f.stack(8 * frame.MAX_OPERANDS)  # as the places, but for numbers too
        self.steps = f.stack(8 * frame.MAX_OPERANDS)  # from one row to the next, or one piece of it
        self.blocks = f.stack(frame.BLOCK_BYTES * frame.MAX_OPERANDS)


def prepare_row(f: Function, state: RowState, row: Value, axes: int = 1) -> None:
    """Set the operands' places for row number `row`; numbers of a row are copied along a vector.

    The row is the last axis, or the last two `axes`.
    """
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    last = word(f, f.site, frame.FRAME_RANK) - 1
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        place = row_place(f, k, row, last - (axes - 1))
        f.store(place, state.sources.offset(k * 8))
        size = word(f, description, frame.DESC_SIZES, k)
        repeated = _is_repeated(f, k)
        put(f, f.select(repeated, f.constant(i64, 0), -1), state.masks, 0, k)
        f.store(place, state.places.offset(k * 8))
        with f.when(repeated):
            block = state.blocks.offset(k * frame.BLOCK_BYTES)
            f.call("fill", void, block, place, size, word(f, description, frame.DESC_STEP) * size)
            f.store(block, state.places.offset(k * 8))


def put_steps(f: Function, steps: Value) -> None:
    """The operands' strides along the second last axis; without one, zeros."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    axis = word(f, f.site, frame.FRAME_RANK) - 2
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        step = f.load(i64, stride_place(f.at(f.site), k, f.maximum(axis, 0)))
        put(f, f.select(axis < 0, f.constant(i64, 0), step), steps, 0, k)


def row_place(f: Function, k: Value, row: Value, last: Value) -> Value:
    place = f.variable(i64, word(f, f.site, frame.FRAME_DATA, k))
    rest = f.variable(i64, row)
    with f.loop(1, last) as up:
        dimension = last - up
        length = word(f, f.site, frame.FRAME_DIMS, dimension)
        step = f.load(i64, stride_place(f.at(f.site), k, dimension))
        place.set(place.get() + rest.get() % length * step)
        rest.set(rest.get() // length)
    outermost = f.load(i64, stride_place(f.at(f.site), k, f.constant(i64, 0)))
    return (place.get() + rest.get() * outermost).convert("inttoptr", ptr)


def row_width(f: Function) -> Value:
    return word(f, f.site, frame.FRAME_DIMS, word(f, f.site, frame.FRAME_RANK) - 1)


def choose_stream(f: Function, elements: Value) -> None:
    """Decide whether results are stored past the caches, which only many can be."""
    put(f, 0, f.site, frame.FRAME_STREAM)
    with f.when(elements >= LEAST_STREAMED):
        put(f, f.call("rows_stream", i64, f.site), f.site, frame.FRAME_STREAM)


def end_stream(f: Function) -> None:
    with f.when(word(f, f.site, frame.FRAME_STREAM).differs(0)):
        finish_stream(f)


def scratch_for(f: Function, width: Value) -> Value:
    """Memory for what a row keeps between its passes."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    return f.call("malloc", ptr, width * word(f, description, frame.DESC_KEPT) + 64)


def _call_row(f: Function, state: RowState, width: Value, scratch: Value, partials: Value) -> None:
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    scalars = f.at(f.site).offset(frame.FRAME_SCALARS)
    body = f.load(ptr, description, frame.DESC_BODY)
    stream = word(f, f.site, frame.FRAME_STREAM)
    f.call_pointer(
        body, void, state.places, state.masks, scalars, width, scratch, state.steps, stream, partials
    )


def _run_rows(module: Module) -> None:
    """Rows [chunk * size, (chunk + 1) * size)."""
    with module.function("run_rows", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        state = RowState(f)
        size = word(f, f.site, frame.FRAME_CHUNK)
        width = row_width(f)
        scratch = scratch_for(f, width)
        put_steps(f, state.steps)
        first = f.chunk * size
        with f.loop(first, f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL))) as row:
            prepare_row(f, state, row)
            _call_row(f, state, width, scratch, f.constant(ptr, 0))
        f.call("free", void, scratch)
        end_stream(f)


def _run_groups(module: Module) -> None:
    """Rows [chunk * size, (chunk + 1) * size) that are short, a few at a time."""
    with module.function("run_groups", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        size, width = word(f, f.site, frame.FRAME_CHUNK), row_width(f)
        places, masks, steps = (f.stack(8 * frame.MAX_OPERANDS) for _ in range(3))
        put_steps(f, steps)
        put_masks(f, masks)
        most = _rows_at_once(f, width)
        run = _rows_in_line(f)
        scratch = scratch_for(f, width * most)
        scalars, stream = f.at(f.site).offset(frame.FRAME_SCALARS), word(f, f.site, frame.FRAME_STREAM)
        last = word(f, f.site, frame.FRAME_RANK) - 1
        row = f.variable(i64, f.chunk * size)
        end = f.minimum(row.get() + size, word(f, f.site, frame.FRAME_TOTAL))
        with f.forever() as groups:
            groups.leave_if(row.get() >= end)
            count = f.minimum(f.minimum(end - row.get(), most), run - row.get() % run)
            with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
                f.store(row_place(f, k, row.get(), last), places.offset(k * 8))
            tables = (places, masks, scalars, width, scratch, steps, stream, count)
            f.call_pointer(f.load(ptr, description, frame.DESC_GROUP), void, *tables)
            row.set(row.get() + count)
        f.call("free", void, scratch)
        end_stream(f)


def put_masks(f: Function, masks: Value) -> None:
    """Zero for operands with one number a row, that all its elements meet."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        put(f, f.select(_is_repeated(f, k), f.constant(i64, 0), -1), masks, 0, k)


def _is_repeated(f: Function, k: Value) -> Value:
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    last = word(f, f.site, frame.FRAME_RANK) - 1
    repeated = f.load(i64, stride_place(f.at(f.site), k, last)).equals(0)
    return repeated & (k >= word(f, description, frame.DESC_OUTPUTS))


def _rows_at_once(f: Function, width: Value) -> Value:
    """Short rows that a group has: as many as fit the nearest cache, and the lanes of a vector."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    return f.minimum(
        f.maximum(f.constant(i64, GROUP) // f.maximum(width, 1), 1), word(f, description, frame.DESC_LANES)
    )


def _rows_in_line(f: Function) -> Value:
    """Rows with the same step from each to the next."""
    axis = word(f, f.site, frame.FRAME_RANK) - 2
    length = word(f, f.site, frame.FRAME_DIMS, f.maximum(axis, 0))
    return f.select(axis < 0, f.constant(i64, 1), length)


SHARED_SITE, SHARED_STATE, SHARED_SCRATCH, SHARED_PARTIALS, SHARED_EACH = 0, 8, 24, 32, 40
SHARED_BYTES = 48


def _run_segments(module: Module) -> None:
    """Some segments of a long row's first pass."""
    with module.function("run_segments", exported=False, shared=ptr, chunk=i64, thread=i64) as f:
        site = f.load(ptr, f.shared, SHARED_SITE)
        description = f.load(ptr, site, frame.FRAME_DESC)
        places, masks = f.load(ptr, f.shared, SHARED_STATE), f.load(ptr, f.shared, SHARED_STATE + 8)
        scratch, partials = f.load(ptr, f.shared, SHARED_SCRATCH), f.load(ptr, f.shared, SHARED_PARTIALS)
        width = word(f, site, frame.FRAME_DIMS, word(f, site, frame.FRAME_RANK) - 1)
        results = word(f, description, frame.DESC_REDUCTIONS) * 8
        each = word(f, f.shared, SHARED_EACH)
        count = (width + (frame.SEGMENT - 1)).lshr(frame.SEGMENT.bit_length() - 1)
        first = f.chunk * each
        with f.loop(first, f.minimum(first + each, count)) as segment:
            body = f.load(ptr, description, frame.DESC_SEGMENT)
            start, target = segment * frame.SEGMENT, partials.offset(segment * results)
            scalars = site.offset(frame.FRAME_SCALARS)
            near = f.constant(i64, 0)  # nobody asks for the results' memory that early
            f.call_pointer(body, void, places, masks, scalars, width, scratch, start, near, target)


def _run_long_row(module: Module) -> None:
    """One row whose first pass is shared by the threads."""
    with module.function("run_long_row", exported=False, site=ptr, row=i64) as f:
        state = RowState(f)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        width = row_width(f)
        scratch = scratch_for(f, width)
        count = (width + (frame.SEGMENT - 1)).lshr(frame.SEGMENT.bit_length() - 1)
        partials = f.call("malloc", ptr, count * word(f, description, frame.DESC_REDUCTIONS) * 8)
        prepare_row(f, state, f.row)
        put_steps(f, state.steps)
        each = count.lshr(MOST_CHUNKS.bit_length() - 1) + 2
        shared = f.stack(SHARED_BYTES)
        for place, value in (
            (SHARED_SITE, f.site),
            (SHARED_STATE, state.places),
            (SHARED_STATE + 8, state.masks),
            (SHARED_SCRATCH, scratch),
            (SHARED_PARTIALS, partials),
            (SHARED_EACH, each),
        ):
            f.store(value, shared, place)
        chunks = (count + each - 1) // each
        f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@run_segments"), shared, chunks)
        _call_row(f, state, width, scratch, partials)
        f.call("free", void, partials)
        f.call("free", void, scratch)
        end_stream(f)


def _run_all_rows(module: Module) -> None:
    with module.function("run_all_rows", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        rows, width = word(f, f.site, frame.FRAME_TOTAL), row_width(f)
        choose_stream(f, rows * width)
        with f.when((rows <= FEW_ROWS) & (width >= LONG_ROW)):
            with f.loop(0, rows) as row:
                f.call("run_long_row", void, f.site, row)
            f.ret()
        run = f.variable(ptr, Value(f, ptr, "@run_rows"))
        with f.when((rows > 1) & (width <= frame.SEGMENT)):
            run.set(Value(f, ptr, "@run_groups"))
        with f.when(rows * width < word(f, description, frame.DESC_PARALLEL_FROM)):
            put(f, rows, f.site, frame.FRAME_CHUNK)
            f.call_pointer(run.get(), void, f.site, f.constant(i64, 0), f.constant(i64, 0))
            f.ret()
        share = rows.lshr(frame.SHARES_BITS) + 1
        wanted = f.minimum(word(f, description, frame.DESC_CHUNK) // f.maximum(width, 1) + 1, share)
        size = f.maximum(wanted, rows.lshr(MOST_CHUNKS.bit_length() - 1) + 1)
        put(f, size, f.site, frame.FRAME_CHUNK)
        f.call(pool.PARALLEL_FOR, void, run.get(), f.site, (rows + size - 1) // size)


def _call_rows(module: Module) -> None:
    arguments = {"owner": ptr, "arguments": ptr, "count": i64, "description": ptr}
    with module.function("rl_call_rows", ptr, **arguments) as f:
        site = f.stack(frame.FRAME_BYTES)
        rank = read_space(f, site, 1)
        read_operands(f, site, rank, "read_row_array")
        with f.when(word(f, site, frame.FRAME_TOTAL) > 0):
            with f.when(f.call("put_row_last", i1, site, rank) ^ 1):
                explain(f)
            with f.when(f.call("find_overlap", i1, site)):
                explain(f)
            run_and_release(f, site, 1, "run_all_rows")
        result = f.load(ptr, f.arguments)
        f.call("Py_IncRef", void, result)
        f.ret(result)


def read_operands(f: Function, site: Value, rank: Value, reduced: str) -> None:
    """Put all arrays and numbers into the frame; `reduced` reads the outputs that lack the reduced axis."""
    operands = word(f, f.description, frame.DESC_OPERANDS)
    with f.loop(0, operands) as k:
        array = pointer(f, f.arguments, k)
        fits = f.variable(i1, 0)
        with f.either(word(f, f.description, frame.DESC_PER_ROW, k).differs(0)) as (without, whole):
            with without:
                fits.set(f.call(reduced, i1, site, array, k, rank))
            with whole:
                fits.set(f.call("read_array", i1, site, array, k, rank))
        with f.when(fits.get() ^ 1):
            explain(f)
    with f.when(f.call("read_scalars", i1, site, f.arguments.offset(operands * 8)) ^ 1):
        f.ret(f.constant(ptr, 0))


def read_space(f: Function, site: Value, trailing: int) -> Value:
    """The dimensions of the operand with the whole shape; FRAME_TOTAL counts what precedes the last ones."""
    f.store(f.description, site, frame.FRAME_DESC)
    operands = word(f, f.description, frame.DESC_OPERANDS)
    with f.when(f.count.differs(operands + word(f, f.description, frame.DESC_SCALARS))):
        explain(f)
    whole = pointer(f, f.arguments, word(f, f.description, frame.DESC_SPACE))
    expected = f.load(i64, Value(f, ptr, "@ndarray_type"))
    with f.when(word(f, whole, frame.OBJECT_TYPE).differs(expected)):
        explain(f)
    rank = f.load(i32, whole, frame.ARRAY_RANK).convert("sext", i64)
    with f.when(rank < trailing):
        explain(f)
    dims = f.load(ptr, whole, frame.ARRAY_DIMS)
    total = f.variable(i64, 1)
    with f.loop(0, rank) as d:
        length = word(f, dims, 0, d)
        put(f, length, site, frame.FRAME_DIMS, d)
        with f.when(d < rank - trailing):
            total.set(total.get() * length)
    put(f, total.get(), site, frame.FRAME_TOTAL)
    return rank


def run_and_release(f: Function, site: Value, trailing: int, run: str) -> None:
    """Call `run`, without the GIL when it takes long."""
    last = word(f, site, frame.FRAME_RANK) - trailing
    elements = word(f, site, frame.FRAME_TOTAL)
    for axis in range(trailing):
        elements = elements * word(f, site, frame.FRAME_DIMS, last + axis)
    with f.either(elements < word(f, f.description, frame.DESC_RELEASE_FROM)) as (short, long):
        with short:
            f.call(run, void, site)
        with long:
            state = f.call("PyEval_SaveThread", ptr)
            f.call(run, void, site)
            f.call("PyEval_RestoreThread", void, state)
