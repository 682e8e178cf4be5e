"""Calls that are like earlier ones, done from what was learnt of those: one builtin for each operator.

`learnt(*arguments)` takes what the operator is called with. What a call is like is told by words: types,
shapes and layouts of its tensors, and its options. The builtin's owner is a table (see `kernels.learnt`) of
records by these words, found by a hash. A record says what to do: look at the memory of a tensor in another
shape, move elements, run a loop of numpy's along an axis, or call a kernel. The answer is a tensor, several
in a tuple, or a bare array where the call is to be recorded for gradients. None stands for calls of which
nothing is known: before anything has happened, Python does those. False is the same for a call that has come
often enough to be learnt.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Type, Value, f32, f64, i1, i8, i16, i32, i64, ptr, void
from . import frame
from .objects import Places, Reader, builtin, call_vector, rank_of
from .recording import add_is_quick, add_new_tensor, add_view_tensor
from .usable import add_is_recording, add_is_usable

MOST_TENSORS, MOST_WORDS, MOST_OPERANDS = 16, 96, 40
MOST_RESULTS = 128  # of a call: rows of a tensor, say
SLOTS_BITS, SLOT_WORDS = 8, 3
LAST_SLOT, LAST_LENGTH, LAST_WORDS = 0, 1, 2  # of a table: the last call that came often enough
FIRST_SLOT = LAST_WORDS + MOST_WORDS
TABLE_WORDS = FIRST_SLOT + (SLOT_WORDS << SLOTS_BITS)
HASH, COUNT, RECORD = range(SLOT_WORDS)  # of a slot
LEARNT_AT = 12  # calls
MIXER = -7046029254386353131  # an odd number whose bits look random

VIEW, MOVE, FOLD, LAUNCH = range(1, 5)
RECORDING_MATTERS_NOT, BARE, REFUSED = range(3)  # what to do with calls that are to be recorded
ROW = (  # the words of a record
    *("length", "words"),  # of the key
    *("kind", "when_recorded", "outputs", "in_tuple"),
    *("made", "places"),  # how many arrays are made: the outputs, and what is gone after the call
    *("parts", "parts_at", "map", "fill"),  # of a move; operands of a launch
    *("loop", "loop_data", "outer", "count", "inner", "initial", "skip", "divisor"),  # of a fold
    "kernel",  # of a launch
)
PLACE = ("dtype", "number", "item", "rank", "dims", "strides", "offset", "bytes")  # of an output
PART = ("source", "offset", "count")  # of a move
OPERAND = ("source", "whole", "rank", "dims", "strides", "number", "offset", "object")  # of a launch
OBJECT = 1 << 10  # the source of an operand that is always the same
GATHERED = -1  # parts of a move whose elements are picked one by one
ELEMENTS = {1: i8, 2: i16, 4: i32, 8: i64}
SOURCE_BITS = 3  # of an entry of a map; the largest stands for the fill value
(TENSOR, NUMBER, FRACTION, TUPLE, LIST, THING, SLICE) = range(1, 8)  # the first word of each argument


def add_learnt(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    add_new_tensor(module, places)
    add_view_tensor(module, places)
    add_is_usable(module, places)
    add_is_recording(module, places)
    _read_tensor(module, places)
    _read_bound(module, places)
    _read_item(module, places)
    _read_items(module, places)
    _read(module, places)
    _look_up(module)
    _new_array(module)
    for element in ELEMENTS.values():
        _gather(module, element)
    _move(module)
    _fold(module)
    _operand_of(module, places)
    _launch(module, places)
    _outputs(module, places)
    _learnt(module, places)


def word(f: Function, row: Value, name: str, layout: tuple[str, ...] = ROW) -> Value:
    return f.load(i64, row, 8 * layout.index(name))


def pointer(f: Function, row: Value, name: str, layout: tuple[str, ...] = ROW) -> Value:
    return f.load(ptr, row, 8 * layout.index(name))


# ---- the words of a call


class _State:
    """What reading a call fills in: words and tensors, how many there are, and whether one is tracked."""

    WORDS, TENSORS, COUNT, FOUND, TRACKED = (
        0,
        8 * MOST_WORDS,
        *(8 * (MOST_WORDS + MOST_TENSORS + k) for k in range(3)),
    )
    BYTES = 8 * (MOST_WORDS + MOST_TENSORS + 3)

    def __init__(self, f: Function, place: Value) -> None:
        self.f, self.place = f, place

    def put(self, *words: Value | int) -> None:
        """More words; the function answers false where there are too many."""
        f = self.f
        count = f.load(i64, self.place, self.COUNT)
        with f.when(count > MOST_WORDS - len(words)):
            f.ret(f.constant(i1, 0))
        for k, each in enumerate(words):
            each = each if isinstance(each, Value) else f.constant(i64, each)
            f.store(each, self.place.offset((count + k) * 8))
        f.store(count + len(words), self.place, self.COUNT)


def _read_tensor(module: Module, places: Places) -> None:
    """Type, shape and layout; false for an array that generated code does not take."""
    with module.function("read_tensor", i1, exported=False, thing=ptr, state=ptr) as f:
        r, state = Reader(f, places), _State(f, f.state)
        array = r.slot(f.thing, "_a")
        found = f.load(i64, f.state, state.FOUND)
        with f.when((f.call("is_usable", i1, array) & (found < MOST_TENSORS)) ^ 1):
            f.ret(f.constant(i1, 0))
        f.store(f.thing, f.state.offset(found * 8), state.TENSORS)
        f.store(found + 1, f.state, state.FOUND)
        with f.when(r.is_same(r.slot(f.thing, "_rg"), r.constant("true"))):
            f.store(f.constant(i64, 1), f.state, state.TRACKED)
        rank, dims = rank_of(f, array), f.load(ptr, array, frame.ARRAY_DIMS)
        flags = f.load(i32, array, frame.ARRAY_FLAGS) & (frame.C_CONTIGUOUS | frame.WRITEABLE)
        by_rows = (flags & frame.C_CONTIGUOUS).differs(0)
        what = (rank << 16) + flags.convert("sext", i64)
        state.put(TENSOR, r.slot(f.thing, "dtype").convert("ptrtoint", i64), what)
        with f.loop(0, rank) as d:
            state.put(f.load(i64, dims.offset(d * 8)))
        with f.when(by_rows ^ 1), f.loop(0, rank) as d:
            state.put(f.load(i64, f.load(ptr, array, frame.ARRAY_STRIDES).offset(d * 8)))
        f.ret(f.constant(i1, 1))


def _number_words(f: Function, r: Reader, state: _State, thing: Value) -> None:
    value = f.call("PyLong_AsLongLong", i64, thing)
    with f.when(r.is_null(f.call("PyErr_Occurred", ptr)) ^ 1):
        f.call("PyErr_Clear", void)
        f.ret(f.constant(i1, 0))
    state.put(NUMBER, value)


def _read_bound(module: Module, places: Places) -> None:
    """A whole number or None, as slices have them."""
    with module.function("read_bound", i1, exported=False, thing=ptr, state=ptr) as f:
        r, state = Reader(f, places), _State(f, f.state)
        with f.when(r.is_same(r.type_of(f.thing), r.constant("int_type"))):
            _number_words(f, r, state, f.thing)
            f.ret(f.constant(i1, 1))
        state.put(THING, f.thing.convert("ptrtoint", i64))
        f.ret(r.is_none(f.thing))


def _read_item(module: Module, places: Places) -> None:
    """An item of a tuple or a list: a whole number, a tensor, a slice, None or Ellipsis."""
    with module.function("read_item", i1, exported=False, thing=ptr, state=ptr) as f:
        r, state = Reader(f, places), _State(f, f.state)
        kind = r.type_of(f.thing)
        with f.when(r.is_same(kind, r.constant("int_type"))):
            _number_words(f, r, state, f.thing)
            f.ret(f.constant(i1, 1))
        with f.when(f.call("is_quick", i1, f.thing)):
            f.ret(f.call("read_tensor", i1, f.thing, f.state))
        with f.when(r.is_same(kind, r.constant("slice_type"))):
            state.put(SLICE)
            for k in range(3):  # start, stop, step
                bound = f.load(ptr, f.thing, frame.HEADER + 8 * k)
                with f.when(f.call("read_bound", i1, bound, f.state) ^ 1):
                    f.ret(f.constant(i1, 0))
            f.ret(f.constant(i1, 1))
        state.put(THING, f.thing.convert("ptrtoint", i64))
        f.ret(r.is_none(f.thing) | r.is_same(f.thing, r.constant("ellipsis")))


def _read_items(module: Module, places: Places) -> None:
    """A tuple or a list."""
    with module.function("read_items", i1, exported=False, thing=ptr, listed=i1, state=ptr) as f:
        r, state = Reader(f, places), _State(f, f.state)
        length = f.load(i64, f.thing, frame.HEADER)
        state.put(f.select(f.listed, f.constant(i64, LIST), f.constant(i64, TUPLE)), length)
        with f.loop(0, length) as k:
            item = f.variable(ptr, 0)
            with f.either(f.listed) as (yes, no):
                with yes:
                    item.set(f.call("PyList_GetItem", ptr, f.thing, k))
                with no:
                    item.set(r.item(f.thing, k))
            with f.when(f.call("read_item", i1, item.get(), f.state) ^ 1):
                f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


def _read(module: Module, places: Places) -> None:
    """The words of one argument; false for one that says nothing about what the call is like."""
    with module.function("read_argument", i1, exported=False, thing=ptr, state=ptr) as f:
        r, state = Reader(f, places), _State(f, f.state)
        with f.when(f.call("is_quick", i1, f.thing)):
            f.ret(f.call("read_tensor", i1, f.thing, f.state))
        kind = r.type_of(f.thing)
        with f.when(r.is_same(kind, r.constant("int_type"))):
            _number_words(f, r, state, f.thing)
            f.ret(f.constant(i1, 1))
        known = f.constant(i1, 0)
        for name in ("none_type", "bool_type", "dtype_type", "str_type"):
            known = known | r.is_same(kind, r.constant(name))
        with f.when(known):
            state.put(THING, f.thing.convert("ptrtoint", i64))
            f.ret(f.constant(i1, 1))
        with f.when(r.is_same(kind, r.constant("float_type"))):
            number = f.call("PyFloat_AsDouble", f64, f.thing)
            state.put(FRACTION, number.bitcast(i64))
            f.ret(f.constant(i1, 1))
        listed = r.is_same(kind, r.constant("list_type"))
        several = (
            listed | r.is_same(kind, r.constant("tuple_type")) | r.is_same(kind, r.constant("size_type"))
        )
        with f.when(several):
            f.ret(f.call("read_items", i1, f.thing, listed, f.state))
        f.ret(f.constant(i1, 0))


def _look_up(module: Module) -> None:
    """The record for the words, or null; 1 where they have come often enough to be learnt."""
    with module.function("look_up", i64, exported=False, table=ptr, words=ptr, length=i64) as f:
        mixed = f.variable(i64, f.length)
        with f.loop(0, f.length) as k:
            once = (mixed.get() ^ f.load(i64, f.words.offset(k * 8))) * MIXER
            mixed.set(once ^ once.lshr(29))
        code = mixed.get() * MIXER
        number = code.lshr(64 - SLOTS_BITS)
        slot = f.table.offset((number * SLOT_WORDS + FIRST_SLOT) * 8)
        count = f.load(i64, slot, 8 * COUNT)
        with f.when(f.load(i64, slot, 8 * HASH).differs(code)):
            with f.either(count > 0) as (held, free):
                with held:
                    f.store(count - 1, slot, 8 * COUNT)
                with free:
                    f.store(code, slot, 8 * HASH)
                    f.store(f.constant(i64, 1), slot, 8 * COUNT)
                    f.store(f.constant(i64, 0), slot, 8 * RECORD)
            f.ret(f.constant(i64, 0))
        record = f.load(i64, slot, 8 * RECORD)
        with f.when(record.differs(0)):
            row = record.convert("inttoptr", ptr)
            same = f.variable(i1, word(f, row, "length").equals(f.length))
            with f.when(same.get()), f.loop(0, f.length) as k:
                own = f.load(i64, pointer(f, row, "words").offset(k * 8))
                same.set(same.get() & own.equals(f.load(i64, f.words.offset(k * 8))))
            f.ret(f.select(same.get(), record, f.constant(i64, 0)))
        with f.when(count < LEARNT_AT):
            f.store(count + 1, slot, 8 * COUNT)
        with f.when(count.differs(LEARNT_AT - 1)):
            f.ret(f.constant(i64, 0))
        f.store(number, f.table, 8 * LAST_SLOT)
        f.store(f.length, f.table, 8 * LAST_LENGTH)
        with f.loop(0, f.length) as k:
            f.store(f.load(i64, f.words.offset(k * 8)), f.table.offset((k + LAST_WORDS) * 8))
        f.ret(f.constant(i64, 1))


# ---- what is done


def _new_array(module: Module) -> None:
    """A new array for an output, its elements row after row."""
    with module.function("array_for", ptr, exported=False, place=ptr) as f:
        rank, number = (word(f, f.place, n, PLACE).convert("trunc", i32) for n in ("rank", "number"))
        dims, size = pointer(f, f.place, "dims", PLACE), word(f, f.place, "bytes", PLACE)
        f.ret(f.call("new_array", ptr, rank, dims, number, size))


def _data(f: Function, array: Value) -> Value:
    return f.load(ptr, array, frame.ARRAY_DATA)


def _gather(module: Module, element: Type) -> None:
    """Elements from where a map says, each entry a place in bytes and the number of the source."""
    arguments = {"out": ptr, "map": ptr, "count": i64, "bases": ptr, "fill": i64}
    with module.function(f"gather{element.size}", exported=False, **arguments) as f:
        last = (1 << SOURCE_BITS) - 1
        fill = f.stack(8, 8)
        f.store(f.fill, fill)
        f.store(fill, f.bases, 8 * last)
        with f.loop(0, f.count) as k:
            entry = f.load(i32, f.map.offset(k * 4)).convert("zext", i64)
            base = f.load(ptr, f.bases.offset((entry & last) * 8))
            f.store(f.load(element, base.offset(entry.lshr(SOURCE_BITS))), f.out.offset(k * element.size))


def _move(module: Module) -> None:
    """Fills an array with elements of others: runs of them, or one by one."""
    with module.function("move_elements", exported=False, row=ptr, out=ptr, bases=ptr, item=i64) as f:
        with f.when(word(f, f.row, "map").differs(0)):
            for size, element in ELEMENTS.items():
                with f.when(f.item.equals(size)):
                    the_map, count, fill = (
                        pointer(f, f.row, "map"), word(f, f.row, "parts"), word(f, f.row, "fill"),
                    )  # fmt: skip
                    f.call(f"gather{element.size}", void, f.out, the_map, count, f.bases, fill)
            f.ret()
        target = f.variable(ptr, f.out)
        with f.loop(0, word(f, f.row, "parts")) as k:
            part = pointer(f, f.row, "parts_at").offset(k * (8 * len(PART)))
            source = f.load(ptr, f.bases.offset(word(f, part, "source", PART) * 8))
            size = word(f, part, "count", PART)
            f.call("memcpy", ptr, target.get(), source.offset(word(f, part, "offset", PART)), size)
            target.set(target.get().offset(size))


def _fold(module: Module) -> None:
    """A loop of numpy's along the middle one of three axes, as its own reductions go."""
    with module.function("fold", exported=False, row=ptr, out=ptr, source=ptr, item=i64) as f:
        outer, count, inner = (word(f, f.row, n) for n in ("outer", "count", "inner"))
        loop, data = pointer(f, f.row, "loop"), pointer(f, f.row, "loop_data")
        skip = word(f, f.row, "skip")
        places, steps, length = f.stack(24, 8), f.stack(24, 8), f.stack(8, 8)
        alone = inner.equals(1)
        zero = f.constant(i64, 0)
        step = f.select(alone, zero, f.item)
        for k, each in enumerate((step, f.item, step)):
            f.store(each, steps, 8 * k)
        turns = f.select(alone, f.constant(i64, 1), count - skip)
        f.store(f.select(alone, count - skip, inner), length)
        with f.loop(0, outer) as o:
            target = f.out.offset(o * inner * f.item)
            first = f.source.offset(o * count * inner * f.item)
            with f.either(skip.differs(0)) as (copied, filled):
                with copied:
                    f.call("memcpy", ptr, target, first, inner * f.item)
                with filled, f.loop(0, inner) as k:
                    initial = word(f, f.row, "initial")
                    for element in (i8, i32, i64):
                        with f.when(f.item.equals(element.size)):
                            f.store(initial.convert("trunc", element), target.offset(k * element.size))
            start = first.offset(skip * inner * f.item)
            with f.loop(0, turns) as turn:
                source = start.offset(turn * inner * f.item)
                for k, each in enumerate((target, source, target)):
                    f.store(each, places, 8 * k)
                f.call_pointer(loop, void, places, length, steps, data)
        divisor = word(f, f.row, "divisor")
        with f.when(divisor.differs(0)), f.loop(0, outer * inner) as k:
            for scalar in (f32, f64):
                with f.when(f.item.equals(scalar.size)):
                    place = f.out.offset(k * scalar.size)
                    f.store(f.load(scalar, place) / divisor.convert("sitofp", scalar), place)


