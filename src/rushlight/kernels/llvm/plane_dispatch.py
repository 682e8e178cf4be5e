"""The machine code between a Python call and kernels that reduce an axis they may have to go through twice.

`rl_call_planes` is for rows in pieces, the last two axes; `rl_call_strips` for strips of columns, reduced
along the second last axis. Threads share the rows, and the strips.
"""

from __future__ import annotations

from ...runtime import pool
from ...runtime.ir import Function, Module, Value, i1, i64, ptr, void
from . import frame
from .dispatch import explain, put, stride_place, word
from .row_dispatch import (
    MOST_CHUNKS,
    RowState,
    choose_stream,
    end_stream,
    prepare_row,
    put_axes_last,
    put_steps,
    read_operands,
    read_space,
    row_place,
    row_width,
    run_and_release,
    scratch_for,
)


def add_plane_functions(module: Module) -> None:
    """Needs the functions of the row and column dispatchers in the same module."""
    _read_plane_array(module)
    put_axes_last(module, "put_plane_last", 2, repeats=True)
    _run_planes(module)
    _run_all_planes(module)
    _call(module, "planes", "read_plane_array", "put_plane_last")
    _run_strips(module)
    _run_all_strips(module)
    _call(module, "strips", "read_column_array", "put_matrix_last")


def _call(module: Module, name: str, reduced: str, put_last: str) -> None:
    arguments = {"owner": ptr, "arguments": ptr, "count": i64, "description": ptr}
    with module.function(f"rl_call_{name}", ptr, **arguments) as f:
        site = f.stack(frame.FRAME_BYTES)
        rank = read_space(f, site, 2)
        read_operands(f, site, rank, reduced)
        with f.when(word(f, site, frame.FRAME_TOTAL) > 0):
            with f.when(f.call(put_last, i1, site, rank) ^ 1):
                explain(f)
            with f.when(f.call("find_overlap", i1, site)):
                explain(f)
            run_and_release(f, site, 2, f"run_all_{name}")
        result = f.load(ptr, f.arguments)
        f.call("Py_IncRef", void, result)
        f.ret(result)


def _share(f: Function, name: str, tasks: Value, elements: Value, each: Value) -> None:
    """Run the tasks, `each` of them at a time: on all threads when there is enough to do."""
    description = f.load(ptr, f.site, frame.FRAME_DESC)
    with f.when(elements < word(f, description, frame.DESC_PARALLEL_FROM)):
        put(f, tasks, f.site, frame.FRAME_CHUNK)
        f.call(name, void, f.site, f.constant(i64, 0), f.constant(i64, 0))
        f.ret()
    share = tasks.lshr(frame.SHARES_BITS) + 1
    size = f.maximum(f.minimum(each, share), tasks.lshr(MOST_CHUNKS.bit_length() - 1) + 1)
    put(f, size, f.site, frame.FRAME_CHUNK)
    f.call(pool.PARALLEL_FOR, void, Value(f, ptr, f"@{name}"), f.site, (tasks + size - 1) // size)


# ---- rows in pieces


def _read_plane_array(module: Module) -> None:
    """As `read_array`, for an output whose last two axes have length one."""
    with module.function("read_plane_array", i1, exported=False, site=ptr, array=ptr, k=i64, rank=i64) as f:
        places = [f.site.offset(frame.FRAME_DIMS).offset((f.rank - axis) * 8) for axis in (1, 2)]
        lengths = [f.load(i64, place) for place in places]
        for place in places:
            f.store(f.constant(i64, 1), place)
        fits = f.call("read_array", i1, f.site, f.array, f.k, f.rank)
        for axis, (place, length) in enumerate(zip(places, lengths, strict=True)):
            f.store(length, place)
            f.store(f.constant(i64, 0), stride_place(f.site, f.k, f.rank - (axis + 1)))
        f.ret(fits)


def _pieces(f: Function) -> Value:
    return word(f, f.site, frame.FRAME_DIMS, word(f, f.site, frame.FRAME_RANK) - 2)


def _run_planes(module: Module) -> None:
    """Rows [chunk * size, (chunk + 1) * size)."""
    with module.function("run_planes", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        state = RowState(f)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        pieces, width = _pieces(f), row_width(f)
        put_steps(f, state.steps)
        scratch = scratch_for(f, width * pieces)
        scalars, body = f.at(f.site).offset(frame.FRAME_SCALARS), f.load(ptr, description, frame.DESC_BODY)
        size = word(f, f.site, frame.FRAME_CHUNK)
        first = f.chunk * size
        with f.loop(first, f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL))) as row:
            prepare_row(f, state, row, 2)
            stream = word(f, f.site, frame.FRAME_STREAM)
            tables = (state.places, state.masks, scalars, width, scratch, state.steps, stream)
            f.call_pointer(body, void, *tables, pieces, state.sources)
        f.call("free", void, scratch)
        end_stream(f)


def _run_all_planes(module: Module) -> None:
    with module.function("run_all_planes", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        rows, length = word(f, f.site, frame.FRAME_TOTAL), row_width(f) * _pieces(f)
        choose_stream(f, rows * length)
        each = word(f, description, frame.DESC_CHUNK) // f.maximum(length, 1) + 1
        _share(f, "run_planes", rows, rows * length, each)


# ---- strips of columns


def _strips(f: Function) -> Value:
    """How many strips a matrix has."""
    step = word(f, f.load(ptr, f.site, frame.FRAME_DESC), frame.DESC_STEP)
    return (row_width(f) + step - 1) // step


def _run_strips(module: Module) -> None:
    """Strips [chunk * size, (chunk + 1) * size), counted through all matrices."""
    with module.function("run_strips", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        places, steps = f.stack(8 * frame.MAX_OPERANDS), f.stack(8 * frame.MAX_OPERANDS)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        operands, step = (word(f, description, k) for k in (frame.DESC_OPERANDS, frame.DESC_STEP))
        rows, width, strips = _pieces(f), row_width(f), _strips(f)
        axis = word(f, f.site, frame.FRAME_RANK) - 2
        put_steps(f, steps)
        scratch = scratch_for(f, rows * step)
        scalars, body = f.at(f.site).offset(frame.FRAME_SCALARS), f.load(ptr, description, frame.DESC_BODY)
        size = word(f, f.site, frame.FRAME_CHUNK)
        first = f.chunk * size
        with f.loop(first, f.minimum(first + size, strips * word(f, f.site, frame.FRAME_TOTAL))) as task:
            with f.loop(0, operands) as k:
                f.store(row_place(f, k, task // strips, axis), places.offset(k * 8))
            low = task % strips * step
            high = f.minimum(low + step, width)
            f.call_pointer(body, void, places, steps, scalars, rows, scratch, low, high)
        f.call("free", void, scratch)


def _run_all_strips(module: Module) -> None:
    with module.function("run_all_strips", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        matrices, rows = word(f, f.site, frame.FRAME_TOTAL), _pieces(f)
        each = word(f, description, frame.DESC_CHUNK) // f.maximum(
            rows * word(f, description, frame.DESC_STEP), 1
        )
        _share(f, "run_strips", matrices * _strips(f), matrices * rows * row_width(f), each + 1)
