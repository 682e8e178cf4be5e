"""Element-wise operators as one builtin each: from tensors to a tensor without Python in between.

`run1`, `run2` and `run3` take as many operands: tensors, arrays or numbers. The builtin's owner is a table
(an array of words, see `kernels.quick`) of what can be done at once: for operands of these types and so many
elements, that kernel. They look at the operands, make the result, run the kernel and wrap the result. `into1`
and so on take a tensor first, whose memory is written. Whatever is out of the ordinary is answered with None,
before anything has happened: Python does it then.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, Variable, f64, i1, i32, i64, ptr, void
from . import frame
from .objects import Places, Reader, add_elements, argument, builtin, rank_of
from .recording import add_is_quick, add_new_tensor, add_same_shape
from .usable import add_is_recording, add_is_usable, has

MOST_OPERANDS = 3
HEADER_WORDS = 1  # of a table: how many rows it has
ROW = (  # the words of a row
    *("kind0", "kind1", "kind2"),  # of each operand: the address of its dtype, an array's number, or 0
    *("least", "below"),  # elements of all operands
    *("description", "kernel"),  # of the kernel, and the object behind it
    *("loop", "loop_data"),  # or a loop of numpy's
    *("dtype", "number", "item"),  # of the result: dtype or 0, numpy's number, bytes
    *(
        "records",
        "whole",
        "ranked",
    ),  # may it be recorded, must numbers be whole, must arrays have dimensions?
    *("has_constant", "constant"),  # the only number that it is for
)
F_CONTIGUOUS = 0x2
ALONE = 2  # among `records`: calls that are to be recorded are not for the row


def add_quick(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    add_new_tensor(module, places)
    add_same_shape(module)
    add_elements(module)
    add_is_usable(module, places)
    _spread(module)
    _order(module)
    _new_result(module, places)
    add_is_recording(module, places)
    _number(module, places)
    for count in range(1, MOST_OPERANDS + 1):
        for into in (False, True):
            _run(module, places, count, into)


def word(f: Function, row: Value, name: str) -> Value:
    return f.load(i64, row, 8 * ROW.index(name))


def pointer(f: Function, row: Value, name: str) -> Value:
    return f.load(ptr, row, 8 * ROW.index(name))


# ---- arrays


def _number_of_type(f: Function, array: Value) -> Value:
    descr = f.load(ptr, array, frame.ARRAY_DESCR)
    return f.load(i32, descr, frame.DESCR_TYPE_NUMBER).convert("sext", i64)


def _spread(module: Module) -> None:
    """The lengths that `count` arrays broadcast to go into `dims`; their number, or -1."""
    with module.function("spread", i64, exported=False, arrays=ptr, count=i64, dims=ptr) as f:
        rank = f.variable(i64, 0)
        with f.loop(0, f.count) as k:
            rank.set(f.maximum(rank.get(), rank_of(f, f.load(ptr, f.arrays.offset(k * 8)))))
        with f.loop(0, rank.get()) as d:
            f.store(f.constant(i64, 1), f.dims.offset(d * 8))
        with f.loop(0, f.count) as k:
            array = f.load(ptr, f.arrays.offset(k * 8))
            own = rank_of(f, array)
            target = f.dims.offset((rank.get() - own) * 8)
            with f.loop(0, own) as d:
                length = f.load(i64, f.load(ptr, array, frame.ARRAY_DIMS).offset(d * 8))
                place = target.offset(d * 8)
                before = f.load(i64, place)
                with f.when(length.differs(1) & length.differs(before)):
                    with f.when(before.differs(1)):
                        f.ret(f.constant(i64, -1))
                    f.store(length, place)
        f.ret(rank.get())


def _order(module: Module) -> None:
    """How memory for a result like `array` is laid out: 0 for C order, 1 for Fortran's, -1 for neither."""
    with module.function("order", i64, exported=False, array=ptr) as f:
        with f.when(has(f, f.array, frame.C_CONTIGUOUS)):
            f.ret(f.constant(i64, 0))
        with f.when(has(f, f.array, F_CONTIGUOUS)):
            f.ret(f.constant(i64, 1))
        before = f.variable(i64, (1 << 63) - 1)
        dims, strides = f.load(ptr, f.array, frame.ARRAY_DIMS), f.load(ptr, f.array, frame.ARRAY_STRIDES)
        with f.loop(0, rank_of(f, f.array)) as d:
            stride = f.load(i64, strides.offset(d * 8))
            step = f.maximum(stride, -stride)
            with f.when(f.load(i64, dims.offset(d * 8)).differs(1)):
                with f.when((step > before.get()) | step.equals(0)):
                    f.ret(f.constant(i64, -1))
                before.set(step)
        f.ret(f.constant(i64, 0))