def _launch(module: Module, places: Places) -> None:
    """Calls a kernel on arrays, each seen as it wants them, and on objects; false with an error."""
    with module.function("launch", i1, exported=False, row=ptr, outs=ptr, tensors=ptr) as f:
        r, count = Reader(f, places), word(f, f.row, "parts")
        block = f.stack(8 * MOST_OPERANDS, 8)
        with f.loop(0, count) as k:
            operand = pointer(f, f.row, "parts_at").offset(k * (8 * len(OPERAND)))
            thing = f.variable(ptr, pointer(f, operand, "object", OPERAND))
            with f.when(word(f, operand, "source", OPERAND).differs(OBJECT)):
                thing.set(f.call("operand_of", ptr, operand, f.outs, f.tensors))
                with f.when(r.is_null(thing.get())):
                    f.ret(f.constant(i1, 0))
            f.store(thing.get(), block.offset(k * 8))
        answer = call_vector(f, pointer(f, f.row, "kernel"), block, count)
        with f.loop(0, count) as k:
            operand = pointer(f, f.row, "parts_at").offset(k * (8 * len(OPERAND)))
            with f.when(word(f, operand, "source", OPERAND).differs(OBJECT)):
                r.drop(f.load(ptr, block.offset(k * 8)))
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i1, 0))
        r.drop(answer)
        f.ret(f.constant(i1, 1))


