"""The machine code between a Python call and a column kernel: `rl_call_columns`.

The last two axes are a matrix whose rows are reduced, the axes before them a batch of such matrices.
Threads share blocks of rows and columns; with many matrices, the matrices.
"""

from __future__ import annotations

from ...runtime import pool
from ...runtime.ir import Function, Module, Value, i1, i64, ptr, void
from . import frame
from .dispatch import explain, pointer, put, stride_place, word
from .row_dispatch import (
    put_axes_last,
    put_masks,
    read_operands,
    read_space,
    row_place,
    run_and_release,
)

LEAST_ROWS = 64  # of a chunk
MOST_CHUNKS = 256  # of rows
BLOCK_COLUMNS = 2048
MANY_MATRICES = 4


def add_column_functions(module: Module) -> None:
    """Needs the functions of the other dispatchers in the same module."""
    put_axes_last(module, "put_matrix_last", 2)
    put_axes_last(module, "put_columns_last", 2, repeats=True)
    _run_part(module)
    _run_finish(module)
    _run_matrix(module)
    _run_matrices(module)
    _call_columns(module)


# what the tasks of one matrix share
JOB_SITE, JOB_PLACES, JOB_STEPS, JOB_MASKS, JOB_PARTIALS = range(0, 40, 8)
JOB_CHUNK_ROWS, JOB_CHUNKS, JOB_ROWS, JOB_WIDTH = range(40, 72, 8)
JOB_BYTES = 72


def _ceiling(value: Value, step: int) -> Value:
    return (value + (step - 1)).lshr(step.bit_length() - 1)


def _columns(f: Function, block: Value) -> tuple[Value, Value]:
    low = block * BLOCK_COLUMNS
    return low, f.minimum(low + BLOCK_COLUMNS, word(f, f.job, JOB_WIDTH))


def _shared(f: Function) -> list[Value]:
    """The arguments that both functions of a kernel start with, the partials excepted."""
    site = f.load(ptr, f.job, JOB_SITE)
    tables = [f.load(ptr, f.job, place) for place in (JOB_PLACES, JOB_STEPS, JOB_MASKS)]
    return [*tables, site.offset(frame.FRAME_SCALARS), word(f, f.job, JOB_ROWS), word(f, f.job, JOB_WIDTH)]


def _kernel_function(f: Function, place: int) -> Value:
    return f.load(ptr, f.load(ptr, f.load(ptr, f.job, JOB_SITE), frame.FRAME_DESC), place)


