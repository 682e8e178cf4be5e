"""The body of a column kernel: reductions over the second last axis, vectors along the last.

Rows are taken in chunks whose size depends on the shape alone.  A chunk adds its rows, four at a time, to
one row of double-precision (or 64-bit integer) accumulators; `finish` combines the chunks' rows in order
and computes what follows.  So a result has the same bits for any number of threads.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i64, ptr
from .. import policy
from ..graph import REDUCTIONS, Graph, Node
from ..plan import Plan, one_pass
from . import frame
from .elementwise import bytes_moved, describe
from .lowering import MEMORY, Lowering, first_lanes, lanes_for, load, load_scalar, store
from .primitives import REGISTERS, cast
from .rows import combine, identity, total_type

ROWS_AT_ONCE = 4


def columns_ir(graph: Graph, level: str, vector_bytes: int) -> str:
    module = Module(level)
    plan = one_pass(graph)
    lanes = lanes_for((node.dtype for node in graph.nodes), vector_bytes)
    words = describe(graph, lanes, lanes, policy.element_cost(graph.nodes, bytes_moved(graph), vector_bytes))
    words[frame.DESC_REDUCTIONS] = len(plan.reductions(0))
    words[frame.DESC_SPACE] = len(graph.outputs)
    for k in range(len(graph.outputs)):
        words[frame.DESC_PER_ROW + 8 * k] = 1
    frame.put_description(module, words, {frame.DESC_BODY: "part", frame.DESC_SEGMENT: "finish"})
    shared = {"places": ptr, "steps": ptr, "scalars": ptr, "rows": i64, "width": i64, "partials": ptr}
    columns = {"low": i64, "high": i64}
    with module.function("part", exported=False, **shared, first=i64, last=i64, **columns) as f:
        _Columns(f, plan, lanes).part()
    with module.function("finish", exported=False, **shared, chunks=i64, **columns) as f:
        _Columns(f, plan, lanes).finish()
    with module.function("call", ptr, owner=ptr, arguments=ptr, count=i64) as f:
        f.ret(f.call("rl_call_columns", ptr, f.owner, f.arguments, f.count, Value(f, ptr, "@description")))
    return module.text()


class _Columns:
    """Code over the columns [low, high) of one matrix."""

    def __init__(self, f: Function, plan: Plan, lanes: int):
        self.f, self.plan, self.lanes = f, plan, lanes
        outputs, inputs, scalars = plan.graph.signature
        self.outputs, self.dtypes = len(outputs), (*outputs, *inputs)
        self.reductions = plan.reductions(0)
        self.places = [f.load(ptr, f.places, 8 * k) for k in range(len(self.dtypes))]
        self.steps = [f.load(i64, f.steps, 8 * k) for k in range(len(self.dtypes))]
        self.scalars = [
            load_scalar(f, f.scalars.offset(8 * k), dtype, lanes) for k, dtype in enumerate(scalars)
        ]

    def _row_leaf(self, node: Node) -> Value:
        if node.op == "scalar":
            return self.scalars[node.args[0]]
        return self.f.splat(self.f.rows.convert("sitofp", REGISTERS[node.dtype]), self.lanes)

    def _each_vector(self, run) -> None:
        """`run(column, mask)` for the vectors of the columns."""
        f = self.f
        whole = f.low + ((f.high - f.low) & -self.lanes)
        with f.loop(f.low, whole, self.lanes) as column:
            run(column, None)
        with f.loop(whole, f.high, self.lanes) as column:
            run(column, first_lanes(f, f.high - column, self.lanes))

    # -- adding rows

    def part(self) -> None:
        """Rows [first, last) into one row of accumulators."""
        f = self.f
        self._each_vector(self._clear)
        grouped = f.first + ((f.last - f.first) & -ROWS_AT_ONCE)
        for low, high, count in ((f.first, grouped, ROWS_AT_ONCE), (grouped, f.last, 1)):
            with f.loop(low, high, count) as row:
                self._each_vector(
                    lambda column, mask, row=row, count=count: self._add(row, count, column, mask)
                )

    def _clear(self, column: Value, mask: Value | None) -> None:
        for k, node in enumerate(self.reductions):
            type = total_type(node.dtype).vector(self.lanes)
            start = self.f.constant(type, identity(node.op, REGISTERS[node.dtype]))
            self._store_total(k, column, start, mask)

    def _add(self, row: Value, count: int, column: Value, mask: Value | None) -> None:
        rows = [self._values(row + k, column, mask) for k in range(count)]
        for k, node in enumerate(self.reductions):
            values = [values[id(node.args[0])] for values in rows]
            while len(values) > 1:
                pairs = zip(values[::2], values[1::2], strict=True)
                values = [combine(self.f, node, a, b) for a, b in pairs]
            wide = cast(self.f, values[0], node.dtype, self._wide(node))
            before = self._load_total(self.f.partials, k, column, mask)
            self._store_total(k, column, combine(self.f, node, before, wide), mask)

    def _values(self, row: Value, column: Value, mask: Value | None) -> dict[int, Value]:
        def leaf(node: Node) -> Value:
            if node.op != "input":
                return self._row_leaf(node)
            operand = self.outputs + node.args[0]
            size = MEMORY[self.dtypes[operand]].size
            place = self.places[operand].offset(row * self.steps[operand]).offset(column * size)
            return load(self.f, place, self.dtypes[operand], self.lanes, mask)

        lowering = Lowering(self.f, self.lanes, leaf)
        lowering.compute([n for n in self.plan.graph.nodes if self.plan.stage[id(n)] == 0])
        return lowering.values

    @staticmethod
    def _wide(node: Node) -> str:
        return "float64" if REGISTERS[node.dtype].kind == "float" else "int64"

    def _total_place(self, partials: Value, k: int, column: Value) -> Value:
        return partials.offset((self.f.width * k + column) * 8)

    def _load_total(self, partials: Value, k: int, column: Value, mask: Value | None) -> Value:
        place = self._total_place(partials, k, column)
        return load(self.f, place, self._wide(self.reductions[k]), self.lanes, mask)

    def _store_total(self, k: int, column: Value, value: Value, mask: Value | None) -> None:
        store(
            self.f, value, self._total_place(self.f.partials, k, column), self._wide(self.reductions[k]), mask
        )

    # -- the result

    def finish(self) -> None:
        """The chunks' rows combined, what follows computed, the outputs stored."""
        self._each_vector(self._finish_vector)

    def _finish_vector(self, column: Value, mask: Value | None) -> None:
        f = self.f
        totals = {id(node): self._combined(k, node, column, mask) for k, node in enumerate(self.reductions)}
        lowering = Lowering(f, self.lanes, self._row_leaf)
        lowering.values.update(totals)
        lowering.compute(
            [n for n in self.plan.graph.nodes if self.plan.per_row[id(n)] and n.op not in REDUCTIONS]
        )
        for k, node in enumerate(self.plan.graph.outputs):
            place = self.places[k].offset(column * MEMORY[node.dtype].size)
            store(f, lowering.values[id(node)], place, node.dtype, mask)

    def _combined(self, k: int, node: Node, column: Value, mask: Value | None) -> Value:
        f = self.f
        type = total_type(node.dtype).vector(self.lanes)
        total = f.variable(type, identity(node.op, REGISTERS[node.dtype]))
        with f.loop(0, f.chunks) as chunk:
            partials = f.partials.offset(chunk * f.width * (8 * len(self.reductions)))
            total.set(combine(f, node, total.get(), self._load_total(partials, k, column, mask)))
        return cast(f, total.get(), self._wide(node), node.dtype)