def _operand_of(module: Module, places: Places) -> None:
    """An array as an operand: itself, or a look at its memory in another shape."""
    with module.function("operand_of", ptr, exported=False, operand=ptr, outs=ptr, tensors=ptr) as f:
        r, null = Reader(f, places), f.constant(ptr, 0)
        source, array = word(f, f.operand, "source", OPERAND), f.variable(ptr, 0)
        with f.either(source < 0) as (output, given):
            with output:
                array.set(f.load(ptr, f.outs.offset((-1 - source) * 8)))
            with given:
                array.set(r.slot(f.load(ptr, f.tensors.offset(source * 8)), "_a"))
        with f.when(word(f, f.operand, "whole", OPERAND).differs(0)):
            f.ret(r.hold(array.get()))
        rank, number = (word(f, f.operand, n, OPERAND).convert("trunc", i32) for n in ("rank", "number"))
        dims, strides = (pointer(f, f.operand, n, OPERAND) for n in ("dims", "strides"))
        data = _data(f, array.get()).offset(word(f, f.operand, "offset", OPERAND))
        kind, nothing, flags = (
            r.constant("ndarray_type"), f.constant(i32, 0), f.constant(i32, frame.WRITEABLE),
        )  # fmt: skip
        made = f.call("PyArray_New", ptr, kind, rank, dims, number, strides, data, nothing, flags, null)
        with f.when(r.is_null(made) ^ 1):
            f.store(r.hold(array.get()), made, frame.ARRAY_BASE)
        f.ret(made)


