"""The body of a strip kernel: reductions over the second last axis, with outputs of the whole shape too.

The sibling of a row kernel for data whose reduced axis is not the one that lies in memory without gaps:
softmax over the channels of NCHW, batch norm of (batch, features). A strip is a few vectors of columns; it
goes through all rows as often as the plan has passes, and everything of it stays in registers or near.

Sums of rows are taken `RUN` rows at a time; the runs are added with the rounding errors carried along. No
column depends on how the strips are shared, so results have the same bits for any number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import Function, Module, Value, i64, ptr
from .. import policy
from ..graph import Graph, Node
from ..plan import Plan
from . import frame
from .elementwise import bytes_moved, describe
from .lowering import MEMORY, Lowering, first_lanes, lanes_for, load, load_scalar, store
from .primitives import REGISTERS
from .rows import combine, identity

RUN = 32  # rows whose sum is added to that of others
VECTORS = 4  # of a strip


class _Total(NamedTuple):
    """One vector's result over the rows so far, and, for sums of floats, what rounding took from it."""

    value: object
    lost: object


def strips_ir(graph: Graph, level: str, vector_bytes: int) -> str:
    module = Module(level)
    plan = Plan(graph)
    lanes = lanes_for((node.dtype for node in graph.nodes), vector_bytes)
    cost = policy.element_cost(graph.nodes, bytes_moved(graph), vector_bytes)
    words = describe(graph, lanes, lanes * VECTORS, cost)
    words[frame.DESC_KEPT] = sum(MEMORY[node.dtype].size for node in plan.kept)
    words[frame.DESC_SPACE] = plan.full_outputs[0] if plan.full_outputs else len(graph.outputs)
    for k, node in enumerate(graph.outputs):
        words[frame.DESC_PER_ROW + 8 * k] = int(plan.per_row[id(node)])
    frame.put_description(module, words, {frame.DESC_BODY: "strip"})
    arguments = {"places": ptr, "steps": ptr, "scalars": ptr, "rows": i64, "scratch": ptr}
    with module.function("strip", exported=False, **arguments, low=i64, high=i64) as f:
        is_whole = (f.high - f.low).equals(lanes * VECTORS)
        with f.when(is_whole):
            _Strip(f, plan, lanes, f.low, VECTORS, None).run()
        with f.loop(f.select(is_whole, f.high, f.low), f.high, lanes) as column:
            _Strip(f, plan, lanes, column, 1, first_lanes(f, f.high - column, lanes)).run()
    with module.function("call", ptr, owner=ptr, arguments=ptr, count=i64) as f:
        f.ret(f.call("rl_call_strips", ptr, f.owner, f.arguments, f.count, Value(f, ptr, "@description")))
    return module.text()


