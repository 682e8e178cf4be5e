"""Element-wise kernels over many short rows: `(100000, 3) + (3,)`.

Calling the body for each row would cost more than the row.  Where the outputs are contiguous, the body gets
blocks of several rows instead: operands that are contiguous too are used in place, an operand that is the
same for all rows is laid out once, others are for each block: numbers of the rows, as a channel of small
pictures has one, are repeated by whole vectors, what is left is gathered.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i8, i16, i32, i64, ptr, void
from . import frame
from .dispatch import pointer, put, stride_place, word
from .row_dispatch import row_place

LONGEST = 64  # elements of a short row
LONGEST_WITH_NUMBERS = 1024  # of one that meets numbers, each of which is a vector before it
LONGEST_GATHERED = 16  # of one that has to be gathered for each block
LONGEST_LINE = 1 << 15  # elements of rows whose numbers are repeated once for all
FEWEST = 1024  # elements of all rows
LINEAR, FIXED, NUMBERS, GATHERED = 0, 1, 2, 3
ROOM = frame.BLOCK_BYTES + 64  # of a block, and what the last of its rows is stored beyond its end


def add_short_row_functions(module: Module) -> None:
    _gather_rows(module)
    _repeat_numbers(module)
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


def _repeat_numbers(module: Module) -> None:
    """A block of `rows` rows of `width` times one number, `step` bytes from that of the row before."""
    arguments = {"block": ptr, "step": i64, "rows": i64, "width": i64, "size": i64, "base": ptr}
    with module.function("repeat_numbers", exported=False, **arguments) as f:
        length = f.width * f.size
        for element in (i8, i16, i32, i64):
            with f.when(f.size.equals(element.size)), f.loop(0, f.rows) as row:
                number = f.load(element, f.base.offset(row * f.step))
                repeated, target = f.splat(number, 64 // element.size), f.block.offset(row * length)
                with f.loop(0, length, 64) as at:
                    f.store(repeated, target.offset(at))


def _layout_of(module: Module) -> None:
    """How operand `k` lies over all rows."""
    with module.function("layout_of", i64, exported=False, site=ptr, k=i64) as f:
        size = word(f, f.load(ptr, f.site, frame.FRAME_DESC), frame.DESC_SIZES, f.k)
        rank = word(f, f.site, frame.FRAME_RANK)
        inner = f.load(i64, stride_place(f.site, f.k, rank - 1))
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
        is_short = word(f, f.site, frame.FRAME_DIMS, rank - 1) <= LONGEST
        with f.when(fixed.get() & is_short):
            f.ret(f.constant(i64, FIXED))
        f.ret(f.select(inner.equals(0), f.constant(i64, NUMBERS), GATHERED))


def _is_short(module: Module) -> None:
    with module.function("is_short", i1, exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        rank = word(f, f.site, frame.FRAME_RANK)
        width = word(f, f.site, frame.FRAME_DIMS, rank - 1)
        no = f.constant(i1, 0)
        few = word(f, f.site, frame.FRAME_TOTAL) < FEWEST
        with f.when((rank < 2) | (width > LONGEST_WITH_NUMBERS) | few):
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
        self.blocks = f.stack(ROOM * frame.MAX_OPERANDS)
        self.description = f.load(ptr, f.site, frame.FRAME_DESC)
        self.operands = word(f, self.description, frame.DESC_OPERANDS)
        last = word(f, f.site, frame.FRAME_RANK) - 1
        self.last, self.width = last, word(f, f.site, frame.FRAME_DIMS, last)
        self.alone = self.width > frame.BLOCK // 2  # a block is a row, all vectors of which meet the same one
        # a line is of rows with the same step from each to the next
        self.line = word(f, f.site, frame.FRAME_DIMS, last - 1)
        self.together = f.variable(i64, (1 << 63) - 1)  # rows from which on another line starts a block
        self.most = f.variable(
            i64, f.maximum(f.constant(i64, frame.BLOCK) // self.width, 1)
        )  # rows of a block
        self.lines = f.stack(8 * frame.MAX_OPERANDS)
        self.is_laid_out = f.variable(i1, 0)  # are there whole lines of numbers, the same for all?

    def gather(self, k: Value, row: Value, count: Value, outer: Value) -> None:
        f = self.f
        base = pointer(f, f.site.offset(frame.FRAME_DATA), k).offset(row * outer)
        inner = f.load(i64, stride_place(f.site, k, self.last))
        block, size = self.blocks.offset(k * ROOM), word(f, self.description, frame.DESC_SIZES, k)
        f.call("gather_rows", void, block, outer, inner, count, self.width, size, base)
        f.store(block, self.places.offset(k * 8))

    def repeat(self, k: Value, row: Value, count: Value) -> None:
        f, size = self.f, word(self.f, self.description, frame.DESC_SIZES, k)
        with f.either(self.is_laid_out.get()) as (before, now):
            with before:
                distance = row % self.line * self.width * size
                f.store(pointer(f, self.lines, k).offset(distance), self.places.offset(k * 8))
            with now:
                block = self.blocks.offset(k * ROOM)
                self._repeat(block, k, row, count)
                f.store(block, self.places.offset(k * 8))

    def _repeat(self, target: Value, k: Value, row: Value, count: Value) -> None:
        f, size = self.f, word(self.f, self.description, frame.DESC_SIZES, k)
        base, step = row_place(f, k, row, self.last), f.load(i64, stride_place(f.site, k, self.last - 1))
        times = f.select(self.alone, word(f, self.description, frame.DESC_STEP), self.width)
        f.call("repeat_numbers", void, target, step, count, times, size, base)

    def prepare(self, count: Value) -> None:
        """Find the layouts of `count` rows; lay out what is the same in all blocks."""
        f = self.f
        with f.loop(0, self.operands) as k:
            layout = f.call("layout_of", i64, f.site, k)
            put(f, layout, self.layouts, 0, k)
            put(f, -1, self.masks, 0, k)
            with f.when(layout.equals(NUMBERS)):
                self.together.set(self.line)
                put(f, f.select(self.alone, f.constant(i64, 0), -1), self.masks, 0, k)
            with f.when(layout.equals(FIXED)):
                self.gather(k, f.constant(i64, 0), self.most.get(), f.constant(i64, 0))
        self._lay_out_lines(count)

    def _lay_out_lines(self, count: Value) -> None:
        """Where all lines meet the same numbers, those of a line are repeated once, and a block is a line."""
        f, length = self.f, self.line * self.width
        several = (count >= self.line * 2) & (length <= LONGEST_LINE)
        useful = f.variable(i1, several & (self.alone ^ 1) & self.together.get().equals(self.line))
        with f.loop(0, self.operands) as k:
            layout = word(f, self.layouts, 0, k)
            useful.set(useful.get() & (layout.equals(LINEAR) | layout.equals(NUMBERS)))
            with f.loop(0, self.last - 1) as d:
                same = f.load(i64, stride_place(f.site, k, d)).equals(0)
                useful.set(useful.get() & (same | layout.equals(LINEAR)))
        with f.when(useful.get()):
            self.is_laid_out.set(useful.get())
            self.most.set(self.line)
            with f.loop(0, self.operands) as k, f.when(word(f, self.layouts, 0, k).equals(NUMBERS)):
                size = word(f, self.description, frame.DESC_SIZES, k)
                line = f.call("malloc", ptr, length * size + 64)
                f.store(line, self.lines.offset(k * 8))
                self._repeat(line, k, f.constant(i64, 0), self.line)

    def end(self) -> None:
        f = self.f
        loop = f.loop(0, self.operands)
        with f.when(self.is_laid_out.get()), loop as k, f.when(word(f, self.layouts, 0, k).equals(NUMBERS)):
            f.call("free", void, pointer(f, self.lines, k))

    def block(self, row: Value, count: Value) -> None:
        """Run the body on `count` rows from `row` on."""
        f = self.f
        with f.loop(0, self.operands) as k:
            layout = word(f, self.layouts, 0, k)
            with f.when(layout.equals(LINEAR)):
                size = word(f, self.description, frame.DESC_SIZES, k)
                place = pointer(f, f.site.offset(frame.FRAME_DATA), k).offset(row * self.width * size)
                f.store(place, self.places.offset(k * 8))
            with f.when(layout.equals(NUMBERS)):
                self.repeat(k, row, count)
            with f.when(layout.equals(GATHERED)):
                self.gather(k, row, count, f.load(i64, stride_place(f.site, k, f.constant(i64, 0))))
        scalars = f.site.offset(frame.FRAME_SCALARS)
        body = f.load(ptr, f.site, frame.FRAME_BODY)
        f.call_pointer(body, void, self.places, self.masks, scalars, count * self.width)


def _run_short(module: Module) -> None:
    """The rows that start within elements [chunk * size, (chunk + 1) * size)."""
    with module.function("run_short", exported=False, site=ptr, chunk=i64, thread=i64) as f:
        rows = _Rows(f)
        size = word(f, f.site, frame.FRAME_CHUNK)
        first = f.chunk * size
        beyond = f.minimum(first + size, word(f, f.site, frame.FRAME_TOTAL))
        low, high = ((element + rows.width - 1) // rows.width for element in (first, beyond))
        rows.prepare(high - low)
        row = f.variable(i64, low)
        with f.forever() as blocks:
            blocks.leave_if(row.get() >= high)
            together = rows.together.get()
            count = f.minimum(f.minimum(high - row.get(), rows.most.get()), together - row.get() % together)
            rows.block(row.get(), count)
            row.set(row.get() + count)
        rows.end()