def _new_result(module: Module, places: Places) -> None:
    """A new array of these lengths and numpy's type; a large one from the memory that is kept."""
    arguments = {"row": ptr, "rank": i64, "dims": ptr, "order": i64}
    with module.function("new_result", ptr, exported=False, **arguments) as f:
        r, size = Reader(f, places), f.variable(i64, word(f, f.row, "item"))
        with f.loop(0, f.rank) as d:
            size.set(size.get() * f.load(i64, f.dims.offset(d * 8)))
        number = word(f, f.row, "number").convert("trunc", i32)
        rank = f.rank.convert("trunc", i32)
        with f.when(f.order.equals(0)):
            f.ret(f.call("new_array", ptr, rank, f.dims, number, size.get()))
        kind, null = r.constant("ndarray_type"), f.constant(ptr, 0)
        flags, nothing = (f.order * F_CONTIGUOUS).convert("trunc", i32), f.constant(i32, 0)
        f.ret(f.call("PyArray_New", ptr, kind, rank, f.dims, number, null, null, nothing, flags, null))


# ---- operands


def _number(module: Module, places: Places) -> None:
    """A Python number as it is stored for a kernel; 0 where it is none or does not fit."""
    with module.function("read_number", i1, exported=False, thing=ptr, whole=i64, place=ptr) as f:
        r = Reader(f, places)
        is_int = r.is_same(r.type_of(f.thing), r.constant("int_type"))
        with f.either(f.whole.equals(0)) as (floating, integer):
            with floating:
                f.store(f.call("PyFloat_AsDouble", f64, f.thing), f.place)
            with integer:
                with f.when(is_int ^ 1):
                    f.ret(f.constant(i1, 0))
                f.store(f.call("PyLong_AsLongLong", i64, f.thing), f.place)
        with f.when(r.is_null(f.call("PyErr_Occurred", ptr)) ^ 1):
            f.call("PyErr_Clear", void)
            f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


class _Operand:
    """One argument: its array or null, what it is by the words of a row, and the object."""

    def __init__(self, f: Function, thing: Value) -> None:
        self.thing = thing
        self.kind, self.array = f.variable(i64, 0), f.variable(ptr, 0)

    def is_there(self, f: Function) -> Value:
        return self.array.get().convert("ptrtoint", i64).differs(0)


