"""Losses of small arrays with all that their gradients need, each in one call: squares and class labels.

`squares(x, t, mean)` gives the sum or mean of the squared errors, `squares_back(g, x, t, mean, needs)` both
gradients. `labels(x, labels, mean)` gives the cross entropy and the odds: for each score its softmax, less
one at the label. `labels_back(g, odds, mean)` is their product with each row's share. All of them answer None
where the arguments are not plain arrays of a few thousand elements; `labels` also where a label is no class,
or where scores are so far apart that numpy is to do it with more care.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr, void
from . import frame, maths
from .linear import TYPE_NUMBERS, Arrays, Machine, add_is_plain, builtin
from .objects import new_array, new_like

MOST_ELEMENTS = 4096
INT64 = 7  # numpy's number of the type; on Windows it is another, and everything is refused


def losses_ir(dtype: str, vector_bytes: int) -> str:
    machine, module = Machine(dtype, vector_bytes), Module()
    for name in ("ndarray_type", "none", "true"):
        module.variable(name, "ptr", "null", exported=True)
    add_is_plain(module, dtype)
    _squares(module, machine)
    _squares_back(module, machine)
    _labels(module, machine)
    _labels_back(module, machine)
    return module.text()


class _Call(Arrays):
    """The arguments of a builtin."""

    def __init__(self, f: Function, machine: Machine) -> None:
        super().__init__(f)
        self.machine, self.number = machine, TYPE_NUMBERS[machine.dtype]

    def is_true(self, thing: Value) -> Value:
        return thing.convert("ptrtoint", i64).equals(self.f.load(i64, Value(self.f, ptr, "@true")))

    def rank(self, array: Value) -> Value:
        return self.f.load(i32, array, frame.ARRAY_RANK)

    def size(self, array: Value) -> Value:
        """The number of elements."""
        total = self.f.variable(i64, 1)
        with self.f.loop(0, self.rank(array).convert("sext", i64)) as d:
            total.set(total.get() * self.f.load(i64, self.f.load(ptr, array, frame.ARRAY_DIMS).offset(d * 8)))
        return total.get()

    def same_shape(self, a: Value, b: Value) -> None:
        """Both plain and of one shape; refused otherwise."""
        f = self.f
        self.refuse_unless(f.call("is_plain", i1, a, f.constant(i32, -1)))
        self.refuse_unless(f.call("is_plain", i1, b, f.constant(i32, -1)))
        self.refuse_unless(self.rank(a).equals(self.rank(b)))
        same = f.variable(i1, 1)
        one, other = f.load(ptr, a, frame.ARRAY_DIMS), f.load(ptr, b, frame.ARRAY_DIMS)
        with f.loop(0, self.rank(a).convert("sext", i64)) as d:
            same.set(same.get() & f.load(i64, one.offset(d * 8)).equals(f.load(i64, other.offset(d * 8))))
        self.refuse_unless(same.get())

    def scalar(self, value: Value) -> Value:
        """A new array without dimensions."""
        made = new_array(self.f, self.number)
        self.f.store(value, self.memory(made))
        return made

    def share_of(self, g: Value, mean: Value, count: Value) -> Value:
        """What each element gets of the gradient of the loss."""
        f, scalar = self.f, self.machine.scalar
        self.refuse_unless(f.call("is_plain", i1, g, f.constant(i32, 0)))
        whole = f.load(scalar, self.memory(g))
        return f.select(self.is_true(mean), whole / count.convert("sitofp", scalar), whole)


def _sum(f: Function, machine: Machine, vector: Value) -> Value:
    total = f.extract(vector, 0)
    for lane in range(1, machine.lanes):
        total = total + f.extract(vector, lane)
    return total


def _squares(module: Module, machine: Machine) -> None:
    with builtin(module, "squares") as f:
        call = _Call(f, machine)
        x, t, mean = (call.argument(k) for k in range(3))
        call.same_shape(x, t)
        count = call.size(x)
        call.refuse_unless((count > 0) & (count <= MOST_ELEMENTS))
        total, a, b = f.variable(machine.vector, 0), call.memory(x), call.memory(t)
        with f.loop(0, count, machine.lanes) as k:
            mask, place = machine.mask(f, count - k), k * machine.size
            gap = machine.load(f, a.offset(place), mask) - machine.load(f, b.offset(place), mask)
            total.set(f.fma(gap, gap, total.get()))
        loss = _sum(f, machine, total.get())
        loss = f.select(call.is_true(mean), loss / count.convert("sitofp", machine.scalar), loss)
        f.ret(call.scalar(loss))


def _squares_back(module: Module, machine: Machine) -> None:
    with builtin(module, "squares_back") as f:
        call = _Call(f, machine)
        g, x, t, mean, needs = (call.argument(k) for k in range(5))
        call.same_shape(x, t)
        count = call.size(x)
        call.refuse_unless((count > 0) & (count <= MOST_ELEMENTS))
        factor = f.splat(call.share_of(g, mean, count) * 2.0, machine.lanes)
        results = [f.variable(ptr, call.none) for _ in range(2)]
        a, b = call.memory(x), call.memory(t)
        for result, sign in zip(results, (factor, -factor)):
            with f.when(call.wants(needs, results.index(result))):
                made = new_like(f, x)
                result.set(made)
                with f.loop(0, count, machine.lanes) as k:
                    mask, place = machine.mask(f, count - k), k * machine.size
                    gap = machine.load(f, a.offset(place), mask) - machine.load(f, b.offset(place), mask)
                    machine.store(f, gap * sign, call.memory(made).offset(place), mask)
        f.ret(call.tuple_of(results))


# ---- class labels: a row for each lane


class _Rows:
    """Some rows of a matrix, one for each lane; those above `count` stand for the first."""

    def __init__(self, f: Function, machine: Machine, first: Value, count: Value, classes: Value) -> None:
        self.f, self.machine = f, machine
        lanes = machine.lanes
        numbers = f.value(i64.vector(lanes), f"add <{lanes} x i64> zeroinitializer, {_numbers(lanes)}")
        self.there = f.splat(count - first, lanes).compare("sgt", numbers)
        rows = f.select(self.there, numbers + f.splat(first, lanes), 0)
        self.rows, self.starts = rows, rows * f.splat(classes, lanes)

    def places(self, base: Value, at: Value) -> Value:
        kind = ptr.vector(self.machine.lanes)
        return self.f.value(kind, f"getelementptr {self.machine.scalar}, {base}, {at}")

    def gather(self, base: Value, at: Value) -> Value:
        return self._gather(self.machine.vector, self.places(base, at))

    def _gather(self, kind, places: Value) -> Value:
        f, lanes = self.f, self.machine.lanes
        name = f"llvm.masked.gather.v{lanes}{_letter(kind)}.v{lanes}p0"
        return f.call(name, kind, places, f.constant(i32, kind.scalar.size), self.there, f.constant(kind, 0))

    def labels(self, base: Value) -> Value:
        kind, lanes = i64.vector(self.machine.lanes), self.machine.lanes
        return self._gather(kind, self.f.value(ptr.vector(lanes), f"getelementptr i64, {base}, {self.rows}"))

    def scatter(self, value: Value, base: Value, at: Value) -> None:
        f, lanes = self.f, self.machine.lanes
        name = f"llvm.masked.scatter.v{lanes}{_letter(value.type)}.v{lanes}p0"
        f.call(name, void, value, self.places(base, at), f.constant(i32, self.machine.size), self.there)


def _letter(kind) -> str:
    return f"{'f' if kind.kind == 'float' else 'i'}{kind.bits}"


def _numbers(lanes: int) -> str:
    return "<" + ", ".join(f"i64 {k}" for k in range(lanes)) + ">"


def _labels(module: Module, machine: Machine) -> None:
    with builtin(module, "labels") as f:
        call = _Call(f, machine)
        x, labels, mean = (call.argument(k) for k in range(3))
        call.check(x, 2)
        _check_labels(f, call, labels)
        rows, classes = call.length(x, 0), call.length(x, 1)
        call.refuse_unless(call.length(labels, 0).equals(rows) & (rows > 0) & (classes > 0))
        call.refuse_unless(rows * classes <= MOST_ELEMENTS)
        odds = new_like(f, x)
        total, right = f.variable(machine.vector, 0), f.variable(i1, 1)
        with f.loop(0, rows, machine.lanes) as first:
            block = _Rows(f, machine, first, rows, classes)
            loss = _some_losses(f, machine, block, call, x, labels, odds, classes, right)
            total.set(total.get() + f.select(block.there, loss, 0))
        loss = _sum(f, machine, total.get())
        with f.when((right.get() & (loss - loss).equals(0)) ^ 1):
            f.call("Py_DecRef", void, odds)
            call.answer(call.none)
        loss = f.select(call.is_true(mean), loss / rows.convert("sitofp", machine.scalar), loss)
        results = [f.variable(ptr, call.scalar(loss)), f.variable(ptr, odds)]
        f.ret(call.tuple_of(results))


def _check_labels(f: Function, call: _Call, labels: Value) -> None:
    """Whole numbers, one behind the other."""
    kind = f.load(i64, labels, frame.OBJECT_TYPE)
    call.refuse_unless(kind.equals(f.load(i64, Value(f, ptr, "@ndarray_type"))))
    number = f.load(i32, f.load(ptr, labels, frame.ARRAY_DESCR), frame.DESCR_TYPE_NUMBER)
    flags = f.load(i32, labels, frame.ARRAY_FLAGS) & (frame.C_CONTIGUOUS | frame.ALIGNED)
    plain = number.equals(INT64) & flags.equals(frame.C_CONTIGUOUS | frame.ALIGNED)
    call.refuse_unless(plain & call.rank(labels).equals(1))


def _some_losses(f, machine, block, call, x, labels, odds, classes, right) -> Value:
    """log(1 + the others' exponentials relative to the label's): digits stay where the answer is right."""
    base, lanes = call.memory(x), machine.lanes
    label = block.labels(call.memory(labels))
    inside = label.compare("ult", f.splat(classes, lanes))
    right.set(right.get() & f.call(f"llvm.vector.reduce.and.v{lanes}i1", i1, inside))
    label = f.select(inside, label, 0)
    own = block.gather(base, block.starts + label)
    others = f.variable(machine.vector, 0)
    with f.loop(0, classes) as j:
        at = block.starts + f.splat(j, lanes)
        e = maths.UNARY["exp"](f, block.gather(base, at) - own)
        block.scatter(e, call.memory(odds), at)
        # the label's own is one, so that nothing is added; NaN where it is not finite
        others.set(others.get() + f.select(label.equals(f.splat(j, lanes)), e - 1.0, e))
    scale = 1.0 / (others.get() + 1.0)
    with f.loop(0, classes) as j:
        at = block.starts + f.splat(j, lanes)
        e = f.select(label.equals(f.splat(j, lanes)), -others.get(), block.gather(call.memory(odds), at))
        block.scatter(e * scale, call.memory(odds), at)
    return maths.UNARY["log1p"](f, others.get())


def _labels_back(module: Module, machine: Machine) -> None:
    with builtin(module, "labels_back") as f:
        call = _Call(f, machine)
        g, odds, mean = (call.argument(k) for k in range(3))
        call.check(odds, 2)
        rows = call.length(odds, 0)
        factor = f.splat(call.share_of(g, mean, rows), machine.lanes)
        count, made = rows * call.length(odds, 1), new_like(f, odds)
        with f.loop(0, count, machine.lanes) as k:
            mask, place = machine.mask(f, count - k), k * machine.size
            product = machine.load(f, call.memory(odds).offset(place), mask) * factor
            machine.store(f, product, call.memory(made).offset(place), mask)
        f.ret(made)
