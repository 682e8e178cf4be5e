"""The machine code between a Python call and a kernel's loop, shared by all element-wise kernels.

`rl_call` reads the arrays themselves (no pointer crosses Python), broadcasts the inputs to the first
output, merges dimensions that lie behind each other and runs the kernel's body over what is left, in chunks
on the thread pool when there is enough to do.  Whatever is out of the ordinary (not an ndarray, another
dtype, shapes that do not fit, misaligned or overlapping memory) is handed to the kernel's Python object,
which converts, copies or explains.

A body works on `count` elements that lie one after the other: `body(places, masks, scalars, count)`.  The
byte offset of an operand is masked, so a mask of zero makes it stay on its first vector: that is how a
broadcast scalar is read.
"""

from __future__ import annotations

import sys

from ...runtime import native, pool, session
from ...runtime.ir import Function, Module, Type, Value, constant, f64, i1, i8, i16, i32, i64, ptr, void
from . import frame


def dispatch_ir(level: str = "") -> str:
    from . import column_dispatch, plane_dispatch, row_dispatch, short_rows, streaming

    module = Module(level)
    module.variable("ndarray_type", "ptr", "null", exported=True)
    module.variable("bfloat16_number", "i64", "-1", exported=True)
    _move_function(module, "pack", gather=True)
    _move_function(module, "unpack", gather=False)
    _fill_function(module)
    _run_chunk(module)
    _read_array(module)
    _merge_dimensions(module)
    _find_overlap(module)
    _read_scalars(module)
    short_rows.add_short_row_functions(module)
    streaming.add_is_small(module)
    streaming.add_choose_body(module)
    streaming.add_rows_stream(module)
    _run_all(module)
    _call(module)
    row_dispatch.add_row_functions(module)
    column_dispatch.add_column_functions(module)
    plane_dispatch.add_plane_functions(module)
    return module.text()


def load() -> native.loader.Code:
    """The dispatcher, ready to be called by kernels."""
    import ctypes

    import numpy as np

    frame.check_layouts()
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    level = session.host().level
    code = native.module("dispatch", (level,), lambda: dispatch_ir(level), symbols=symbols)
    ctypes.c_uint64.from_address(code.address["ndarray_type"]).value = id(np.ndarray)
    if "ml_dtypes" in sys.modules:
        number = np.dtype(sys.modules["ml_dtypes"].bfloat16).num
        ctypes.c_int64.from_address(code.address["bfloat16_number"]).value = number
    return code


def word(f: Function, base: Value, offset, index=None) -> Value:
    """Load the i64 at `base + offset`, or entry `index` of the table there."""
    place = f.at(base).offset(offset)
    return f.load(i64, place if index is None else place.offset(index * 8))


def put(f: Function, value, base: Value, offset, index=None) -> None:
    place = base.offset(offset)
    value = value if isinstance(value, Value) else constant(i64, value)
    f.store(value, place if index is None else place.offset(index * 8))


def stride_place(site: Value, operand: Value, dimension: Value) -> Value:
    return site.offset(frame.FRAME_STRIDES).offset(operand * frame.STRIDES_ROW + dimension * 8)


# -- moving strided elements to and from a block


MOVED_AT_ONCE = 8


def _move_function(module: Module, name: str, gather: bool) -> None:
    """`count` elements of `size` bytes: from `strided` to `block` or back."""
    with module.function(name, exported=False, block=ptr, strided=ptr, stride=i64, count=i64, size=i64) as f:
        for element in (i8, i16, i32, i64):
            with f.when(f.size.equals(element.size)):
                whole = f.count & -MOVED_AT_ONCE
                with f.loop(0, whole, MOVED_AT_ONCE) as i:
                    _move(f, element, i, MOVED_AT_ONCE, gather)
                with f.loop(whole, f.count) as i:
                    _move(f, element, i, 1, gather)


def _move(f: Function, element: Type, first: Value, count: int, gather: bool) -> None:
    near, far = f.block.offset(first * element.size), f.strided.offset(first * f.stride)
    for _ in range(count):
        source, target = (far, near) if gather else (near, far)
        f.store(f.load(element, source), target)
        near, far = near.offset(element.size), far.offset(f.stride)


