"""The machine code between a Python call and a row kernel: `rl_call_rows`, the sibling of `rl_call`.

The last axis is the row; the axes before it are merged as far as the strides allow, and threads share the
rows. When there are few but long rows, threads share the segments of each row's first pass instead.
"""

from __future__ import annotations

from ...runtime import pool
from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr, void
from . import frame
from .dispatch import explain, pointer, put, stride_place, word

FEW_ROWS = 8
LONG_ROW = 8 * frame.SEGMENT
MOST_CHUNKS = 1 << 14


def add_row_functions(module: Module) -> None:
    """Needs the functions of the element-wise dispatcher in the same module."""
    _read_row_array(module)
    _put_row_last(module)
    _run_rows(module)
    _run_segments(module)
    _run_long_row(module)
    _run_all_rows(module)
    _call_rows(module)


def _read_row_array(module: Module) -> None:
    """As `read_array`, for an output with one element a row."""
    with module.function("read_row_array", i1, exported=False, site=ptr, array=ptr, k=i64, rank=i64) as f:
        width_place = f.site.offset(frame.FRAME_DIMS).offset((f.rank - 1) * 8)
        width = f.load(i64, width_place)
        f.store(f.constant(i64, 1), width_place)
        fits = f.call("read_array", i1, f.site, f.array, f.k, f.rank)
        f.store(width, width_place)
        f.store(f.constant(i64, 0), stride_place(f.site, f.k, f.rank - 1))
        f.ret(fits)


def _put_row_last(module: Module) -> None:
    """Merge the leading axes and put the row behind them; 0 when an operand's rows are not contiguous."""
    with module.function("put_row_last", i1, exported=False, site=ptr, rank=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        operands = word(f, description, frame.DESC_OPERANDS)
        last = f.rank - 1
        width = word(f, f.site, frame.FRAME_DIMS, last)
        inner = f.stack(8 * frame.MAX_OPERANDS)
        with f.loop(0, operands) as k:
            stride, size = (
                f.load(i64, stride_place(f.site, k, last)),
                word(f, description, frame.DESC_SIZES, k),
            )
            stride = f.select(width.equals(1) & stride.differs(0), size, stride)
            with f.when(stride.differs(0) & stride.differs(size)):
                f.ret(f.constant(i1, 0))
            put(f, stride, inner, 0, k)
        f.call("merge_dimensions", void, f.site, last)
        kept = word(f, f.site, frame.FRAME_RANK)
        put(f, width, f.site, frame.FRAME_DIMS, kept)
        with f.loop(0, operands) as k:
            f.store(word(f, inner, 0, k), stride_place(f.site, k, kept))
        put(f, kept + 1, f.site, frame.FRAME_RANK)
        f.ret(f.constant(i1, 1))


class _RowState:
    """The tables for one row's operands."""

    def __init__(self, f: Function):
        self.places = f.stack(8 * frame.MAX_OPERANDS)
        self.masks = f.stack(8 * frame.MAX_OPERANDS)
        self.blocks = f.stack(frame.BLOCK_BYTES * frame.MAX_OPERANDS)


def _prepare_row(f: Function, state: _RowState, row: Value) -> None:
    """Set the operands' places for row number `row`; numbers of a row are copied along a vector."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    last = word(f, f.site, frame.FRAME_RANK) - 1
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        place = _row_place(f, k, row, last)
        size = word(f, description, frame.DESC_SIZES, k)
        repeated = f.load(i64, stride_place(f.at(f.site), k, last)).equals(0)
        repeated = repeated & (k >= word(f, description, frame.DESC_OUTPUTS))
        put(f, f.select(repeated, f.constant(i64, 0), -1), state.masks, 0, k)
        f.store(place, state.places.offset(k * 8))
        with f.when(repeated):
            block = state.blocks.offset(k * frame.BLOCK_BYTES)
            f.call("fill", void, block, place, size, word(f, description, frame.DESC_STEP) * size)
            f.store(block, state.places.offset(k * 8))


def _row_place(f: Function, k: Value, row: Value, last: Value) -> Value:
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


def _width(f: Function) -> Value:
    return word(f, f.site, frame.FRAME_DIMS, word(f, f.site, frame.FRAME_RANK) - 1)


def _scratch(f: Function, width: Value) -> Value:
    """Memory for what a row keeps between its passes."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    return f.call("malloc", ptr, width * word(f, description, frame.DESC_KEPT) + 64)


def _call_row(f: Function, state: _RowState, width: Value, scratch: Value, partials: Value) -> None:
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    scalars = f.at(f.site).offset(frame.FRAME_SCALARS)
    body = f.load(ptr, description, frame.DESC_BODY)
    f.call_pointer(body, void, state.places, state.masks, scalars, width, scratch, partials)


def _run_rows(module: Module) -> None:
    """Rows [chunk * size, (chunk + 1) * size)."""
    with module.function("run_rows", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        state = _RowState(f)
        size = word(f, f.site, frame.FRAME_CHUNK)
        width = _width(f)
        scratch = _scratch(f, width)
        first = f.chunk * size
        with f.loop(first, f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL))) as row:
            _prepare_row(f, state, row)
            _call_row(f, state, width, scratch, f.constant(ptr, 0))
        f.call("free", void, scratch)


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
            f.call_pointer(body, void, places, masks, scalars, width, scratch, start, target)