def _views(f: Function, r: Reader, row: Value, tensor: Value, outs: Value) -> None:
    """Tensors on the memory of another one."""
    storage = f.variable(ptr, r.slot(tensor, "_s"))
    with f.when(r.is_none(storage.get())):
        made = r.or_fail(r.call(r.constant("storage_of"), tensor))
        r.drop(made)  # the tensor has it
        storage.set(made)
    own, kind, null = r.slot(tensor, "_a"), r.constant("ndarray_type"), f.constant(ptr, 0)
    with f.loop(0, word(f, row, "outputs")) as k:
        place = pointer(f, row, "places").offset(k * (8 * len(PLACE)))
        rank, number = (word(f, place, n, PLACE).convert("trunc", i32) for n in ("rank", "number"))
        dims, strides = (pointer(f, place, n, PLACE) for n in ("dims", "strides"))
        data = _data(f, own).offset(word(f, place, "offset", PLACE))
        flags = f.load(i32, own, frame.ARRAY_FLAGS) & (frame.WRITEABLE | frame.ALIGNED)
        nothing = f.constant(i32, 0)
        array = r.or_fail(
            f.call("PyArray_New", ptr, kind, rank, dims, number, strides, data, nothing, flags, null)
        )
        f.store(r.hold(r.slot(storage.get(), "owner")), array, frame.ARRAY_BASE)
        made = f.call("view_tensor", ptr, tensor, array, storage.get(), pointer(f, place, "dtype", PLACE))
        r.drop(array)
        f.store(r.or_fail(made), outs.offset(k * 8))