class _Call:
    """The state of a call inside its function."""

    def __init__(self, f: Function, places: Places, count: int, into: bool) -> None:
        self.f, self.r, self.into = f, Reader(f, places), into
        self.size, self.tracked = f.variable(i64, 0), f.variable(i1, 0)
        self.first = f.variable(ptr, 0)
        self.operands = [_Operand(f, argument(f, k + into)) for k in range(count)]

    def give_up(self) -> None:
        self.f.ret(self.r.hold(self.r.constant("none")))

    def give_up_unless(self, condition: Value) -> None:
        with self.f.when(condition ^ 1):
            self.give_up()

    def read(self, operand: _Operand) -> None:
        f, r = self.f, self.r
        with f.either(f.call("is_quick", i1, operand.thing)) as (tensor, other):
            with tensor:
                operand.array.set(r.slot(operand.thing, "_a"))
                operand.kind.set(r.slot(operand.thing, "dtype").convert("ptrtoint", i64))
                self.tracked.set(
                    self.tracked.get() | r.is_same(r.slot(operand.thing, "_rg"), r.constant("true"))
                )
            with other, f.either(r.is_array(operand.thing)) as (array, number):
                with array:
                    operand.array.set(operand.thing)
                    operand.kind.set(_number_of_type(f, operand.thing) + 1)
                with number:
                    kind = r.type_of(operand.thing)
                    self.give_up_unless(
                        r.is_same(kind, r.constant("float_type")) | r.is_same(kind, r.constant("int_type"))
                    )
        with f.when(operand.is_there(f)):
            array = operand.array.get()
            self.give_up_unless(f.call("is_usable", i1, array))
            self.size.set(self.size.get() + f.call("elements", i64, array))
            with f.when(r.is_null(self.first.get())):
                self.first.set(array)

    def find_row(self) -> Value:
        f = self.f
        table = f.load(ptr, f.owner, frame.ARRAY_DATA)
        row, left = f.variable(ptr, table.offset(8 * HEADER_WORDS)), f.variable(i64, f.load(i64, table))
        with f.forever() as search:
            with f.when(left.get() <= 0):
                self.give_up()
            search.leave_if(self._matches(row.get()))
            row.set(row.get().offset(8 * len(ROW)))
            left.set(left.get() - 1)
        return row.get()

    def _matches(self, row: Value) -> Value:
        f, size = self.f, self.size.get()
        fits = (size >= word(f, row, "least")) & (size < word(f, row, "below"))
        for k, operand in enumerate(self.operands):
            fits = fits & word(f, row, f"kind{k}").equals(operand.kind.get())
        answer = f.variable(i1, fits)
        with f.when(fits & word(f, row, "has_constant").differs(0)):
            place = f.stack(8, 8)
            read = f.call("read_number", i1, self.operands[-1].thing, f.constant(i64, 0), place)
            answer.set(read & f.load(f64, place).equals(f.load(f64, row, 8 * ROW.index("constant"))))
        return answer.get()

    def is_flat(self) -> Value:
        """Are all arrays of one shape, their elements one after the other?"""
        f, first = self.f, self.first.get()
        flat = f.variable(i1, 1)
        for operand in self.operands:
            with f.when(operand.is_there(f)):
                array = operand.array.get()
                same = f.call("same_shape", i1, array, first)
                flat.set(flat.get() & same & has(f, array, frame.C_CONTIGUOUS))
        return flat.get()

    def arrays(self, block: Value, start: int) -> Variable:
        """The arrays, then the numbers, one after the other in a block; gives how many arrays there are."""
        f = self.f
        at = f.variable(i64, start)
        for operand in self.operands:
            with f.when(operand.is_there(f)):
                f.store(operand.array.get(), block.offset(at.get() * 8))
                at.set(at.get() + 1)
        number = at.get() - start
        count = f.variable(i64, number)
        for operand in self.operands:
            with f.when(operand.is_there(f) ^ 1):
                f.store(operand.thing, block.offset(at.get() * 8))
                at.set(at.get() + 1)
        return count

    def scalars(self, row: Value, block: Value) -> None:
        """The numbers as kernels read them."""
        f, at = self.f, self.f.variable(i64, 0)
        for operand in self.operands:
            with f.when(operand.is_there(f) ^ 1):
                place = block.offset(at.get() * 8)
                self.give_up_unless(f.call("read_number", i1, operand.thing, word(f, row, "whole"), place))
                at.set(at.get() + 1)


# ---- the call


