"""The body of a column kernel: reductions over the second last axis, vectors along the last.

Rows are taken in chunks whose size depends on the shape alone.  A chunk adds its rows to one row of
double-precision (or 64-bit integer) accumulators, a short run of rows after the other; `finish` combines the
chunks' rows in order and computes what follows.  So a result has the same bits for any number of threads.
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

VECTORS = 4  # whose sums are in registers
NARROW = 512  # columns up to which many rows are near each other
LONG_RUN, SHORT_RUN = 32, 8  # rows that are added before they are added to others


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
    tables = {"places": ptr, "steps": ptr, "masks": ptr, "scalars": ptr}
    shared = {**tables, "rows": i64, "width": i64, "partials": ptr}
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
        """Rows [first, last) into one row of accumulators, a run of rows at a time."""
        f = self.f
        self._each_vector(self._clear)
        run = f.select(f.width <= NARROW, f.constant(i64, LONG_RUN), SHORT_RUN)
        with f.loop(f.first, f.last, run) as start:
            end = f.minimum(start + run, f.last)
            rows = _Run(self, start, end)
            strip = self.lanes * VECTORS
            whole = f.low + ((f.high - f.low) & -strip)
            with f.loop(f.low, whole, strip) as column:
                self._add(rows, [column + k * self.lanes for k in range(VECTORS)], None)
            with f.loop(whole, f.high, self.lanes) as column:
                self._add(rows, [column], first_lanes(f, f.high - column, self.lanes))

    def _clear(self, column: Value, mask: Value | None) -> None:
        for k, node in enumerate(self.reductions):
            type = total_type(node.dtype).vector(self.lanes)
            start = self.f.constant(type, identity(node.op, REGISTERS[node.dtype]))
            self._store_total(k, column, start, mask)

    def _add(self, rows: _Run, columns: list[Value], mask: Value | None) -> None:
        """A run of rows in a few vectors of columns: in registers, then to the accumulators in memory."""
        f = self.f
        sums = [[self._accumulator(node) for _ in columns] for node in self.reductions]
        paired = rows.start + ((rows.end - rows.start) & -2)
        for low, high, count in ((rows.start, paired, 2), (paired, rows.end, 1)):
            with f.loop(low, high, count) as row:
                self._add_row(rows, row, count, columns, sums, mask)
        for k, (node, made) in enumerate(zip(self.reductions, sums, strict=True)):
            for column, accumulator in zip(columns, made, strict=True):
                wide = cast(f, accumulator.get(), node.dtype, self._wide(node))
                before = self._load_total(f.partials, k, column, mask)
                self._store_total(k, column, combine(f, node, before, wide), mask)

    def _accumulator(self, node: Node):
        type = REGISTERS[node.dtype].vector(self.lanes)
        return self.f.variable(type, identity(node.op, type.scalar))

    def _add_row(
        self, rows: _Run, row: Value, count: int, columns: list[Value], sums: list, mask: Value | None
    ) -> None:
        """`count` rows, one or two, in a few vectors of columns."""
        for k, column in enumerate(columns):
            values = [self._values(rows, row + below, column, mask) for below in range(count)]
            for node, made in zip(self.reductions, sums, strict=True):
                several = [each[id(node.args[0])] for each in values]
                value = several[0] if count == 1 else combine(self.f, node, *several)
                made[k].set(combine(self.f, node, value, made[k].get()))

    def _values(self, rows: _Run, row: Value, column: Value, mask: Value | None) -> dict[int, Value]:
        def leaf(node: Node) -> Value:
            if node.op != "input":
                return self._row_leaf(node)
            operand = self.outputs + node.args[0]
            return load(self.f, rows.place(operand, row, column), self.dtypes[operand], self.lanes, mask)

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


class _Run:
    """Where the inputs of a run of rows are; numbers that belong to whole rows are laid out as vectors."""

    def __init__(self, kernel: _Columns, start: Value, end: Value):
        self.f, self.start, self.end = kernel.f, start, end
        self.sizes = [MEMORY[dtype].size for dtype in kernel.dtypes]
        self.masks = [kernel.f.load(i64, kernel.f.masks, 8 * k) for k in range(len(kernel.dtypes))]
        self.bases, self.steps = {}, {}
        for k in range(kernel.outputs, len(kernel.dtypes)):
            self._find(kernel, k)

    def _find(self, kernel: _Columns, k: int) -> None:
        f, type = self.f, MEMORY[kernel.dtypes[k]]
        each = kernel.lanes * type.size
        block = f.stack(LONG_RUN * each)
        first = kernel.places[k].offset(self.start * kernel.steps[k])
        base, step = f.variable(ptr, first), f.variable(i64, kernel.steps[k])
        with f.when(self.masks[k].equals(0)):
            with f.loop(0, self.end - self.start) as row:
                number = f.load(type, first.offset(row * kernel.steps[k]))
                f.store(f.splat(number, kernel.lanes), block.offset(row * each))
            base.set(block)
            step.set(each)
        self.bases[k], self.steps[k] = base.get(), step.get()

    def place(self, operand: int, row: Value, column: Value) -> Value:
        position = (column * self.sizes[operand]) & self.masks[operand]
        return self.bases[operand].offset((row - self.start) * self.steps[operand]).offset(position)