def _run_long_row(module: Module) -> None:
    """One row whose first pass is shared by the threads."""
    with module.function("run_long_row", exported=False, site=ptr, row=i64) as f:
        state = _RowState(f)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        width = _width(f)
        scratch = _scratch(f, width)
        count = (width + (frame.SEGMENT - 1)).lshr(frame.SEGMENT.bit_length() - 1)
        partials = f.call("malloc", ptr, count * word(f, description, frame.DESC_REDUCTIONS) * 8)
        _prepare_row(f, state, f.row)
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


def _run_all_rows(module: Module) -> None:
    with module.function("run_all_rows", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        rows, width = word(f, f.site, frame.FRAME_TOTAL), _width(f)
        with f.when((rows <= FEW_ROWS) & (width >= LONG_ROW)):
            with f.loop(0, rows) as row:
                f.call("run_long_row", void, f.site, row)
            f.ret()
        with f.when(rows * width < word(f, description, frame.DESC_PARALLEL_FROM)):
            put(f, rows, f.site, frame.FRAME_CHUNK)
            f.call("run_rows", void, f.site, f.constant(i64, 0), f.constant(i64, 0))
            f.ret()
        wanted = f.maximum(word(f, description, frame.DESC_CHUNK) // f.maximum(width, 1), 1)
        size = f.maximum(wanted, rows.lshr(MOST_CHUNKS.bit_length() - 1) + 1)
        put(f, size, f.site, frame.FRAME_CHUNK)
        f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@run_rows"), f.site, (rows + size - 1) // size)


def _call_rows(module: Module) -> None:
    arguments = {"owner": ptr, "arguments": ptr, "count": i64, "description": ptr}
    with module.function("rl_call_rows", ptr, **arguments) as f:
        site = f.stack(frame.FRAME_BYTES)
        f.store(f.description, site, frame.FRAME_DESC)
        operands = word(f, f.description, frame.DESC_OPERANDS)
        with f.when(f.count.differs(operands + word(f, f.description, frame.DESC_SCALARS))):
            explain(f)
        rank = _read_space(f, site)
        with f.loop(0, operands) as k:
            array = pointer(f, f.arguments, k)
            fits = f.variable(i1, 0)
            with f.either(word(f, f.description, frame.DESC_PER_ROW, k).differs(0)) as (per_row, full):
                with per_row:
                    fits.set(f.call("read_row_array", i1, site, array, k, rank))
                with full:
                    fits.set(f.call("read_array", i1, site, array, k, rank))
            with f.when(fits.get() ^ 1):
                explain(f)
        with f.when(f.call("read_scalars", i1, site, f.arguments.offset(operands * 8)) ^ 1):
            f.ret(f.constant(ptr, 0))
        with f.when(word(f, site, frame.FRAME_TOTAL) > 0):
            with f.when(f.call("put_row_last", i1, site, rank) ^ 1):
                explain(f)
            with f.when(f.call("find_overlap", i1, site)):
                explain(f)
            _run_and_release(f, site)
        result = f.load(ptr, f.arguments)
        f.call("Py_IncRef", void, result)
        f.ret(result)


def _read_space(f: Function, site: Value) -> Value:
    """The dimensions of the operand that has the whole shape; FRAME_TOTAL becomes the number of rows."""
    whole = pointer(f, f.arguments, word(f, f.description, frame.DESC_SPACE))
    expected = f.load(i64, Value(f, ptr, "@ndarray_type"))
    with f.when(word(f, whole, frame.OBJECT_TYPE).differs(expected)):
        explain(f)
    rank = f.load(i32, whole, frame.ARRAY_RANK).convert("sext", i64)
    with f.when(rank.equals(0)):
        explain(f)
    dims = f.load(ptr, whole, frame.ARRAY_DIMS)
    rows = f.variable(i64, 1)
    with f.loop(0, rank) as d:
        length = word(f, dims, 0, d)
        put(f, length, site, frame.FRAME_DIMS, d)
        with f.when(d < rank - 1):
            rows.set(rows.get() * length)
    put(f, rows.get(), site, frame.FRAME_TOTAL)
    return rank


def _run_and_release(f: Function, site: Value) -> None:
    width = word(f, site, frame.FRAME_DIMS, word(f, site, frame.FRAME_RANK) - 1)
    elements = word(f, site, frame.FRAME_TOTAL) * width
    with f.either(elements < word(f, f.description, frame.DESC_RELEASE_FROM)) as (short, long):
        with short:
            f.call("run_all_rows", void, site)
        with long:
            state = f.call("PyEval_SaveThread", ptr)
            f.call("run_all_rows", void, site)
            f.call("PyEval_RestoreThread", void, state)