def _run(module: Module, places: Places, count: int, into: bool) -> None:
    with builtin(module, f"{'into' if into else 'run'}{count}") as f:
        call = _Call(f, places, count, into)
        call.give_up_unless(f.count.equals(count + into))
        for operand in call.operands:
            call.read(operand)
        call.give_up_unless(call.r.is_null(call.first.get()) ^ 1)
        row = call.find_row()
        with f.when(word(f, row, "ranked").differs(0)):
            for operand in call.operands:
                with f.when(operand.is_there(f)):
                    call.give_up_unless(rank_of(f, operand.array.get()) > 0)
        recorded = f.variable(i1, 0)
        tracked = call.tracked.get()
        if into:
            tracked = tracked | call.r.is_same(call.r.slot(argument(f, 0), "_rg"), call.r.constant("true"))
        with f.when(tracked & word(f, row, "records").differs(0)):
            recorded.set(f.call("is_recording", i1))
        call.give_up_unless((recorded.get() & word(f, row, "records").equals(ALONE)) ^ 1)
        flat = call.is_flat()
        block, scalars = f.stack(8 * (MOST_OPERANDS + 1), 8), f.stack(8 * MOST_OPERANDS, 8)
        arrays = call.arrays(block, 1)
        call.scalars(row, scalars)
        if into:
            call.give_up_unless(recorded.get() ^ 1)
            flat = _check_target(call, row, block, arrays.get(), flat)
            out = call.r.hold(call.r.slot(argument(f, 0), "_a"))
        else:
            out = _result(call, row, block, arrays.get(), flat)
        f.store(out, block)
        _compute(call, row, block, scalars, arrays.get(), flat)
        _answer(call, row, out, recorded.get())


def _result(call: _Call, row: Value, block: Value, arrays: Value, flat: Value) -> Value:
    """Memory for the result, laid out as numpy would: like the first array of its shape."""
    f = call.f
    made, first = f.variable(ptr, 0), call.first.get()
    with f.either(flat) as (alike, spread):
        with alike:
            zero = f.constant(i64, 0)
            dims = f.load(ptr, first, frame.ARRAY_DIMS)
            made.set(f.call("new_result", ptr, row, rank_of(f, first), dims, zero))
        with spread:
            call.give_up_unless(word(f, row, "loop").equals(0))
            dims = f.stack(8 * frame.MAX_DIMENSIONS, 8)
            rank = f.call("spread", i64, block.offset(8), arrays, dims)
            call.give_up_unless(rank >= 0)
            order, by_rows = f.variable(i64, 0), f.variable(i1, 0)
            left = f.variable(i64, arrays)
            with f.forever() as search:
                search.leave_if(left.get() <= 0)
                array = f.load(ptr, block.offset((arrays - left.get() + 1) * 8))
                left.set(left.get() - 1)
                with f.when(_is_shape(f, array, rank, dims)):
                    order.set(f.call("order", i64, array))
                    by_rows.set(order.get().equals(0))
                    left.set(0)
            call.give_up_unless(order.get() >= 0)
            # not so where arrays by rows and by columns meet, or arrays that are both repeated
            by_columns = order.get().equals(1)
            with f.loop(0, arrays) as k:
                array = f.load(ptr, block.offset((k + 1) * 8))
                fits = (by_columns & has(f, array, F_CONTIGUOUS)) | by_rows.get()
                fits = fits | ((by_columns ^ 1) & has(f, array, frame.C_CONTIGUOUS))
                call.give_up_unless(fits)
            made.set(f.call("new_result", ptr, row, rank, dims, order.get()))
    return call.r.or_fail(made.get())


def _is_shape(f: Function, array: Value, rank: Value, dims: Value) -> Value:
    same = f.variable(i1, rank_of(f, array).equals(rank))
    with f.when(same.get()), f.loop(0, rank) as d:
        length = f.load(i64, f.load(ptr, array, frame.ARRAY_DIMS).offset(d * 8))
        same.set(same.get() & length.equals(f.load(i64, dims.offset(d * 8))))
    return same.get()


