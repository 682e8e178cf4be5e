"""Element-wise kernels over many short rows: `(100000, 3) + (3,)`.

Calling the body for each row would cost more than the row.  Where the outputs are contiguous, the body gets
blocks of several rows instead: operands that are contiguous too are used in place, an operand that is the
same for all rows is laid out once, others are gathered for each block.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i8, i16, i32, i64, ptr, void
from . import frame
from .dispatch import pointer, put, stride_place, word

LONGEST = 64  # elements of a short row
LONGEST_GATHERED = 16  # of one that has to be gathered for each block
FEWEST = 1024  # elements of all rows
LINEAR, FIXED, GATHERED = 0, 1, 2


def add_short_row_functions(module: Module) -> None:
    _gather_rows(module)
    _layout_of(module)
    _is_short(module)
    _run_short(module)


def _gather_rows(module: Module) -> None:
    """`rows` rows of `width` elements of `size` bytes into a block."""
    arguments = {
        "block": ptr,
        "outer": i64,
        "inner": i64,
        "rows": i64,
        "width": i64,
        "size": i64,
        "base": ptr,
    }
    with module.function("gather_rows", exported=False, **arguments) as f:
        for element in (i8, i16, i32, i64):
            with f.when(f.size.equals(element.size)), f.loop(0, f.rows) as row:
                source = f.base.offset(row * f.outer)
                target = f.block.offset(row * f.width * element.size)
                with f.loop(0, f.width) as column:
                    value = f.load(element, source.offset(column * f.inner))
                    f.store(value, target.offset(column * element.size))


def _layout_of(module: Module) -> None:
    """How operand `k` lies over all rows."""
    with module.function("layout_of", i64, exported=False, site=ptr, k=i64) as f:
        size = word(f, f.load(ptr, f.site, frame.FRAME_DESC), frame.DESC_SIZES, f.k)
        rank = word(f, f.site, frame.FRAME_RANK)
        linear, fixed = f.variable(i1, 1), f.variable(i1, 1)
        expected = f.variable(i64, size)
        with f.loop(0, rank) as up:
            d = rank - 1 - up
            stride = f.load(i64, stride_place(f.site, f.k, d))
            linear.set(linear.get() & stride.equals(expected.get()))
            expected.set(expected.get() * word(f, f.site, frame.FRAME_DIMS, d))
            fixed.set(fixed.get() & (up.equals(0) | stride.equals(0)))
        with f.when(linear.get()):
            f.ret(f.constant(i64, LINEAR))
        f.ret(f.select(fixed.get(), f.constant(i64, FIXED), GATHERED))


def _is_short(module: Module) -> None:
    with module.function("is_short", i1, exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        rank = word(f, f.site, frame.FRAME_RANK)
        width = word(f, f.site, frame.FRAME_DIMS, rank - 1)
        no = f.constant(i1, 0)
        with f.when((rank < 2) | (width > LONGEST) | (word(f, f.site, frame.FRAME_TOTAL) < FEWEST)):
            f.ret(no)
        with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
            layout = f.call("layout_of", i64, f.site, k)
            is_output = k < word(f, description, frame.DESC_OUTPUTS)
            hard = layout.equals(GATHERED) & ((rank > 2) | (width > LONGEST_GATHERED))
            with f.when(is_output & layout.differs(LINEAR) | hard):
                f.ret(no)
        f.ret(f.constant(i1, 1))


class _Rows:
    """The tables of one chunk."""

    def __init__(self, f: Function):
        self.f = f
        self.layouts = f.stack(8 * frame.MAX_OPERANDS)
        self.places = f.stack(8 * frame.MAX_OPERANDS)
        self.masks = f.stack(8 * frame.MAX_OPERANDS)
        self.blocks = f.stack(frame.BLOCK_BYTES * frame.MAX_OPERANDS)
        self.description = f.load(ptr, f.site, frame.FRAME_DESC)
        self.operands = word(f, self.description, frame.DESC_OPERANDS)
        last = word(f, f.site, frame.FRAME_RANK) - 1
        self.last, self.width = last, word(f, f.site, frame.FRAME_DIMS, last)

    def gather(self, k: Value, row: Value, count: Value, outer: Value) -> None:
        f = self.f
        base = pointer(f, f.site.offset(frame.FRAME_DATA), k).offset(row * outer)
        inner = f.load(i64, stride_place(f.site, k, self.last))
        block, size = (
            self.blocks.offset(k * frame.BLOCK_BYTES),
            word(f, self.description, frame.DESC_SIZES, k),
        )
        f.call("gather_rows", void, block, outer, inner, count, self.width, size, base)
        f.store(block, self.places.offset(k * 8))

    def prepare(self, per_block: Value) -> None:
        """Find the layouts; lay out what is the same in all blocks."""
        f = self.f
        with f.loop(0, self.operands) as k:
            layout = f.call("layout_of", i64, f.site, k)
            put(f, layout, self.layouts, 0, k)
            put(f, -1, self.masks, 0, k)
            with f.when(layout.equals(FIXED)):
                self.gather(k, f.constant(i64, 0), per_block, f.constant(i64, 0))

    def block(self, row: Value, count: Value) -> None:
        """Run the body on `count` rows from `row` on."""
        f = self.f
        with f.loop(0, self.operands) as k:
            layout = word(f, self.layouts, 0, k)
            with f.when(layout.equals(LINEAR)):
                size = word(f, self.description, frame.DESC_SIZES, k)
                place = pointer(f, f.site.offset(frame.FRAME_DATA), k).offset(row * self.width * size)
                f.store(place, self.places.offset(k * 8))
            with f.when(layout.equals(GATHERED)):
                self.gather(k, row, count, f.load(i64, stride_place(f.site, k, f.constant(i64, 0))))
        scalars = f.site.offset(frame.FRAME_SCALARS)
        body = f.load(ptr, f.site, frame.FRAME_BODY)
        f.call_pointer(body, void, self.places, self.masks, scalars, count * self.width)


def _run_short(module: Module) -> None:
    """The rows that start within elements [chunk * size, (chunk + 1) * size)."""
    with module.function("run_short", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        rows = _Rows(f)
        per_block = f.constant(i64, frame.BLOCK) // rows.width
        rows.prepare(per_block)
        size = word(f, f.site, frame.FRAME_CHUNK)
        first = f.chunk * size
        beyond = f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL))
        low, high = ((element + rows.width - 1) // rows.width for element in (first, beyond))
        row = f.variable(i64, low)
        with f.forever() as blocks:
            blocks.leave_if(row.get() >= high)
            count = f.minimum(high - row.get(), per_block)
            rows.block(row.get(), count)
            row.set(row.get() + count)