class _Strip:
    """The code for `count` vectors of columns from `column` on."""

    def __init__(self, f: Function, plan: Plan, lanes: int, column: Value, count: int, mask: Value | None):
        self.f, self.plan, self.lanes, self.column, self.mask = f, plan, lanes, column, mask
        self.vectors = range(count)
        outputs, inputs, scalars = plan.graph.signature
        self.outputs, self.dtypes = len(outputs), (*outputs, *inputs)
        self.steps = [f.load(i64, f.steps, 8 * k) for k in range(len(self.dtypes))]
        self.places = [
            f.load(ptr, f.places, 8 * k).offset(column * MEMORY[dtype].size)
            for k, dtype in enumerate(self.dtypes)
        ]
        self.scalars = [
            load_scalar(f, f.scalars.offset(8 * k), dtype, lanes) for k, dtype in enumerate(scalars)
        ]
        self.work = [plan.computed(number) for number in range(plan.passes)]
        self.column_values: list[dict[int, Value]] = [{} for _ in self.vectors]

    def run(self) -> None:
        for number in range(self.plan.passes):
            self._compute_column_values(number)
            self._pass(number)
        self._compute_column_values(self.plan.passes)
        for k, node in enumerate(self.plan.graph.outputs):
            if self.plan.per_row[id(node)]:
                for vector in self.vectors:
                    place = self._place(k, self.f.constant(i64, 0), vector)
                    store(self.f, self.column_values[vector][id(node)], place, node.dtype, self.mask)

    def _compute_column_values(self, number: int) -> None:
        for values in self.column_values:
            lowering = Lowering(self.f, self.lanes, self._column_leaf)
            lowering.values.update(values)
            lowering.compute(self.plan.row_nodes(number))
            values.update(lowering.values)

    def _column_leaf(self, node: Node) -> Value:
        if node.op == "scalar":
            return self.scalars[node.args[0]]
        return self.f.splat(self.f.rows.convert("sitofp", REGISTERS[node.dtype]), self.lanes)

    # -- passes

    def _pass(self, number: int) -> None:
        f, reductions = self.f, self.plan.reductions(number)
        totals = [[self._new_total(node) for _ in self.vectors] for node in reductions]
        with f.loop(0, f.rows, RUN) as start:
            runs = [[self._accumulator(node) for _ in self.vectors] for node in reductions]
            with f.loop(start, f.minimum(start + RUN, f.rows)) as row:
                self._row(number, row, runs)
            for node, group, made in zip(reductions, totals, runs, strict=True):
                for total, accumulator in zip(group, made, strict=True):
                    self._add(node, total, accumulator.get())
        for node, group in zip(reductions, totals, strict=True):
            for values, total in zip(self.column_values, group, strict=True):
                values[id(node)] = self._result(node, total)

    def _accumulator(self, node: Node):
        type = REGISTERS[node.dtype].vector(self.lanes)
        return self.f.variable(type, identity(node.op, type.scalar))

    def _new_total(self, node: Node) -> _Total:
        type = REGISTERS[node.dtype].vector(self.lanes)
        return _Total(self._accumulator(node), self.f.variable(type, 0))

    def _add(self, node: Node, total: _Total, value: Value) -> None:
        before = total.value.get()
        after = combine(self.f, node, before, value)
        total.value.set(after)
        if node.op == "sum" and value.type.kind == "float":
            arrived = after - before
            total.lost.set(total.lost.get() + ((before - (after - arrived)) + (value - arrived)))

    def _result(self, node: Node, total: _Total) -> Value:
        value = total.value.get()
        if node.op == "sum" and value.type.kind == "float":
            finite = self.f.intrinsic("fabs", value) < float("inf")
            value = self.f.select(finite, value + total.lost.get(), value)
        return value

    # -- one row of a pass

    def _row(self, number: int, row: Value, runs: list) -> None:
        results = [self._values(number, row, vector) for vector in self.vectors]
        last = number == self.plan.passes - 1
        for vector, values in enumerate(results):
            self._keep(number, values, row, vector)
            for node, accumulators in zip(self.plan.reductions(number), runs, strict=True):
                accumulator = accumulators[vector]
                argument = self._argument(node, values, vector)
                accumulator.set(combine(self.f, node, accumulator.get(), argument))
            for out in self.plan.full_outputs if last else ():
                value = values[id(self.plan.graph.outputs[out])]
                store(self.f, value, self._place(out, row, vector), self.dtypes[out], self.mask)

    def _argument(self, node: Node, values: dict[int, Value], vector: int) -> Value:
        (source,) = node.args
        known = self.column_values[vector] if self.plan.per_row[id(source)] else values
        return known[id(source)]

    def _values(self, number: int, row: Value, vector: int) -> dict[int, Value]:
        """The values of a pass's nodes for one vector."""

        def leaf(node: Node) -> Value:
            if node.op != "input":
                return self._column_leaf(node)
            operand = self.outputs + node.args[0]
            place = self._place(operand, row, vector)
            return load(self.f, place, self.dtypes[operand], self.lanes, self.mask)

        lowering = Lowering(self.f, self.lanes, leaf)
        lowering.values.update(self.column_values[vector])
        for node in self.plan.kept:
            if self.plan.stage[id(node)] < number and node in self.work[number]:
                place = self._kept_place(node, row, vector)
                lowering.values[id(node)] = load(self.f, place, node.dtype, self.lanes)
        lowering.compute(self.work[number])
        return lowering.values

    def _keep(self, number: int, values: dict[int, Value], row: Value, vector: int) -> None:
        for node in self.plan.kept:
            if self.plan.stage[id(node)] == number and id(node) in values:
                store(self.f, values[id(node)], self._kept_place(node, row, vector), node.dtype)

    def _kept_place(self, node: Node, row: Value, vector: int) -> Value:
        """The kept nodes lie one behind the other, each with all rows of the strip."""
        before = self.plan.kept[: self.plan.kept.index(node)]
        strip = self.lanes * VECTORS
        start = self.f.rows * (strip * sum(MEMORY[other.dtype].size for other in before))
        size = MEMORY[node.dtype].size
        return self.f.scratch.offset(start + row * (strip * size)).offset(vector * self.lanes * size)

    def _place(self, operand: int, row: Value, vector: int) -> Value:
        size = MEMORY[self.dtypes[operand]].size
        return self.places[operand].offset(row * self.steps[operand]).offset(vector * self.lanes * size)