def _fill_function(module: Module) -> None:
    """Fill `size` bytes (rounded up to 64) with copies of one element."""
    with module.function("fill", exported=False, block=ptr, element=ptr, width=i64, size=i64) as f:
        pattern = f.variable(i64, 0)
        for element, repeat in (
            (i8, 0x0101010101010101),
            (i16, 0x0001000100010001),
            (i32, 0x100000001),
            (i64, 1),
        ):
            with f.when(f.width.equals(element.size)):
                pattern.set(f.load(element, f.element).convert("zext", i64) * repeat)
        whole = f.splat(pattern.get(), 8)
        with f.loop(0, f.size, 64) as place:
            f.store(whole, f.block.offset(place))


# -- one chunk of the iteration space

DIRECT, SPLAT, PACKED = 0, 1, 2


class _ChunkState:
    """The tables one chunk works with, all on its stack."""

    def __init__(self, f: Function):
        self.here = f.stack(8 * frame.MAX_OPERANDS)  # where each operand's current row starts
        self.modes = f.stack(8 * frame.MAX_OPERANDS)
        self.places = f.stack(8 * frame.MAX_OPERANDS)
        self.masks = f.stack(8 * frame.MAX_OPERANDS)
        self.index = f.stack(8 * frame.MAX_DIMENSIONS)
        self.blocks = f.stack(frame.BLOCK_BYTES * frame.MAX_OPERANDS)

    def block(self, operand: Value) -> Value:
        return self.blocks.offset(operand * frame.BLOCK_BYTES)


def _run_chunk(module: Module) -> None:
    """Run the body over elements [chunk * size, (chunk + 1) * size) of the iteration space, row by row."""
    with module.function("run_chunk", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        state = _ChunkState(f)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        size = word(f, f.site, frame.FRAME_CHUNK)
        first = f.chunk * size
        left = f.variable(i64, f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL)) - first)
        last = word(f, f.site, frame.FRAME_RANK) - 1
        width = word(f, f.site, frame.FRAME_DIMS, last)
        longest = _choose_modes(f, state, description, last)
        column = f.variable(i64, _locate(f, state, description, first, last, width))
        with f.forever() as rows:
            rows.leave_if(left.get() <= 0)
            count = f.minimum(f.minimum(width - column.get(), left.get()), longest)
            _run_segment(f, state, description, last, column.get(), count)
            left.set(left.get() - count)
            column.set(column.get() + count)
            with f.when(column.get().equals(width)):
                column.set(0)
                _next_row(f, state, description, last)


def _choose_modes(f: Function, state: _ChunkState, description: Value, last: Value) -> Value:
    """Decide how each operand is read along the last dimension; the longest segment that allows."""
    longest = f.variable(i64, 1 << 62)
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        stride = f.load(i64, stride_place(f.at(f.site), k, last))
        contiguous = stride.equals(word(f, description, frame.DESC_SIZES, k))
        mode = f.variable(i64, PACKED)
        with f.when(contiguous):
            mode.set(DIRECT)
        with f.when(stride.equals(0)):
            mode.set(SPLAT)
        with f.when(mode.get().equals(PACKED)):
            longest.set(frame.BLOCK)
        put(f, mode.get(), state.modes, 0, k)
        put(f, f.select(mode.get().equals(SPLAT), f.constant(i64, 0), -1), state.masks, 0, k)
    return longest.get()


