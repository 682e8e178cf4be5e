"""The body of a row kernel for short rows: a few at a time, their numbers one vector, a lane for each row.

A row that is short has little to sum and much to do after the sum: across lanes, then with one number where a
vector is as quick, each step waiting for the one before. So every pass goes over a group of rows, of which
the lanes are reduced together, and what follows is computed for all of them at once. A row's result has the
same bits as that of the body for one row, wherever it lies in a group.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, ptr
from ..graph import Node
from ..plan import Plan
from .lowering import LEAVES, MEMORY, store, to_register
from .primitives import REGISTERS
from .rows import UNROLL, Row, combine, identity


class RowGroup(Row):
    """The code that works on `rows` rows, at most as many as a vector has lanes."""

    def __init__(self, f: Function, plan: Plan, lanes: int):
        super().__init__(f, plan, lanes)
        self.look_ahead()
        self.first_places, self.first_kept = self.places, self.kept_places
        self.ahead = [step * f.rows for step in self.steps]
        self.partial = {id(node): f.stack(lanes * self._vector(node).size) for node in self._reductions()}
        self.tables: dict[int, Value] = {}  # the rows' numbers in memory, where each is loaded into a vector
        self.blocks = [
            f.stack(UNROLL * lanes * MEMORY[dtype].size) if k >= self.outputs else None
            for k, dtype in enumerate(self.dtypes)
        ]

    def _reductions(self) -> list[Node]:
        return [node for number in range(self.plan.passes) for node in self.plan.reductions(number)]

    def _vector(self, node: Node):
        return REGISTERS[node.dtype].vector(self.lanes)

    def whole(self) -> None:
        for number in range(self.plan.passes):
            self._compute_row_values(number)
            self._pass(number)
        self._compute_row_values(self.plan.passes)
        for k, node in enumerate(self.plan.graph.outputs):
            if self.plan.per_row[id(node)]:
                self._store_numbers(k, node)

    def _store_numbers(self, k: int, node: Node) -> None:
        f, table, type = self.f, self._table(node), MEMORY[node.dtype]
        with f.loop(0, f.rows) as row:
            f.store(
                f.load(type, table.offset(row * type.size)), self.first_places[k].offset(row * self.steps[k])
            )

    def _table(self, node: Node) -> Value:
        """Where the rows' numbers of a node are in memory, one behind the other."""
        if id(node) not in self.tables:
            made = self.tables[id(node)] = self.f.stack(self.lanes * MEMORY[node.dtype].size)
            store(self.f, self.row_values[id(node)], made, node.dtype)
        return self.tables[id(node)]

    # -- passes

    def _pass(self, number: int) -> None:
        """One pass over the rows; the reductions it finishes become numbers of the rows."""
        f, reductions, numbers = self.f, self.plan.reductions(number), self.row_values
        tables = {id(node): (node, self._table(node)) for node in self._numbers_used(number)}
        with f.loop(0, f.rows) as row:
            self._go_to(number, row)
            self.row_values = numbers | {key: self._number(*known, row) for key, known in tables.items()}
            sums = [self._accumulators(node) for node in reductions]
            self._stretch(number, f.constant(row.type, 0), f.count, sums)
            for node, made in zip(reductions, sums, strict=True):
                place = self.partial[id(node)].offset(row * self._vector(node).size)
                f.store(self._in_one_vector(node, made), place)
        self.row_values = numbers
        for node in reductions:
            self.row_values[id(node)] = self._all_rows_reduced(node)

    def _numbers_used(self, number: int) -> list[Node]:
        """The numbers of a row that a pass needs beside each of its elements."""
        users = [*self.work[number], *self.plan.reductions(number)]
        used = {id(arg) for node in users for arg in node.args if isinstance(arg, Node)}
        known = (node for node in self.plan.graph.nodes if id(node) in self.row_values)
        return [node for node in known if id(node) in used and node.op not in LEAVES]

    def _number(self, node: Node, table: Value, row: Value) -> Value:
        """The number of one row in every lane."""
        type = MEMORY[node.dtype]
        return self.f.splat(
            to_register(self.f.load(type, table.offset(row * type.size)), node.dtype), self.lanes
        )

    def _go_to(self, number: int, row: Value) -> None:
        """Let the operands' places be those of a row; an operand with one number a row is laid out."""
        used = {n.args[0] for n in self.work[number] if n.op == "input"}
        self.places = [
            place.offset(step * row) for place, step in zip(self.first_places, self.steps, strict=True)
        ]
        for k in used:
            self._lay_out(self.outputs + k)
        kept = sum(MEMORY[node.dtype].size for node in self.plan.kept)
        distance = self.f.count * row * kept
        self.kept_places = {key: place.offset(distance) for key, place in self.first_kept.items()}

    def _lay_out(self, k: int) -> None:
        f, place = self.f, self.f.variable(ptr, self.places[k])
        with f.when(self.masks[k].equals(0)):
            type = MEMORY[self.dtypes[k]]
            value = f.splat(f.load(type, self.places[k]), self.lanes)
            for vector in range(UNROLL):
                f.store(value, self.blocks[k], vector * self.lanes * type.size)
            place.set(self.blocks[k])
        self.places[k] = place.get()

    def _place_ahead(self, operand: int, at: Value) -> Value:
        return self._place(operand, at & self.near, 0).offset(self.ahead[operand])

    # -- reductions of all rows

    def _all_rows_reduced(self, node: Node) -> Value:
        """For each lane, the reduction of the vector of one row."""
        f, type, table = self.f, self._vector(node), self.partial[id(node)]
        with f.loop(f.rows, self.lanes) as row:  # what nobody asks for is no stranger than the rest
            f.store(f.load(type, table), table.offset(row * type.size))
        vectors = [f.load(type, table, row * type.size) for row in range(self.lanes)]
        half = self.lanes // 2
        while half:
            vectors = [
                self._halved(node, a, b, half) for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            half //= 2
        start = f.constant(type, identity(node.op, type.scalar))
        return combine(f, node, start, vectors[0])

    def _halved(self, node: Node, a: Value, b: Value, half: int) -> Value:
        """The lanes of two vectors, in runs of 2 * `half` a row, reduced to runs of `half`."""
        low = [lane for lane in range(2 * self.lanes) if lane // half % 2 == 0]
        high = [lane + half for lane in low]
        return combine(self.f, node, self.f.shuffle(a, b, low), self.f.shuffle(a, b, high))
