"""The body of a row kernel: reductions over the last axis with everything before, between and after them.

A row may lie in pieces of equal length (`planes`: the last two axes are reduced, and the second last has any
stride): a channel of NCHW is such a row.

A graph with reductions is run in passes over a row.  A pass reduces what depends on no reduction that is
still missing; the last pass stores the outputs.  softmax has three: the maximum, the sum of the
exponentials (which are kept), the quotients.  What is cheap is computed again in a later pass, what is not
is kept in a scratch row.

Sums run over segments of a fixed length, each in several vectors of accumulators; the segments' results are
added in order, in double precision with the rounding errors carried along.  So a result has the same bits
for any number of threads, whether its row was one thread's work or many's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...runtime.ir import Function, Module, Type, Value, Variable, constant, f64, i1, i32, i64, ptr, void
from .. import policy
from ..graph import Graph, Node
from ..plan import Plan
from . import frame
from .elementwise import bytes_moved, describe
from .lowering import MEMORY, Lowering, first_lanes, lanes_for, load, load_scalar, store, to_memory
from .primitives import ARITHMETIC, REGISTERS, cast
from .streaming import LINE, MOST_NODES

UNROLL = 4
NEAR = 1 << 16  # elements of a row whose memory is asked for before it is used


class _Total(NamedTuple):
    """A reduction's result over segments so far and, for sums of floats, what rounding took from it."""

    value: object
    lost: object


class _Accumulators(NamedTuple):
    """What a reduction has come to in each of `UNROLL` vectors.

    The largest and the smallest of floats are taken apart from NaN with AVX-512: `numbers` has the lanes
    without one so far, of two vectors each, which takes an instruction where a maximum with NaN takes four.
    """

    values: list[Variable]
    numbers: list[Variable]


def total_type(dtype: str) -> Type:
    return f64 if REGISTERS[dtype].kind == "float" else i64


def identity(op: str, type: Type):
    """What a reduction starts from."""
    if op in ("sum", "prod"):
        return 0 if op == "sum" else 1
    highest = math.inf if type.kind == "float" else (1 << type.bits - 1) - 1
    lowest = -math.inf if type.kind == "float" else -(1 << type.bits - 1)
    return lowest if op == "amax" else highest


def combine(f: Function, node: Node, a: Value, b: Value) -> Value:
    name = {"sum": "add", "prod": "mul", "amax": "maximum", "amin": "minimum"}[node.op]
    return ARITHMETIC[name](f, node.dtype, a, b)


def _plain_extreme(f: Function, node: Node, a: Value, b: Value) -> Value:
    """The larger or the smaller of two, neither of them NaN."""
    return f.select(a > b if node.op == "amax" else a < b, a, b)


def rows_ir(graph: Graph, level: str, vector_bytes: int, in_pieces: bool = False) -> str:
    from .row_groups import RowGroup

    module = Module(level)
    plan = Plan(graph)
    lanes = lanes_for((node.dtype for node in graph.nodes), vector_bytes)
    step = lanes * UNROLL
    cost = policy.element_cost(graph.nodes, bytes_moved(graph), vector_bytes)
    words = describe(graph, lanes, step, cost)
    words[frame.DESC_REDUCTIONS] = len(plan.reductions(0))
    words[frame.DESC_KEPT] = sum(MEMORY[node.dtype].size for node in plan.kept)
    words[frame.DESC_SPACE] = plan.full_outputs[0] if plan.full_outputs else len(graph.outputs)
    for k, node in enumerate(graph.outputs):
        words[frame.DESC_PER_ROW + 8 * k] = int(plan.per_row[id(node)])
    functions = {frame.DESC_BODY: "row"}
    if not in_pieces:
        functions |= {frame.DESC_SEGMENT: "segment", frame.DESC_GROUP: "group"}
    frame.put_description(module, words, functions)
    arguments = {"places": ptr, "masks": ptr, "scalars": ptr, "count": i64, "scratch": ptr}
    memory = {"steps": ptr, "stream": i64}
    if in_pieces:
        with module.function("row", exported=False, **arguments, **memory, pieces=i64, sources=ptr) as f:
            _RowInPieces(f, plan, lanes).whole()
    else:
        with module.function(
            "segment", exported=False, inline=False, **arguments, first=i64, near=i64, partials=ptr
        ) as f:
            Row(f, plan, lanes).first_segment()
        with module.function("row", exported=False, **arguments, **memory, partials=ptr) as f:
            row = Row(f, plan, lanes)
            row.look_ahead()
            row.whole()
        with module.function("group", exported=False, **arguments, **memory, rows=i64) as f:
            RowGroup(f, plan, lanes).whole()
    with module.function("call", ptr, owner=ptr, arguments=ptr, count=i64) as f:
        entry = "rl_call_planes" if in_pieces else "rl_call_rows"
        f.ret(f.call(entry, ptr, f.owner, f.arguments, f.count, Value(f, ptr, "@description")))
    return module.text()