def _locate(
    f: Function, state: _ChunkState, description: Value, first: Value, last: Value, width: Value
) -> Value:
    """Set the indices and row starts for element number `first`; its column is returned."""
    operands = word(f, description, frame.DESC_OPERANDS)
    with f.loop(0, operands) as k:
        put(f, word(f, f.site, frame.FRAME_DATA, k), state.here, 0, k)
    column = f.variable(i64, first)
    with f.when(last > 0):
        column.set(first % width)
        rest = f.variable(i64, first // width)
        with f.loop(0, last) as up:
            dimension = last - 1 - up
            length = word(f, f.site, frame.FRAME_DIMS, dimension)
            position = rest.get() % length
            rest.set(rest.get() // length)
            put(f, position, state.index, 0, dimension)
            _shift(f, state, operands, dimension, position)
    return column.get()


def _shift(f: Function, state: _ChunkState, operands: Value, dimension: Value, steps) -> None:
    """Move every operand's row start by `steps` along a dimension."""
    with f.loop(0, operands) as k:
        stride = f.load(i64, stride_place(f.at(f.site), k, dimension))
        put(f, word(f, state.here, 0, k) + stride * steps, state.here, 0, k)


def _next_row(f: Function, state: _ChunkState, description: Value, last: Value) -> None:
    operands = word(f, description, frame.DESC_OPERANDS)
    dimension = f.variable(i64, last - 1)
    with f.forever() as carry:
        carry.leave_if(dimension.get() < 0)
        length = word(f, f.site, frame.FRAME_DIMS, dimension.get())
        position = word(f, state.index, 0, dimension.get()) + 1
        _shift(f, state, operands, dimension.get(), 1)
        put(f, position, state.index, 0, dimension.get())
        carry.leave_if(position < length)
        put(f, 0, state.index, 0, dimension.get())
        _shift(f, state, operands, dimension.get(), -length)
        dimension.set(dimension.get() - 1)


def _run_segment(
    f: Function, state: _ChunkState, description: Value, last: Value, column: Value, count: Value
) -> None:
    outputs = word(f, description, frame.DESC_OUTPUTS)
    with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
        _prepare_operand(f, state, description, last, column, count, k, outputs)
    scalars = f.at(f.site).offset(frame.FRAME_SCALARS)
    body = f.load(ptr, f.site, frame.FRAME_BODY)
    f.call_pointer(body, void, state.places, state.masks, scalars, count)
    with f.loop(0, outputs) as k, f.when(word(f, state.modes, 0, k).equals(PACKED)):
        stride = f.load(i64, stride_place(f.at(f.site), k, last))
        target = pointer(f, state.here, k).offset(column * stride)
        f.call(
            "unpack",
            void,
            state.block(k),
            target,
            stride,
            count,
            word(f, description, frame.DESC_SIZES, k),
        )


def pointer(f: Function, table: Value, index: Value) -> Value:
    return f.load(ptr, table.offset(index * 8))


def _prepare_operand(f, state, description, last, column, count, k, outputs) -> None:
    """Set where the body finds operand `k`, filling or gathering its block when it needs one."""
    mode, row = word(f, state.modes, 0, k), pointer(f, state.here, k)
    size = word(f, description, frame.DESC_SIZES, k)
    with f.when(mode.equals(DIRECT)):
        f.store(row.offset(column * size), state.places.offset(k * 8))
    with f.when(mode.differs(DIRECT)):
        f.store(state.block(k), state.places.offset(k * 8))
    with f.when(mode.equals(SPLAT)):
        lanes, step = word(f, description, frame.DESC_LANES), word(f, description, frame.DESC_STEP)
        needed = f.select(count < step, lanes, step)
        f.call("fill", void, state.block(k), row, size, needed * size)
    with f.when(mode.equals(PACKED) & (k >= outputs)):
        stride = f.load(i64, stride_place(f.at(f.site), k, last))
        f.call("pack", void, state.block(k), row.offset(column * stride), stride, count, size)


# -- reading the arguments


def _read_array(module: Module) -> None:
    """Put operand `k` into the frame, broadcast to `rank` dimensions; 0 when the kernel cannot take it."""
    with module.function("read_array", i1, exported=False, site=ptr, array=ptr, k=i64, rank=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        no, yes = f.constant(i1, 0), f.constant(i1, 1)
        is_output = f.k < word(f, description, frame.DESC_OUTPUTS)
        with f.when(_is_unexpected(f, description, is_output)):
            f.ret(no)
        f.store(f.load(ptr, f.array, frame.ARRAY_DATA), f.site.offset(frame.FRAME_DATA).offset(f.k * 8))
        own_rank = f.load(i32, f.array, frame.ARRAY_RANK).convert("sext", i64)
        missing = f.rank - own_rank
        with f.when((missing < 0) | (is_output & missing.differs(0))):
            f.ret(no)
        dims, strides = f.load(ptr, f.array, frame.ARRAY_DIMS), f.load(ptr, f.array, frame.ARRAY_STRIDES)
        with f.loop(0, missing) as d:
            f.store(f.constant(i64, 0), stride_place(f.site, f.k, d))
        with f.loop(0, own_rank) as own:
            d = own + missing
            length, wanted = word(f, dims, 0, own), word(f, f.site, frame.FRAME_DIMS, d)
            repeated = length.equals(1) & wanted.differs(1)
            with f.when(length.differs(wanted) & (repeated ^ 1 | is_output)):
                f.ret(no)
            stride = f.select(repeated, f.constant(i64, 0), word(f, strides, 0, own))
            f.store(stride, stride_place(f.site, f.k, d))
            shared = is_output & stride.equals(0) & (wanted > 1) & (word(f, f.site, frame.FRAME_TOTAL) > 0)
            with f.when(shared):  # several results for one place
                f.ret(no)
        f.ret(yes)


def _is_unexpected(f: Function, description: Value, is_output: Value) -> Value:
    """Whether the operand's type, dtype, byte order or flags rule out the direct way."""
    result = f.variable(i1, 1)
    expected_type = f.load(i64, Value(f, ptr, "@ndarray_type"))
    with f.when(word(f, f.array, frame.OBJECT_TYPE).equals(expected_type)):
        descr = f.load(ptr, f.array, frame.ARRAY_DESCR)
        number = f.load(i32, descr, frame.DESCR_TYPE_NUMBER).convert("sext", i64)
        swapped = f.load(i8, descr, frame.DESCR_BYTE_ORDER).equals(ord(">"))
        flags = f.load(i32, f.array, frame.ARRAY_FLAGS)
        needed = f.select(is_output, f.constant(i32, frame.ALIGNED | frame.WRITEABLE), frame.ALIGNED)
        wanted = word(f, description, frame.DESC_TYPES, f.k)
        given = f.load(i64, Value(f, ptr, "@bfloat16_number"))
        wanted = f.select(wanted.equals(frame.BFLOAT16), given, wanted)
        wrong = number.differs(wanted) | (flags & needed).differs(needed)
        result.set(wrong | swapped)
    return result.get()


def _merge_dimensions(module: Module) -> None:
    """Order the dimensions by the first output's strides, drop those of length one, join runs."""
    with module.function("merge_dimensions", exported=False, site=ptr, rank=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        operands = word(f, description, frame.DESC_OPERANDS)
        kept = f.variable(i64, 0)
        with f.loop(0, f.rank) as d, f.when(word(f, f.site, frame.FRAME_DIMS, d).differs(1)):
            _copy_dimension(f, operands, d, kept.get())
            _sink_dimension(f, operands, kept.get())
            kept.set(kept.get() + 1)
        joined = f.variable(i64, 0)
        with f.loop(1, kept.get()) as d, f.either(_continues(f, operands, joined.get(), d)) as (join, keep):
            with join:
                inner, outer = (word(f, f.site, frame.FRAME_DIMS, at) for at in (d, joined.get()))
                _copy_dimension(f, operands, d, joined.get())
                put(f, inner * outer, f.site, frame.FRAME_DIMS, joined.get())
            with keep:
                joined.set(joined.get() + 1)
                _copy_dimension(f, operands, d, joined.get())
        put(f, joined.get() + 1, f.site, frame.FRAME_RANK)
        with f.when(kept.get().equals(0)):  # one element: any stride would do but zero
            put(f, 1, f.site, frame.FRAME_DIMS)
            with f.loop(0, operands) as k:
                f.store(
                    word(f, description, frame.DESC_SIZES, k), stride_place(f.site, k, f.constant(i64, 0))
                )


def _copy_dimension(f: Function, operands: Value, source: Value, target: Value) -> None:
    put(f, word(f, f.site, frame.FRAME_DIMS, source), f.site, frame.FRAME_DIMS, target)
    with f.loop(0, operands) as k:
        f.store(f.load(i64, stride_place(f.site, k, source)), stride_place(f.site, k, target))


def _sink_dimension(f: Function, operands: Value, dimension: Value) -> None:
    """Move a dimension in front of those over which the first output takes smaller steps."""
    zero = f.constant(i64, 0)
    at = f.variable(i64, dimension)
    with f.forever() as sinking:
        sinking.leave_if(at.get() < 1)
        before = at.get() - 1
        steps = [f.load(i64, stride_place(f.site, zero, d)) for d in (before, at.get())]
        outer, inner = (f.maximum(step, -step) for step in steps)
        sinking.leave_if(outer >= inner)
        _swap(f, f.site.offset(frame.FRAME_DIMS), before, at.get())
        with f.loop(0, operands) as k:
            _swap(f, f.site.offset(frame.FRAME_STRIDES).offset(k * frame.STRIDES_ROW), before, at.get())
        at.set(before)


def _swap(f: Function, table: Value, a: Value, b: Value) -> None:
    first, second = word(f, table, 0, a), word(f, table, 0, b)
    put(f, second, table, 0, a)
    put(f, first, table, 0, b)


def _continues(f: Function, operands: Value, outer: Value, inner: Value) -> Value:
    """Whether a step along `outer` is a whole run along `inner`, for every operand."""
    answer = f.variable(i1, 1)
    length = word(f, f.site, frame.FRAME_DIMS, inner)
    with f.loop(0, operands) as k:
        step = f.load(i64, stride_place(f.site, k, outer))
        run = f.load(i64, stride_place(f.site, k, inner)) * length
        answer.set(answer.get() & step.equals(run))
    return answer.get()


def _find_overlap(module: Module) -> None:
    """Whether an output shares memory with another operand, other than being exactly the same elements."""
    with module.function("find_overlap", i1, exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        operands = word(f, description, frame.DESC_OPERANDS)
        lows, highs = f.stack(8 * frame.MAX_OPERANDS), f.stack(8 * frame.MAX_OPERANDS)
        with f.loop(0, operands) as k:
            _extent(f, description, k, lows, highs)
        with f.loop(0, word(f, description, frame.DESC_OUTPUTS)) as out, f.loop(0, operands) as k:
            meet = (word(f, lows, 0, out) < word(f, highs, 0, k)) & (
                word(f, lows, 0, k) < word(f, highs, 0, out)
            )
            with f.when(meet & out.differs(k)), f.when(_differ(f, description, out, k)):
                f.ret(f.constant(i1, 1))
        f.ret(f.constant(i1, 0))


def _extent(f: Function, description: Value, k: Value, lows: Value, highs: Value) -> None:
    start = word(f, f.site, frame.FRAME_DATA, k)
    low, high = f.variable(i64, start), f.variable(i64, start + word(f, description, frame.DESC_SIZES, k))
    with f.loop(0, word(f, f.site, frame.FRAME_RANK)) as d:
        stride = f.load(i64, stride_place(f.site, k, d))
        reach = stride * (word(f, f.site, frame.FRAME_DIMS, d) - 1)
        low.set(low.get() + f.minimum(reach, 0))
        high.set(high.get() + f.maximum(reach, 0))
    put(f, low.get(), lows, 0, k)
    put(f, high.get(), highs, 0, k)


def _differ(f: Function, description: Value, a: Value, b: Value) -> Value:
    """Whether two operands that meet are not the same elements in the same order."""
    answer = f.variable(
        i1, word(f, f.site, frame.FRAME_DATA, a).differs(word(f, f.site, frame.FRAME_DATA, b))
    )
    sizes = [word(f, description, frame.DESC_SIZES, k) for k in (a, b)]
    answer.set(answer.get() | sizes[0].differs(sizes[1]))
    both_outputs = b < word(f, description, frame.DESC_OUTPUTS)
    answer.set(answer.get() | both_outputs)
    with f.loop(0, word(f, f.site, frame.FRAME_RANK)) as d:
        strides = [f.load(i64, stride_place(f.site, k, d)) for k in (a, b)]
        answer.set(answer.get() | strides[0].differs(strides[1]))
    return answer.get()


def _read_scalars(module: Module) -> None:
    """Convert the scalars that follow the arrays; 0 with a Python exception set when one is no number."""
    with module.function("read_scalars", i1, exported=False, site=ptr, arguments=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        with f.loop(0, word(f, description, frame.DESC_SCALARS)) as k:
            number = f.load(ptr, f.arguments.offset(k * 8))
            place = f.site.offset(frame.FRAME_SCALARS).offset(k * 8)
            with f.either(word(f, description, frame.DESC_SCALAR_KINDS, k).equals(0)) as (floating, integer):
                with floating:
                    f.store(f.call("PyFloat_AsDouble", f64, number), place)
                with integer:
                    f.store(f.call("PyLong_AsLongLong", i64, number), place)
            suspicious = word(f, place, 0).equals(-1) | f.load(f64, place).equals(-1.0)
            with (
                f.when(suspicious),
                f.when(f.call("PyErr_Occurred", ptr).convert("ptrtoint", i64).differs(0)),
            ):
                f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


# -- the call


def _run_all(module: Module) -> None:
    """Run the frame's kernel, on the pool when there is enough to do."""
    with module.function("run_all", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        total = word(f, f.site, frame.FRAME_TOTAL)
        run = f.variable(ptr, Value(f, ptr, "@run_chunk"))
        with f.when(f.call("is_short", i1, f.site)):
            run.set(Value(f, ptr, "@run_short"))
        f.call("choose_body", void, f.site)
        with f.when(total < word(f, description, frame.DESC_PARALLEL_FROM)):
            put(f, total, f.site, frame.FRAME_CHUNK)
            f.call_pointer(run.get(), void, f.site, f.constant(i64, 0), f.constant(i64, 0))
            f.ret()
        share = (total.lshr(frame.SHARES_BITS) + 1024) & -1024
        chunk = f.variable(i64, f.minimum(word(f, description, frame.DESC_CHUNK), share))
        with f.when(total > chunk.get() << 14):  # the pool takes a limited number of chunks
            chunk.set((total.lshr(14) + 64) & -64)
        put(f, chunk.get(), f.site, frame.FRAME_CHUNK)
        count = (total + chunk.get() - 1) // chunk.get()
        f.call(pool.PARALLEL_FOR, void, run.get(), f.site, count)


def _call(module: Module) -> None:
    arguments = {"owner": ptr, "arguments": ptr, "count": i64, "description": ptr}
    with module.function("rl_call", ptr, **arguments) as f:
        site = f.stack(frame.FRAME_BYTES)
        f.store(f.description, site, frame.FRAME_DESC)
        operands = word(f, f.description, frame.DESC_OPERANDS)
        expected = operands + word(f, f.description, frame.DESC_SCALARS)
        with f.when(f.count.differs(expected)):
            explain(f)
        rank = _read_shape(f, site)
        with f.loop(0, operands) as k:
            array = f.load(ptr, f.arguments.offset(k * 8))
            with f.when(f.call("read_array", i1, site, array, k, rank) ^ 1):
                explain(f)
        with f.when(f.call("read_scalars", i1, site, f.arguments.offset(operands * 8)) ^ 1):
            f.ret(f.constant(ptr, 0))
        with f.when(word(f, site, frame.FRAME_TOTAL) > 0):
            f.call("merge_dimensions", void, site, rank)
            with f.when(f.call("find_overlap", i1, site)):
                explain(f)
            _run_with_or_without_gil(f, site)
        result = f.load(ptr, f.arguments)
        f.call("Py_IncRef", void, result)
        f.ret(result)


def explain(f: Function) -> None:
    """Let the kernel's Python object deal with these arguments."""
    f.ret(f.call("PyObject_VectorcallDict", ptr, f.owner, f.arguments, f.count, f.constant(ptr, 0)))


def _read_shape(f: Function, site: Value) -> Value:
    """The first output's dimensions go into the frame; their number is returned."""
    first = f.load(ptr, f.arguments)
    with f.when(word(f, first, frame.OBJECT_TYPE).differs(f.load(i64, Value(f, ptr, "@ndarray_type")))):
        explain(f)
    rank = f.load(i32, first, frame.ARRAY_RANK).convert("sext", i64)
    dims = f.load(ptr, first, frame.ARRAY_DIMS)
    total = f.variable(i64, 1)
    with f.loop(0, rank) as d:
        length = word(f, dims, 0, d)
        total.set(total.get() * length)
        put(f, length, site, frame.FRAME_DIMS, d)
    put(f, total.get(), site, frame.FRAME_TOTAL)
    return rank


def _run_with_or_without_gil(f: Function, site: Value) -> None:
    total = word(f, site, frame.FRAME_TOTAL)
    with f.either(total < word(f, f.description, frame.DESC_RELEASE_FROM)) as (short, long):
        with short:
            f.call("run_all", void, site)
        with long:
            state = f.call("PyEval_SaveThread", ptr)
            f.call("run_all", void, site)
            f.call("PyEval_RestoreThread", void, state)