def _outputs(module: Module, places: Places) -> None:
    """New arrays, filled; the tensors of a view. False with an error."""
    with module.function("fill_outputs", i1, exported=False, row=ptr, state=ptr, outs=ptr) as f:
        r, kind = Reader(f, places), word(f, f.row, "kind")
        bases = f.stack(8 << SOURCE_BITS, 8)
        found = f.load(i64, f.state, _State.FOUND)
        tensors = f.state.offset(_State.TENSORS)
        with f.loop(0, f.minimum(found, (1 << SOURCE_BITS) - 1)) as k:
            array = r.slot(f.load(ptr, tensors.offset(k * 8)), "_a")
            f.store(_data(f, array), bases.offset(k * 8))
        f.store(pointer(f, f.row, "fill"), bases, (8 << SOURCE_BITS) - 8)
        with f.loop(0, word(f, f.row, "made")) as k:
            place = pointer(f, f.row, "places").offset(k * (8 * len(PLACE)))
            made = f.call("array_for", ptr, place)
            with f.when(r.is_null(made)):
                f.ret(f.constant(i1, 0))
            f.store(made, f.outs.offset(k * 8))
        with f.when(kind.equals(LAUNCH)):
            f.ret(f.call("launch", i1, f.row, f.outs, tensors))
        first = pointer(f, f.row, "places")
        item, out = word(f, first, "item", PLACE), _data(f, f.load(ptr, f.outs))
        with f.either(kind.equals(MOVE)) as (move, fold):
            with move:
                f.call("move_elements", void, f.row, out, bases, item)
            with fold:
                f.call("fold", void, f.row, out, f.load(ptr, bases), item)
        f.ret(f.constant(i1, 1))