class Row:
    """The code that works on one row (or one segment of its first pass)."""

    def __init__(self, f: Function, plan: Plan, lanes: int):
        self.f, self.plan, self.lanes = f, plan, lanes
        outputs, inputs, scalars = plan.graph.signature
        self.outputs, self.dtypes = len(outputs), (*outputs, *inputs)
        self.places = [f.load(ptr, f.places, 8 * k) for k in range(len(self.dtypes))]
        self.masks = [f.load(i64, f.masks, 8 * k) for k in range(len(self.dtypes))]
        self.row_values: dict[int, Value] = {}
        self.scalars = [
            load_scalar(f, f.scalars.offset(8 * k), dtype, lanes) for k, dtype in enumerate(scalars)
        ]
        self.kept_places = self._lay_out_kept()
        self.work = [plan.computed(number) for number in range(plan.passes)]
        # of the passes that know where the next row is: threads may share the first one of a row
        self.busiest = max(range(1, plan.passes), key=lambda number: (plan.cost(number), number), default=0)

    def _lay_out_kept(self) -> dict[int, Value]:
        places, offset = {}, self.f.constant(i64, 0)
        for node in self.plan.kept:
            places[id(node)] = self.f.scratch.offset(offset)
            offset = offset + self._length() * MEMORY[node.dtype].size
        return places

    def look_ahead(self) -> None:
        """Have the steps to the next row, and masks: zero for rows too long to be brought early, and for
        results that are stored past the caches.
        """
        f = self.f
        self.steps = [f.load(i64, f.steps, 8 * k) for k in range(len(self.dtypes))]
        self.near = f.select(self._length() <= NEAR, f.constant(i64, -1), 0)
        self.near_results = self.near & (f.stream - 1)

    # -- numbers of the row

    def _row_leaf(self, node: Node) -> Value:
        if node.op == "scalar":
            return self.scalars[node.args[0]]
        if node.op == "length":
            return self.f.splat(self._length().convert("sitofp", REGISTERS[node.dtype]), self.lanes)
        return self.row_values[id(node)]

    def _length(self) -> Value:
        return self.f.count

    def _compute_row_values(self, number: int) -> None:
        lowering = Lowering(self.f, self.lanes, self._row_leaf)
        lowering.values.update(self.row_values)
        lowering.compute(self.plan.row_nodes(number))
        self.row_values.update(lowering.values)

    # -- passes

    def whole(self) -> None:
        for number in range(self.plan.passes):
            self._compute_row_values(number)
            self._pass(number)
        self._compute_row_values(self.plan.passes)
        for k, node in enumerate(self.plan.graph.outputs):
            if self.plan.per_row[id(node)]:
                value = to_memory(self.row_values[id(node)], node.dtype)
                self.f.store(self.f.extract(value, 0) if self.lanes > 1 else value, self.places[k])

    def first_segment(self) -> None:
        """The first pass over one segment; its results go to `partials`, eight bytes each."""
        self._compute_row_values(0)
        f = self.f
        self.near_results = f.near
        for k, value in enumerate(self._segment(0, f.first, f.minimum(f.first + frame.SEGMENT, f.count))):
            f.store(value, f.partials, 8 * k)

    def _pass(self, number: int) -> None:
        """One pass over the row; the reductions it finishes become row values."""
        f, reductions = self.f, self.plan.reductions(number)
        totals = [self._new_total(node) for node in reductions]
        table = f.stack(8 * max(1, len(reductions))) if number == 0 else None
        with f.loop(0, f.count, frame.SEGMENT) as start:
            if number == 0 and reductions:
                values = self._first_pass_segment(start, table, len(reductions))
            else:
                values = self._segment(number, start, f.minimum(start + frame.SEGMENT, f.count))
            for node, total, value in zip(reductions, totals, values, strict=True):
                self._add(node, total, value)
        for node, total in zip(reductions, totals, strict=True):
            self.row_values[id(node)] = f.splat(self._result(node, total), self.lanes)

    def _first_pass_segment(self, start: Value, table: Value, count: int) -> list[Value]:
        """A segment's results: computed here, or by the threads that shared this row before."""
        f = self.f
        place = f.variable(ptr, table)
        shared = f.partials.convert("ptrtoint", i64).differs(0)
        with f.either(shared) as (done, missing):
            with done:
                place.set(f.partials.offset(start // frame.SEGMENT * (8 * count)))
            with missing:
                row = (f.places, f.masks, f.scalars, f.count, f.scratch)
                f.call("segment", void, *row, start, self.near_results, table)
        types = [total_type(node.dtype) for node in self.plan.reductions(0)]
        return [f.load(type, place.get(), 8 * k) for k, type in enumerate(types)]

    # -- totals over segments

    def _new_total(self, node: Node) -> _Total:
        type = total_type(node.dtype)
        return _Total(
            self.f.variable(type, identity(node.op, REGISTERS[node.dtype])), self.f.variable(type, 0)
        )

    def _add(self, node: Node, total: _Total, value: Value) -> None:
        before = total.value.get()
        after = combine(self.f, node, before, value)
        total.value.set(after)
        if node.op == "sum" and value.type is f64:
            arrived = after - before
            total.lost.set(total.lost.get() + ((before - (after - arrived)) + (value - arrived)))

    def _result(self, node: Node, total: _Total) -> Value:
        value = total.value.get()
        if node.op == "sum" and value.type is f64:
            finite = self.f.intrinsic("fabs", value) < math.inf
            value = self.f.select(finite, value + total.lost.get(), value)
        wide = "float64" if value.type is f64 else "int64"
        return cast(self.f, value, wide, node.dtype)

    # -- one segment

    def _segment(self, number: int, start: Value, end: Value) -> list[Value]:
        """Run a pass over elements [start, end); the reductions' results as double or i64."""
        sums = [self._accumulators(node) for node in self.plan.reductions(number)]
        self._stretch(number, start, end, sums)
        return self._all_reduced(number, sums)

    def _stretch(self, number: int, start: Value, end: Value, sums: list) -> None:
        """Run a pass over elements [start, end), into the accumulators `sums`."""
        f, step = self.f, self.lanes * UNROLL
        whole = start + ((end - start) & -step)
        if self._may_stream(number):
            with f.either(f.stream.differs(0)) as (past, through):
                with past, f.loop(start, whole, step) as at:
                    self._vectors(number, at, UNROLL, sums, stream=True)
                with through, f.loop(start, whole, step) as at:
                    self._vectors(number, at, UNROLL, sums)
        else:
            with f.loop(start, whole, step) as at:
                self._vectors(number, at, UNROLL, sums)
        with f.loop(whole, end, self.lanes) as at:
            self._vectors(number, at, 1, sums, first_lanes(f, end - at, self.lanes))

    def _all_reduced(self, number: int, sums: list) -> list[Value]:
        pairs = zip(self.plan.reductions(number), sums, strict=True)
        return [self._reduced(node, made) for node, made in pairs]

    def _accumulators(self, node: Node) -> _Accumulators:
        f, type = self.f, REGISTERS[node.dtype].vector(self.lanes)
        values = [f.variable(type, identity(node.op, type.scalar)) for _ in range(UNROLL)]
        apart = node.op in ("amax", "amin") and type.kind == "float" and f.module.level == "avx512"
        every = i1.vector(self.lanes)
        return _Accumulators(values, [f.variable(every, -1) for _ in range(0, UNROLL, 2)] if apart else [])

    def _may_stream(self, number: int) -> bool:
        """Whether a pass has a second loop that stores past the caches."""
        outputs = [self.dtypes[out] for out in self.plan.full_outputs]
        wide = all(self.lanes * MEMORY[dtype].size >= 16 for dtype in outputs)
        return self._is_last(number) and wide and len(self.work[number]) <= MOST_NODES

    def _is_last(self, number: int) -> bool:
        """Is this the pass that stores, after others?"""
        return 0 < number == self.plan.passes - 1 and bool(self.plan.full_outputs)

    def _ask_for(self, number: int, at: Value, count: int) -> None:
        """While a pass computes, memory brings the lines of the results, and those of the next row."""
        if self._is_last(number + 1):
            for out in self.plan.full_outputs:
                self._ask(self._place(out, at & self.near_results, 0), out, count, write=True)
        if self._is_last(self.plan.passes - 1) and number == self.busiest:
            for operand in range(self.outputs, len(self.dtypes)):
                self._ask(self._place_ahead(operand, at), operand, count)

    def _ask(self, place: Value, operand: int, count: int, write: bool = False) -> None:
        f, size = self.f, self.lanes * MEMORY[self.dtypes[operand]].size
        for distance in range(0, count * size, LINE):
            line, data = place.offset(distance), constant(i32, 1)
            f.call("llvm.prefetch.p0", void, line, constant(i32, int(write)), constant(i32, 3), data)

    def _place_ahead(self, operand: int, at: Value) -> Value:
        return self._place(operand, at & self.near, 0).offset(self.steps[operand])

    def _vectors(
        self, number: int, at: Value, count: int, sums: list, mask: Value | None = None, stream: bool = False
    ) -> None:
        if mask is None:
            self._ask_for(number, at, count)
        results = [self._one(number, at, k, mask) for k in range(count)]
        last = number == self.plan.passes - 1
        for node, accumulators in zip(self.plan.reductions(number), sums, strict=True):
            self._accumulate(node, accumulators, [self._argument(node, values) for values in results], mask)
        for k, values in enumerate(results):
            self._keep(number, values, at, k, mask)
            for out in self.plan.full_outputs if last else ():
                value = values[id(self.plan.graph.outputs[out])]
                store(self.f, value, self._place(out, at, k), self.dtypes[out], mask, stream)

    def _argument(self, node: Node, values: dict[int, Value]) -> Value:
        (source,) = node.args
        return self.row_values[id(source)] if self.plan.per_row[id(source)] else values[id(source)]

    def _accumulate(
        self, node: Node, accumulators: _Accumulators, vectors: list[Value], mask: Value | None
    ) -> None:
        if mask is not None:
            start = identity(node.op, vectors[0].type.scalar)
            vectors = [self.f.select(mask, value, start) for value in vectors]
        reduce = _plain_extreme if accumulators.numbers else combine
        for accumulator, value in zip(accumulators.values, vectors, strict=False):
            # the chain through the second is short
            accumulator.set(reduce(self.f, node, value, accumulator.get()))
        for known, a, b in zip(accumulators.numbers, vectors[::2], vectors[1::2] or vectors, strict=False):
            known.set(known.get() & a.compare("ord", b))

    def _one(self, number: int, at: Value, k: int, mask: Value | None) -> dict[int, Value]:
        """The values of a pass's nodes for one vector."""

        def leaf(node: Node) -> Value:
            if node.op != "input":
                return self._row_leaf(node)
            operand = self.outputs + node.args[0]
            return load(self.f, self._place(operand, at, k), self.dtypes[operand], self.lanes, mask)

        lowering = Lowering(self.f, self.lanes, leaf)
        lowering.values.update(self.row_values)
        for node in self.plan.kept:
            if self.plan.stage[id(node)] < number and node in self.work[number]:
                place = self._kept_place(node, at, k)
                lowering.values[id(node)] = load(self.f, place, node.dtype, self.lanes, mask)
        lowering.compute(self.work[number])
        return lowering.values

    def _keep(self, number: int, values: dict[int, Value], at: Value, k: int, mask: Value | None) -> None:
        for node in self.plan.kept:
            if self.plan.stage[id(node)] == number and id(node) in values:
                store(self.f, values[id(node)], self._kept_place(node, at, k), node.dtype, mask)

    def _kept_place(self, node: Node, at: Value, k: int) -> Value:
        size = MEMORY[node.dtype].size
        return self.kept_places[id(node)].offset(at * size).offset(k * self.lanes * size)

    def _place(self, operand: int, at: Value, k: int) -> Value:
        size = MEMORY[self.dtypes[operand]].size
        position = at * size
        if operand >= self.outputs:
            position = position & self.masks[operand]
        return self.places[operand].offset(position).offset(k * self.lanes * size)

    def _in_one_vector(self, node: Node, accumulators: _Accumulators) -> Value:
        vectors = [accumulator.get() for accumulator in accumulators.values]
        reduce = _plain_extreme if accumulators.numbers else combine
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [reduce(self.f, node, a, b) for a, b in pairs]
        (vector,) = vectors
        for numbers in accumulators.numbers:
            vector = self.f.select(numbers.get(), vector, math.nan)
        return vector

    def _reduced(self, node: Node, accumulators: _Accumulators) -> Value:
        """All lanes of all accumulators as one number, in double or i64."""
        f, vector = self.f, self._in_one_vector(node, accumulators)
        while vector.type.lanes > 1:
            half = vector.type.lanes // 2
            low, high = f.shuffle(vector, None, range(half)), f.shuffle(vector, None, range(half, 2 * half))
            if half == 1:
                low, high = f.extract(vector, 0), f.extract(vector, 1)
            vector = combine(f, node, low, high)
        return cast(f, vector, node.dtype, "float64" if vector.type.kind == "float" else "int64")


class _RowInPieces(Row):
    """The code that works on a row of `pieces` pieces, each `count` long and `steps` from the one before."""

    def __init__(self, f: Function, plan: Plan, lanes: int):
        super().__init__(f, plan, lanes)
        self.look_ahead()
        self.sources = [f.load(ptr, f.sources, 8 * k) for k in range(len(self.dtypes))]
        self.first_places, self.first_kept = self.places, self.kept_places

    def _length(self) -> Value:
        return self.f.count * self.f.pieces

    def _pass(self, number: int) -> None:
        """One pass over all pieces; those that are short share their accumulators."""
        f, reductions = self.f, self.plan.reductions(number)
        totals = [self._new_total(node) for node in reductions]
        shared = f.maximum(f.constant(i64, frame.SEGMENT) // f.maximum(f.count, 1), 1)
        index = f.variable(i64, 0)
        with f.forever() as groups:
            first = index.get()
            groups.leave_if(first >= f.pieces)
            last = f.minimum(first + shared, f.pieces)
            index.set(last)
            with f.loop(0, f.count, frame.SEGMENT) as start:
                values = self._group(number, first, last, start)
                for node, total, value in zip(reductions, totals, values, strict=True):
                    self._add(node, total, value)
        for node, total in zip(reductions, totals, strict=True):
            self.row_values[id(node)] = f.splat(self._result(node, total), self.lanes)

    def _group(self, number: int, first: Value, last: Value, start: Value) -> list[Value]:
        """A segment of the pieces [first, last)."""
        f = self.f
        sums = [self._accumulators(node) for node in self.plan.reductions(number)]
        with f.loop(first, last) as piece:
            self._go_to(number, piece)
            self._stretch(number, start, f.minimum(start + frame.SEGMENT, f.count), sums)
        self.places = self.first_places
        return self._all_reduced(number, sums)

    def _go_to(self, number: int, piece: Value) -> None:
        """Let the operands' places be those of a piece; a number for each piece is laid out as a vector."""
        f, used = self.f, {n.args[0] for n in self.work[number] if n.op == "input"}
        self.places = list(self.first_places)
        for k, place in enumerate(self.first_places):
            step = self.steps[k] * piece
            if k >= self.outputs:
                if k - self.outputs in used:
                    self._lay_out(k, step)
                step = step & self.masks[k]
            self.places[k] = place.offset(step)
        self.kept_places = {
            key: place.offset(f.count * piece * self._kept_size(key))
            for key, place in self.first_kept.items()
        }

    def _kept_size(self, key: int) -> int:
        return next(MEMORY[node.dtype].size for node in self.plan.kept if id(node) == key)

    def _lay_out(self, k: int, step: Value) -> None:
        f = self.f
        with f.when(self.masks[k].equals(0) & self.steps[k].differs(0)):
            type = MEMORY[self.dtypes[k]]
            value = f.splat(f.load(type, self.sources[k].offset(step)), self.lanes)
            for vector in range(UNROLL):
                f.store(value, self.first_places[k], vector * self.lanes * type.size)