def _check_target(call: _Call, row: Value, block: Value, arrays: Value, flat: Value) -> Value:
    """May the tensor's own memory be written, and is all of it? Gives whether it is as flat as the others."""
    f, r = call.f, call.r
    target = argument(f, 0)
    call.give_up_unless(f.call("is_quick", i1, target))
    own, shared = r.slot(target, "_a"), r.is_none(r.slot(target, "_s")) ^ 1  # whoever calls has seen to that
    call.give_up_unless(shared | (r.is_none(r.slot(target, "_base")) & r.count(own).equals(1)))
    call.give_up_unless(f.call("is_usable", i1, own))
    fits = r.slot(target, "dtype").convert("ptrtoint", i64).equals(word(f, row, "dtype"))
    call.give_up_unless(fits & has(f, own, frame.WRITEABLE))
    alike = flat & f.call("same_shape", i1, own, call.first.get()) & has(f, own, frame.C_CONTIGUOUS)
    with f.when(alike ^ 1):
        call.give_up_unless(word(f, row, "loop").equals(0))
        dims = f.stack(8 * frame.MAX_DIMENSIONS, 8)
        rank = f.call("spread", i64, block.offset(8), arrays, dims)
        call.give_up_unless(rank >= 0)
        call.give_up_unless(_is_shape(f, own, rank, dims))
    return alike


def _compute(call: _Call, row: Value, block: Value, scalars: Value, arrays: Value, flat: Value) -> None:
    f, r = call.f, call.r
    total = f.call("elements", i64, f.load(ptr, block))
    by_loop = word(f, row, "loop").differs(0)
    with f.either(by_loop) as (loop, kernel):
        with loop:
            _run_loop(f, row, block, arrays, total)
        with kernel:
            description = pointer(f, row, "description")
            short = total < f.load(i64, description, frame.DESC_PARALLEL_FROM)
            with f.either(flat & short) as (direct, general):
                with direct:
                    _run_body(f, description, block, scalars, total)
                with general:
                    count = f.constant(i64, len(call.operands) + 1) - word(f, row, "has_constant")
                    made = f.call("rl_call", ptr, pointer(f, row, "kernel"), block, count, description)
                    with f.when(r.is_null(made)):
                        r.drop(f.load(ptr, block))
                        f.ret(f.constant(ptr, 0))
                    r.drop(made)


def _run_body(f: Function, description: Value, block: Value, scalars: Value, total: Value) -> None:
    """The kernel's loop on flat operands, with nothing around it."""
    places, masks = (f.stack(8 * (MOST_OPERANDS + 1), 8) for _ in range(2))
    with f.loop(0, f.load(i64, description, frame.DESC_OPERANDS)) as k:
        array = f.load(ptr, block.offset(k * 8))
        f.store(f.load(ptr, array, frame.ARRAY_DATA), places.offset(k * 8))
        f.store(f.constant(i64, -1), masks.offset(k * 8))
    body = f.load(ptr, description, frame.DESC_BODY)
    f.call_pointer(body, void, places, masks, scalars, total)


def _run_loop(f: Function, row: Value, block: Value, arrays: Value, total: Value) -> None:
    """A loop of numpy's: `loop(places, length, steps, data)`, inputs first."""
    places, steps = (f.stack(8 * (MOST_OPERANDS + 1), 8) for _ in range(2))
    with f.loop(0, arrays + 1) as k:
        array = f.load(ptr, block.offset(f.select(k.equals(arrays), f.constant(i64, 0), k + 1) * 8))
        f.store(f.load(ptr, array, frame.ARRAY_DATA), places.offset(k * 8))
        descr_item = word(f, row, "item")
        f.store(descr_item, steps.offset(k * 8))
    length = f.stack(8, 8)
    f.store(total, length)
    f.call_pointer(pointer(f, row, "loop"), void, places, length, steps, pointer(f, row, "loop_data"))


def _answer(call: _Call, row: Value, out: Value, recorded: Value) -> None:
    """The tensor; the bare array where a gradient is wanted, or where arrays were given."""
    f, r = call.f, call.r
    if call.into:
        r.drop(out)
        f.ret(r.hold(argument(f, 0)))
        return
    with f.when(recorded | word(f, row, "dtype").equals(0)):
        f.ret(out)
    made = f.call("new_tensor", ptr, out, pointer(f, row, "dtype"))
    r.drop(out)
    f.ret(made)