# ---- the call


def _learnt(module: Module, places: Places) -> None:
    with builtin(module, "learnt") as f:
        r, state = Reader(f, places), _State(f, f.stack(_State.BYTES, 8))
        for place in (state.COUNT, state.FOUND, state.TRACKED):
            f.store(f.constant(i64, 0), state.place, place)
        f.store(f.count, state.place)
        f.store(f.constant(i64, 1), state.place, state.COUNT)
        with f.loop(0, f.count) as k:
            thing = f.load(ptr, f.arguments.offset(k * 8))
            with f.when(f.call("read_argument", i1, thing, state.place) ^ 1):
                f.ret(r.hold(r.constant("none")))
        table = f.load(ptr, f.owner, frame.ARRAY_DATA)
        found = f.call("look_up", i64, table, state.place, f.load(i64, state.place, state.COUNT))
        with f.when(found <= 1):
            f.ret(r.hold(f.select(found.equals(0), r.constant("none"), r.constant("false"))))
        row = found.convert("inttoptr", ptr)
        bare = f.variable(i1, 0)
        when = word(f, row, "when_recorded")
        with f.when(f.load(i64, state.place, state.TRACKED).differs(0) & when.differs(RECORDING_MATTERS_NOT)):
            bare.set(f.call("is_recording", i1))
        with f.when(bare.get() & when.equals(REFUSED)):
            f.ret(r.hold(r.constant("none")))
        count, outs = word(f, row, "outputs"), f.stack(8 * MOST_RESULTS, 8)
        in_tuple = word(f, row, "in_tuple").differs(0)
        with f.either(word(f, row, "kind").equals(VIEW)) as (view, other):
            with view:
                _views(f, r, row, f.load(ptr, state.place, state.TENSORS), outs)
            with other:
                with f.when(f.call("fill_outputs", i1, row, state.place, outs) ^ 1):
                    f.ret(f.constant(ptr, 0))
                with f.loop(0, word(f, row, "made") - count) as k:
                    r.drop(f.load(ptr, outs.offset((count + k) * 8)))
                with f.when(bare.get()):
                    f.ret(f.load(ptr, outs))
                with f.loop(0, count) as k:
                    array = f.load(ptr, outs.offset(k * 8))
                    place = pointer(f, row, "places").offset(k * (8 * len(PLACE)))
                    made = r.or_fail(f.call("new_tensor", ptr, array, pointer(f, place, "dtype", PLACE)))
                    r.drop(array)
                    f.store(made, outs.offset(k * 8))
        with f.when(in_tuple ^ 1):
            f.ret(f.load(ptr, outs))
        group = r.new_tuple(count)
        with f.loop(0, count) as k:
            r.put(group, k, f.load(ptr, outs.offset(k * 8)))
        f.ret(group)