def _run_part(module: Module) -> None:
    """Task: one chunk of rows in one block of columns."""
    with module.function("run_part", exported=False, job=ptr, task=i64, thread=i64) as f:
        description = f.load(ptr, f.load(ptr, f.job, JOB_SITE), frame.FRAME_DESC)
        chunks = word(f, f.job, JOB_CHUNKS)
        chunk = f.task % chunks
        low, high = _columns(f, f.task // chunks)
        size = word(f, f.job, JOB_WIDTH) * word(f, description, frame.DESC_REDUCTIONS) * 8
        partials = f.load(ptr, f.job, JOB_PARTIALS).offset(chunk * size)
        first = chunk * word(f, f.job, JOB_CHUNK_ROWS)
        last = f.minimum(first + word(f, f.job, JOB_CHUNK_ROWS), word(f, f.job, JOB_ROWS))
        body = _kernel_function(f, frame.DESC_BODY)
        f.call_pointer(body, void, *_shared(f), partials, first, last, low, high)


def _run_finish(module: Module) -> None:
    """Task: one block of columns."""
    with module.function("run_finish", exported=False, job=ptr, task=i64, thread=i64) as f:
        low, high = _columns(f, f.task)
        partials, chunks = f.load(ptr, f.job, JOB_PARTIALS), word(f, f.job, JOB_CHUNKS)
        finish = _kernel_function(f, frame.DESC_SEGMENT)
        f.call_pointer(finish, void, *_shared(f), partials, chunks, low, high)


def _run_matrix(module: Module) -> None:
    """One matrix of the batch."""
    with module.function("run_matrix", exported=False, site=ptr, matrix=i64, thread=i64) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        last = word(f, f.site, frame.FRAME_RANK) - 2
        rows, width = (word(f, f.site, frame.FRAME_DIMS, last + k) for k in (0, 1))
        places, steps, masks = (f.stack(8 * frame.MAX_OPERANDS) for _ in range(3))
        put_masks(f, masks)
        with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
            f.store(row_place(f, k, f.matrix, last), places.offset(k * 8))
            put(f, f.load(i64, stride_place(f.site, k, last)), steps, 0, k)
        chunk_rows = f.maximum(_ceiling(rows, MOST_CHUNKS), LEAST_ROWS)
        chunks = f.maximum((rows + chunk_rows - 1) // chunk_rows, 1)
        size = chunks * width * word(f, description, frame.DESC_REDUCTIONS) * 8
        partials = f.call("malloc", ptr, size + 64)
        job = f.stack(JOB_BYTES)
        pairs = [(JOB_SITE, f.site), (JOB_PLACES, places), (JOB_STEPS, steps), (JOB_MASKS, masks)]
        pairs += [(JOB_PARTIALS, partials)]
        pairs += [(JOB_CHUNK_ROWS, chunk_rows), (JOB_CHUNKS, chunks), (JOB_ROWS, rows), (JOB_WIDTH, width)]
        for place, value in pairs:
            f.store(value, job, place)
        blocks = _ceiling(width, BLOCK_COLUMNS)
        _share(f, "run_part", job, chunks * blocks, rows * width)
        _share(f, "run_finish", job, blocks, chunks * width)
        f.call("free", void, partials)


def _share(f: Function, task: str, job: Value, count: Value, elements: Value) -> None:
    """Run the tasks: on all threads when there is enough to do."""
    limit = word(f, f.load(ptr, f.site, frame.FRAME_DESC), frame.DESC_PARALLEL_FROM)
    with f.either(elements < limit) as (small, large):
        with small, f.loop(0, count) as k:
            f.call(task, void, job, k, f.constant(i64, 0))
        with large:
            f.call(pool.PARALLEL_FOR, void, Value(f, ptr, f"@{task}"), job, count)


def _run_matrices(module: Module) -> None:
    with module.function("run_matrices", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        count = word(f, f.site, frame.FRAME_TOTAL)
        last = word(f, f.site, frame.FRAME_RANK) - 2
        rows, width = (word(f, f.site, frame.FRAME_DIMS, last + k) for k in (0, 1))
        enough = count * rows * width >= word(f, description, frame.DESC_PARALLEL_FROM)
        with f.either(enough & (count >= MANY_MATRICES)) as (shared, alone):
            with shared:  # the jobs inside find the pool busy and run on their thread
                f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@run_matrix"), f.site, count)
            with alone, f.loop(0, count) as matrix:
                f.call("run_matrix", void, f.site, matrix, f.constant(i64, 0))


def _call_columns(module: Module) -> None:
    arguments = {"owner": ptr, "arguments": ptr, "count": i64, "description": ptr}
    with module.function("rl_call_columns", ptr, **arguments) as f:
        site = f.stack(frame.FRAME_BYTES)
        rank = read_space(f, site, 2)
        read_operands(f, site, rank, "read_column_array")
        with f.when(word(f, site, frame.FRAME_TOTAL) > 0):
            with f.when(f.call("put_columns_last", i1, site, rank) ^ 1):
                explain(f)
            with f.when(f.call("find_overlap", i1, site)):
                explain(f)
            run_and_release(f, site, 2, "run_matrices")
        result = pointer(f, f.arguments, f.constant(i64, 0))
        f.call("Py_IncRef", void, result)
        f.ret(result)
